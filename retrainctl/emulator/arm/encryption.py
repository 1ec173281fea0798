"""Encrypted parameters: what a client sends is encrypted anew for each region that reads it.

A parameter with a non-empty `certificateThumbprint` carries ciphertext. The recordings send pair 1 and read pair 3,
steadily, so the pair that a region shows depends on the secret and the region only. Our "ciphertext" wraps the pair
that was sent; sent back, it is unwrapped, and is only valid in the region it was made for.
"""

from __future__ import annotations

import base64
from hashlib import sha1
from typing import Any

import orjson

from retrainctl.emulator.arm.regions import HOST_PREFIXES


def thumbprint(region: str) -> str:
    """The certificate of a region (its slug), as 40 hex digits."""
    return sha1(f"retrainctl emulator certificate {region}".encode()).hexdigest().upper()  # noqa: S324 - a name, no protection


_REGION_OF = {thumbprint(region): region for region in HOST_PREFIXES}


class WrongRegion(Exception):
    """A ciphertext of another region was written."""


def sealed(parameter: Any) -> bool:
    return isinstance(parameter, dict) and bool(parameter.get("certificateThumbprint"))


def show(parameter: dict[str, Any], region: str) -> dict[str, Any]:
    """The parameter as a read for `region` shows it."""
    original = orjson.dumps([parameter.get("value"), parameter["certificateThumbprint"]])
    sealed_value = base64.b64encode(region.encode() + b"\0" + original).decode()
    return {**parameter, "value": sealed_value, "certificateThumbprint": thumbprint(region)}


def accept(parameter: dict[str, Any], region: str) -> dict[str, Any]:
    """The parameter as it is kept: unwrapped if it came from a read, else as sent.

    Raises:
        WrongRegion: it was read for another region.
    """
    made_for = _REGION_OF.get(parameter["certificateThumbprint"])
    if made_for is None:
        return parameter
    if made_for != region:
        raise WrongRegion(made_for)
    raw = base64.b64decode(parameter["value"])
    value, original = orjson.loads(raw.partition(b"\0")[2])
    return {**parameter, "value": value, "certificateThumbprint": original}
