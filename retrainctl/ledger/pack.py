"""Packs: many documents in one immutable file, named by the hash of its table of contents.

`retrainctl-pack 1 LENGTH\n`, then LENGTH bytes of JSON (`items`: name, sha256, offset, size and whatever the writer
adds), then the documents. The name vouches for the table, the table for every document, so one document can be read
and trusted without the others. Equal documents are kept once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any, Final

import orjson

from retrainctl.fastclass import dataclass
from retrainctl.patterns import late

_PREAMBLE: Final = late(rb"retrainctl-pack 1 ([0-9]{12})\n")
_FIRST_READ: Final = 1 << 16

Fetch = Callable[[int, int | None], bytes]
"""Reads `length` bytes (None: all) of a pack from an offset."""


class BrokenPack(Exception):
    """The pack is not what was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A pack ready to be kept."""

    digest: str
    chunks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A pack's table; `start` is where its documents begin."""

    items: tuple[Mapping[str, Any], ...]
    start: int


def build(items: Iterable[tuple[Mapping[str, Any], bytes]]) -> Pack:
    """Packs documents, each with the members that describe it, in the order given."""
    table: list[dict[str, Any]] = []
    chunks: list[bytes] = []
    places: dict[str, int] = {}
    end = 0
    for about, data in items:
        digest = sha256(data).hexdigest()
        if (place := places.get(digest)) is None:
            place = places[digest] = end
            chunks.append(data)
            end += len(data)
        table.append({**about, "sha256": digest, "offset": place, "size": len(data)})
    header = orjson.dumps({"items": table})
    head = b"retrainctl-pack 1 %012d\n" % len(header) + header
    return Pack(digest=sha256(header).hexdigest(), chunks=(head, *chunks))


def contents(digest: str, fetch: Fetch) -> Contents:
    """Reads and checks the table; raises `BrokenPack`."""
    head = fetch(0, _FIRST_READ)
    if (preamble := _PREAMBLE.match(head)) is None:
        raise BrokenPack("it does not begin as a pack does")
    start = preamble.end() + int(preamble[1])
    if start > len(head):
        head += fetch(len(head), start - len(head))
    header = head[preamble.end() : start]
    if sha256(header).hexdigest() != digest:
        raise BrokenPack("its table of contents does not match its name")
    return Contents(items=tuple(orjson.loads(header)["items"]), start=start)


def document(item: Mapping[str, Any], start: int, fetch: Fetch) -> bytes:
    """Reads and checks one document; raises `BrokenPack`."""
    data = fetch(start + item["offset"], item["size"]) if item["size"] else b""
    if sha256(data).hexdigest() != item["sha256"]:
        raise BrokenPack(f"the document {item.get('name')!r} in it does not match its hash")
    return data
