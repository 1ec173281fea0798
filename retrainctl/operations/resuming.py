"""Going on with an apply that was interrupted: only what its reviewed plan still owes."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from typing import Any

import orjson

from retrainctl.apply.executor import RESTORE
from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.ledger.errors import NotRecorded
from retrainctl.ledger.ledger import Ledger
from retrainctl.ledger.records import RunRecord, RunSummary
from retrainctl.model.address import Address
from retrainctl.model.change import Action, ResourceChange
from retrainctl.operations.settling import PLAN
from retrainctl.plan.decode import decode
from retrainctl.plan.encode import encode
from retrainctl.plan.plan import Plan
from retrainctl.ports import Outcome

_COMPLETE = frozenset({"applied", "nothing", "settled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What an interrupted run still owes. `plan` has no changes when only unknowns had to be settled."""

    run: str
    plan: Plan
    document: dict[str, Any]


def interrupted(ledger: Ledger) -> RunSummary | None:
    """The latest run, if it ended before its plan was carried out. Settling and resuming count as parts of it; a run
    that died before it had written down what it was to do has not begun."""
    for summary in reversed(ledger.runs()):
        if summary.info.command == "settle":
            continue
        record = ledger.run(summary.info.run)
        if summary.finished is None and PLAN not in record.documents:
            continue
        return summary if summary.finished is None or _left_something(record) else None
    return None


def rest_of(ledger: Ledger, summary: RunSummary, *, created_at: str) -> Rest | None:
    """The part of a run's plan without a successful end, after its unknowns were settled.

    Raises `RetrainctlError` for a run that was taking its own work back: going on would undo the undoing.
    """
    try:
        plan = decode(orjson.loads(ledger.document(summary.info.run, PLAN)))
    except NotRecorded:
        return None
    record = ledger.run(summary.info.run)
    if any(entry.step.startswith(RESTORE) for entry in record.entries):
        raise RetrainctlError(
            f"run {summary.info.run} had failed and was taking its work back when it ended; it is not gone on with",
            code="RC505",
            hint=f"`retrainctl rollback {summary.info.run}` takes back the rest; `retrainctl plan` shows what is left.",
        )
    done = {(entry.address, entry.step) for entry in record.entries if entry.outcome is Outcome.DONE}
    changes = tuple(owed for change in plan.changes if (owed := _owed(change, done)) is not None)
    rest = replace(plan, changes=changes, complete=plan.complete and len(changes) == len(plan.changes))
    rest = replace(rest, created_at=created_at, drift=(), suppressed=())
    return Rest(run=summary.info.run, plan=rest, document=encode(rest))


def _owed(change: ResourceChange, done: Set[tuple[Address, str]]) -> ResourceChange | None:
    """The steps that are still to be done. Where some are done, the resource exists and is no longer as planned
    against, by our own doing: there is no fingerprint to compare with."""
    steps = tuple(step for step in change.steps if (change.address, step.id) not in done)
    if len(steps) == len(change.steps):
        return change
    return replace(change, action=Action.UPDATE, steps=steps, fingerprint=None) if steps else None


def _left_something(record: RunRecord) -> bool:
    outcome = (record.receipt or {}).get("outcome")
    return outcome == "interrupted" or (outcome not in _COMPLETE and any(e.outcome is None for e in record.entries))
