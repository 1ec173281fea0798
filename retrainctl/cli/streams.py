"""The last filter before the outside: every text that leaves the process by stdout or stderr loses its secrets here,
whoever prints it, and never fails for a character that the stream cannot show.
"""

from __future__ import annotations

import io
from typing import BinaryIO, TextIO

from retrainctl.model.redaction import Redactor


class _Open(Redactor):
    """Lets everything through."""

    def clean(self, text: str) -> str:
        return text


class FilteredStream(io.TextIOBase):
    """A text stream over another one that redacts each write. A secret that is split over two writes is not seen:
    writers write whole texts.
    """

    def __init__(self, inner: TextIO, redactor: Redactor) -> None:
        super().__init__()
        self._inner = inner
        self._redactor = redactor

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._inner, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "backslashreplace"

    def write(self, text: str, /) -> int:
        shown = self._redactor.clean(text)
        try:
            self._inner.write(shown)
        except UnicodeEncodeError:
            self._inner.write(shown.encode(self.encoding, "backslashreplace").decode(self.encoding))
        return len(text)

    @property
    def buffer(self) -> BinaryIO:
        """The stream below for bytes, which nothing filters: for files that their owner asked for."""
        return self._inner.buffer

    def revealing(self, *, signatures: bool = False) -> FilteredStream:
        """The same stream for a secret that its owner asked to see: what was learned is not taken out.

        signatures: nor what looks signed.
        """
        return FilteredStream(self._inner, _Open() if signatures else Redactor())

    def flush(self) -> None:
        self._inner.flush()

    def isatty(self) -> bool:
        return self._inner.isatty()

    def fileno(self) -> int:
        return self._inner.fileno()

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Leaves the stream below open: it belongs to the process."""
