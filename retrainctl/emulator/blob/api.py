"""The operations of the Blob service, and which one a request means."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote
from xml.etree import ElementTree

from retrainctl.emulator.blob import access, conditions, listing, signature
from retrainctl.emulator.blob.access import Access
from retrainctl.emulator.blob.address import ACCOUNT, CONTAINER
from retrainctl.emulator.blob.body import bad_xml, check_body, parse_xml, small_body
from retrainctl.emulator.blob.contents import Draft
from retrainctl.emulator.blob.dialect import XML, document
from retrainctl.emulator.blob.headers import (
    ENCRYPTED,
    LEASE,
    asked_range,
    bad_header,
    blob_answer,
    kept_headers,
    marks,
    md5_header,
    metadata,
    metadata_headers,
)
from retrainctl.emulator.blob.shelf import Blob, Container, Shelf
from retrainctl.emulator.clock import parse_moment, stamp
from retrainctl.emulator.exchange import Answer, Call, Interrupted, Refusal, Streamed
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import TENANT, account_key

_MOST_BLOCKS: Final = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A call with the names in its path and what it may do. `container` and `blob` are "" where the path has none."""

    call: Call
    account: str
    container: str
    blob: str
    access: Access
    found: Container | None

    @property
    def operation(self) -> str:
        """Verb and kind, as `PUT container` or `GET blob metadata`."""
        query = self.call.query
        kind = "blob" if self.blob else "container" if self.container else "account"
        return " ".join(part for part in (self.call.method, kind, query.get("comp", "")) if part)


