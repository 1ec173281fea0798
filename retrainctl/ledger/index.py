"""The index: a `Knowledge` in one file, so that a plan need not replay every run. Derived, safe to delete.

Lines: a checksum of the rest; the state without what is applied; the addresses of what is applied; then one line for
each of them, which is parsed only when somebody asks. The index is believed only when every stream still is what it
was derived from (`LedgerReader` compares marks, sizes and hashes); anything else means a replay.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import orjson

from retrainctl.ledger.knowledge import Head, Knowledge

_FORMAT: Final = 1


def encode(knowledge: Knowledge) -> bytes:
    """The index file."""
    state = {
        "format": _FORMAT,
        "heads": {str(n): [h.size, h.seq, h.hash, h.time, h.mark] for n, h in knowledge.heads.items()},
        "runs": knowledge.runs,
        "current": knowledge.current,
        "unsettled": [[*key, intent] for key, intent in knowledge.unsettled.items()],
    }
    lines = [orjson.dumps(state), orjson.dumps(list(knowledge.applied)), *knowledge.applied.values()]
    body = b"\n".join(lines)
    return _checksum(body) + b"\n" + body


def decode(data: bytes) -> Knowledge | None:
    """None when it is damaged or of another format: then it is not there."""
    checksum, _, body = data.partition(b"\n")
    if _checksum(body) != checksum:
        return None
    first, addresses, *applied = body.split(b"\n")
    state = orjson.loads(first)
    if state["format"] != _FORMAT:
        return None
    return Knowledge(
        heads={
            int(number): Head(size=size, seq=seq, hash=last, time=time, mark=mark)
            for number, (size, seq, last, time, mark) in state["heads"].items()
        },
        applied=dict(zip(orjson.loads(addresses), applied, strict=True)),
        unsettled={(stream, seq): intent for stream, seq, intent in state["unsettled"]},
        runs=state["runs"],
        current=state["current"],
    )


def _checksum(body: bytes) -> bytes:
    return blake2b(body, digest_size=16).hexdigest().encode()
