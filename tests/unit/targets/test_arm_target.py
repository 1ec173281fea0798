"""Reading with as few calls as it takes, writing exactly once, and an honest word on how it ended."""

from __future__ import annotations

import itertools
import json
import logging
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError, ServiceResponseError

from retrainctl.model.address import Address
from retrainctl.model.change import Action
from retrainctl.model.values import SecretRef
from retrainctl.ports import (
    AuthFailed,
    Conflict,
    NotFound,
    Outcome,
    Rejected,
    SecretUnavailable,
    StopWaiting,
    Unavailable,
)
from tests.support.arm_cases import (
    PLAN,
    PLAN_ID,
    PLANNER,
    PROVIDER,
    SERVICE,
    SERVICE_ID,
    SLOT,
    STARTED,
    STATUS_PATH,
    SUB,
    FixedSecrets,
    change,
    desired,
    document,
    ended,
    field,
    move,
    running,
    seen,
    target,
    uri,
)
from tests.support.wire import ARM, TOKEN, Call, FakeWaiter, Reply, arm_error, auth

GONE = Reply(404, arm_error("NotFound", "The specified resource was not found.", ("WebServiceNotFound", "x")))
NO_GROUP = Reply(404, arm_error("ResourceGroupNotFound", "no group"), {"x-ms-failure-cause": "gateway"})
DENIED = Reply(403, arm_error("AuthorizationFailed", "no role"))
PLAN_BODY = {"id": PLAN_ID, "etag": "0001", "location": "x", "sku": {"name": "S1", "tier": "Standard", "capacity": 2}}


class Arm:
    """A subscription: services and plans by lower-case id, sparse lists, the recorded 404."""

    def __init__(self, *services: str, plans: dict[str, Any] | None = None, group: str = "rg") -> None:
        self.group = group
        self.bodies: dict[str, Any] = {}
        for name in services:
            identity = f"{PROVIDER}/webServices/{name}"
            self.bodies[identity.casefold()] = {**document(), "id": identity, "name": name}
        for name, body in (plans or {}).items():
            identity = f"{PROVIDER}/commitmentPlans/{name}"
            self.bodies[identity.casefold()] = {**body, "id": identity, "name": name}

    def __call__(self, call: Call) -> Reply:
        path = f"/{call.path}".casefold()
        if f"/resourcegroups/{self.group}/" not in path and "/resourcegroups/" in path:
            return NO_GROUP
        if path.endswith(("/webservices", "/commitmentplans")):
            kind = path.rsplit("/", 1)[-1]
            return Reply(200, {"value": [self._sparse(b) for key, b in self.bodies.items() if f"/{kind}/" in key]})
        return Reply(200, self.bodies[path]) if path in self.bodies else GONE

    @staticmethod
    def _sparse(body: dict[str, Any]) -> dict[str, Any]:
        left_out = ("assets", "package")
        properties = {n: v for n, v in body.get("properties", {}).items() if n not in left_out}
        return {**body, "properties": properties}


def wanted(*names: str, **fields: Any) -> list:
    return [desired(Address("WebService", name), **fields) for name in names]


def test_a_few_are_read_by_name_and_one_that_is_not_there_is_no_failure() -> None:
    arm, line = target(Arm("census"))
    reading = arm.read(wanted("census", "other"))
    assert set(reading.observed) == {SERVICE}
    assert reading.failures == {}
    assert reading.identities[Address("WebService", "other")] == f"{PROVIDER}/webServices/other"
    assert reading.observed[SERVICE].slots[SLOT].uri == uri(1)
    assert reading.observed[SERVICE].document == document()
    assert len(line.calls) == 2


def test_many_are_listed_once_and_only_those_that_exist_are_read_in_full() -> None:
    arm, line = target(Arm(*(f"S{n}" for n in range(5)), "census"))
    reading = arm.read(wanted(*(f"s{n}" for n in range(100))))
    assert len(reading.observed) == 5
    assert all(found.slots for found in reading.observed.values())
    assert len(line.calls) == 1 + 5
    assert line.calls[0].path == f"{PROVIDER}/webServices".lstrip("/")


