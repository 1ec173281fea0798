"""Runs a plan: re-read, compare with what was planned against, write down, send, wait, read back, write down.

Every change goes through the same moves and ends with exactly one `Result`; nothing here knows a kind or a target.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace
from functools import partial
from typing import Final

from retrainctl.apply.books import Books, Entry, GroupCommit
from retrainctl.apply.judging import by_others, early, fate_of
from retrainctl.apply.outcome import Fate, Result, Verified, not_attempted
from retrainctl.apply.record import after_write, in_doubt
from retrainctl.apply.stopping import Stop
from retrainctl.apply.uploads import FileChanged, Uploads, file_moves
from retrainctl.diff.compare import SecretHash
from retrainctl.diff.verify import Verdict, verify
from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.change import Action, ResourceChange
from retrainctl.model.kind import KINDS
from retrainctl.model.kinds import KindSpec
from retrainctl.model.resource import Applied, Observed
from retrainctl.ports import (
    Clock,
    Observer,
    Outcome,
    Performed,
    Progress,
    Rejected,
    StopWaiting,
    TargetError,
    Waiter,
    Writer,
)

RESTORE: Final = "restore/"
"""Begins the step names of writes that take back what the same run wrote."""

_GRACE = 0.3
_OUTCOMES = {Fate.APPLIED: Outcome.DONE, Fate.FAILED: Outcome.FAILED, Fate.UNKNOWN: Outcome.UNKNOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What an apply works with. Without `uploads` a version that is a local file cannot be put anywhere.

    restoring: what is written takes back what the same run wrote, and the run's plan says nothing of it.
    """

    writers: Mapping[str, Writer]
    books: Books
    clock: Clock
    observer: Observer
    stop: Stop
    secret_hash: SecretHash
    applied: Mapping[Address, Applied] = field(default_factory=dict)
    kinds: Mapping[str, KindSpec] = field(default_factory=lambda: KINDS)
    parallel: int = 8
    uploads: Uploads | None = None
    restoring: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveEnd:
    """A result for every change of the wave. `fatal`: why no further write may be made (the ledger, the lease)."""

    results: tuple[Result, ...]
    fatal: RetrainctlError | None = None


def run_wave(changes: Sequence[ResourceChange], tools: Tools) -> WaveEnd:
    """Applies changes that do not wait for each other, at most `parallel` at once."""
    wave = _Wave(tools, GroupCommit(tools.books.before))
    return wave.run(changes)


