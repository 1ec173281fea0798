"""Group commit: who has something to write waits for one write that carries everybody's, or leaves it to that write.

There is no writer thread: one of those who have come writes for all of them, and names the next one when it is done.
Only those who have got what they wait for are woken, and that next one: waking everybody after each write cost more
than the write.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from retrainctl.ledger.errors import LedgerUnavailable

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")

_log = logging.getLogger(__name__)

Told = Callable[[BaseException | None], None]
"""Hears that an item is written, or why it is not."""


class _Posted(Generic[_Item, _Answer]):
    """One caller's item. `answer` or `error` is set before `done`; `gate` opens then, or when its owner is to write.

    Without a gate nobody waits for it; `then` hears the end.
    """

    __slots__ = ("answer", "done", "error", "gate", "item", "leads", "then")

    def __init__(self, item: _Item, gate: threading.Lock | None, then: Told | None) -> None:
        self.item = item
        self.gate = gate
        self.then = then
        self.answer: _Answer | None = None
        self.error: BaseException | None = None
        self.done = False
        self.leads = False


class Group(Generic[_Item, _Answer]):
    """Lets callers that come at the same time share one `write`, which gives an answer for each item, in order.

    Nobody waits for more than the write that carries his own item: whoever is written for goes on at once, or those
    that come back first would write alone again and again while the others stand in line behind them.
    """

    def __init__(self, write: Callable[[Sequence[_Item]], Sequence[_Answer]]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._busy = False
        self._queue: list[_Posted[_Item, _Answer]] = []

    def add(self, item: _Item) -> _Answer:
        """The answer of the write that carried the item; raises what that write raised."""
        gate = threading.Lock()
        gate.acquire()
        mine: _Posted[_Item, _Answer] = _Posted(item, gate, None)
        if not self._enter(mine):
            self._wait(mine, gate)
        if not mine.done:
            self._lead()
        if mine.error is not None:
            raise mine.error
        answer: _Answer = mine.answer  # type: ignore[assignment]
        return answer

    def post(self, item: _Item, then: Told | None = None) -> None:
        """Writes the item, or, while another one writes, leaves it to the write that comes next.

        then: is called once the item is written or is not, by whichever thread wrote.
        """
        if self._enter(_Posted(item, None, then)):
            self._lead()

    def _enter(self, mine: _Posted[_Item, _Answer]) -> bool:
        """Whether the caller is the one to write."""
        with self._lock:
            self._queue.append(mine)
            mine.leads = not self._busy
            self._busy = True
        return mine.leads

    def _wait(self, mine: _Posted[_Item, _Answer], gate: threading.Lock) -> None:
        """Until the item is written, or the caller is the one to write."""
        try:
            gate.acquire()
        except BaseException:
            # Interrupted: nobody may be left waiting for us to write.
            with self._lock:
                if mine in self._queue:
                    self._queue.remove(mine)
                if mine.leads and not mine.done and self._hand_over():
                    self._busy = False
            raise

    def _lead(self) -> None:
        """Writes for everybody who has come, the caller among them; and on as long as there is only what was left."""
        while self._write_all():
            pass

    def _write_all(self) -> bool:
        """Whether the caller is to write again."""
        with self._lock:
            batch, self._queue = self._queue, []
        error: BaseException | None = None
        try:
            answers = self._write([one.item for one in batch])
            for one, answer in zip(batch, answers, strict=True):
                one.answer = answer
        except Exception as problem:
            error = problem
        except BaseException:
            if self._end(batch, LedgerUnavailable("the process was interrupted while it wrote to the ledger")):
                with self._lock:
                    self._busy = False
            raise
        again = self._end(batch, error)
        for one in batch:
            if one.then is not None:
                self._tell(one.then, error)
        return again

    def _tell(self, then: Told, error: BaseException | None) -> None:
        try:
            then(error)
        except Exception:
            # It is on record, whoever could not bear to hear it; and others wait for this thread to go on.
            _log.debug("the end of a write could not be told", exc_info=True)

    def _end(self, batch: Sequence[_Posted[_Item, _Answer]], error: BaseException | None) -> bool:
        with self._lock:
            for one in batch:
                one.error, one.done = error, True
                if one.gate is not None:
                    one.gate.release()
            return self._hand_over()

    def _hand_over(self) -> bool:
        """To the first who waits. Whether there is nobody, but something to write. The lock is held."""
        following = next((one for one in self._queue if one.gate is not None), None)
        if following is not None and following.gate is not None:
            following.leads = True
            following.gate.release()
            return False
        self._busy = bool(self._queue)
        return self._busy
