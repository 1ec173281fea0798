"""Conditional requests: what must be true of a blob before anything is done with it."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from retrainctl.emulator.blob.shelf import Blob
from retrainctl.emulator.exchange import Call, Refusal


def check(call: Call, blob: Blob | None) -> None:
    """Judge If-Match, If-None-Match, If-Modified-Since and If-Unmodified-Since.

    Raises:
        Refusal: 304 for a read that has nothing new; 409 for a creation over a blob; else 412.
    """
    reading = call.method in ("GET", "HEAD")
    wanted = call.headers.get("if-match")
    if wanted is not None and (blob is None or not _matches(wanted, blob.etag)):
        raise _unmet()
    unwanted = call.headers.get("if-none-match")
    if unwanted is not None and blob is not None and _matches(unwanted, blob.etag):
        if reading:
            raise _unchanged(blob)
        if unwanted.strip() == "*":
            raise Refusal(409, "BlobAlreadyExists", "The specified blob already exists.")
        raise _unmet()
    if blob is not None:
        _check_times(call, blob, reading=reading)


def _check_times(call: Call, blob: Blob, *, reading: bool) -> None:
    since = _moment(call.headers.get("if-modified-since"))
    if since is not None and int(blob.modified) <= since:
        raise _unchanged(blob) if reading else _unmet()
    until = _moment(call.headers.get("if-unmodified-since"))
    if until is not None and int(blob.modified) > until:
        raise _unmet()


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        raise Refusal(
            400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format."
        ) from None


def _matches(wanted: str, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in wanted.split(",")}
    return "*" in tags or etag.strip('"') in tags


def _unmet() -> Refusal:
    return Refusal(412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")


def _unchanged(blob: Blob) -> Refusal:
    return Refusal(
        304,
        "ConditionNotMet",
        "The condition specified using HTTP conditional header(s) is not met.",
        headers=[("ETag", blob.etag)],
    )
