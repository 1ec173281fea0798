"""What ledger tests share: clocks, people, resources, and a run in one line."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from retrainctl.ledger.holder import this_process
from retrainctl.ledger.lease import Lease
from retrainctl.ledger.ledger import Ledger
from retrainctl.ledger.records import Intent, RunInfo, Who, run_id
from retrainctl.ledger.run import Run
from retrainctl.model.address import Address
from retrainctl.model.change import Action
from retrainctl.model.redaction import Redactor
from retrainctl.model.resource import Applied, AppliedSlot
from retrainctl.ports import LedgerStore, Outcome

ENVIRONMENT = "prod"
ANN = Who(user="ann", host="build7", run_url="https://ci.example/run/1")
BOB = Who(user="bob", host="laptop")
SLOT = "Bike Rental [trained model]"


class RealClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass
class ManualClock:
    """Time that passes only when somebody sleeps, or when a test says so."""

    wall: datetime = field(default_factory=lambda: datetime(2026, 11, 2, 8, 0, tzinfo=UTC))
    ticks: float = 1000.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.ticks

    def sleep(self, seconds: float) -> None:
        self.ticks += seconds
        self.wall += timedelta(seconds=seconds)


def open_ledger(store: LedgerStore, clock: RealClock | ManualClock | None = None, **more: object) -> Ledger:
    redactor = more.get("redactor")
    assert redactor is None or isinstance(redactor, Redactor)
    return Ledger(
        store, environment=str(more.get("environment", ENVIRONMENT)), clock=clock or RealClock(), redactor=redactor
    )


def endpoint(number: int) -> Address:
    return Address("Endpoint", f"rentalloc{number:03}")


def applied(address: Address, version: int = 1, **fields: object) -> Applied:
    return Applied(
        address=address,
        identity=f"/workspaces/w/webservices/s/endpoints/{address.name}",
        fields={"throttleLevel": "High", **fields},  # type: ignore[dict-item]
        slots={SLOT: AppliedSlot(uri=f"https://acct.blob.example/m/{version}.ilearner", model="bike", version=version)},
        fingerprint=f"sha256:{version}",
    )


def intent(address: Address, step: str = "patch", action: Action = Action.UPDATE, version: int = 1) -> Intent:
    return Intent(
        address=address,
        step=step,
        action=action,
        target="classic",
        identity=f"/workspaces/w/webservices/s/endpoints/{address.name}",
        fingerprint="sha256:live",
        intended=applied(address, version),
    )


def take(ledger: Ledger, who: Who = ANN) -> Lease:
    return ledger.acquire(this_process(who))


def begin(ledger: Ledger, lease: Lease, who: Who = ANN, digest: str | None = "sha256:plan", **more: str) -> Run:
    now = more.get("started")
    started = datetime.fromisoformat(now) if now else datetime.now(UTC)
    info = RunInfo(
        run=more.get("run") or run_id(started, os.urandom(6)),
        environment=more.get("environment", ENVIRONMENT),
        command="apply",
        who=who,
        version="1.0.0",
        started=started,
        digest=digest,
        commit="1a2b3c4",
    )
    return ledger.begin(info, lease)


def write(run: Run, address: Address, version: int = 1, step: str = "patch") -> None:
    """One write that goes well."""
    run.intend([intent(address, step, version=version)])
    run.result(address, step, Outcome.DONE, applied=applied(address, version))


def whole_run(ledger: Ledger, addresses: Sequence[Address], version: int = 1, who: Who = ANN) -> str:
    """Lease, run, one write each, receipt; gives the run's id."""
    with take(ledger, who) as lease:
        run = begin(ledger, lease, who)
        for address in addresses:
            write(run, address, version)
        run.finish({"applied": len(addresses)})
    return run.info.run