class BlobApi:
    """Answers requests from the shelf."""

    def __init__(self, frame: Frame, shelf: Shelf) -> None:
        self._frame = frame
        self._shelf = shelf
        self._operations = {
            "GET account list": self._list_containers,
            "POST account userdelegationkey": self._delegation_key,
            "GET account properties": self._account_properties,
            "HEAD account properties": self._account_properties,
            "PUT container": self._create_container,
            "GET container": self._container_properties,
            "HEAD container": self._container_properties,
            "GET container metadata": self._container_properties,
            "PUT container metadata": self._container_metadata,
            "DELETE container": self._delete_container,
            "GET container list": self._list_blobs,
            "PUT blob": self._put,
            "PUT blob block": self._put_block,
            "PUT blob blocklist": self._commit,
            "GET blob blocklist": self._blocks,
            "GET blob": self._get,
            "HEAD blob": self._head,
            "GET blob metadata": self._head,
            "HEAD blob metadata": self._head,
            "PUT blob metadata": self._set_metadata,
            "PUT blob properties": self._set_properties,
            "DELETE blob": self._delete,
        }

    async def answer(self, call: Call) -> Answer:
        """Find the operation and run it.

        Raises:
            Refusal: what the service refuses.
        """
        request = self._request(call)
        operation = self._operations.get(request.operation)
        if operation is None or call.headers.get("x-ms-copy-source"):
            raise Refusal(
                400, "UnsupportedOperation", f"The emulator's Blob service has no operation {request.operation}."
            )
        try:
            return await operation(request)
        except Interrupted:
            raise Refusal(400, "IncompleteBody", "The request body ended before it was complete.") from None

    def _request(self, call: Call) -> Request:
        account, container, blob = split_target(call.target)
        if not ACCOUNT.fullmatch(account):
            raise Refusal(400, "InvalidUri", f"There is no storage account {account!r}.")
        if container and not CONTAINER.fullmatch(container):
            raise Refusal(400, "InvalidResourceName", "The specified resource name contains invalid characters.")
        found = self._shelf.container(account, container) if container else None
        allowed = access.admit(
            call, account, container, blob, found, identity=self._frame.identity, now=self._frame.clock.now()
        )
        return Request(call=call, account=account, container=container, blob=blob, access=allowed, found=found)

    # Account

    async def _list_containers(self, request: Request) -> Answer:
        request.access.require("service", "l")
        query = request.call.query
        found = self._shelf.containers(request.account, query.get("prefix", ""), listing.marker(query))
        return Answer(body=listing.containers_page(found, self._base(request), query), media=XML)

    async def _account_properties(self, request: Request) -> Answer:
        request.access.require("service", "r")
        if request.call.query.get("restype") == "account":
            return Answer(headers=[("x-ms-sku-name", "Standard_LRS"), ("x-ms-account-kind", "StorageV2")])
        properties = "<HourMetrics/><MinuteMetrics/><Cors/><StaticWebsite><Enabled>false</Enabled></StaticWebsite>"
        return Answer(body=document(f"<StorageServiceProperties>{properties}</StorageServiceProperties>"), media=XML)

    async def _delegation_key(self, request: Request) -> Answer:
        """A key that stands for the caller until its expiry; only a bearer token may ask for one."""
        if not request.call.headers.get("authorization", "").startswith("Bearer "):
            raise access.authentication_failed("Only Microsoft Entra credentials may ask for a user delegation key.")
        asked = parse_xml(await small_body(request.call))
        expiry = asked.findtext("Expiry") or ""
        start = asked.findtext("Start") or stamp(self._frame.clock.now())
        try:
            life = parse_moment(expiry) - max(parse_moment(start), self._frame.clock.now())
        except ValueError:
            raise bad_xml() from None
        if not 0 < life <= 7 * 86400 + 900:
            raise Refusal(400, "InvalidXmlNodeValue", "The expiry must lie within seven days.")
        members = {
            "skoid": "00000000-0000-0000-0000-000000000003",
            "sktid": TENANT,
            "skt": start,
            "ske": expiry,
            "sks": "b",
            "skv": request.call.headers.get("x-ms-version", "2021-12-02"),
        }
        value = signature.delegation_key(account_key(request.account), members)
        tags = ("SignedOid", "SignedTid", "SignedStart", "SignedExpiry", "SignedService", "SignedVersion")
        body = "".join(f"<{tag}>{text}</{tag}>" for tag, text in zip(tags, members.values(), strict=True))
        return Answer(body=document(f"<UserDelegationKey>{body}<Value>{value}</Value></UserDelegationKey>"), media=XML)

    # Containers

    async def _create_container(self, request: Request) -> Answer:
        request.access.require("container", "cw")
        public = request.call.headers.get("x-ms-blob-public-access", "")
        if public not in ("", "blob", "container"):
            raise bad_header("x-ms-blob-public-access", public)
        if request.found is not None:
            raise Refusal(409, "ContainerAlreadyExists", "The specified container already exists.")
        with self._frame.store.transaction():
            made = self._shelf.put_container(request.account, request.container, public, metadata(request.call))
        return Answer(status=201, headers=marks(made), wrote=True)

    async def _container_properties(self, request: Request) -> Answer:
        request.access.require("container", "r")
        found = _existing(request)
        public = [("x-ms-blob-public-access", found.access)] if found.access else []
        return Answer(headers=[*marks(found), *LEASE, *public, *metadata_headers(found.metadata)])

    async def _container_metadata(self, request: Request) -> Answer:
        request.access.require("container", "w")
        found = _existing(request)
        with self._frame.store.transaction():
            made = self._shelf.put_container(found.account, found.name, found.access, metadata(request.call))
        return Answer(headers=marks(made), wrote=True)

    async def _delete_container(self, request: Request) -> Answer:
        request.access.require("container", "d")
        found = _existing(request)
        with self._frame.store.transaction():
            self._shelf.drop_container(found.account, found.name)
        return Answer(status=202, wrote=True)

    async def _list_blobs(self, request: Request) -> Answer:
        request.access.require("container", "l")
        found, query = _existing(request), request.call.query
        shown = listing.page(self._shelf, found.account, found.name, query)
        sizes: dict[str, int] = {}
        for item in shown.items:
            if isinstance(item, Blob):
                sizes[item.name] = await self._size(item)
                await asyncio.sleep(0)  # many may be made now: others get their turn in between
        page = listing.blobs_page(shown, sizes, found.name, self._base(request), query)
        return Answer(body=page, media=XML)

    # Writing blobs

    async def _put(self, request: Request) -> Answer:
        kind = request.call.headers.get("x-ms-blob-type")
        if kind != "BlockBlob":
            if kind in ("AppendBlob", "PageBlob"):
                raise Refusal(
                    400, "UnsupportedOperation", f"The emulator keeps block blobs only; it has no {kind}. Azurite has."
                )
            raise bad_header("x-ms-blob-type", kind or "")
        self._may_write(request)
        draft = await self._receive(request.call)
        headers = kept_headers(request.call)
        headers.setdefault("content-md5", base64.b64encode(draft.md5).decode())
        with self._frame.store.transaction():
            self._check_free(request)
            content = self._shelf.contents.adopt(draft)
            blob = self._shelf.put(
                request.account, request.container, request.blob, [("", content)], headers, metadata(request.call)
            )
        return Answer(status=201, headers=[*marks(blob), md5_header(draft), ENCRYPTED], wrote=True)

    async def _put_block(self, request: Request) -> Answer:
        block = request.call.query.get("blockid", "")
        try:
            if not 0 < len(base64.b64decode(block, validate=True)) <= 64:
                raise ValueError
        except ValueError:
            raise Refusal(
                400,
                "InvalidQueryParameterValue",
                "Value for one of the query parameters specified in the request URI is invalid.",
                [("QueryParameterName", "blockid"), ("QueryParameterValue", block)],
            ) from None
        self._may_write(request)
        draft = await self._receive(request.call)
        with self._frame.store.transaction():
            self._check_length_of_id(request, block)
            content = self._shelf.contents.adopt(draft)
            self._shelf.stage(request.account, request.container, request.blob, block, content, draft.size)
        return Answer(status=201, headers=[md5_header(draft), ENCRYPTED], wrote=True)

    def _check_length_of_id(self, request: Request, block: str) -> None:
        staged = self._shelf.staged(request.account, request.container, request.blob)
        if len(staged) >= _MOST_BLOCKS * 2:
            raise Refusal(409, "BlockCountExceedsLimit", "The uncommitted block count cannot exceed 100,000.")
        if any(len(other) != len(block) for other in staged):
            raise Refusal(400, "InvalidBlobOrBlock", "The specified blob or block content is invalid.")

    async def _commit(self, request: Request) -> Answer:
        self._may_write(request)
        wanted = parse_xml(await small_body(request.call))
        if len(wanted) > _MOST_BLOCKS:
            raise Refusal(400, "BlockListTooLong", "The block list may not contain more than 50,000 blocks.")
        with self._frame.store.transaction():
            self._check_free(request)
            parts = self._chosen(request, wanted)
            headers = kept_headers(request.call)
            blob = self._shelf.put(
                request.account, request.container, request.blob, parts, headers, metadata(request.call)
            )
        return Answer(status=201, headers=[*marks(blob), ENCRYPTED], wrote=True)

    def _chosen(self, request: Request, wanted: ElementTree.Element) -> list[tuple[str, str]]:
        """The contents behind a block list; a block that is nowhere is an error."""
        key = (request.account, request.container, request.blob)
        staged = {block: content for block, (content, _) in self._shelf.staged(*key).items()}
        before = self._shelf.blob(*key)
        committed = {block: content for block, content in before.parts if block} if before else {}
        sources = {
            "Committed": (committed,),
            "Uncommitted": (staged,),
            "Latest": (staged, committed),
        }
        parts = []
        for item in wanted:
            block = (item.text or "").strip()
            content = next((known[block] for known in sources.get(item.tag, ()) if block in known), None)
            if content is None:
                raise Refusal(400, "InvalidBlockList", "The specified block list is invalid.")
            parts.append((block, content))
        return parts

    async def _blocks(self, request: Request) -> Answer:
        request.access.require("object", "r")
        _existing(request)
        key = (request.account, request.container, request.blob)
        kind = request.call.query.get("blocklisttype", "committed").lower()
        blob, staged = self._shelf.blob(*key), self._shelf.staged(*key)
        if blob is None and not staged:
            raise _no_blob()
        body = ""
        if kind in ("committed", "all"):
            sizes = [(block, self._shelf.contents.size(content) or 0) for block, content in blob.parts] if blob else []
            body += _block_xml("CommittedBlocks", [(block, size) for block, size in sizes if block])
        if kind in ("uncommitted", "all"):
            body += _block_xml("UncommittedBlocks", [(block, size) for block, (_, size) in staged.items()])
        return Answer(body=document(f"<BlockList>{body}</BlockList>"), media=XML)

    async def _set_metadata(self, request: Request) -> Answer:
        request.access.require("object", "w")
        with self._frame.store.transaction():
            blob = self._blob(request)
            changed = self._shelf.change(blob, blob.headers, metadata(request.call))
        return Answer(headers=[*marks(changed), ENCRYPTED], wrote=True)

    async def _set_properties(self, request: Request) -> Answer:
        request.access.require("object", "w")
        with self._frame.store.transaction():
            blob = self._blob(request)
            changed = self._shelf.change(blob, kept_headers(request.call), blob.metadata)
        return Answer(headers=marks(changed), wrote=True)

    async def _delete(self, request: Request) -> Answer:
        request.access.require("object", "d")
        with self._frame.store.transaction():
            self._shelf.drop(self._blob(request))
        return Answer(status=202, headers=[("x-ms-delete-type-permanent", "true")], wrote=True)

    # Reading blobs

    async def _head(self, request: Request) -> Answer:
        request.access.require("object", "r")
        blob = self._blob(request)
        size = await self._size(blob)
        if request.call.query.get("comp") == "metadata":
            return Answer(headers=[*marks(blob), *metadata_headers(blob.metadata)])
        return blob_answer(request.call, blob, Streamed(length=size, chunks=None))

    async def _get(self, request: Request) -> Answer:
        request.access.require("object", "r")
        blob = self._blob(request)
        size = await self._size(blob)
        asked = request.call.headers.get("x-ms-range") or request.call.headers.get("range")
        span = asked_range(asked, size)
        start, length = span or (0, size)
        body = Streamed(length=length, chunks=_asynchronous(self._shelf.pieces(blob, start, length)))
        told = None if span is None else f"bytes {start}-{start + length - 1}/{size}"
        return blob_answer(request.call, blob, body, told)

    async def _size(self, blob: Blob) -> int:
        with self._frame.store.transaction():
            return self._shelf.ready(blob)

    # Details

    def _base(self, request: Request) -> str:
        return f"{request.call.base}/{request.account}"

    def _may_write(self, request: Request) -> None:
        request.access.require("object", "wc")
        _existing(request)
        self._check_free(request)

    def _check_free(self, request: Request) -> None:
        """The conditions of the request, and that a mere `create` permission does not overwrite."""
        blob = self._shelf.blob(request.account, request.container, request.blob)
        if request.call.query.get("comp") != "block":
            conditions.check(request.call, blob)
            if blob is not None:
                request.access.require("object", "w")

    def _blob(self, request: Request) -> Blob:
        _existing(request)
        blob = self._shelf.blob(request.account, request.container, request.blob)
        if blob is None:
            raise _no_blob()
        conditions.check(request.call, blob)
        return blob

    async def _receive(self, call: Call) -> Draft:
        """The body as a file; checked against its length and its MD5."""
        assert call.stream is not None
        path = self._shelf.contents.new_draft()
        digest, size = hashlib.md5(usedforsecurity=False), 0
        try:
            with path.open("wb") as file:
                async for piece in call.stream:
                    file.write(piece)
                    digest.update(piece)
                    size += len(piece)
            check_body(call, size, digest.digest())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Draft(path=path, size=size, md5=digest.digest())


def split_target(target: str) -> tuple[str, str, str]:
    """Account, container and blob name of a request's path; decoded, and with nothing collapsed in the blob's name."""
    path = target.partition("?")[0].lstrip("/")
    account, _, rest = path.partition("/")
    container, _, blob = rest.partition("/")
    return unquote(account), unquote(container), unquote(blob)


def _existing(request: Request) -> Container:
    if request.found is None:
        raise Refusal(404, "ContainerNotFound", "The specified container does not exist.")
    return request.found


def _no_blob() -> Refusal:
    return Refusal(404, "BlobNotFound", "The specified blob does not exist.")


def _block_xml(tag: str, blocks: list[tuple[str, int]]) -> str:
    items = "".join(f"<Block><Name>{name}</Name><Size>{size}</Size></Block>" for name, size in blocks)
    return f"<{tag}>{items}</{tag}>"


async def _asynchronous(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Other requests get their turn between two pieces."""
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)