def test_each_resource_group_and_kind_is_listed_by_itself() -> None:
    arm, line = target(Arm("census", plans={"s1": PLAN_BODY}))
    both = [*wanted(*(f"s{n}" for n in range(8))), *(desired(Address("CommitmentPlan", f"s{n}")) for n in range(8))]
    reading = arm.read(both)
    assert set(reading.observed) == {PLAN}
    assert reading.observed[PLAN].revision == "0001"
    assert [call.path.rsplit("/", 1)[-1] for call in line.calls] == ["webServices", "commitmentPlans", "s1"]


def test_a_missing_resource_group_fails_its_own_resources_only() -> None:
    arm, _ = target(Arm("census"))
    there = wanted("census")
    for count in (2, 9):
        lost = [
            type(d)(address=d.address, place={"name": d.address.name, "resourceGroup": "nowhere"})
            for d in wanted(*(f"x{n}" for n in range(count)))
        ]
        reading = arm.read([*there, *lost])
        assert set(reading.observed) == {SERVICE}
        assert {error.code for error in reading.failures.values()} == {"RC311"}
        assert len(reading.failures) == count


def test_one_refused_read_is_one_failure() -> None:
    inner = Arm("census", "other")
    arm, _ = target(lambda call: DENIED if call.path.endswith("other") else inner(call))
    reading = arm.read(wanted("census", "other"))
    assert set(reading.observed) == {SERVICE}
    (address,) = reading.failures
    assert reading.failures[address].address == address
    assert isinstance(reading.failures[address], AuthFailed)


@pytest.mark.parametrize("count", [1, 2, 20])
@pytest.mark.parametrize(
    ("trouble", "kind"),
    [(DENIED, AuthFailed), (ServiceRequestError("x", error=ConnectionRefusedError()), Unavailable)],
)
def test_when_nothing_can_be_read_there_is_one_error(trouble, kind, count: int) -> None:
    arm, _ = target(lambda call: trouble)
    with pytest.raises(kind):
        arm.read(wanted(*(f"s{n}" for n in range(count))))


def test_a_name_that_fits_no_id_is_not_asked_for() -> None:
    arm, line = target(Arm("census"))
    reading = arm.read(wanted("a/b"))
    assert reading.observed == {}
    assert line.calls == []


def test_plans_are_listed_only_when_a_new_service_needs_one() -> None:
    arm, line = target(Arm("census", plans={"s1": PLAN_BODY}))
    assert "commitmentPlans" not in arm.read(wanted("census")).facts
    assert len(line.calls) == 1
    assert arm.read(wanted("new", commitmentPlan={"id": PLAN_ID})).facts["commitmentPlans"] == [PLAN_ID.casefold()]


def test_reading_again_knows_gone_from_groupless() -> None:
    arm, _ = target([Reply(200, document()), GONE, NO_GROUP, DENIED])
    found = arm.reread(SERVICE, SERVICE_ID)
    assert found is not None
    assert (found.fingerprint, found.document, found.slots) == (seen().fingerprint, document(), seen().slots)
    assert arm.reread(SERVICE, SERVICE_ID) is None
    with pytest.raises(NotFound):
        arm.reread(SERVICE, SERVICE_ID)
    with pytest.raises(AuthFailed):
        arm.reread(SERVICE, SERVICE_ID)


def test_everything_that_is_live_is_found_in_full_and_in_order() -> None:
    arm, _ = target(Arm("b", "a", "c"))
    found = list(arm.discover("rg"))
    assert [entry.address.name for entry in found] == ["a", "b", "c"]
    assert all(entry.slots for entry in found)


