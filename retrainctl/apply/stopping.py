"""The Ctrl-C contract (DESIGN.md section 7): the first signal starts nothing new, the second gives up waiting."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from types import FrameType
from typing import Final

from retrainctl.fastclass import dataclass
from retrainctl.ports import Clock, StopWaiting

PATIENCE: Final = 6.0
"""Seconds that writes in flight get after the first signal; with the receipt the end comes within 7 s."""


@dataclass(slots=True)
class Stop:
    """Whether the run shall end, and how soon. Set by signals, read by every worker."""

    clock: Clock
    signal: int | None = None
    _asked: threading.Event = field(default_factory=threading.Event)
    _given_up: threading.Event = field(default_factory=threading.Event)
    _deadline: float | None = None

    @property
    def asked(self) -> bool:
        """No new work from now on."""
        return self._asked.is_set()

    @property
    def given_up(self) -> bool:
        """Nothing is waited for any more."""
        if self._deadline is not None and self.clock.monotonic() >= self._deadline:
            self._given_up.set()
        return self._given_up.is_set()

    def ask(self, number: int | None = None) -> None:
        """First call: end soon. Second call: end now."""
        if self._asked.is_set():
            self._given_up.set()
            return
        self.signal = number
        self._deadline = self.clock.monotonic() + PATIENCE
        self._asked.set()

    def pause(self, seconds: float) -> None:
        """Sleeps; raises `StopWaiting` when the run has given up."""
        until = self.clock.monotonic() + seconds
        while (left := until - self.clock.monotonic()) > 0:
            if self.given_up:
                raise StopWaiting
            self._given_up.wait(min(left, 0.2) if self.asked else min(left, 1.0))
        if self.given_up:
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
