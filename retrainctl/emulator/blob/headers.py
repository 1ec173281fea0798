"""Headers of the Blob service, in requests and answers."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final

from retrainctl.emulator.blob.contents import Draft
from retrainctl.emulator.blob.shelf import Blob, Container
from retrainctl.emulator.clock import http_date
from retrainctl.emulator.exchange import Answer, Call, Refusal, Streamed

_KEPT: Final = (
    *("content-type", "content-encoding", "content-language", "content-disposition", "cache-control", "content-md5"),
)
_OVERRIDES: Final = {
    "rsct": "content-type",
    "rsce": "content-encoding",
    "rscl": "content-language",
    "rscd": "content-disposition",
    "rscc": "cache-control",
}
LEASE: Final = [("x-ms-lease-status", "unlocked"), ("x-ms-lease-state", "available")]
ENCRYPTED: Final = ("x-ms-request-server-encrypted", "true")
BINARY: Final = "application/octet-stream"


def metadata(call: Call) -> dict[str, str]:
    return {
        name.removeprefix("x-ms-meta-"): value for name, value in call.headers.items() if name.startswith("x-ms-meta-")
    }


def metadata_headers(metadata: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(f"x-ms-meta-{name}", value) for name, value in metadata.items()]


def kept_headers(call: Call) -> dict[str, str]:
    """The blob's own headers: `x-ms-blob-content-type`, else the Content-Type of the request that puts the bytes."""
    kept = {name: call.headers[f"x-ms-blob-{name}"] for name in _KEPT if call.headers.get(f"x-ms-blob-{name}")}
    if "comp" not in call.query:
        for name in ("content-type", "content-encoding", "content-language", "cache-control"):
            if call.headers.get(name):
                kept.setdefault(name, call.headers[name])
    kept.setdefault("content-type", BINARY)
    return kept


def marks(item: Blob | Container) -> list[tuple[str, str]]:
    return [("ETag", item.etag), ("Last-Modified", http_date(item.modified))]


def md5_header(draft: Draft) -> tuple[str, str]:
    return ("Content-MD5", base64.b64encode(draft.md5).decode())


def blob_answer(call: Call, blob: Blob, body: Streamed, part: str | None = None) -> Answer:
    """A blob with its headers; what a signature says of them (`rsct` ...) goes before. `part` is the Content-Range."""
    query = call.query
    own = {**blob.headers, **{name: query[key] for key, name in _OVERRIDES.items() if key in query}}
    media = own.pop("content-type", BINARY)
    headers = [
        *marks(blob),
        *own.items(),
        ("Accept-Ranges", "bytes"),
        ("x-ms-blob-type", "BlockBlob"),
        ("x-ms-creation-time", http_date(blob.created)),
        ("x-ms-server-encrypted", "true"),
        *LEASE,
        *metadata_headers(blob.metadata),
    ]
    if part is not None:
        # Content-MD5 would be that of the part: the whole blob's goes under another name.
        headers = [("x-ms-blob-content-md5" if name == "content-md5" else name, value) for name, value in headers]
        headers.append(("Content-Range", part))
    return Answer(status=200 if part is None else 206, headers=headers, body=body, media=media)


def asked_range(asked: str | None, size: int) -> tuple[int, int] | None:
    """(start, length) of `bytes=START-[END]`; None for no range, or for a form that the service ignores."""
    if not asked or not asked.startswith("bytes="):
        return None
    first, dash, last = asked.removeprefix("bytes=").partition("-")
    if not dash or not first.isdigit() or (last and not last.isdigit()):
        return None
    start, end = int(first), min(int(last), size - 1) if last else size - 1
    if start >= size or end < start:
        raise Refusal(
            416,
            "InvalidRange",
            "The range specified is invalid for the current size of the resource.",
            headers=[("Content-Range", f"bytes */{size}")],
        )
    return start, end - start + 1


def bad_header(name: str, value: str) -> Refusal:
    return Refusal(
        400,
        "InvalidHeaderValue" if value else "MissingRequiredHeader",
        "The value for one of the HTTP headers is not in the correct format."
        if value
        else "An HTTP header that's mandatory for this request is not specified.",
        [("HeaderName", name), ("HeaderValue", value)],
    )