def test_a_backup_is_the_export_with_the_rest_beside_it_and_holds_no_secret() -> None:
    arm, _ = target([])
    definition, side = arm.backup(seen())
    assert json.loads(side)["properties"]["modifiedOn"] == "2026-11-19T00:00:00Z"
    assert json.loads(definition)["properties"]["newThing"] == {"kept": True}
    for canary in (b"LIVESIGNATURE", b"LIVECREDENTIAL"):
        assert canary not in definition + side
    from retrainctl.definition import commitmentplan

    definition, side = arm.backup(commitmentplan.observe(PLAN, PLAN_ID, PLAN_BODY))
    assert json.loads(definition) == {"location": "x", "sku": PLAN_BODY["sku"]}
    assert json.loads(side) == {"id": PLAN_ID, "etag": "0001"}


def perform(update, *replies, live: Any = ..., step: int = 0, secrets: FixedSecrets | None = None, **waiting: Any):
    arm, line = target(list(replies), secrets)
    waiter = FakeWaiter(line.clock, **waiting)
    observed = (None if update.action is Action.CREATE else seen()) if live is ... else live
    planned_against = None if update.action is Action.CREATE else seen()
    chosen = PLANNER.steps(update, planned_against)[step]
    return arm.perform(update, chosen, observed, waiter), line, waiter


def test_a_model_move_is_one_patch_of_the_complete_assets_then_polls() -> None:
    performed, line, waiter = perform(change(move(2)), Reply(200, {}, STARTED), running(), ended())
    assert performed.outcome is Outcome.DONE
    assert [call.method for call in line.calls] == ["PATCH", "GET", "GET"]
    assets = document()["properties"]["assets"]
    assets["asset1"]["locationInfo"]["uri"] = uri(2)
    assert line.calls[0].body == {"properties": {"packageType": "Graph", "assets": assets}}
    assert waiter.told == [(f"{ARM}{STATUS_PATH}", "rid-1")]


def test_it_is_built_anew_from_what_was_read_last() -> None:
    now = document()
    now["properties"]["assets"]["asset9"] = {"name": "New", "type": "Module"}
    from retrainctl.definition.observe import observe

    _, line, _ = perform(change(move(2)), Reply(200, {}, STARTED), ended(), live=observe(SERVICE, SERVICE_ID, now))
    assert "asset9" in line.calls[0].body["properties"]["assets"]


def test_without_a_reading_an_update_reads_first() -> None:
    _, line, _ = perform(change(move(2)), Reply(200, document()), Reply(200, {}, STARTED), ended(), live=None)
    assert [call.method for call in line.calls] == ["GET", "PATCH", "GET"]


KEY = SecretRef("env", "STORAGE_KEY")


def creation():
    fields = {
        "location": "southcentralus",
        "assets": {"a": {"name": SLOT, "type": "Resource", "locationInfo": {"uri": uri(1)}}},
        "package": {"nodes": {"n": {"assetId": "a"}}},
        "storageAccount": {"name": "acct", "key": KEY},
        "commitmentPlan": {"id": PLAN_ID},
    }
    return change(*(field(name, value) for name, value in fields.items()), move(2), action=Action.CREATE)


def test_a_creation_looks_first_then_puts_with_the_secret() -> None:
    performed, line, _ = perform(creation(), GONE, Reply(201, {}, STARTED), ended())
    assert performed.outcome is Outcome.DONE
    assert [call.method for call in line.calls] == ["GET", "PUT", "GET"]
    properties = line.calls[1].body["properties"]
    assert properties["storageAccount"] == {"name": "acct", "key": "secret of STORAGE_KEY"}
    assert properties["commitmentPlan"] == {"id": PLAN_ID}


@pytest.mark.parametrize("update", [creation(), change(field("sku", {}), address=PLAN, action=Action.CREATE)])
def test_what_exists_is_never_overwritten(update) -> None:
    performed, line, waiter = perform(update, Reply(200, document()))
    assert performed.outcome is Outcome.FAILED
    assert isinstance(performed.error, Conflict)
    assert performed.error.code == "RC327"
    assert performed.error.address == update.address
    assert [call.method for call in line.calls] == ["GET"]
    assert waiter.told == []


