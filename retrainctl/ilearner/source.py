"""Bounds-checked reading: every byte that this room looks at comes through here."""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from retrainctl.ilearner.errors import IlearnerError

_I32: Final = struct.Struct("<i")
_F64: Final = struct.Struct("<d")


class Source:
    """A file of known size, read at any place; a window into it costs nothing."""

    __slots__ = ("_stream", "size")

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self.size = size

    def read_at(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes; the caller has checked the bounds, a file that shrank meanwhile is an error."""
        self._stream.seek(offset)
        data = self._stream.read(count)
        if len(data) != count:
            raise IlearnerError(f"{count} bytes expected, {len(data)} left", offset=offset)
        return data


class Cursor:
    """Reads forward through `source` from `offset` to `end`; never past it.

    `part` names what is read when offsets count from somewhere else than the start of the file.
    """

    __slots__ = ("_source", "end", "offset", "part")

    def __init__(self, source: Source, *, part: str | None = None) -> None:
        self._source = source
        self.offset = 0
        self.end = source.size
        self.part = part

    def fail(self, message: str, *, offset: int | None = None, code: str | None = None) -> IlearnerError:
        """An error at `offset` (default: here)."""
        return IlearnerError(message, offset=self.offset if offset is None else offset, part=self.part, code=code)

    def need(self, count: int, what: str) -> None:
        """Raise unless `count` more bytes are there."""
        if count > self.end - self.offset:
            raise self.fail(f"{what}: {count} bytes expected, {self.end - self.offset} left")

    def take(self, count: int, what: str) -> bytes:
        self.need(count, what)
        data = self._source.read_at(self.offset, count)
        self.offset += count
        return data

    def skip(self, count: int, what: str) -> int:
        """Step over `count` bytes and return where they start."""
        self.need(count, what)
        start = self.offset
        self.offset += count
        return start

    def u8(self, what: str) -> int:
        return self.take(1, what)[0]

    def i32(self, what: str) -> int:
        value: int = _I32.unpack(self.take(4, what))[0]
        return value

    def f64(self, what: str) -> float:
        value: float = _F64.unpack(self.take(8, what))[0]
        return value

    def count(self, what: str, *, item_bytes: int) -> int:
        """An Int32 count of items that must still fit into what is left."""
        start = self.offset
        number = self.i32(what)
        if number < 0:
            raise self.fail(f"{what}: a count of 0 or more expected, found {number}", offset=start)
        self.need(number * item_bytes, what)
        return number

    def text(self, what: str, limit: int) -> str:
        """A UTF-8 string behind its length, which has groups of 7 bits, low first, at most five ([MS-NRBF] 2.1.1.6)."""
        start = self.offset
        length = 0
        for shift in range(0, 35, 7):
            byte = self.u8(what)
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        else:
            raise self.fail(f"{what}: a string length of at most five bytes expected", offset=start)
        if length > limit:
            raise self.fail(f"{what}: {length} bytes of text, the limit is {limit}", offset=start, code="RC706")
        try:
            return self.take(length, what).decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.fail(f"{what}: UTF-8 text expected ({error.reason})", offset=start) from None
