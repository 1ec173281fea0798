"""The TLC model container: a 256-byte header, a block, strings, a tail (ilearner-format.md 5.2).

Source: dotnet/machinelearning, `src/Microsoft.ML.Data/Model/ModelHeader.cs` (MIT), and the files themselves.
"""

from __future__ import annotations

import io
import struct
from typing import Final, NamedTuple

from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.source import Cursor, Source

HEADER_BYTES: Final = 0x100
_HEADER: Final = struct.Struct("<8s2I6q8s2I24s24s2q112s")
_TAIL: Final = b"LEDOM\0LM"
_CONTAINER_VERSION: Final = 0x00010001


class Header(NamedTuple):
    """What a container says it is. `signature` has its zero bytes as spaces; `version` is major << 16 | minor."""

    signature: str
    version: int
    loader: str


class Container(NamedTuple):
    """A whole container: its header, and a cursor on its block. `part` is the ZIP entry's name."""

    header: Header
    block: Cursor
    part: str


def version_text(version: int) -> str:
    """0x00020001 as "2.1"."""
    return f"{version >> 16}.{version & 0xFFFF}"


def read_header(data: bytes, part: str) -> Header:
    """The signature, version and loader; enough to name a container that is not decoded."""
    if len(data) < HEADER_BYTES:
        raise IlearnerError(f"a header of 256 bytes expected, found {len(data)}", offset=0, part=part, code="RC707")
    fields = _HEADER.unpack_from(data)
    magic, written, readable = fields[0], fields[1], fields[2]
    if magic != b"ML\0MODEL":
        raise IlearnerError("a model container (ML 00 MODEL) expected", offset=0, part=part, code="RC707")
    if written != _CONTAINER_VERSION or readable != _CONTAINER_VERSION:
        raise IlearnerError(f"container version 1.1 expected, found {written:#x}", offset=8, part=part, code="RC707")
    signature, version, oldest, loader = fields[9], fields[10], fields[11], fields[12]
    if oldest > version:
        raise IlearnerError("a model older than its own readers", offset=0x48, part=part, code="RC707")
    return Header(
        signature=_ascii(signature.replace(b"\0", b" "), 0x40, part),
        version=version,
        loader=_ascii(loader.rstrip(b"\0"), 0x50, part),
    )


def _ascii(raw: bytes, offset: int, part: str) -> str:
    if not all(0x20 <= byte < 0x7F for byte in raw):
        raise IlearnerError("a name in ASCII expected", offset=offset, part=part, code="RC707")
    return raw.decode("ascii")


def read_container(data: bytes, part: str) -> Container:
    """The whole container, every offset of its header checked against the bytes that are there.

    Raises:
        IlearnerError: a rule of ilearner-format.md 5.2 is broken; the offset counts within the entry.
    """
    header = read_header(data, part)
    fields = _HEADER.unpack_from(data)
    start, size, table, table_size, characters, characters_size = fields[3:9]
    tail, end, rest = fields[14], fields[15], fields[16]

    def check(holds: bool, offset: int, expected: str) -> None:
        if not holds:
            raise IlearnerError(f"{expected} expected", offset=offset, part=part, code="RC707")

    check(start == HEADER_BYTES and 0 <= size <= len(data) - HEADER_BYTES - 8, 0x10, "a block inside the entry")
    reached = start + size
    if table or table_size or characters or characters_size:
        check(table == reached and table_size % 8 == 0 and table_size >= 0, 0x20, "a string table behind the block")
        reached += table_size
        check(
            characters == reached and characters_size % 2 == 0 and characters_size >= 0,
            0x30,
            "strings behind their table",
        )
        reached += characters_size
    check(tail == reached and end == tail + 8 == len(data), 0x80, "a tail at the end of the entry")
    check(not fields[13].strip(b"\0") and not rest.strip(b"\0"), 0x68, "zeros in the unused part of the header")
    check(data[-8:] == _TAIL, len(data) - 8, "the tail LEDOM 00 LM")
    # Offsets in the block count from the start of the entry, as a hex editor shows them.
    block = Cursor(Source(io.BytesIO(data), start + size), part=part)
    block.offset = start
    return Container(header=header, block=block, part=part)