def test_a_creation_in_a_missing_group_fails_before_it_is_sent() -> None:
    performed, line, _ = perform(creation(), NO_GROUP)
    assert performed.outcome is Outcome.FAILED
    assert performed.error is not None
    assert performed.error.code == "RC311"
    assert len(line.calls) == 1


def test_a_deletion_is_waited_for_and_what_is_gone_is_done() -> None:
    delete = change(action=Action.DELETE)
    performed, line, _ = perform(delete, Reply(202, None, STARTED), ended())
    assert (performed.outcome, line.calls[0].method) == (Outcome.DONE, "DELETE")
    assert perform(delete, GONE)[0].outcome is Outcome.DONE


def test_a_replacement_deletes_to_the_end_before_it_creates() -> None:
    update = change(*creation().fields, action=Action.REPLACE)
    _, line, _ = perform(update, Reply(202, None, STARTED), running(), ended())
    assert line.calls[0].method == "DELETE"
    _, line, _ = perform(update, GONE, Reply(201, {}, STARTED), ended(), step=1)
    assert [call.method for call in line.calls] == ["GET", "PUT", "GET"]


def test_commitment_plans_are_written_at_once() -> None:
    sku = {"name": "S1", "tier": "Standard", "capacity": 1}
    new = change(field("location", "x"), field("sku", sku), address=PLAN, action=Action.CREATE)
    performed, line, waiter = perform(new, GONE, Reply(200, PLAN_BODY))
    assert performed.outcome is Outcome.DONE
    assert line.calls[1].body == {"location": "x", "sku": sku, "properties": {}}
    assert waiter.told == [(None, "rid-2")]
    from retrainctl.definition import commitmentplan

    live = commitmentplan.observe(PLAN, PLAN_ID, PLAN_BODY)
    _, line, _ = perform(change(field("tags.a", "1"), address=PLAN), Reply(200, PLAN_BODY), live=live)
    assert (line.calls[0].method, line.calls[0].body) == ("PATCH", {"tags": {"a": "1"}})
    performed, line, _ = perform(change(address=PLAN, action=Action.DELETE), Reply(200), live=live)
    assert (performed.outcome, line.calls[0].method) == (Outcome.DONE, "DELETE")


@pytest.mark.parametrize(
    ("trouble", "outcome", "calls"),
    [
        (ServiceRequestError("no connection"), Outcome.FAILED, 3),
        (ServiceResponseError("lost"), Outcome.UNKNOWN, 1),
        (Reply(500), Outcome.UNKNOWN, 1),
        (Reply(502), Outcome.UNKNOWN, 1),
        (Reply(503), Outcome.UNKNOWN, 1),
        (Reply(504), Outcome.UNKNOWN, 1),
        (Reply(400, arm_error("BadRequest", "x", ("CannotChangeStorageAccount", "no"))), Outcome.FAILED, 1),
        (Reply(401), Outcome.FAILED, 1),
        (DENIED, Outcome.FAILED, 1),
        (GONE, Outcome.FAILED, 1),
        (Reply(409), Outcome.FAILED, 1),
        (Reply(302), Outcome.FAILED, 1),
        (Reply(429), Outcome.FAILED, None),
        (Reply(503, headers={"Retry-After": "1"}), Outcome.FAILED, None),
    ],
    ids=str,
)
def test_a_refusal_has_failed_and_only_a_lost_or_unclear_answer_is_unknown(trouble, outcome, calls) -> None:
    arm, line = target(lambda call: trouble)
    update = change(move(2))
    waiter = FakeWaiter(line.clock)
    performed = arm.perform(update, PLANNER.steps(update, seen())[0], seen(), waiter)
    assert performed.outcome is outcome
    assert performed.error is not None
    assert performed.error.address == SERVICE
    assert waiter.told == []
    assert performed.request_id == (performed.error.request_id if isinstance(trouble, Reply) else None)
    assert calls is None or len(line.calls) == calls
    assert {call.method for call in line.calls} == {"PATCH"}


