"""One record a line, each bound to the one before it.

A line is `{"seq":N,"prev":"HASH","time":"...","type":"...", ... ,"hash":"HASH"}`: `hash` is the SHA-256 of the line's
bytes before `,"hash"`, `prev` the hash of the line before (of the last line of the former stream, for a first line).
Because `prev` comes first and `hash` last, a reader checks both on the bytes, without parsing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import orjson

from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.values import SecretRef

GENESIS: Final = "0" * 64
"""What the very first record of a ledger names as its predecessor."""

_TAIL: Final = len(b',"hash":"' + bytes(64) + b'"}')


class BrokenChain(Exception):
    """A line is not what was written; `line` counts from 1."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A stream that was read and found whole.

    lines: without line ends. hash: of the last line. size: bytes up to the last line end. torn: bytes after it, left
    by a write that was cut off and therefore never acknowledged.
    """

    lines: tuple[bytes, ...]
    hash: str
    size: int
    torn: int


def encode(record: Mapping[str, Any]) -> bytes:
    """A record's own members as compact JSON; a secret reference as `{"$secret": ...}`, never a secret."""
    return orjson.dumps(record, default=_foreign, option=orjson.OPT_PASSTHROUGH_DATACLASS)


def link(body: bytes, *, seq: int, prev: str, time: str) -> tuple[bytes, str]:
    """The line (with its end) of an encoded record, and its hash."""
    open_line = b'{"seq":%d,"prev":"%s","time":"%s",%s' % (seq, prev.encode(), time.encode(), body[1:-1])
    digest = sha256(open_line).hexdigest()
    return b'%s,"hash":"%s"}\n' % (open_line, digest.encode()), digest


def scan(data: bytes, *, prev: str, seq: int = 0) -> Scan:
    """Checks every line against its hash and its predecessor; raises `BrokenChain` at the first that does not fit.

    Args:
        data: A stream, or the part of one that follows line `seq`.
        prev: The hash of the line before.
        seq: How many lines come before `data`.
    """
    *lines, rest = data.split(b"\n")
    last = prev.encode()
    for number, line in enumerate(lines, start=seq + 1):
        digest = sha256(line[:-_TAIL]).hexdigest().encode()
        if line[-_TAIL:] != b',"hash":"%s"}' % digest:
            raise BrokenChain(number, "the line does not match its own hash, so it was changed after it was written")
        if not line.startswith(b'{"seq":%d,"prev":"%s",' % (number, last)):
            raise BrokenChain(number, "the line does not follow the one before it, so lines are missing or were moved")
        last = digest
    return Scan(lines=tuple(lines), hash=last.decode(), size=len(data) - len(rest), torn=len(rest))


def timestamp(moment: datetime) -> str:
    """UTC with microseconds, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The reverse of `timestamp`."""
    return datetime.fromisoformat(text)


def _foreign(value: Any) -> Any:
    if isinstance(value, SecretRef):
        return {"$secret": value.to_json()}
    if isinstance(value, Address):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be recorded")
