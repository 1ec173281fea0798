"""Our target against a real emulator process: over real HTTP, with real waiting, in every position of its faults."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from retrainctl.definition.normalise import normalise
from retrainctl.diff.compare import compare
from retrainctl.diff.verify import verify
from retrainctl.model.address import Address
from retrainctl.model.change import Action, FieldChange, ModelChange, ResourceChange
from retrainctl.model.environment import EMULATOR_SUBSCRIPTION, ArmSettings
from retrainctl.model.kind import KINDS
from retrainctl.model.redaction import Redactor
from retrainctl.model.resource import Desired, Observed
from retrainctl.model.values import MISSING, Secret, SecretRef
from retrainctl.model.versions import ModelVersion
from retrainctl.ports import AuthFailed, Conflict, Outcome, Performed, Unavailable
from retrainctl.targets.arm import ids
from retrainctl.targets.arm.client import ArmClient
from retrainctl.targets.arm.operations import Patience, PlainWaiter
from retrainctl.targets.arm.planner import ArmPlanner
from retrainctl.targets.arm.target import ArmTarget
from retrainctl.targets.azure.bucket import Bucket
from retrainctl.targets.azure.connect import make_pipeline, management_auth
from retrainctl.targets.azure.credentials import Auth, IdentitySource, KeyAuth, SharedTokens
from retrainctl.targets.azure.retry import RetryRules
from retrainctl.wiring.clock import SystemClock
from retrainctl.wiring.secrets import BuiltInSecrets
from tests.support.emulator_process import Emulator, definition, make_plan, make_service, running

SLOT = "Census [trained model]"
CENSUS = Address("WebService", "census")
KEY = SecretRef("env", "STORAGE_KEY")


@dataclass
class Live:
    """A target that talks to the emulator, and the emulator."""

    target: ArmTarget
    emulator: Emulator
    others: list[Live] = field(default_factory=list)

    def again(self, **more: Any) -> Live:
        """Another connection to the same emulator; closed with this one."""
        self.others.append(connect(self.emulator, **more))
        return self.others[-1]

    def close(self) -> None:
        for one in (self, *self.others):
            one.target.client.pipeline.close()

    def reread(self, name: str = "census") -> Observed | None:
        return self.target.reread(Address("WebService", name), service_id(name))

    def carry_out(self, change: ResourceChange, waiter: Any = None) -> Performed:
        """Every step of a change, as an apply does it."""
        observed = self.target.reread(change.address, change.identity)
        for step in self.target.planner.steps(change, observed):
            performed = self.target.perform(change, step, observed, waiter or Quiet())
            observed = None
            if performed.outcome is not Outcome.DONE:
                break
        return performed


class Quiet(PlainWaiter):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.told: list[tuple[str | None, str | None]] = []

    def sent(self, operation: str | None, request_id: str | None) -> None:
        self.told.append((operation, request_id))


def service_id(name: str) -> str:
    return ids.web_service(EMULATOR_SUBSCRIPTION, "local", name)


def connect(
    emulator: Emulator, *, token: str | None = None, auth: Auth | None = None, version: str = "2017-01-01", **more: Any
) -> Live:
    clock = SystemClock()
    ca = emulator.ready.get("ca")
    pipeline = make_pipeline(
        [emulator.url],
        clock=clock,
        redactor=Redactor(),
        chance=random.random,
        bucket=Bucket(clock),
        environ={},
        ca_file=Path(ca) if ca else None,
        rules=RetryRules(first=0.02, cap=0.1),
    )
    client = ArmClient(
        pipeline=pipeline,
        endpoint=emulator.url,
        subscription=EMULATOR_SUBSCRIPTION,
        auth=auth or KeyAuth(secret=Secret(token or emulator.ready["token"])),
        api_version=version,
        patience=more.pop("patience", Patience(first=0.05)),
    )
    settings = ArmSettings(
        subscription=EMULATOR_SUBSCRIPTION, resource_group="local", api_version=version, endpoint=emulator.url
    )
    planner = ArmPlanner(settings=settings, environment="local")
    return Live(ArmTarget(client=client, planner=planner, secrets=BuiltInSecrets(), **more), emulator)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running(tmp_path_factory.mktemp("emulator") / "state", "--idle-minutes", "5") as emulator:
        make_plan(emulator)
        yield emulator


@pytest.fixture
def live(emulator: Emulator) -> Iterator[Live]:
    emulator.control("DELETE", "faults")
    made = connect(emulator)
    yield made
    emulator.control("DELETE", "faults")
    made.close()


def version(number: int) -> ModelVersion:
    uri = f"https://acct.blob.core.windows.net/models/census/{number}.ilearner"
    return ModelVersion(model="census", version=number, uri=uri)


def move(observed: Observed, number: int) -> ResourceChange:
    after = version(number)
    before = observed.slots[SLOT].uri
    return ResourceChange(
        address=observed.address,
        target="arm",
        identity=observed.identity,
        action=Action.UPDATE,
        models=(ModelChange(slot=SLOT, before=None, after=after, from_uri=before, to_uri=after.uri),),
        fingerprint=observed.fingerprint,
    )


def creation(name: str, **properties: Any) -> tuple[ResourceChange, Desired]:
    fields, _ = normalise(definition(**properties))
    plan = ids.commitment_plan(EMULATOR_SUBSCRIPTION, "local", "plan1")
    fields = {**fields, "storageAccount": {"name": "acct", "key": KEY}, "commitmentPlan": {"id": plan}}
    address = Address("WebService", name)
    wanted = Desired(address=address, place={"name": name, "resourceGroup": "local"}, fields=fields)
    entries = tuple(FieldChange(path=(n,), before=MISSING, after=v) for n, v in fields.items())
    change = ResourceChange(
        address=address, target="arm", identity=service_id(name), action=Action.CREATE, fields=entries
    )
    return change, wanted


def test_a_model_moves_and_nothing_else_changes(live: Live) -> None:
    make_service(live.emulator)
    before = live.reread()
    assert before is not None
    change = move(before, 2)
    waiter = Quiet()
    performed = live.carry_out(change, waiter)
    assert performed.outcome is Outcome.DONE, performed.error
    assert waiter.told == [(performed.operation, performed.request_id)]
    assert "/operationsStatus/" in (performed.operation or "")
    after = live.reread()
    assert after is not None
    assert verify(change, after, KINDS["WebService"]).mismatches == ()
    assert after.slots[SLOT].uri == version(2).uri
    assert after.fingerprint != before.fingerprint
    changed = {n for n in after.fields if after.fields[n] != before.fields.get(n)}
    assert changed == {"assets"}


def test_a_created_service_equals_what_was_wanted(live: Live) -> None:
    change, wanted = creation("fresh", title="made by the target")
    performed = live.carry_out(change)
    assert performed.outcome is Outcome.DONE, performed.error
    delta = compare(
        wanted,
        live.reread("fresh"),
        None,
        KINDS["WebService"],
        secret_hash=lambda *_: None,
        version_of=lambda *_: None,
    )
    assert (delta.action, delta.fields) == (Action.NO_OP, ())
    again = live.target.perform(change, live.target.planner.steps(change, None)[0], None, Quiet())
    assert again.outcome is Outcome.FAILED
    assert isinstance(again.error, Conflict)


def test_a_service_goes_and_is_gone(live: Live) -> None:
    make_service(live.emulator, "short")
    gone = ResourceChange(
        address=Address("WebService", "short"), target="arm", identity=service_id("short"), action=Action.DELETE
    )
    assert live.carry_out(gone).outcome is Outcome.DONE
    assert live.reread("short") is None


def test_many_are_read_with_one_list_and_in_parallel(live: Live) -> None:
    for number in range(3):
        make_service(live.emulator, f"many{number}")
    wanted = [
        Desired(address=Address("WebService", f"many{n}"), place={"name": f"many{n}", "resourceGroup": "local"})
        for n in range(30)
    ]
    reading = live.target.read(wanted)
    assert sorted(address.name for address in reading.observed) == ["many0", "many1", "many2"]
    assert reading.failures == {}
    assert {entry.address.name for entry in live.target.discover("local")} >= {"many0", "many1", "many2"}


def test_a_group_that_is_not_there(live: Live) -> None:
    lost = Desired(address=CENSUS, place={"name": "census", "resourceGroup": "nowhere"})
    reading = live.target.read([lost])
    assert reading.failures[CENSUS].code == "RC311"
    assert reading.failures[CENSUS].request_id
    assert live.target.client.group_location("nowhere") is None
    assert live.target.client.group_location("local")
    assert "South Central US" in live.target.client.regions()


def test_a_wrong_token_is_refused_with_the_way_to_sign_in(live: Live) -> None:
    with pytest.raises(AuthFailed) as caught:
        live.again(token="not the token").target.read([creation("x")[1]])
    assert caught.value.status == 401
    assert "az login" in (caught.value.hint or "")


def test_commitment_plans_from_creation_to_deletion(live: Live) -> None:
    address = Address("CommitmentPlan", "p2")
    identity = ids.commitment_plan(EMULATOR_SUBSCRIPTION, "local", "p2")
    base = ResourceChange(address=address, target="arm", identity=identity, action=Action.CREATE)
    sku = {"name": "S1", "tier": "Standard", "capacity": 3}
    create = replace(
        base,
        fields=(
            FieldChange(path=("location",), before=MISSING, after="southcentralus"),
            FieldChange(path=("sku",), before=MISSING, after=sku),
        ),
    )
    assert live.carry_out(create).outcome is Outcome.DONE
    tag = FieldChange(path=("tags", "team"), before=MISSING, after="growth")
    name = FieldChange(path=("sku", "name"), before="S1", after="S2")
    assert live.carry_out(replace(base, action=Action.UPDATE, fields=(tag, name))).outcome is Outcome.DONE
    found = live.target.reread(address, identity)
    assert found is not None
    assert found.fields["sku"] == {**sku, "name": "S2"}
    assert found.fields["tags"] == {"team": "growth"}
    assert live.carry_out(replace(base, action=Action.DELETE)).outcome is Outcome.DONE
    assert live.target.reread(address, identity) is None


def test_an_association_moves_to_another_plan(live: Live) -> None:
    make_plan(live.emulator, "plan2")
    make_service(live.emulator, "billed")
    client = live.target.client
    (association,) = [
        item
        for item in client.list_associations("local", "plan1")
        if str(item["properties"]["associatedResourceId"]).endswith("/billed")  # type: ignore[index,call-overload]
    ]
    destination = ids.commitment_plan(EMULATOR_SUBSCRIPTION, "local", "plan2")
    client.move_association("local", "plan1", str(association["name"]), destination)
    wanted = creation("billed")[1]
    scanned = live.target.read([replace(wanted, fields={**wanted.fields, "commitmentPlan": {"id": destination}})])
    assert scanned.observed[wanted.address].fields["commitmentPlan"] == {
        "id": destination,
        "association": association["name"],
    }


def test_keys_skus_usage_and_regional_properties(live: Live) -> None:
    make_service(live.emulator, "keyed")
    client = live.target.client
    keys = client.list_keys("local", "keyed")
    assert keys.primary != keys.secondary
    assert client.skus()
    list(client.plan_usage("local", "plan1"))
    start = client.create_regional("local", "keyed", "westcentralus")
    assert client.finish(start, "local", "keyed", Quiet()).outcome is Outcome.DONE
    assert client.get_service("local", "keyed", region="westcentralus")["name"] == "keyed"


@pytest.mark.parametrize(
    ("faults", "outcome", "moved"),
    [
        ({"op_fail": "first:1"}, Outcome.FAILED, False),
        ({"op_cancel": "first:1"}, Outcome.FAILED, False),
        ({"op_stale": "first:1"}, Outcome.DONE, False),
        ({"drop_before": "first:1,PATCH"}, Outcome.UNKNOWN, False),
        ({"drop_after": "first:1,PATCH"}, Outcome.UNKNOWN, True),
        ({"error": "first:1,PATCH"}, Outcome.UNKNOWN, False),
        ({"error": "first:1,PATCH", "error_status": 500}, Outcome.UNKNOWN, False),
        ({"throttle": "first:2,PATCH", "throttle_retry_after": 0}, Outcome.DONE, True),
        ({"throttle": "first:1,PATCH", "throttle_retry_after": 1}, Outcome.DONE, True),
        ({"drop_before": "first:2,GET,/operationsStatus/"}, Outcome.DONE, True),
        ({"error": "first:2,GET"}, Outcome.DONE, True),
        ({"latency": "20ms"}, Outcome.DONE, True),
    ],
    ids=str,
)
def test_each_fault_has_an_honest_outcome(live: Live, faults: dict[str, Any], outcome: Outcome, moved: bool) -> None:
    make_service(live.emulator, "faulty")
    observed = live.reread("faulty")
    assert observed is not None
    target = 3 if observed.slots[SLOT].uri != version(3).uri else 4
    change = move(observed, target)
    step = live.target.planner.steps(change, observed)[0]
    live.emulator.faults(**faults)
    performed = live.target.perform(change, step, observed, Quiet())
    live.emulator.control("DELETE", "faults")
    assert performed.outcome is outcome, performed
    if performed.error is not None and performed.error.status is not None:
        assert performed.error.request_id
    time.sleep(0.4)  # a dropped answer's operation goes on by itself
    now = live.reread("faulty")
    assert now is not None
    assert (now.slots[SLOT].uri == version(target).uri) is moved


def test_a_hanging_operation_is_unknown_and_can_be_settled_later(live: Live) -> None:
    make_service(live.emulator, "stuck")
    patient = live.again(patience=Patience(first=0.02, total=0.2))
    observed = patient.reread("stuck")
    assert observed is not None
    change = move(observed, 5)
    live.emulator.faults(op_hang="first:1")
    performed = patient.target.perform(change, patient.target.planner.steps(change, observed)[0], observed, Quiet())
    assert performed.outcome is Outcome.UNKNOWN
    assert performed.error is not None
    assert performed.error.code == "RC323"
    assert performed.operation is not None
    assert patient.target.settle(performed.operation, Quiet()).outcome is Outcome.UNKNOWN
    second = live.carry_out(move(observed, 6))
    assert second.outcome is Outcome.FAILED
    assert isinstance(second.error, Conflict)


def test_an_operation_that_has_ended_is_settled(live: Live) -> None:
    make_service(live.emulator, "settled")
    observed = live.reread("settled")
    assert observed is not None
    done = live.carry_out(move(observed, 6))
    assert done.operation is not None
    assert live.target.settle(done.operation, Quiet()).outcome is Outcome.DONE


def test_eight_threads_share_the_pipeline(live: Live) -> None:
    for number in range(8):
        make_service(live.emulator, f"wide{number}")

    def one(number: int) -> Outcome:
        observed = live.reread(f"wide{number}")
        assert observed is not None
        return live.carry_out(move(observed, 7)).outcome

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(8))) == {Outcome.DONE}


def test_the_2016_form_works_as_well(live: Live) -> None:
    make_service(live.emulator, "old")
    old = live.again(version="2016-05-01-preview")
    observed = old.reread("old")
    assert observed is not None
    parameter = ("package", "nodes", "node2", "parameters", "Append score columns to output", "value")
    change = replace(move(observed, 8), fields=(FieldChange(path=parameter, before="True", after="False"),))
    assert old.carry_out(change).outcome is Outcome.DONE
    now = old.reread("old")
    assert now is not None
    assert verify(change, now, KINDS["WebService"]).mismatches == ()
    same = live.reread("old")
    assert same is not None
    assert same.fingerprint == now.fingerprint


def test_azure_identity_signs_in_and_its_token_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from azure.identity import DefaultAzureCredential

    with running(tmp_path / "signin", "--https", "--idle-minutes", "5") as emulator:
        make_service(emulator)
        nobody = "00000000-0000-0000-0000-0000000000aa"
        for name, value in {
            "AZURE_TENANT_ID": nobody,
            "AZURE_CLIENT_ID": nobody,
            "AZURE_CLIENT_SECRET": "any",
            "AZURE_AUTHORITY_HOST": emulator.url,
        }.items():
            monkeypatch.setenv(name, value)
        source = IdentitySource(
            ca_file=Path(emulator.ready["ca"]),
            make=lambda **settings: DefaultAzureCredential(disable_instance_discovery=True, **settings),
        )
        live = connect(emulator, auth=management_auth(SharedTokens(source, SystemClock()), emulator.url))
        assert live.reread() is not None
        live.close()


def test_over_https_the_emulators_own_authority_is_trusted_and_no_other(tmp_path) -> None:
    with running(tmp_path / "tls", "--https", "--idle-minutes", "5") as emulator:
        make_service(emulator)
        trusting = connect(emulator)
        assert trusting.reread() is not None
        trusting.close()
        del emulator.ready["ca"]
        with pytest.raises(Unavailable) as caught:
            connect(emulator).reread()
        assert caught.value.code == "RC314"
