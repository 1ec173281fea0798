"""What an apply writes down, and when: intents before, results after, backups before the first write.

Workers that arrive together share one pack, one append and one fsync (group commit), so bookkeeping stays O(1) and
cheap however many run at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from retrainctl.fastclass import dataclass
from retrainctl.ledger.group import Group, Told
from retrainctl.ledger.records import BackupItem, Intent
from retrainctl.ledger.run import Run
from retrainctl.model.address import Address
from retrainctl.model.change import ResourceChange
from retrainctl.model.resource import Applied, Observed
from retrainctl.plan.encode import encode_change
from retrainctl.ports import Outcome, Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One write that is about to start.

    intended: what we will have applied when the whole change succeeds; None: nothing.
    planned: whether the run's plan has this change; else the record keeps it.
    """

    change: ResourceChange
    step: str
    observed: Observed | None
    intended: Applied | None = None
    planned: bool = True


class Books(Protocol):
    """Where it is written: the ledger, or memory in tests."""

    def before(self, entries: Sequence[Entry]) -> Sequence[str | None]:
        """Durable when it returns: backups of what exists, then the intents. Gives each backup's reference.

        Raises when the ledger cannot be written or the lease is lost: then nothing may be sent.
        """

    def sent(self, address: Address, step: str, operation: str | None, request_id: str | None) -> None: ...

    def after(
        self,
        address: Address,
        step: str,
        outcome: Outcome,
        *,
        applied: Applied | None,
        removed: bool,
        detail: str,
        then: Told | None = None,
    ) -> None:
        """`applied` None and not removed: we know no more than before.

        then: hears when it is durable, or why it is not, by whichever thread. Without it the method waits for that, and
        raises.
        """

    def adopt(self, address: Address, applied: Applied | None) -> None:
        """Takes note of what is as wanted without a write of ours; None: it is gone, as wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerBooks:
    """Writes into a run of the ledger, which keeps the whole plan: an intent only names its change."""

    run: Run
    writers: Mapping[str, Writer]

    def before(self, entries: Sequence[Entry]) -> Sequence[str | None]:
        live = [(entry.change, entry.observed) for entry in entries if entry.observed is not None]
        items = []
        for change, observed in live:
            definition, side = self.writers[change.target].backup(observed)
            items.append(BackupItem(address=change.address, identity=change.identity, definition=definition, side=side))
        kept = self.run.backup(items) if items else {}
        self.run.intend([self._intent(entry) for entry in entries])
        return [kept[entry.change.address].pack if entry.change.address in kept else None for entry in entries]

    def sent(self, address: Address, step: str, operation: str | None, request_id: str | None) -> None:
        self.run.sent(address, step, operation, request_id)

    def after(
        self,
        address: Address,
        step: str,
        outcome: Outcome,
        *,
        applied: Applied | None,
        removed: bool,
        detail: str,
        then: Told | None = None,
    ) -> None:
        about = {"why": detail} if detail else None
        self.run.result(address, step, outcome, applied=applied, removed=removed, detail=about, then=then)

    def adopt(self, address: Address, applied: Applied | None) -> None:
        self.run.adopt([] if applied is None else [applied], [address] if applied is None else [])

    def _intent(self, entry: Entry) -> Intent:
        change = entry.change
        return Intent(
            address=change.address,
            step=entry.step,
            action=change.action,
            target=change.target,
            identity=change.identity,
            fingerprint=entry.observed.fingerprint if entry.observed is not None else None,
            intended=entry.intended,
            detail={} if entry.planned else {"change": encode_change(change)},
        )


class GroupCommit(Group[Entry, str | None]):
    """Lets callers that wait at the same time share one `Books.before`."""

    def before(self, entry: Entry) -> str | None:
        """Writes down what is about to start; gives the reference of its backup."""
        return self.add(entry)
