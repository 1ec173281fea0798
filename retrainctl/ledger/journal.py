"""Group commit: whoever has records to add waits for one durable append that carries everybody's."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from itertools import chain as concat
from typing import Any

import orjson

from retrainctl.fastclass import dataclass
from retrainctl.ledger.chain import encode
from retrainctl.ledger.knowledge import Key
from retrainctl.ledger.stream import StreamWriter
from retrainctl.model.redaction import Redactor
from retrainctl.ports import LedgerUnavailable


@dataclass(slots=True, eq=False)
class _Waiting:
    """One caller's records; `keys` or `error` is set before `done`."""

    bodies: Sequence[bytes]
    keys: Sequence[Key] = ()
    error: BaseException | None = None
    done: bool = False


class Journal:
    """The thread-safe end of a run. There is no writer thread: one of those who wait writes for all of them."""

    def __init__(self, writer: StreamWriter, redactor: Redactor | None = None) -> None:
        self._writer = writer
        self._redactor = redactor
        self._turn = threading.Condition()
        self._busy = False
        self._queue: list[_Waiting] = []

    def add(self, records: Sequence[Mapping[str, Any]]) -> Sequence[Key]:
        """Adds records next to each other; returns their places once they are durable, never before.

        Raises what the store raises; then nobody may act on these records.
        """
        mine = _Waiting([self._clean(encode(record)) for record in records])
        with self._turn:
            self._queue.append(mine)
            while self._busy and not mine.done:
                self._turn.wait()
            if not mine.done:
                self._busy = True
                batch, self._queue = self._queue, []
        if not mine.done:
            self._write(batch)
        if mine.error is not None:
            raise mine.error
        return mine.keys

    def close(self) -> None:
        """Ends the stream: nothing can be added any more."""
        self._writer.seal()

    def _write(self, batch: Sequence[_Waiting]) -> None:
        error: BaseException | None = None
        try:
            keys = iter(self._writer.write(list(concat.from_iterable(waiting.bodies for waiting in batch))))
            for waiting in batch:
                waiting.keys = [next(keys) for _ in waiting.bodies]
        except Exception as problem:
            error = problem
        except BaseException:
            error = LedgerUnavailable("the process was interrupted while it wrote to the ledger")
            raise
        finally:
            with self._turn:
                self._busy = False
                for waiting in batch:
                    waiting.error = error
                    waiting.done = True
                self._turn.notify_all()

    def _clean(self, body: bytes) -> bytes:
        if self._redactor is None:
            return body
        text = body.decode()
        clean = self._redactor.clean(text)
        # Cleaning the line as text is quick, but only cleaning text by text is sure to leave JSON behind.
        return body if clean == text else encode(self._redactor.clean_tree(orjson.loads(body)))
