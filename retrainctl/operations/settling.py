"""Finding out what became of writes that an earlier run left without an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from retrainctl.apply.executor import at_rest
from retrainctl.apply.record import in_doubt
from retrainctl.diff.verify import verify
from retrainctl.fastclass import dataclass
from retrainctl.ledger.errors import NotRecorded
from retrainctl.ledger.ledger import Ledger
from retrainctl.ledger.records import Settlement, Unsettled
from retrainctl.model.address import Address
from retrainctl.model.change import Action, ResourceChange
from retrainctl.model.kind import KINDS
from retrainctl.model.resource import Applied, Observed
from retrainctl.plan.decode import decode, decode_change
from retrainctl.ports import Observer, Outcome, Progress, TargetError, Waiter, Writer

DIRECT: Final = "direct"
"""The step of a write that a single command makes without a plan (`operations.direct.record`)."""

BACK: Final = "back"
"""The member of such a write's `detail` that says, as a sentence with a command, what takes it back."""

PLAN: Final = "plan"
"""The name under which a run keeps the plan that it carries out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What is known now. `open_ends` could not be settled and block further writes to these resources."""

    settlements: tuple[Settlement, ...] = ()
    open_ends: tuple[tuple[Unsettled, str], ...] = ()

    @property
    def notes(self) -> list[str]:
        known = [
            f"{item.unsettled.intent.address} from run {item.unsettled.run}: {item.detail.get('why', item.outcome)}"
            for item in self.settlements
        ]
        return known + [f"{one.intent.address} from run {one.run}: still unknown, {why}" for one, why in self.open_ends]


def ask(
    unsettled: Sequence[Unsettled], ledger: Ledger, writers: Mapping[str, Writer], waiter: Waiter, observer: Observer
) -> Settled:
    """Asks the targets about every open write. Reads only; the caller records the settlements under its lease."""
    settlements: list[Settlement] = []
    open_ends: list[tuple[Unsettled, str]] = []
    planned: dict[str, Mapping[Address, ResourceChange]] = {}
    applied = ledger.applied()
    for done, item in enumerate(unsettled, 1):
        try:
            if item.intent.step == DIRECT:
                settlements.append(_direct(item))
                continue
            change = _own_change(item)
            if change is None:
                if item.run not in planned:
                    planned[item.run] = changes_of(ledger, item.run)
                change = planned[item.run][item.intent.address]
            settlements.append(_one(item, change, applied.get(change.address), writers[item.intent.target], waiter))
        except (TargetError, NotRecorded) as error:
            open_ends.append((item, error.message))
        observer.progress(
            Progress(task="settle", done=done, total=len(unsettled), item=str(item.intent.address), outcome="asked")
        )
    return Settled(settlements=tuple(settlements), open_ends=tuple(open_ends))


def _direct(item: Unsettled) -> Settlement:
    """A write of a single command that no plan describes: it blocks nothing, and a look at the resource tells."""
    why = "a single command's write got no answer; look at the resource before you repeat it"
    return Settlement(unsettled=item, outcome=Outcome.FAILED, detail={"why": why})


def _own_change(item: Unsettled) -> ResourceChange | None:
    """The change that an intent itself keeps: one that its run's plan does not have (`apply.books.Entry`)."""
    entry = item.intent.detail.get("change")
    return decode_change(entry) if isinstance(entry, Mapping) else None


def changes_of(ledger: Ledger, run: str) -> dict[Address, ResourceChange]:
    """What a run set out to do, from the plan that the ledger keeps with it; raises `NotRecorded`."""
    plan = decode(orjson.loads(ledger.document(run, PLAN)))
    return {change.address: change for change in plan.changes}


def _one(item: Unsettled, change: ResourceChange, former: Applied | None, writer: Writer, waiter: Waiter) -> Settlement:
    refused = ""
    if item.operation is not None:
        performed = writer.settle(item.operation, waiter)
        if performed.outcome is Outcome.FAILED and performed.error is not None:
            refused = performed.error.message
    observed = at_rest(writer, change, waiter)
    return _judge(item, change, former, observed, refused)


def _judge(
    item: Unsettled, change: ResourceChange, former: Applied | None, observed: Observed | None, refused: str
) -> Settlement:
    intent, spec = item.intent, KINDS[item.intent.address.kind]
    verdict = verify(change, observed, spec)

    def end(outcome: Outcome, why: str, *, known: Applied | None = None) -> Settlement:
        done = outcome is Outcome.DONE
        return Settlement(
            unsettled=item,
            outcome=outcome,
            applied=intent.intended if done else known,
            removed=done and intent.action is Action.DELETE,
            detail={"why": why},
        )

    if not verdict.mismatches and not verdict.unreadable:
        return end(Outcome.DONE, "it had taken effect")
    if refused:
        return end(Outcome.FAILED, f"the service had refused it: {refused}")
    fingerprint = observed.fingerprint if observed is not None else None
    if fingerprint == intent.fingerprint and verdict.mismatches:
        return end(Outcome.FAILED, "it had not taken effect")
    known = in_doubt(change, former, spec, made=observed is not None and not verdict.mismatches)
    if not verdict.mismatches:
        return end(Outcome.FAILED, "it cannot be read back and will be sent again", known=known)
    return end(Outcome.FAILED, "something else stands there now; the next plan shows it", known=known)
