"""Many jobs at once: whose turn it is, who carries out what is to be done next, and when.

The loop and the state machine run in one thread; a few workers make the calls. So the books are kept in order without
locks, and a job's id is written down before its start can be sent.
"""

from __future__ import annotations

import heapq
import queue
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import field
from typing import Final, Protocol

from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.ports import Clock, JobStatus, Pause, StopWaiting
from retrainctl.retrain.lifecycle import (
    Ask,
    Begun,
    Cancel,
    Cancelled,
    Collect,
    Collected,
    Event,
    Failure,
    Interrupted,
    Job,
    Prepare,
    Prepared,
    Rest,
    Rules,
    Stage,
    Start,
    Started,
    Submit,
    Submitted,
    Told,
    Wish,
    advance,
)
from retrainctl.retrain.stopping import Stop

LIMIT: Final = 40
"""Jobs of one endpoint at one time; further ones queue at the service (classic-api.md 4.11)."""

_STEP: Final = 0.2
_PATIENCE: Final = 6.0
"""Seconds that calls under way get after the first Ctrl-C."""


class Hands(Protocol):
    """Carries out wishes, in several threads. May raise `RetrainctlError`, and `StopWaiting` out of `pause`."""

    def prepare(self, key: str, pause: Pause) -> object: ...

    def submit(self, key: str, pause: Pause) -> str: ...

    def start(self, key: str, job: str, pause: Pause) -> None: ...

    def status(self, key: str, job: str, pause: Pause) -> JobStatus: ...

    def cancel(self, key: str, job: str, pause: Pause) -> None: ...

    def collect(self, key: str, status: JobStatus, pause: Pause) -> object: ...


OnChange = Callable[[str, Job, Event], None]
"""Hears of every event of a job after it has counted, in the order in which they count, before anything follows."""


@dataclass(slots=True, kw_only=True)
class Entry:
    """One job of a run. group: what shares the limit of jobs. rules: its own patience."""

    key: str
    group: str
    rules: Rules
    job: Job = field(default_factory=Job)


@dataclass(slots=True)
class _Result:
    key: str
    event: Event | None
    broken: BaseException | None = None


class Runner:
    """Runs entries to their ends. limit: jobs of one group at one time. cancel: an interruption cancels jobs."""

    def __init__(
        self,
        *,
        hands: Hands,
        clock: Clock,
        stop: Stop,
        on_change: OnChange,
        limit: int = LIMIT,
        workers: int = 8,
        cancel: bool = False,
    ) -> None:
        self._hands = hands
        self._clock = clock
        self._stop = stop
        self._on_change = on_change
        self._limit = limit
        self._workers = workers
        self._cancel = cancel
        self._entries: dict[str, Entry] = {}
        self._waiting: defaultdict[str, deque[str]] = defaultdict(deque)
        self._active: defaultdict[str, int] = defaultdict(int)
        self._due: list[tuple[float, int, str, Wish]] = []
        self._busy: set[str] = set()
        self._number = 0
        self._tasks: queue.SimpleQueue[tuple[str, Wish] | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[_Result] = queue.SimpleQueue()
        self._told: float | None = None

    def run(self, entries: Iterable[Entry]) -> Sequence[Entry]:
        """All entries with their ends. An error of the books' keeper ends the run at once."""
        for entry in entries:
            self._entries[entry.key] = entry
            # What runs already takes its place first, so that the limit holds from the beginning.
            queued = self._waiting[entry.group]
            (queued.appendleft if entry.job.id is not None else queued.append)(entry.key)
        count = min(self._workers, len(self._entries))
        for _ in range(count):
            threading.Thread(target=self._work, name="retrain", daemon=True).start()
        try:
            self._loop()
        finally:
            for _ in range(count):
                self._tasks.put(None)
        return tuple(self._entries.values())

    def _loop(self) -> None:
        while True:
            if self._stop.asked and self._told is None:
                self._interrupt()
            self._fill()
            self._dispatch()
            if self._busy:
                if self._gave_up():
                    return
                with suppress(queue.Empty):
                    self._take(self._results.get(timeout=self._until_due()))
            elif self._due:
                self._clock.sleep(self._until_due())
            elif not any(self._waiting.values()):
                return

    def _fill(self) -> None:
        if self._stop.asked:
            return
        for group, waiting in self._waiting.items():
            while waiting and self._active[group] < self._limit:
                self._active[group] += 1
                self._apply(waiting.popleft(), Begun())

    def _dispatch(self) -> None:
        now = self._clock.monotonic()
        while self._due and self._due[0][0] <= now and len(self._busy) < self._workers:
            _, _, key, wish = heapq.heappop(self._due)
            self._busy.add(key)
            self._tasks.put((key, wish))

    def _until_due(self) -> float:
        if not self._due or len(self._busy) >= self._workers:
            return _STEP
        return min(_STEP, max(0.0, self._due[0][0] - self._clock.monotonic()))

    def _take(self, result: _Result) -> None:
        self._busy.discard(result.key)
        if result.broken is not None:
            raise result.broken
        if result.event is not None:
            self._apply(result.key, result.event)
        if self._stop.asked and self._entries[result.key].job.stage not in (Stage.ENDED, Stage.CANCELLING):
            self._drop(result.key)
            self._apply(result.key, Interrupted(self._cancel))

    def _apply(self, key: str, event: Event) -> None:
        entry = self._entries[key]
        entry.job, wish = advance(entry.job, event, self._clock.now().timestamp(), entry.rules)
        self._on_change(key, entry.job, event)
        if isinstance(wish, Rest):
            self._active[entry.group] -= 1
            return
        self._number += 1
        heapq.heappush(self._due, (self._clock.monotonic() + wish.after, self._number, key, wish))

    def _drop(self, key: str) -> None:
        """Takes back what was to be done next."""
        self._due = [item for item in self._due if item[2] != key]
        heapq.heapify(self._due)

    def _interrupt(self) -> None:
        """Every job that no call is under way for ends now, or is cancelled."""
        self._told = self._clock.monotonic()
        waiting = [key for queued in self._waiting.values() for key in queued]
        self._waiting.clear()
        due, self._due = self._due, []
        for key in waiting:
            self._active[self._entries[key].group] += 1
        for key in [*(item[2] for item in sorted(due)), *waiting]:
            self._apply(key, Interrupted(self._cancel))

    def _gave_up(self) -> bool:
        if self._stop.at_once:
            return True
        return self._told is not None and self._clock.monotonic() - self._told > _PATIENCE and not self._cancel

    # In the workers

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            key, wish = task
            try:
                self._results.put(_Result(key, self._carry_out(key, wish)))
            except StopWaiting:
                self._results.put(_Result(key, None))
            except RetrainctlError as error:
                self._results.put(_Result(key, Failure(error)))
            except BaseException as error:
                self._results.put(_Result(key, None, error))

    def _carry_out(self, key: str, wish: Wish) -> Event | None:
        hands, pause = self._hands, self._stop.pause
        job = self._entries[key].job.id or ""
        match wish:
            case Prepare():
                return Prepared(hands.prepare(key, pause))
            case Submit():
                return Submitted(hands.submit(key, pause))
            case Start():
                hands.start(key, job, pause)
                return Started()
            case Ask():
                return Told(hands.status(key, job, pause))
            case Cancel():
                hands.cancel(key, job, self._clock.sleep)
                return Cancelled()
            case Collect():
                return Collected(hands.collect(key, wish.status, pause))
            case Rest():
                return None
