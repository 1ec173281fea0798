"""Ctrl-C while jobs run: the first one starts nothing new, the second one waits for nothing any more."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from retrainctl.ports import Clock, StopWaiting

_STEP = 0.2


class Stop:
    """Set by signals in the main thread, read by every worker. signal: the first one that came."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked = threading.Event()
        self._now = threading.Event()
        self.signal: int | None = None

    @property
    def asked(self) -> bool:
        """Nothing new from now on."""
        return self._asked.is_set()

    @property
    def at_once(self) -> bool:
        """Calls under way are not waited for either."""
        return self._now.is_set()

    def ask(self, number: int | None = None) -> None:
        if self._asked.is_set():
            self._now.set()
            return
        self.signal = number
        self._asked.set()

    def pause(self, seconds: float) -> None:
        """Sleeps; raises `StopWaiting` as soon as the run is told to end."""
        until = self._clock.monotonic() + seconds
        while not self.asked and (left := until - self._clock.monotonic()) > 0:
            self._clock.sleep(min(left, _STEP))
        if self.asked:
            raise StopWaiting

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes SIGINT and SIGTERM for the time of a run; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def heard(number: int, _frame: FrameType | None) -> None:
            self.ask(number)

        former = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