def test_a_storm_on_the_way_is_waited_out_and_the_write_happens_once() -> None:
    storm = [Reply(429, headers={"Retry-After": "2"})] * 5
    performed, line, waiter = perform(change(move(2)), *storm, Reply(200, {}, STARTED), ended())
    assert performed.outcome is Outcome.DONE
    starts = [call.at for call in line.calls if call.method == "PATCH"]
    assert all(later - earlier >= 2 for earlier, later in itertools.pairwise(starts))
    assert len(waiter.told) == 1


def test_a_success_with_a_failed_operation_is_a_failure() -> None:
    failed = ended("Failed", error=arm_error("BadRequest", "x", ("BlobNotFound", "gone"))["error"])
    performed, _, _ = perform(change(move(2)), Reply(200, document(), STARTED), failed)
    assert performed.outcome is Outcome.FAILED
    assert isinstance(performed.error, Rejected)
    assert performed.error.service_code == "BlobNotFound"
    assert performed.error.address == SERVICE


def test_the_end_of_the_run_passes_through_before_and_after_sending() -> None:
    for replies in ([Reply(200, {}, STARTED)], [Reply(429, headers={"Retry-After": "9"})]):
        with pytest.raises(StopWaiting):
            perform(change(move(2)), *replies, stop_after=0, error=StopWaiting())


def test_a_missing_secret_stops_before_anything_is_sent() -> None:
    arm, line = target([GONE], FixedSecrets("STORAGE_KEY"))
    with pytest.raises(SecretUnavailable):
        arm.perform(creation(), PLANNER.steps(creation(), None)[0], None, FakeWaiter(line.clock))
    assert [call.method for call in line.calls] == ["GET"]


@pytest.mark.parametrize("value", [{"$sensitive": "0123456789ab"}, [{"a": {"$sensitive": "0123456789ab"}}]])
def test_a_value_that_a_saved_plan_has_lost_is_never_sent(value) -> None:
    performed, line, _ = perform(change(field("exampleRequest.inputs", value)))
    assert performed.outcome is Outcome.FAILED
    assert performed.error is not None
    assert performed.error.code == "RC326"
    assert not performed.error.sent
    assert line.calls == []


def test_a_slot_that_has_vanished_fails_before_it_is_sent() -> None:
    performed, line, _ = perform(change(move(2)), live=seen(assets={}))
    assert performed.outcome is Outcome.FAILED
    assert isinstance(performed.error, Rejected)
    assert line.calls == []


def test_an_operation_left_behind_is_settled() -> None:
    arm, line = target([ended()])
    assert arm.settle(f"{ARM}{STATUS_PATH}", FakeWaiter(line.clock)).outcome is Outcome.DONE


def test_no_secret_is_in_results_errors_or_logs(caplog: pytest.LogCaptureFixture) -> None:
    said = f"key secret of STORAGE_KEY, {TOKEN}, https://a.blob.core.windows.net/x?sig=LIVESIGNATURE"
    with caplog.at_level(logging.DEBUG):
        arm, line = target([GONE, Reply(400, arm_error("BadRequest", said))])
        line.redactor.learn(arm.secrets.resolve(KEY))
        line.redactor.learn(auth().secret)
        performed = arm.perform(creation(), PLANNER.steps(creation(), None)[0], None, FakeWaiter(line.clock))
    shown = [repr(performed), str(performed.error), *(record.getMessage() for record in caplog.records)]
    for canary in ("secret of STORAGE_KEY", TOKEN, "LIVESIGNATURE"):
        assert not [text for text in shown if canary in text]
    assert SUB in "".join(shown)
