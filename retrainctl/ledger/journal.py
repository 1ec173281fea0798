"""The thread-safe end of a run: records that come at the same time share one durable append."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain as concat
from itertools import islice
from typing import Any

import orjson

from retrainctl.ledger.chain import encode
from retrainctl.ledger.group import Group, Told
from retrainctl.ledger.knowledge import Key
from retrainctl.ledger.stream import StreamWriter
from retrainctl.model.redaction import Redactor


class Journal:
    """Encodes and cleans records and adds them to the run's stream, for any thread."""

    def __init__(self, writer: StreamWriter, redactor: Redactor | None = None) -> None:
        self._writer = writer
        self._redactor = redactor
        self._group: Group[Sequence[bytes], Sequence[Key]] = Group(self._write)

    def add(self, records: Sequence[Mapping[str, Any]]) -> Sequence[Key]:
        """Adds records next to each other; returns their places once they are durable, never before.

        Raises what the store raises; then nobody may act on these records.
        """
        return self._group.add([self._clean(encode(record)) for record in records])

    def post(self, records: Sequence[Mapping[str, Any]], then: Told | None = None) -> None:
        """Adds records after all that came before; `then` hears when they are durable, or why they are not.

        They are on their way at once, but the caller does not wait while another thread writes.
        """
        self._group.post([self._clean(encode(record)) for record in records], then)

    def close(self) -> None:
        """Ends the stream: nothing can be added any more."""
        self._writer.seal()

    def _write(self, batch: Sequence[Sequence[bytes]]) -> Sequence[Sequence[Key]]:
        keys = iter(self._writer.write(list(concat.from_iterable(batch))))
        return [list(islice(keys, len(bodies))) for bodies in batch]

    def _clean(self, body: bytes) -> bytes:
        if self._redactor is None:
            return body
        text = body.decode()
        clean = self._redactor.clean(text)
        # Cleaning the line as text is quick, but only cleaning text by text is sure to leave JSON behind.
        return body if clean == text else encode(self._redactor.clean_tree(orjson.loads(body)))
