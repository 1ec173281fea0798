"""The two lists of the Blob service, as XML."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from retrainctl.emulator.blob.dialect import document
from retrainctl.emulator.blob.shelf import Blob, Container, Shelf
from retrainctl.emulator.clock import http_date
from retrainctl.emulator.exchange import Refusal

_MOST = 5000
_NAMES = {
    "content-type": "Content-Type",
    "content-encoding": "Content-Encoding",
    "content-language": "Content-Language",
    "content-md5": "Content-MD5",
    "content-disposition": "Content-Disposition",
    "cache-control": "Cache-Control",
}


def containers_page(found: Iterable[Container], base: str, query: Mapping[str, str]) -> bytes:
    limit = _limit(query)
    items: list[str] = []
    last = ""
    for container in found:
        if len(items) == limit:
            break
        last = container.name
        items.append(_container(container, with_metadata="metadata" in query.get("include", "")))
    else:
        last = ""
    body = f"<Containers>{''.join(items)}</Containers>{_next(last)}"
    return document(f"<EnumerationResults ServiceEndpoint={quoteattr(base)}>{_echo(query)}{body}</EnumerationResults>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one page of blobs shows: blobs, and prefixes for names that go on behind a delimiter; `last` ends it."""

    items: Sequence[Blob | str]
    last: str


def page(shelf: Shelf, account: str, container: str, query: Mapping[str, str]) -> Page:
    """The page that a list request asks for."""
    limit, prefix, delimiter = _limit(query), query.get("prefix", ""), query.get("delimiter", "")
    items: list[Blob | str] = []
    seen = last = ""
    for blob in shelf.blobs(account, container, prefix, marker(query)):
        cut = blob.name.find(delimiter, len(prefix)) if delimiter else -1
        group = blob.name[: cut + len(delimiter)] if cut >= 0 else ""
        if group and group == seen:
            last = blob.name
            continue
        if len(items) == limit:
            break
        last, seen = blob.name, group
        items.append(group or blob)
    else:
        last = ""
    return Page(items=items, last=last)


def blobs_page(shown: Page, sizes: Mapping[str, int], container: str, base: str, query: Mapping[str, str]) -> bytes:
    """`sizes` has the size of every blob of the page, by name."""
    with_metadata = "metadata" in query.get("include", "")
    items = [
        f"<BlobPrefix><Name>{escape(item)}</Name></BlobPrefix>"
        if isinstance(item, str)
        else _blob(item, sizes[item.name], with_metadata=with_metadata)
        for item in shown.items
    ]
    head = f"ServiceEndpoint={quoteattr(base)} ContainerName={quoteattr(container)}"
    body = f"<Blobs>{''.join(items)}</Blobs>{_next(shown.last)}"
    return document(f"<EnumerationResults {head}>{_echo(query)}{body}</EnumerationResults>")


def marker(query: Mapping[str, str]) -> str:
    """The name behind which a page begins; opaque to clients."""
    given = query.get("marker", "")
    try:
        return base64.urlsafe_b64decode(given.encode()).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise _bad_query("marker", given) from None


def _next(last: str) -> str:
    return f"<NextMarker>{base64.urlsafe_b64encode(last.encode()).decode()}</NextMarker>"


def _limit(query: Mapping[str, str]) -> int:
    given = query.get("maxresults", str(_MOST))
    if not given.isascii() or not given.isdigit() or int(given) < 1:
        raise _bad_query("maxresults", given)
    return min(int(given), _MOST)


def _bad_query(name: str, value: str) -> Refusal:
    return Refusal(
        400,
        "OutOfRangeQueryParameterValue" if name == "maxresults" else "InvalidQueryParameterValue",
        "Value for one of the query parameters specified in the request URI is invalid.",
        [("QueryParameterName", name), ("QueryParameterValue", value)],
    )


def _echo(query: Mapping[str, str]) -> str:
    names = {"prefix": "Prefix", "marker": "Marker", "maxresults": "MaxResults", "delimiter": "Delimiter"}
    return "".join(f"<{tag}>{escape(query[name])}</{tag}>" for name, tag in names.items() if query.get(name))


def _container(container: Container, *, with_metadata: bool) -> str:
    properties = (
        f"<Last-Modified>{http_date(container.modified)}</Last-Modified><Etag>{escape(container.etag)}</Etag>"
        "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>"
        + (f"<PublicAccess>{container.access}</PublicAccess>" if container.access else "")
        + "<HasImmutabilityPolicy>false</HasImmutabilityPolicy><HasLegalHold>false</HasLegalHold>"
    )
    metadata = _metadata(container.metadata) if with_metadata else ""
    name = escape(container.name)
    return f"<Container><Name>{name}</Name><Properties>{properties}</Properties>{metadata}</Container>"


def _blob(blob: Blob, size: int, *, with_metadata: bool) -> str:
    headers = "".join(
        f"<{tag}>{escape(blob.headers[name])}</{tag}>" for name, tag in _NAMES.items() if blob.headers.get(name)
    )
    properties = (
        f"<Creation-Time>{http_date(blob.created)}</Creation-Time>"
        f"<Last-Modified>{http_date(blob.modified)}</Last-Modified><Etag>{escape(blob.etag.strip(chr(34)))}</Etag>"
        f"<Content-Length>{size}</Content-Length>{headers}<BlobType>BlockBlob</BlobType>"
        "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState><ServerEncrypted>true</ServerEncrypted>"
    )
    metadata = _metadata(blob.metadata) if with_metadata else ""
    return f"<Blob><Name>{escape(blob.name)}</Name><Properties>{properties}</Properties>{metadata}</Blob>"


def _metadata(metadata: Mapping[str, str]) -> str:
    return f"<Metadata>{''.join(f'<{name}>{escape(value)}</{name}>' for name, value in metadata.items())}</Metadata>"
