"""Request bodies: small ones in memory, checked against their length and MD5; XML without document types."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final
from xml.etree import ElementTree

from retrainctl.emulator.exchange import Call, Interrupted, Refusal

_MOST: Final = 8 * 1024 * 1024


async def small_body(call: Call) -> bytes:
    """A small body, in memory."""
    assert call.stream is not None
    pieces: list[bytes] = []
    size = 0
    async for piece in call.stream:
        size += len(piece)
        if size > _MOST:
            raise Refusal(413, "RequestBodyTooLarge", "The request body is too large.")
        pieces.append(piece)
    body = b"".join(pieces)
    check_body(call, size, hashlib.md5(body, usedforsecurity=False).digest())
    return body


def check_body(call: Call, size: int, md5: bytes) -> None:
    told = call.headers.get("content-length")
    if told is not None and int(told) != size:
        raise Interrupted
    given = call.headers.get("content-md5")
    if given is None:
        return
    try:
        expected = base64.b64decode(given, validate=True)
    except binascii.Error:
        expected = b""
    if len(expected) != 16:
        raise Refusal(400, "InvalidMd5", "The MD5 value specified in the request is invalid.")
    if expected != md5:
        raise Refusal(
            400,
            "Md5Mismatch",
            "The MD5 value specified in the request did not match with the MD5 value calculated by the server.",
        )


def parse_xml(body: bytes) -> ElementTree.Element:
    if b"<!" in body:  # no document types: entities could grow without end
        raise bad_xml()
    try:
        return ElementTree.fromstring(body)  # noqa: S314 - documents with declarations were refused above
    except ElementTree.ParseError:
        raise bad_xml() from None


def bad_xml() -> Refusal:
    return Refusal(400, "InvalidXmlDocument", "XML specified is not syntactically valid.")
