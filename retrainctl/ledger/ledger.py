"""The door of the ledger: what is applied, what is unsettled, what happened, and the beginning of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

import orjson

from retrainctl.ledger import chain, history, index
from retrainctl.ledger import lease as leases
from retrainctl.ledger.codec import AppliedState, run_to_json, summary_from_json, unsettled_from_json
from retrainctl.ledger.errors import LeaseHeld, LedgerError, NotRecorded
from retrainctl.ledger.journal import Journal
from retrainctl.ledger.knowledge import Knowledge
from retrainctl.ledger.lease import TTL, Lease
from retrainctl.ledger.reader import FIRST_OF_STREAM, LedgerReader
from retrainctl.ledger.records import (
    FORMAT,
    AppliedAt,
    Backup,
    Entry,
    RunInfo,
    RunRecord,
    RunSummary,
    Unsettled,
    Verified,
)
from retrainctl.ledger.run import Run
from retrainctl.ledger.stream import StreamWriter
from retrainctl.model.address import Address
from retrainctl.model.redaction import Redactor
from retrainctl.model.resource import Applied
from retrainctl.ports import Clock, LeaseOwner, LeaseState, LedgerStore


class Ledger:
    """One environment's ledger. Reading takes no lease and writes nothing; every reading method sees the newest state.

    Any method may raise `LedgerUnavailable`, and `LedgerCorrupt` when a record is not what was written.
    """

    def __init__(self, store: LedgerStore, *, environment: str, clock: Clock, redactor: Redactor | None = None) -> None:
        """`redactor` filters every record that is written, as a last net: callers hand in no secrets."""
        self._store = store
        self._environment = environment
        self._clock = clock
        self._redactor = redactor
        self._reader = LedgerReader(store, environment)
        self._sealed: set[int] = set()
        self._cut_off = 0

    @property
    def place(self) -> str:
        """Where the ledger is, for messages."""
        return self._store.place

    def applied(self) -> Mapping[Address, Applied]:
        """What we last wrote to each resource; as of now, later runs do not show in it."""
        return AppliedState(dict(self._reader.know().applied))

    def unsettled(self) -> Sequence[Unsettled]:
        """Writes of all runs of which nobody knows what became, in order. While somebody applies, also theirs."""
        return [unsettled_from_json(key, data) for key, data in self._reader.know().unsettled.items()]

    def runs(self) -> Sequence[RunSummary]:
        """All runs, oldest first."""
        return [summary_from_json(data) for data in self._reader.know().runs.values()]

    def used_plans(self) -> Mapping[str, RunSummary]:
        """Digests of plans that a run began to carry out, each with the last such run."""
        return {summary.info.digest: summary for summary in self.runs() if summary.info.digest is not None}

    def run(self, run: str) -> RunRecord:
        """All about one run, what later runs found out about its writes included; raises `NotRecorded`."""
        summary = self._summary(run)
        records = self._reader.records(
            since=summary.streams[0], among=(*FIRST_OF_STREAM, b'"type":"settled"'), whole=summary.streams
        )
        story = history.tell(records, only=run)
        return RunRecord(
            summary=summary,
            entries=tuple(story.entries.values()),
            notes=tuple(story.notes),
            documents=story.documents,
            receipt=story.receipt,
        )

    def history(self, address: Address | None = None) -> Sequence[Entry]:
        """All writes, or those to one resource, oldest first."""
        among = () if address is None else (*FIRST_OF_STREAM, orjson.dumps(str(address)))
        entries = history.tell(self._reader.records(among=among)).entries.values()
        return [entry for entry in entries if address is None or entry.address == address]

    def at(self, time: datetime) -> Mapping[Address, AppliedAt]:
        """What was live at a time as far as we wrote it, who did it, from which commit."""
        return history.live_at(self._reader.records(), time)

    def before(self, run: str) -> Mapping[Address, Applied | None]:
        """What we had applied to each resource that a run wrote to, right before; raises `NotRecorded`."""
        self._summary(run)
        return history.applied_before(self._reader.records(), run)

    def backup_of(self, run: str, address: Address) -> Backup:
        """A resource as it was before a run's first write to it; raises `NotRecorded`."""
        references = (entry.backup for entry in self.run(run).entries if entry.address == address)
        if (reference := next(filter(None, references), None)) is None:
            raise NotRecorded(
                f"run {run} has no backup of {address}",
                code="RC556",
                hint=f"That run made it or did not touch it: see `retrainctl history {address}`.",
            )
        item, definition = self._reader.document(reference.pack, reference.item)
        _, side = self._reader.document(reference.pack, reference.item + 1)
        return Backup(run=run, address=address, identity=item["identity"], definition=definition, side=side)

    def document(self, run: str, name: str) -> bytes:
        """A document that was attached to a run; raises `NotRecorded`."""
        if (digest := self.run(run).documents.get(name)) is None:
            raise NotRecorded(f"run {run} has no document {name!r}", hint="It may have died before it kept one.")
        return self._reader.document(digest, 0)[1]

    def verify(self) -> Verified:
        """Reads everything, packs too, and checks every hash; raises `LedgerCorrupt` at the first that does not fit."""
        return self._reader.verify()

    def lease(self) -> LeaseState:
        """Who may apply now."""
        return self._store.lease()

    def acquire(
        self,
        owner: LeaseOwner,
        *,
        ttl: float = TTL,
        pause: Callable[[float], None] | None = None,
        waiting: Callable[[LeaseHeld], None] | None = None,
    ) -> Lease:
        """Takes the lease (see `lease.acquire`) and shuts out whoever held it. The ledger has been read and is whole.

        Raises:
            LeaseHeld: Somebody else applies.
            LedgerCorrupt: Nothing was written.
        """
        self._reader.know()
        return self._shut_out(leases.acquire(self._store, owner, self._clock, ttl=ttl, pause=pause, waiting=waiting))

    def steal(self, owner: LeaseOwner) -> LeaseState:
        """Takes the lease from whoever has it and gives it back at once; returns whose it was.

        From then on the former holder's writes are refused.
        """
        former = self._store.lease()
        with self._shut_out(leases.steal(self._store, owner, self._clock)):
            return former

    def begin(self, info: RunInfo, lease: Lease) -> Run:
        """Begins a run; its first record is durable on return."""
        lease.confirm()
        known = self._seal_last(lease)
        if info.run in known.runs:
            raise LedgerError(f"there already is a run {info.run}", code="RC559", hint="Give every run its own id.")
        if known.heads and self._reader.index_is_old:
            self._write_index(lease)
        common = {"format": FORMAT, "run": info.run, "fence": lease.fence}
        writer = StreamWriter(
            self._store,
            lease.grant,
            number=len(known.heads) + 1,
            prev=known.tip(),
            clock=self._clock,
            continuation=chain.encode({"type": "continued", **common}),
        )
        journal = Journal(writer, self._redactor)
        journal.add([{"type": "run", **common, **run_to_json(info)}])
        # Whoever slept through the lines above may have pushed the present holder aside: he must not go on.
        lease.confirm()
        run = Run(info, journal, self._store, lease, lambda: self._finished(lease))
        if self._cut_off:
            run.note("repaired", f"cut off {self._cut_off} bytes that a dying run left half written")
            self._cut_off = 0
        return run

    def _summary(self, run: str) -> RunSummary:
        if (data := self._reader.know().runs.get(run)) is None:
            raise NotRecorded(f"the ledger has no run {run!r}", hint="`retrainctl history` lists the runs.")
        return summary_from_json(data)

    def _shut_out(self, lease: Lease) -> Lease:
        """Ends what the former holder left open; gives the lease back when that fails."""
        try:
            self._seal_last(lease)
        except BaseException:
            with suppress(LedgerError):
                lease.release()
            raise
        return lease

    def _seal_last(self, lease: Lease) -> Knowledge:
        """What we know once the last stream has an end."""
        known = self._reader.know()
        last = len(known.heads)
        if not last or last in self._sealed or (known.open_run is None and known.heads[last].seq):
            return known
        before = self._store.streams()[-1].size
        lease.confirm()
        self._store.seal(last, lease.grant)
        self._sealed.add(last)
        known = self._reader.know()
        self._cut_off += before - known.heads[last].size
        return known

    def _finished(self, lease: Lease) -> None:
        # The index is only a shortcut: without it the next reader replays, so a full disk does no harm here.
        with suppress(LedgerError):
            self._write_index(lease)

    def _write_index(self, lease: Lease) -> None:
        self._store.write_index(index.encode(self._reader.know()), lease.grant)
        self._reader.index_is_old = False
