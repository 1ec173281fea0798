"""One rate for all calls of a process: a token bucket, a limit of calls under way, and pauses that services ask for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from retrainctl.fastclass import dataclass
from retrainctl.ports import Clock

Pause = Callable[[float], None]
"""Sleeps for so many seconds; may raise `StopWaiting`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast and how wide this process may call.

    per_second: calls a second in the long run; None: no limit. burst: calls that may start at once after a quiet time.
    concurrency: calls under way at one time.
    """

    per_second: float | None = None
    burst: int = 1
    concurrency: int = 8


ARM_RATE = Rate(per_second=25, burst=200)
"""What Azure Resource Manager grants a principal in one subscription (250 reads or 200 writes at once, then 25 and 10
a second); its own 429 with `Retry-After` decides in the end."""


class Bucket:
    """Thread-safe; shared by every pipeline of a process.

    A lane is what a service throttles as one (a host by default): a pause holds only its lane.
    """

    def __init__(self, clock: Clock, rate: Rate | None = None) -> None:
        self._clock = clock
        self._rate = rate or Rate()
        self._interval = 0.0 if self._rate.per_second is None else 1.0 / self._rate.per_second
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(self._rate.concurrency)
        self._due = clock.monotonic() - self._interval * self._rate.burst
        self._held: dict[str, float] = {}

    @property
    def concurrency(self) -> int:
        """How many calls may be under way at one time."""
        return self._rate.concurrency

    def hold(self, lane: str, seconds: float) -> None:
        """No call of this lane starts for so long; a shorter wish never shortens a longer one."""
        until = self._clock.monotonic() + seconds
        with self._lock:
            self._held[lane] = max(self._held.get(lane, until), until)

    @contextmanager
    def turn(self, lane: str, pause: Pause) -> Iterator[None]:
        """Waits for a token, for the lane and for a free slot, then lets one call happen."""
        self._spend(pause)
        while True:
            while (left := self._held_for(lane)) > 0:
                pause(left)
            # A real wait in small parts, so that a run that is told to end is heard.
            while not self._slots.acquire(timeout=0.5):
                pause(0)
            # The lane may have been put on hold by an answer that came while we waited for the slot.
            if self._held_for(lane) <= 0:
                break
            self._slots.release()
        try:
            yield
        finally:
            self._slots.release()

    def _spend(self, pause: Pause) -> None:
        """Books the next free token; its time may lie in the future."""
        if not self._interval:
            return
        with self._lock:
            now = self._clock.monotonic()
            floor = now - self._interval * (self._rate.burst - 1)
            due = self._due = max(self._due + self._interval, floor)
        if due > now:
            pause(due - now)

    def _held_for(self, lane: str) -> float:
        until = self._held.get(lane)
        return 0.0 if until is None else until - self._clock.monotonic()
