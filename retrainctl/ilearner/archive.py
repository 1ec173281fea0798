"""The two compressed parts of a model file: a gzip member and a ZIP, unpacked in memory within limits.

Python's `zipfile` is not used: it rewrites backslashes on Windows, looks only 64 KiB back for the end record (the
array is a memory buffer with zero padding behind it), and fails in a dozen ways that are not ours.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final, NamedTuple

from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.limits import Limits
from retrainctl.ilearner.source import Source

_END: Final = struct.Struct("<4s4H2IH")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_ENCRYPTED: Final = 1
_UTF8: Final = 1 << 11
_STORED: Final = 0
_DEFLATE: Final = 8


class Entry(NamedTuple):
    """One file of the archive. `name` has forward slashes; `start` counts from the start of the archive.

    `written` is the entry's time as ISO 8601 without a zone (the format has none), None when it is no date.
    """

    name: str
    method: int
    packed: int
    size: int
    crc: int
    start: int
    written: str | None


class Archive:
    """A ZIP that lies in `source` at `offset`, `size` bytes long with its zero padding."""

    def __init__(self, source: Source, offset: int, size: int, limits: Limits, part: str) -> None:
        self._source = source
        self._offset = offset
        self._size = size
        self._limits = limits
        self._part = part
        self._unpacked = 0
        self.entries: dict[str, Entry] = self._directory()

    def _fail(self, message: str, offset: int, code: str = "RC707") -> IlearnerError:
        return IlearnerError(message, offset=offset, part=self._part, code=code)

    def _at(self, offset: int, count: int, what: str) -> bytes:
        if offset < 0 or count < 0 or offset + count > self._size:
            raise self._fail(f"{what}: {count} bytes expected, the archive has {self._size}", offset)
        return self._source.read_at(self._offset + offset, count)

    def _end_record(self) -> int:
        """Where the end-of-central-directory record starts: the last one that only zeros follow."""
        chunk, end = 1 << 16, self._size
        while end > 0:
            start = max(0, end - chunk)
            block = self._at(start, end - start, "padding").rstrip(b"\0")
            if block:
                end = start + len(block)
                break
            end = start
        # The record may end in zeros itself, and may carry a comment of up to 65,535 bytes.
        stop = min(self._size, end + _END.size)
        start = max(0, end - _END.size - 0xFFFF)
        window = self._at(start, stop - start, "end of central directory")
        found = window.rfind(b"PK\5\6")
        if found < 0 or len(window) - found < _END.size:
            raise self._fail("the end record of a ZIP (PK 05 06) expected", max(0, end - _END.size))
        return start + found

    def _directory(self) -> dict[str, Entry]:
        at = self._end_record()
        _, disk, first_disk, here, total, size, offset, comment = _END.unpack(self._at(at, _END.size, "end record"))
        if disk or first_disk or here != total or comment or offset + size != at:
            raise self._fail("a ZIP in one piece, its directory right before the end record, expected", at)
        if total > self._limits.entries:
            raise self._fail(f"{total} entries, the limit is {self._limits.entries}", at, "RC706")
        directory = self._at(offset, size, "central directory")
        entries: dict[str, Entry] = {}
        spans: list[tuple[int, int]] = []
        at = 0
        for _ in range(total):
            entry, local, length = self._central(directory, at, offset)
            if entry.name in entries:
                raise self._fail(f"two entries are called {entry.name!r}", offset + at)
            entries[entry.name] = entry
            spans.append((local, entry.start + entry.packed))
            at += length
        if at != size:
            raise self._fail(f"{size - at} bytes too many in the directory", offset + at)
        self._check_spans(spans, offset)
        return entries

    def _check_spans(self, spans: list[tuple[int, int]], end: int) -> None:
        """Entries must lie one behind the other: overlapping ones are how small archives unpack to huge ones."""
        reached = 0
        for start, stop in sorted(spans):
            if start < reached or stop > end:
                raise self._fail("two entries overlap", start)
            reached = stop

    def _central(self, directory: bytes, at: int, base: int) -> tuple[Entry, int, int]:
        """One directory record: the entry, where its local header stands, and the record's length."""
        if len(directory) - at < _CENTRAL.size:
            raise self._fail("a directory record expected", base + at)
        (sign, _, _, flags, method, time, date, crc, packed, size, names, extra, comment, _, _, _, local) = (
            _CENTRAL.unpack_from(directory, at)
        )
        length = _CENTRAL.size + names + extra + comment
        if sign != b"PK\1\2" or at + length > len(directory):
            raise self._fail("a directory record (PK 01 02) expected", base + at)
        if flags & _ENCRYPTED or method not in (_STORED, _DEFLATE):
            raise self._fail(f"a stored or deflated entry expected, found method {method}, flags {flags}", base + at)
        if method == _STORED and packed != size:
            raise self._fail("a stored entry with two sizes", base + at)
        raw = directory[at + _CENTRAL.size : at + _CENTRAL.size + names]
        start = self._check_local(local, raw, flags, method, base + at)
        entry = Entry(
            name=self._name(raw, flags, base + at),
            method=method,
            packed=packed,
            size=size,
            crc=crc,
            start=start,
            written=_moment(date, time),
        )
        return entry, local, length

    def _check_local(self, local: int, name: bytes, flags: int, method: int, at: int) -> int:
        """The local header must say what the directory says; returns where the entry's data starts."""
        header = _LOCAL.unpack(self._at(local, _LOCAL.size, "local header"))
        sign, local_flags, local_method, names, extra = header[0], header[2], header[3], header[9], header[10]
        if (sign, local_flags, local_method, names) != (b"PK\3\4", flags, method, len(name)):
            raise self._fail("the local header differs from the directory", local)
        if self._at(local + _LOCAL.size, names, "entry name") != name:
            raise self._fail("the entry's name differs from the directory", at)
        return local + _LOCAL.size + len(name) + int(extra)

    def _name(self, raw: bytes, flags: int, at: int) -> str:
        try:
            name = raw.decode("utf-8" if flags & _UTF8 else "cp437").replace("\\", "/")
        except UnicodeDecodeError:
            raise self._fail("an entry name in UTF-8 expected", at) from None
        steps = name.split("/")
        if not name or "\0" in name or ":" in name or any(step in ("", ".", "..") for step in steps):
            raise self._fail(f"the entry name {name!r} leaves the archive", at)
        return name

    def read(self, entry: Entry) -> bytes:
        """The whole entry, its CRC-32 checked."""
        self._unpacked += entry.size
        if entry.size > self._limits.entry_bytes or self._unpacked > self._limits.archive_bytes:
            raise self._fail(f"{entry.name}: {entry.size} bytes unpacked are over the limit", entry.start, "RC706")
        data = self._unpack(entry, entry.size, whole=True)
        if len(data) != entry.size or zlib.crc32(data) != entry.crc:
            raise self._fail(f"{entry.name}: the check sum of the entry does not match", entry.start)
        return data

    def peek(self, entry: Entry, count: int) -> bytes:
        """At most the first `count` bytes of an entry that is not decoded; no check sum."""
        return self._unpack(entry, min(count, entry.size), whole=False)

    def _unpack(self, entry: Entry, count: int, *, whole: bool) -> bytes:
        if entry.method == _STORED:
            return self._at(entry.start, count, entry.name)
        # A few hundred bytes never need more than 4 KiB of deflate, code tables included: a large entry stays unread.
        packed = self._at(entry.start, entry.packed if whole else min(entry.packed, count + 4096), entry.name)
        return inflate(packed, -zlib.MAX_WBITS, count, self._part, entry.start, whole=whole)


def inflate(data: bytes, window: int, limit: int, part: str, offset: int, *, whole: bool = True) -> bytes:
    """Inflate to at most `limit` bytes; `whole` demands that the stream ends there, with nothing behind it."""
    engine = zlib.decompressobj(window)
    try:
        result = engine.decompress(data, max(1, limit + 1 if whole else limit))
    except zlib.error as error:
        raise IlearnerError(f"compressed data expected ({error})", offset=offset, part=part, code="RC707") from None
    if not whole:
        return result[:limit]
    if len(result) > limit:
        raise IlearnerError(f"unpacks to more than {limit} bytes", offset=offset, part=part, code="RC706")
    if not engine.eof or engine.unused_data:
        raise IlearnerError(
            "one complete compressed stream with nothing behind it expected", offset=offset, part=part, code="RC707"
        )
    return result


def _moment(date: int, time: int) -> str | None:
    """A DOS date and time as ISO 8601."""
    year, month, day = 1980 + (date >> 9), date >> 5 & 15, date & 31
    hour, minute, second = time >> 11, time >> 5 & 63, 2 * (time & 31)
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60):
        return None
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