@dataclass(slots=True)
class _Wave:
    tools: Tools
    commit: GroupCommit
    results: dict[Address, Result] = field(default_factory=dict)
    under_way: dict[Address, _Waiting] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    fatal: RetrainctlError | None = None
    total: int = 0

    def run(self, changes: Sequence[ResourceChange]) -> WaveEnd:
        todo: queue.SimpleQueue[ResourceChange] = queue.SimpleQueue()
        for change in changes:
            todo.put(change)
        self.total = len(changes)
        workers = [
            threading.Thread(target=self._work, args=(todo,), daemon=True, name=f"apply-{n}")
            for n in range(min(self.tools.parallel, len(changes)))
        ]
        for worker in workers:
            worker.start()
        self._wait(workers)
        with self.lock:
            missing = [change for change in changes if change.address not in self.results]
            for change in missing:
                self.results[change.address] = self._left(change)
            results = tuple(self.results[change.address] for change in changes)
        return WaveEnd(results=results, fatal=self.fatal)

    def _wait(self, workers: Sequence[threading.Thread]) -> None:
        """Until all are done, or until the run has given up and a short grace for the last words is over."""
        for worker in workers:
            while worker.is_alive():
                worker.join(0.1)
                if self.tools.stop.given_up:
                    worker.join(_GRACE)
                    break

    def _left(self, change: ResourceChange) -> Result:
        waiting = self.under_way.get(change.address)
        if waiting is None:
            why = self.fatal.message if self.fatal is not None else "the run was told to end"
            return not_attempted([change], why)[0]
        return waiting.in_flight()

    def _work(self, todo: queue.SimpleQueue[ResourceChange]) -> None:
        while True:
            try:
                change = todo.get_nowait()
            except queue.Empty:
                return
            if (result := self._one(change)) is not None:
                self._end(result)

    def _end(self, result: Result, problem: BaseException | None = None) -> None:
        """Tells the end of a change, once it is on record. problem: why it is not."""
        if problem is not None:
            result = self._unrecorded(result, problem)
        address = result.change.address
        with self.lock:
            if not (self.tools.stop.given_up and address in self.results):
                self.results[address] = result
            done = len(self.results)
        self.tools.observer.progress(
            Progress(task="apply", done=done, total=self.total, item=str(address), outcome=result.fate.value)
        )

    def _unrecorded(self, result: Result, problem: BaseException) -> Result:
        """Going on would write without a record. What was sent stays open in the ledger until `--resume` asks."""
        error = (
            problem
            if isinstance(problem, RetrainctlError)
            else RetrainctlError(f"internal error: {type(problem).__name__}: {problem}")
        )
        self.fatal = self.fatal or error
        why = f"its result could not be recorded: {error.message}; `apply --resume` settles it"
        if result.fate is Fate.FAILED:
            return replace(result, why=f"{result.why}; {why}")
        return replace(result, fate=Fate.IN_FLIGHT, verified=Verified.NOT_CHECKED, why=why)

    def _one(self, change: ResourceChange) -> Result | None:
        """A change's end; None when it is told as soon as the ledger has it."""
        if self.tools.stop.asked:
            return not_attempted([change], "the run was told to end")[0]
        if self.fatal is not None:
            return not_attempted([change], self.fatal.message)[0]
        waiting = _Waiting(self.tools, change, self.tools.clock.monotonic())
        try:
            return self._apply(change, waiting)
        except StopWaiting:
            return waiting.timed(self._interrupted(change, waiting))
        except TargetError as error:
            fate = Fate.CONFLICTED if isinstance(error, FileChanged) else Fate.FAILED
            return waiting.timed(Result(change=change, fate=fate, error=error, why=error.message))
        except RetrainctlError as error:
            # The ledger or the lease is gone, or a secret is missing: going on would write without a record.
            self.fatal = self.fatal or error
            if waiting.taken:
                why = f"sent, and then the ledger failed: {error.message}; `apply --resume` settles it"
                return waiting.timed(replace(waiting.in_flight(), why=why))
            return not_attempted([change], error.message)[0]

    def _interrupted(self, change: ResourceChange, waiting: _Waiting) -> Result:
        """In flight when the service took the request; a wait before that had sent nothing."""
        if waiting.taken:
            return waiting.in_flight()
        if waiting.step is not None:
            self.tools.books.after(
                change.address, waiting.step, Outcome.FAILED, applied=None, removed=False, detail="never sent"
            )
        return not_attempted([change], "the run was told to end")[0]

    def _apply(self, change: ResourceChange, waiting: _Waiting) -> Result | None:
        writer, spec = self.tools.writers[change.target], self.tools.kinds[change.address.kind]
        observed = at_rest(writer, change, waiting)
        if (end := early(change, observed, spec)) is not None:
            return waiting.timed(self._adopted(end))
        if self._bring_files(change):
            # That took its time: what was read before may be old by now.
            observed = at_rest(writer, change, waiting)
            if (end := early(change, observed, spec)) is not None:
                return waiting.timed(self._adopted(end))
        former = self.tools.applied.get(change.address)
        intended = after_write(change, former, self.tools.secret_hash)
        performed = Performed(outcome=Outcome.DONE)
        backup: str | None = None
        for step in change.steps:
            label = RESTORE + step.id if self.tools.restoring else step.id
            entry = Entry(
                change=change, step=label, observed=observed, intended=intended, planned=not self.tools.restoring
            )
            backup = self.commit.before(entry) or backup
            with self.lock:
                self.under_way[change.address] = waiting
            waiting.step = label
            performed = writer.perform(change, step, observed, waiting)
            if performed.outcome is not Outcome.DONE:
                break
            if step is not change.steps[-1]:
                # Should the rest never be sent, the ledger must not go on trusting what this step may have undone.
                known = in_doubt(change, former, spec, made=True)
                self.tools.books.after(
                    change.address, label, performed.outcome, applied=known, removed=False, detail=""
                )
        self._settle(change, waiting, writer, spec, performed, backup, observed, intended)
        return None

    def _adopted(self, end: Result) -> Result:
        """Lets the ledger learn what turned out to be so without a write; else it would go on calling it drift."""
        change, former = end.change, self.tools.applied.get(end.change.address)
        if end.fate is Fate.SKIPPED and not self.tools.restoring:
            applied = after_write(change, former, self.tools.secret_hash)
            if applied is not None:
                # Somebody else has made it: what we did not create we never delete.
                applied = replace(applied, created=former is not None and former.created)
            self.tools.books.adopt(change.address, applied)
        return end

    def _bring_files(self, change: ResourceChange) -> bool:
        """Uploads the local files that the change points at; whether there was anything to send."""
        if self.tools.uploads is not None:
            return self.tools.uploads.bring(change)
        if (move := next(file_moves([change]), None)) is not None:
            raise Rejected(f"{move.after.label} is a local file, and nothing can be uploaded here", sent=False)
        return False

    def _settle(
        self,
        change: ResourceChange,
        waiting: _Waiting,
        writer: Writer,
        spec: KindSpec,
        performed: Performed,
        backup: str | None,
        before: Observed | None,
        intended: Applied | None,
    ) -> None:
        """Reads back what a write has come to, and has it recorded and told."""
        assert waiting.step is not None
        now: Observed | None = None
        verdict: Verdict | None = None
        foreign: tuple[str, ...] = ()
        if performed.outcome is not Outcome.FAILED:
            with suppress(TargetError):
                now = at_rest(writer, change, waiting)
                verdict = verify(change, now, spec)
                foreign = by_others(change, before, now, spec)
        fate, verified, why = fate_of(performed, verdict)
        applied: Applied | None = None
        if fate is Fate.APPLIED and verified is not Verified.NO:
            applied = intended
            if applied is not None and now is not None and now.revision is not None:
                applied = replace(applied, revision=now.revision)
        elif fate is not Fate.FAILED:
            applied = in_doubt(change, self.tools.applied.get(change.address), spec, made=fate is Fate.APPLIED)
        if performed.note or foreign:
            meanwhile = f"somebody else changed {', '.join(foreign)} meanwhile" if foreign else ""
            why = "; ".join(part for part in (why, performed.note, meanwhile) if part)
        result = Result(
            change=change,
            fate=fate,
            verified=verified,
            why=why,
            error=performed.error,
            mismatches=verdict.mismatches if verdict is not None else (),
            operation=performed.operation if fate is not Fate.APPLIED else None,
            request_id=performed.request_id,
            backup=backup,
            seconds=waiting.seconds,
            wrote=fate is not Fate.FAILED or bool(performed.operation),
        )
        self.tools.books.after(
            change.address,
            waiting.step,
            _OUTCOMES[fate],
            applied=applied,
            removed=fate is Fate.APPLIED and change.action is Action.DELETE,
            detail=why,
            then=partial(self._end, result),
        )


