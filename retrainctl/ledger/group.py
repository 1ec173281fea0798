"""Group commit: whoever has something to write waits for one write that carries everybody's.

There is no writer thread: one of those who wait writes for all of them, and names the next one when it is done. Only
those who have got what they wait for are woken, and that next one: waking everybody after each write cost more than
the write.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from retrainctl.ledger.errors import LedgerUnavailable

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


class _Waiting(Generic[_Item, _Answer]):
    """One caller's item. `answer` or `error` is set before `done`; `gate` opens then, or when it is to write."""

    __slots__ = ("answer", "done", "error", "gate", "item", "leads")

    def __init__(self, item: _Item) -> None:
        self.item = item
        self.answer: _Answer | None = None
        self.error: BaseException | None = None
        self.done = False
        self.leads = False
        self.gate = threading.Lock()
        self.gate.acquire()


class Group(Generic[_Item, _Answer]):
    """Lets callers that wait at the same time share one `write`, which gives an answer for each item, in order.

    Nobody waits for more than the write that carries his own item: whoever is written for goes on at once, or those
    that come back first would write alone again and again while the others stand in line behind them.
    """

    def __init__(self, write: Callable[[Sequence[_Item]], Sequence[_Answer]]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._busy = False
        self._queue: list[_Waiting[_Item, _Answer]] = []

    def add(self, item: _Item) -> _Answer:
        """The answer of the write that carried the item; raises what that write raised."""
        mine: _Waiting[_Item, _Answer] = _Waiting(item)
        with self._lock:
            self._queue.append(mine)
            mine.leads = not self._busy
            self._busy = True
        if not mine.leads:
            self._wait(mine)
        if not mine.done:
            self._lead()
        if mine.error is not None:
            raise mine.error
        answer: _Answer = mine.answer  # type: ignore[assignment]
        return answer

    def _wait(self, mine: _Waiting[_Item, _Answer]) -> None:
        try:
            mine.gate.acquire()
        except BaseException:
            # Interrupted: nobody may be left waiting for us to write.
            with self._lock:
                if mine in self._queue:
                    self._queue.remove(mine)
                if mine.leads and not mine.done:
                    self._hand_over()
            raise

    def _lead(self) -> None:
        """Writes for everybody who waits now, the caller among them."""
        with self._lock:
            batch, self._queue = self._queue, []
        error: BaseException | None = None
        try:
            answers = self._write([waiting.item for waiting in batch])
            for waiting, answer in zip(batch, answers, strict=True):
                waiting.answer = answer
        except Exception as problem:
            error = problem
        except BaseException:
            error = LedgerUnavailable("the process was interrupted while it wrote to the ledger")
            raise
        finally:
            with self._lock:
                for waiting in batch:
                    waiting.error, waiting.done = error, True
                    waiting.gate.release()
                self._hand_over()

    def _hand_over(self) -> None:
        """To the next who waits; the lock is held."""
        self._busy = bool(self._queue)
        if self._queue:
            first = self._queue[0]
            first.leads = True
            first.gate.release()
