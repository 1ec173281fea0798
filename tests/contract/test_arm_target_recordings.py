"""Our target against the recorded traffic of the real service, at both api-versions.

The recordings answer by method and address, in the order in which they were made; our polls may be fewer or more than
the recorded client's, so the last recorded poll answers all further ones.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from retrainctl.definition.normalise import normalise
from retrainctl.model.address import Address
from retrainctl.model.change import Action, FieldChange, ResourceChange
from retrainctl.model.environment import ArmSettings
from retrainctl.model.values import MISSING, SecretRef
from retrainctl.ports import NotFound, Outcome
from retrainctl.targets.arm import ids
from retrainctl.targets.arm.client import ArmClient
from retrainctl.targets.arm.planner import ArmPlanner
from retrainctl.targets.arm.target import ArmTarget
from tests.support.arm_cases import FixedSecrets
from tests.support.arm_recordings import Exchange, load
from tests.support.wire import ARM, Call, FakeWaiter, Reply, Wire, auth, wire

VERSIONS = ("2017-01-01", "2016-05-01-preview")
SCENARIOS = (
    "TestCreateGetRemoveWebService",
    "TestCreateWebServiceFromFile",
    "TestListWebServices",
    "TestUpdateWebService",
)


class Recording:
    """One recording as a wire: takes each answer once, the last poll as often as it is asked."""

    def __init__(self, file: Path) -> None:
        self.exchanges = [e for e in load(file) if "microsoft.machinelearning/" in e.uri.casefold()]
        self._left: defaultdict[tuple[str, str], list[Exchange]] = defaultdict(list)
        for exchange in self.exchanges:
            self._left[exchange.method, _key(exchange.uri)].append(exchange)

    def __call__(self, call: Call) -> Reply:
        left = self._left.get((call.method, _key(call.url)))
        assert left, f"the recording has no answer to {call.method} {call.url}"
        exchange = left.pop(0) if len(left) > 1 else left[0]
        headers = {name: values[0] for name, values in exchange.headers.items() if name != "content-length"}
        return Reply(exchange.status, exchange.response, headers)

    def puts(self) -> list[Exchange]:
        return [e for e in self.exchanges if e.method == "PUT" and "/webservices/" in e.uri.casefold()]


def _key(url: str) -> str:
    parts = urlsplit(url)
    return f"{unquote(parts.path)}?{'&'.join(sorted(unquote(parts.query).split('&')))}".casefold()


def recording(shared: Path, name: str, version: str) -> Recording:
    folder = shared / "arm" / "recordings"
    return Recording((folder if version == "2017-01-01" else folder / version) / f"{name}.json")


def connect(script: Any, subscription: str, version: str) -> tuple[ArmTarget, Wire]:
    line = wire(script)
    settings = ArmSettings(subscription=subscription, resource_group="unused", api_version=version)
    arm = ArmTarget(
        client=ArmClient(
            pipeline=line.pipeline, endpoint=ARM, subscription=subscription, auth=auth(), api_version=version
        ),
        planner=ArmPlanner(settings=settings, environment="recorded"),
        secrets=FixedSecrets(),
    )
    return arm, line


def place_of(exchange: Exchange) -> ids.ResourceId:
    return ids.parse(unquote(exchange.path).replace("//", "/"))


def as_creation(exchange: Exchange) -> ResourceChange:
    """A recorded PUT as the change that a manifest with this definition would plan."""
    fields, _ = normalise(exchange.request)
    properties = exchange.request["properties"]
    fields = {
        **fields,
        "storageAccount": {**properties["storageAccount"], "key": SecretRef("env", "KEY")},
        "commitmentPlan": properties["commitmentPlan"],
    }
    identity = str(place_of(exchange))
    return ResourceChange(
        address=Address("WebService", place_of(exchange).name),
        target="arm",
        identity=identity,
        action=Action.CREATE,
        fields=tuple(FieldChange(path=(name,), before=MISSING, after=value) for name, value in fields.items()),
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_recorded_write_is_followed_to_its_end_on_our_host_only(shared: Path, name: str, version: str) -> None:
    tape = recording(shared, name, version)
    subscription = place_of(tape.puts()[0]).subscription
    arm, line = connect(tape, subscription, version)
    writes = [
        e for e in tape.exchanges if e.method in ("PUT", "PATCH", "DELETE") and "/webservices/" in e.path.casefold()
    ]
    assert len(writes) >= 2
    for exchange in writes:
        place = place_of(exchange)
        group, service = place.resource_group, place.name
        if exchange.method == "DELETE":
            start = arm.client.delete_service(group, service)
        else:
            send = arm.client.put_service if exchange.method == "PUT" else arm.client.patch_service
            start = send(group, service, exchange.request)
        assert start.status == exchange.status
        waiter = FakeWaiter(line.clock)
        if "webservicesrp" in exchange.headers["azure-asyncoperation"][0]:
            # The provider's own host was polled and answered 403; ours was never asked, so the tape cannot answer.
            url = arm.client.operations.status_url(start)
            assert url is not None
            assert url.startswith(f"{ARM}/subscriptions/{subscription}/providers/")
            assert url.endswith(f"?api-version={version}")
            continue
        performed = arm.client.finish(start, group, service, waiter)
        assert performed.outcome is Outcome.DONE
        assert performed.request_id == exchange.headers["x-ms-request-id"][0]
        assert waiter.told == [(performed.operation, performed.request_id)]
    assert {urlsplit(call.url).netloc for call in line.calls} == {urlsplit(ARM).netloc}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_after_each_recorded_creation_get_equals_put(shared: Path, name: str, version: str) -> None:
    """Golden check 3 of arm-webservices.md section 15, read by the target."""
    tape = recording(shared, name, version)
    arm, _ = connect(tape, place_of(tape.puts()[0]).subscription, version)
    compared = 0
    for exchange in tape.puts():
        place = place_of(exchange)
        if not any(e.method == "GET" and _key(e.uri) == _key(exchange.uri) for e in tape.exchanges):
            continue
        identity = str(place)
        observed = arm.reread(Address("WebService", place.name), identity)
        assert observed is not None
        fields, _ = normalise(exchange.request)
        for member, value in fields.items():
            if member in ("storageAccount", "commitmentPlan", "location", "tags"):
                continue
            assert observed.fields[member] == value, member
        assert observed.fields["storageAccount"] == {"name": exchange.request["properties"]["storageAccount"]["name"]}
        assert observed.broken is None
        compared += 1
    assert compared == len(tape.puts())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_planned_creation_sends_what_the_cmdlet_sent(shared: Path, name: str, version: str) -> None:
    """Only what comparing may lose is lost: empty texts and maps, nulls; and ciphertext, which a plan never holds."""
    tape = recording(shared, name, version)
    for exchange in tape.puts():
        arm, _ = connect(tape, place_of(exchange).subscription, version)
        change = as_creation(exchange)
        readable = replace(change, fields=tuple(f for f in change.fields if f.path != ("package",)))
        body = arm.planner.body(readable, "create", {})
        assert body["location"] == exchange.request["location"]
        sent, wanted = body["properties"], exchange.request["properties"]
        assert sent["storageAccount"] == {"name": wanted["storageAccount"]["name"], "key": SecretRef("env", "KEY")}
        assert sent["commitmentPlan"] == wanted["commitmentPlan"]
        assert sent["assets"].keys() == wanted["assets"].keys()
        again, _ = normalise(body)
        before, _ = normalise(exchange.request)
        for member in before.keys() - {"package", "commitmentPlan"}:
            assert again[member] == before[member], member
        for port, table in wanted["input"]["properties"].items():
            assert list(sent["input"]["properties"][port]["properties"]) == list(table["properties"])


def test_the_recorded_list_is_read_over_both_pages_with_stubs_and_odd_names(shared: Path) -> None:
    """Golden check 4: 1,135 items, 40 of them failed, one for ever `Provisioning`."""
    tape = recording(shared, "TestListWebServices", "2017-01-01")
    arm, line = connect(tape, place_of(tape.puts()[0]).subscription, "2017-01-01")
    items = list(arm.client.list_services())
    assert len(items) == 1135
    assert len(line.calls) == 2
    assert len({ids.key(str(item["id"])) for item in items}) == 1135
    states = [item["properties"]["provisioningState"] for item in items]  # type: ignore[index,call-overload]
    assert (states.count("Failed"), states.count("Provisioning")) == (40, 1)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_removed_service_is_not_there(shared: Path, version: str) -> None:
    tape = recording(shared, "TestCreateGetRemoveWebService", version)
    missing = next(e for e in tape.exchanges if e.status == 404)
    arm, _ = connect(lambda call: Reply(404, missing.response), place_of(missing).subscription, version)
    assert arm.reread(Address("WebService", "x"), str(place_of(missing))) is None
    with pytest.raises(NotFound) as caught:
        arm.client.get_service("rg", "x")
    assert caught.value.service_code == "WebServiceNotFound"
    assert "No Web Service could be found with the provided name" in caught.value.message


@pytest.mark.parametrize("version", VERSIONS)
def test_the_recorded_keys_are_read(shared: Path, version: str) -> None:
    tape = recording(shared, "TestUpdateWebService", version)
    keys = next(e for e in tape.exchanges if e.path.casefold().endswith("/listkeys"))
    place = ids.parse(unquote(keys.path).replace("//", "/").rsplit("/", 1)[0])
    arm, line = connect(tape, place.subscription, version)
    found = arm.client.list_keys(place.resource_group, place.name)
    assert found.primary.reveal() == "highly secure key"
    assert "highly secure key" not in line.redactor.clean("x highly secure key x")
