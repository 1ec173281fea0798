"""Opaque page tokens with the characters that break careless clients: `/`, `+` and `=`, percent-encoded in links."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from hashlib import sha512
from typing import Any
from urllib.parse import quote

from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.resources import Resource


def _token(seq: int) -> str:
    """Deterministic; of several spellings the first with all awkward characters is taken, as in the recorded token."""
    for salt in range(256):
        noise = sha512(f"{seq}|{salt}".encode()).digest()
        text = base64.b64encode(bytes([salt]) + noise + seq.to_bytes(8, "big")).decode()
        if "/" in text and "+" in text:
            return text
    raise AssertionError("unreachable: 256 salts")


def paged(
    call: Call,
    read: Callable[[int, int], tuple[list[Resource], bool]],
    view: Callable[[Resource], dict[str, Any]],
    limit: int,
) -> Answer:
    """One page, from the position that the call names; `read(after, limit)` gives rows and whether more follow."""
    found, more = read(position(call), limit)
    body: dict[str, Any] = {"value": [view(resource) for resource in found]}
    if more:
        body["nextLink"] = next_link(call, found[-1].seq)
    return Answer(body=body)


def next_link(call: Call, seq: int) -> str:
    """The absolute URI of the next page: this call's own, with `%24skiptoken` as recorded."""
    kept = "&".join(
        f"{quote(name)}={quote(value)}" for name, value in call.query.items() if name not in ("$skiptoken",)
    )
    path = quote(call.path, safe="/()")
    return f"{call.base}{path}?{kept}&%24skiptoken={quote(_token(seq), safe='')}"


def position(call: Call) -> int:
    """The row behind which the page starts; 0 without a token.

    Raises:
        Refusal: 400, the token is not one of ours.
    """
    given = call.query.get("$skiptoken")
    if not given:
        return 0
    try:
        seq = int.from_bytes(base64.b64decode(given, validate=True)[-8:], "big")
    except (binascii.Error, ValueError):
        seq = -1
    if seq < 0 or _token(seq) != given:
        raise Refusal(400, "InvalidSkipToken", "The skip token is not valid.", gateway=True)
    return seq
