"""Writes of single commands: a plan of one change, or a recorded call; never a second way round the ledger."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest

from retrainctl.errors import RetrainctlError
from retrainctl.ledger.ledger import Ledger
from retrainctl.ledger.local import LocalLedgerStore
from retrainctl.ledger.records import Intent, RunInfo, run_id
from retrainctl.model.address import Address
from retrainctl.model.change import Action
from retrainctl.model.environment import Environment, Guards
from retrainctl.model.resource import Desired
from retrainctl.model.values import SecretRef
from retrainctl.operations.applying import ApplyOptions, Surroundings, apply_plan, check, settle_open
from retrainctl.operations.direct import Direct, Ground, plan_removal, plan_write, record
from retrainctl.operations.guarding import GuardSet
from retrainctl.operations.settling import DIRECT
from retrainctl.plan.encode import encode
from retrainctl.plan.errors import Blocked
from retrainctl.ports import Outcome, Rejected, StopWaiting, TargetSet, Unavailable
from tests.support.ledgers import ANN, RealClock
from tests.support.memory import MemoryTarget, Silent, Thing

PLAN = Address("CommitmentPlan", "s1")
SERVICE = Address("WebService", "census")
OTHER = Address("CommitmentAssociation", "s1/a1")


class FixedSecrets:
    def resolve(self, reference: SecretRef) -> Any:
        raise AssertionError(f"{reference} is not needed here")


class Bench:
    """One environment over an in-memory target and a ledger in a folder."""

    def __init__(self, folder: Path, guards: Guards | None = None) -> None:
        self.target = MemoryTarget()
        self.targets = TargetSet(
            readers={"arm": self.target}, planners={"arm": self.target}, writers={"arm": self.target}
        )
        self.environment = Environment(name="local", guards=guards or Guards())
        self.ledger = Ledger(LocalLedgerStore(folder), environment="local", clock=RealClock())

    @property
    def ground(self) -> Ground:
        return Ground(
            environment=self.environment,
            targets=self.targets,
            secret_hash=lambda reference, address: f"hash of {reference}",
            guards=GuardSet(guards=self.environment.guards),
            created_at="2026-11-21T00:00:00Z",
            version="0",
            allowed={},
        )

    @property
    def around(self) -> Surroundings:
        return Surroundings(
            environment=self.environment,
            targets=self.targets,
            ledger=self.ledger,
            resolver=FixedSecrets(),
            secret_hash=lambda reference, address: f"hash of {reference}",
            clock=RealClock(),
            observer=Silent(),
            who=ANN,
            version="0",
            entropy=secrets.token_bytes(6),
        )

    def apply(self, direct: Direct, command: str) -> str:
        document, options = encode(direct.plan), ApplyOptions(command=command)
        check(direct.plan, document, options, self.around)
        return apply_plan(direct.plan, document, options, self.around)[0].outcome


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "ledger")


def wish(address: Address, **fields: Any) -> Desired:
    return Desired(address=address, place={"name": address.name}, fields=fields)


def test_a_creation_is_an_apply_like_any_other(bench: Bench) -> None:
    direct = plan_write(wish(PLAN, sku={"name": "S1"}), bench.ground, exists=False)
    assert direct.change is not None
    assert direct.change.action is Action.CREATE
    assert [request.method for request in direct.requests] == ["PUT"]
    assert bench.apply(direct, "commitment-plan create") == "applied"
    (run,) = bench.ledger.runs()
    assert (run.info.command, run.done) == ("commitment-plan create", 1)
    assert bench.ledger.applied()[PLAN].created, "--prune may take it away again"


def test_what_exists_is_not_made_again(bench: Bench) -> None:
    bench.target.things[PLAN] = Thing({"sku": {"name": "S2"}})
    with pytest.raises(RetrainctlError, match="exists already") as caught:
        plan_write(wish(PLAN, sku={"name": "S1"}), bench.ground, exists=False, hint="Pass --update.")
    assert (caught.value.code, caught.value.hint) == ("RC900", "Pass --update.")


def test_what_is_not_there_is_neither_changed_nor_removed(bench: Bench) -> None:
    for attempt in (
        lambda: plan_write(wish(PLAN, tags={"a": "b"}), bench.ground, exists=True),
        lambda: plan_removal(PLAN, {"name": "s1"}, bench.ground),
    ):
        with pytest.raises(RetrainctlError, match="does not exist") as caught:
            attempt()
        assert caught.value.code == "RC901"


def test_an_update_touches_only_what_is_named(bench: Bench) -> None:
    bench.target.things[PLAN] = Thing({"sku": {"name": "S1", "capacity": 2}, "tags": {"a": "1", "b": "2"}})
    direct = plan_write(wish(PLAN, sku={"name": "S2"}, tags={}), bench.ground, exists=True, gone={"tags": {"a": "1"}})
    assert direct.change is not None
    assert {entry.path for entry in direct.change.fields} == {("sku", "name"), ("tags", "a")}
    assert bench.apply(direct, "update") == "applied"
    assert bench.target.things[PLAN].fields == {"sku": {"name": "S2", "capacity": 2}, "tags": {"b": "2"}}


def test_nothing_to_do_is_no_change(bench: Bench) -> None:
    bench.target.things[PLAN] = Thing({"sku": {"name": "S1"}})
    assert plan_write(wish(PLAN, sku={"name": "S1"}), bench.ground, exists=True).change is None


def test_a_secret_is_sent_whatever_the_ledger_knows(bench: Bench) -> None:
    bench.target.things[SERVICE] = Thing({"title": "t"})
    key = SecretRef("env", "KEY")
    direct = plan_write(wish(SERVICE, storageAccount={"key": key}, keys={"primary": key}), bench.ground, exists=True)
    assert direct.change is not None
    assert {entry.path for entry in direct.change.fields} == {("keys", "primary"), ("storageAccount", "key")}


def test_what_only_a_new_one_needs_leaves_an_old_one_alone(bench: Bench) -> None:
    new = {"location": "southcentralus"}
    made = plan_write(wish(PLAN, sku={"name": "S1"}), bench.ground, new=new).change
    assert made is not None
    assert made.wanted()["location"] == "southcentralus"
    bench.target.things[PLAN] = Thing({"sku": {"name": "S1"}, "location": "West Europe"})
    assert plan_write(wish(PLAN, sku={"name": "S1"}), bench.ground, new=new).change is None


def test_guards_count_for_single_commands_too(tmp_path: Path) -> None:
    guarded = Bench(tmp_path, Guards(protect=("CommitmentPlan/*",), limits={"deletes": 0}))
    guarded.target.things[PLAN] = Thing({"sku": {"name": "S1"}})
    with pytest.raises(Blocked, match="protected"):
        guarded.apply(plan_removal(PLAN, {"name": "s1"}, guarded.ground), "remove")
    assert PLAN in guarded.target.things


def test_a_recorded_call_stands_in_the_history(bench: Bench) -> None:
    given = record(
        bench.around,
        address=OTHER,
        command="association move",
        summary="moved from s1 to s2",
        write=lambda waiter: "answer",
    )
    assert given == "answer"
    (entry,) = bench.ledger.history(OTHER)
    assert (entry.command, entry.outcome, entry.detail["why"]) == (
        "association move",
        Outcome.DONE,
        "moved from s1 to s2",
    )
    assert not bench.ledger.lease().held
    assert not bench.ledger.unsettled()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Rejected("no", status=400), Outcome.FAILED),
        (Unavailable("not reached", sent=False), Outcome.FAILED),
        (Unavailable("lost", sent=True), Outcome.UNKNOWN),
        (Unavailable("broken", status=500), Outcome.UNKNOWN),
    ],
)
def test_a_recorded_call_that_fails_says_how(bench: Bench, error: Exception, outcome: Outcome) -> None:
    def write(waiter: object) -> None:
        raise error

    with pytest.raises(type(error)):
        record(bench.around, address=OTHER, command="c", summary="s", write=write)
    (entry,) = bench.ledger.history(OTHER)
    assert entry.outcome is outcome
    assert bool(bench.ledger.unsettled()) is (outcome is Outcome.UNKNOWN)
    assert not bench.ledger.lease().held


def test_a_recorded_call_that_is_told_to_end_is_unknown(bench: Bench) -> None:
    def write(waiter: object) -> None:
        raise StopWaiting

    with pytest.raises(KeyboardInterrupt):
        record(bench.around, address=OTHER, command="c", summary="s", write=write)
    assert bench.ledger.history(OTHER)[0].outcome is Outcome.UNKNOWN
    assert not bench.ledger.lease().held


def test_a_recorded_call_without_answer_blocks_nothing_for_long(bench: Bench) -> None:
    around = bench.around
    with bench.ledger.acquire(_owner()) as lease:
        info = RunInfo(
            run=run_id(RealClock().now(), b"abcdef"), environment="local", command="c", who=ANN, version="0",
            started=RealClock().now(),
        )  # fmt: skip
        bench.ledger.begin(info, lease).intend(
            [Intent(address=OTHER, step=DIRECT, action=Action.UPDATE, target="arm", identity="")]
        )
    assert bench.ledger.unsettled()
    (note,) = settle_open(around)
    assert "look at the resource" in note
    assert not bench.ledger.unsettled()


def test_what_is_frozen_is_not_called(tmp_path: Path) -> None:
    frozen = Bench(tmp_path, Guards(freeze=("CommitmentAssociation/*",)))
    with pytest.raises(Blocked, match="frozen"):
        record(frozen.around, address=OTHER, command="c", summary="s", write=lambda waiter: None)
    assert not frozen.ledger.runs()


def _owner() -> Any:
    from retrainctl.ledger.holder import this_process

    return this_process(ANN)
