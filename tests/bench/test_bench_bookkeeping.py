"""What a whole apply costs besides the target: every operation around an in-memory service, with the local ledger.

Figures are reported (`--benchmark-only -s`), never asserted: at most 1 ms per resource, the same at every size
(Terraform at 5,000: 221 ms per creation, 464 ms per update; plan-apply-anchors.md section 4).
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from retrainctl.apply.executor import Tools, run_wave
from retrainctl.apply.stopping import Stop
from retrainctl.ledger.local import LocalLedgerStore
from retrainctl.ledger.records import Who
from retrainctl.model.address import Address
from retrainctl.model.environment import ArmSettings, Environment
from retrainctl.operations.applying import ApplyOptions, Surroundings, apply_plan
from retrainctl.operations.planning import scopes
from retrainctl.plan.encode import encode
from retrainctl.plan.plan import Plan
from retrainctl.ports import TargetSet
from tests.support.build import SLOT, line, plan_of, service, version
from tests.support.ledgers import RealClock, open_ledger
from tests.support.memory import MemoryBooks, MemoryTarget, Silent, Thing

ONE, TWO = version(1), version(2)
WHO = Who(user="ann", host="build7")


@dataclass
class Estate:
    """A plan for `count` services, and the service that it is for."""

    plan: Plan
    document: dict[str, Any]
    target: MemoryTarget
    environment: Environment


class NoSecrets:
    def resolve(self, reference: Any) -> Any:
        raise AssertionError("there is no secret in this plan")


@pytest.fixture(autouse=True)
def collected_as_in_the_command() -> Iterator[None]:
    """`retrainctl.__main__` lets the collector look now and then only."""
    former = gc.get_threshold()
    gc.set_threshold(200_000, 20, 50)
    yield
    gc.set_threshold(*former)


def estate(count: int) -> Estate:
    names = [f"svc-{n:05}" for n in range(count)]
    things = {Address("WebService", n): Thing({"title": "t"}, {SLOT: ONE.uri or ""}) for n in names}
    target = MemoryTarget(things)
    environment = Environment(name="test", arm=ArmSettings(subscription="s", resource_group="rg"))
    plan, findings = plan_of([service(n, TWO) for n in names], target, models=line(ONE, TWO))
    assert not findings
    plan = replace(plan, targets=scopes(environment))
    return Estate(plan=plan, document=encode(plan), target=target, environment=environment)


def apply(made: Estate, folder: Path) -> None:
    around = Surroundings(
        environment=made.environment,
        targets=TargetSet(readers={"arm": made.target}, planners={"arm": made.target}, writers={"arm": made.target}),
        ledger=open_ledger(LocalLedgerStore(folder), environment="test"),
        resolver=NoSecrets(),
        secret_hash=lambda reference, address: None,
        clock=RealClock(),
        observer=Silent(),
        who=WHO,
        version="0.1.0",
        entropy=b"123456",
    )
    receipt, _ = apply_plan(made.plan, made.document, ApplyOptions(parallel=8), around)
    assert receipt.counts["verified"] == len(made.plan.changes)


def bare(made: Estate) -> float:
    """Seconds of the same without any ledger: what the in-memory service itself takes."""
    clock = RealClock()
    tools = Tools(
        writers={"arm": made.target},
        books=MemoryBooks(),
        clock=clock,
        observer=Silent(),
        stop=Stop(clock),
        secret_hash=lambda reference, address: None,
        parallel=8,
    )
    begun = time.perf_counter()
    run_wave(made.plan.changes, tools)
    return time.perf_counter() - begun


@pytest.mark.parametrize("count", [1000, 5000])
@pytest.mark.benchmark(group="whole apply around an in-memory service")
def test_bookkeeping_of_a_whole_apply(benchmark: BenchmarkFixture, tmp_path: Path, count: int) -> None:
    made = estate(count)
    rounds = 3 if benchmark.enabled else 1

    def setup() -> tuple[tuple[Estate, Path], dict[str, Any]]:
        fresh = Estate(made.plan, made.document, MemoryTarget(deepcopy(made.target.things)), made.environment)
        return (fresh, tmp_path / str(len(list(tmp_path.iterdir())))), {}

    benchmark.pedantic(apply, setup=setup, rounds=rounds)
    if benchmark.stats is not None:
        alone = min(bare(setup()[0][0]) for _ in range(rounds))
        whole = benchmark.stats.stats.median
        benchmark.extra_info["ms per resource, whole"] = round(whole / count * 1000, 3)
        benchmark.extra_info["ms per resource, bookkeeping"] = round((whole - alone) / count * 1000, 3)
        print(f"\n{count}: {benchmark.extra_info}")
    ledger = open_ledger(LocalLedgerStore(tmp_path / "0"), environment="test")
    assert len(ledger.applied()) == count
    assert not ledger.unsettled()
    assert ledger.verify().runs == 1
