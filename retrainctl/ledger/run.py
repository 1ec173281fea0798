"""One run's side of the ledger: backups, intents, results, and the receipt at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from retrainctl.ledger import pack
from retrainctl.ledger.codec import applied_to_json, intent_to_json
from retrainctl.ledger.group import Told
from retrainctl.ledger.journal import Journal
from retrainctl.ledger.knowledge import Key
from retrainctl.ledger.lease import Lease
from retrainctl.ledger.records import BackupItem, BackupRef, Intent, RunInfo, Settlement
from retrainctl.model.address import Address
from retrainctl.model.redaction import without_query
from retrainctl.model.resource import Applied
from retrainctl.model.values import JsonObject
from retrainctl.ports import LedgerStore, Outcome


class Run:
    """Thread-safe. Every method returns when its record is durable, or says otherwise.

    Each may raise `LedgerUnavailable` or `LeaseLost`: then nothing was acknowledged, and the caller must not send what
    it was about to send. Made by `Ledger.begin`.
    """

    def __init__(
        self, info: RunInfo, journal: Journal, store: LedgerStore, lease: Lease, finished: Callable[[], None]
    ) -> None:
        """`finished` is called after the last record."""
        self.info = info
        self._finished = finished
        self._journal = journal
        self._store = store
        self._lease = lease
        self._lock = threading.Lock()
        self._keys: dict[tuple[Address, str], Key] = {}
        self._backups: dict[Address, BackupRef] = {}

    def backup(self, items: Sequence[BackupItem]) -> Mapping[Address, BackupRef]:
        """Keeps the resources that a wave is about to touch, all in one pack, before any of its intents."""
        parts: list[tuple[Mapping[str, Any], bytes]] = []
        for item in items:
            about = {"name": str(item.address), "identity": item.identity}
            parts.append(({**about, "part": "definition"}, item.definition))
            parts.append(({**about, "part": "side"}, item.side))
        kept = self._keep(parts)
        found = {item.address: BackupRef(pack=kept, item=2 * place) for place, item in enumerate(items)}
        with self._lock:
            for address, reference in found.items():
                # The first backup of a run is what the run found; a later one holds the run's own work.
                self._backups.setdefault(address, reference)
        return found

    def attach(self, name: str, data: bytes) -> str:
        """Keeps a document with the run (`plan`: the plan that it carries out); returns its SHA-256 pack name."""
        kept = self._keep([({"name": name}, data)])
        self._journal.add([{"type": "document", "name": name, "pack": kept}])
        return kept

    def intend(self, intents: Sequence[Intent]) -> None:
        """Announces writes that start together. Only after this returned may they be sent: it is the fencing check."""
        self._lease.check_life()
        with self._lock:
            backups = [intent.backup or self._backups.get(intent.address) for intent in intents]
        keys = self._journal.add(
            [
                {"type": "intent", **intent_to_json(intent, backup)}
                for intent, backup in zip(intents, backups, strict=True)
            ]
        )
        with self._lock:
            self._keys.update(((intent.address, intent.step), key) for intent, key in zip(intents, keys, strict=True))

    def sent(self, address: Address, step: str, operation: str | None, request_id: str | None) -> None:
        """The service took the request: where to ask what becomes of it, should we not live to see the end.

        Without an operation there is nothing to ask, and the write's result is near: nobody waits for this record, but
        it stands before that one.
        """
        record = self._about("sent", address, step)
        if operation is not None:
            record["operation"] = without_query(operation)
        if request_id is not None:
            record["request_id"] = request_id
        if operation is None:
            self._journal.post([record])
        else:
            self._journal.add([record])

    def result(
        self,
        address: Address,
        step: str,
        outcome: Outcome,
        *,
        applied: Applied | None = None,
        removed: bool = False,
        detail: JsonObject | None = None,
        then: Told | None = None,
    ) -> None:
        """What became of a write. `UNKNOWN` keeps it unsettled.

        Args:
            address: With `step`: the intent that this ends.
            step: The step's id.
            outcome: The end.
            applied: What we have applied to this resource now; None: no more than before.
            removed: The resource is gone.
            detail: Whatever else the receipt and the history shall know.
            then: Hears when the record is durable, or why it is not; the method itself then does not wait for that,
                and nobody may tell of the result before.
        """
        record = self._about("result", address, step)
        record.update(_ending(outcome, applied, removed, detail))
        if then is None:
            self._journal.add([record])
        else:
            self._journal.post([record], then)

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """What became of writes that an earlier run (or this one) left unsettled."""
        self._journal.add(
            [
                {
                    "type": "settled",
                    "address": str(item.unsettled.intent.address),
                    "step": item.unsettled.intent.step,
                    "run": item.unsettled.run,
                    "intent": item.unsettled.key,
                    **_ending(item.outcome, item.applied, item.removed, item.detail),
                }
                for item in settlements
            ]
        )

    def adopt(self, applied: Sequence[Applied], removed: Sequence[Address] = ()) -> None:
        """Takes note of what is so without a write of ours: live already was as desired, or has gone."""
        records: list[Mapping[str, Any]] = [
            {"type": "adopted", "address": str(item.address), "applied": applied_to_json(item)} for item in applied
        ]
        records += [{"type": "adopted", "address": str(address), "removed": True} for address in removed]
        if records:
            self._journal.add(records)

    def note(
        self, kind: str, message: str, *, address: Address | None = None, detail: JsonObject | None = None
    ) -> None:
        """A remark for those who read the history: a skipped resource, a conflict, an overridden guard."""
        record: dict[str, Any] = {"type": "note", "kind": kind, "message": message}
        if address is not None:
            record["address"] = str(address)
        if detail:
            record["detail"] = detail
        self._journal.add([record])

    def finish(self, receipt: JsonObject) -> None:
        """The last record. What has no result yet stays unsettled."""
        self._journal.add([{"type": "finish", "receipt": receipt}])
        self._journal.close()
        self._finished()

    def _about(self, kind: str, address: Address, step: str) -> dict[str, Any]:
        with self._lock:
            key = self._keys[address, step]
        return {"type": kind, "address": str(address), "step": step, "intent": key}

    def _keep(self, parts: Sequence[tuple[Mapping[str, Any], bytes]]) -> str:
        made = pack.build(parts)
        self._store.put(made.digest, made.chunks, self._lease.grant)
        return made.digest


def _ending(outcome: Outcome, applied: Applied | None, removed: bool, detail: JsonObject | None) -> dict[str, Any]:
    data: dict[str, Any] = {"outcome": outcome.value}
    if applied is not None:
        data["applied"] = applied_to_json(applied)
    if removed:
        data["removed"] = True
    if detail:
        data["detail"] = detail
    return data