def at_rest(writer: Writer, change: ResourceChange, waiter: Waiter, patience: float = 120.0) -> Observed | None:
    """The resource once no change of it is under way any more; as it is when that takes longer than `patience` s."""
    pause = 0.2
    while (observed := writer.reread(change.address, change.identity)) is not None and observed.busy and patience > 0:
        waiter.pause(pause)
        patience -= pause
        pause = min(5.0, pause * 1.5)
    return observed


@dataclass(slots=True)
class _Waiting:
    """The `Waiter` of one change: notes what was sent, so that an interrupted wait can be settled later."""

    tools: Tools
    change: ResourceChange
    began: float
    step: str | None = None
    operation: str | None = None
    request_id: str | None = None
    taken: bool = False

    def pause(self, seconds: float) -> None:
        self.tools.stop.pause(seconds)

    def sent(self, operation: str | None, request_id: str | None) -> None:
        self.operation, self.request_id, self.taken = operation, request_id, True
        assert self.step is not None
        self.tools.books.sent(self.change.address, self.step, operation, request_id)

    def in_flight(self) -> Result:
        return Result(
            change=self.change,
            fate=Fate.IN_FLIGHT,
            why="sent, and the run ended before the service did; `apply --resume` settles it",
            operation=self.operation,
            request_id=self.request_id,
            wrote=True,
        )

    @property
    def seconds(self) -> float:
        return self.tools.clock.monotonic() - self.began

    def timed(self, result: Result) -> Result:
        return replace(result, seconds=self.seconds)
