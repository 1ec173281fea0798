"""The ledger in a container: append blobs `runs/00000001.jsonl`, blobs `packs/DIGEST.pack`, `lease`, `applied.index`.

Azure holds the lease: it lapses by the service's clock. Every run's blob is leased for ever to the holder that made it,
so each append is conditional on that lease and on the position; whoever takes over breaks the lease of the blob that
the former holder left and takes it, after which nothing that the former one sends is accepted.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import orjson

import retrainctl.targets.azure  # noqa: F401 - it keeps the libraries' log away from stderr
from retrainctl.model.values import Secret
from retrainctl.ports import LeaseGrant, LeaseHeld, LeaseLost, LeaseOwner, LeaseState, LedgerUnavailable, StreamInfo

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.exceptions import AzureError, HttpResponseError
    from azure.storage.blob import BlobClient, BlobLeaseClient, ContainerClient

BLOCK: Final = 4 * 1024 * 1024
"""The most that one append takes in every version of the service."""

_FOR_EVER: Final = -1
_SHORTEST_LEASE: Final = 15
_LONGEST_LEASE: Final = 60
_LOST: Final = frozenset(
    {
        "BlobAlreadyExists",
        "LeaseAlreadyBroken",
        "LeaseAlreadyPresent",
        "LeaseIdMismatchWithBlobOperation",
        "LeaseIdMismatchWithLeaseOperation",
        "LeaseIdMissing",
        "LeaseIsBreakingAndCannotBeAcquired",
        "LeaseIsBrokenAndCannotBeRenewed",
        "LeaseLost",
        "LeaseNotPresentWithBlobOperation",
        "LeaseNotPresentWithLeaseOperation",
    }
)
_PATIENCE: Final = {
    "initial_backoff": 1,
    "increment_base": 2,
    "retry_total": 3,
    "connection_timeout": 5,
    "read_timeout": 15,
}
"""A call that hangs longer than the lease lasts would be worse than one that fails."""


def parse_place(place: str) -> tuple[str, str, str]:
    """Account, container and folder of `azblob://ACCOUNT/CONTAINER/FOLDER`; raises `LedgerUnavailable`."""
    scheme, _, rest = place.partition("://")
    account, _, path = rest.partition("/")
    container, _, folder = path.strip("/").partition("/")
    if scheme != "azblob" or not account or not container:
        raise LedgerUnavailable(
            f"not the place of a ledger: {place!r}", hint="Write `ledger: azblob://ACCOUNT/CONTAINER/FOLDER`."
        )
    return account, container, folder


class AzureLedgerStore:
    """A `LedgerStore` in Azure Blob Storage. Connects at the first call; `close` ends its connections."""

    append_limit: int | None = 49_000
    """The service takes 50,000 appends to one blob; an append of more than `BLOCK` bytes counts several times."""

    def __init__(
        self,
        place: str,
        credential: Secret | TokenCredential,
        *,
        endpoint: str | None = None,
        new_handle: Callable[[], str] = lambda: str(uuid4()),
        **options: Any,
    ) -> None:
        """Names the place; asks nobody yet.

        Args:
            place: `azblob://ACCOUNT/CONTAINER/FOLDER`. The container must exist.
            credential: The account's key, or a source of Entra tokens (azure-identity), whose identity needs the role
                Storage Blob Data Contributor.
            endpoint: The account's address where it is not `https://ACCOUNT.blob.core.windows.net`.
            new_handle: Makes lease ids (GUIDs).
            options: For azure-storage-blob: `transport`, `connection_verify`, `proxies` ...
        """
        self._account, self._container_name, folder = parse_place(place)
        self._place = place.rstrip("/")
        self._prefix = f"{folder}/" if folder else ""
        self._credential = credential
        self._endpoint = endpoint or f"https://{self._account}.blob.core.windows.net"
        self._new_handle = new_handle
        self._options = options
        self._mine: set[int] = set()
        self._said: dict[str, Any] = {}

    @property
    def place(self) -> str:
        return self._place

    def name(self, number: int) -> str:
        return f"{self._place}/runs/{number:08}.jsonl"

    def close(self) -> None:
        """Ends the connections."""
        if "_container" in self.__dict__:
            self._container.close()

    def streams(self) -> Sequence[StreamInfo]:
        found = []
        start = f"{self._prefix}runs/"
        with self._told("read"):
            for blob in self._container.list_blobs(name_starts_with=start):
                stem, _, end = blob.name[len(start) :].partition(".")
                if end == "jsonl" and stem.isdigit():
                    found.append(StreamInfo(number=int(stem), size=blob.size, mark=blob.etag))
        return sorted(found, key=lambda info: info.number)

    def read(self, number: int, offset: int = 0) -> bytes:
        with self._told("read"):
            return self._download(f"runs/{number:08}.jsonl", offset)

    def create(self, number: int, grant: LeaseGrant) -> None:
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceExistsError

        blob = self._stream(number)
        with self._told("write"):
            with suppress(ResourceExistsError):  # by somebody else, or by our own call whose answer was lost
                blob.create_append_blob(match_condition=MatchConditions.IfMissing)
            lease = self._lease_client(blob, grant)
            lease.acquire(_FOR_EVER)
            if blob.get_blob_properties().size:
                lease.release()
                raise LeaseLost(f"somebody else has already begun {self.name(number)}")
        self._mine.add(number)

    def append(self, number: int, data: bytes, *, offset: int, grant: LeaseGrant) -> None:
        from azure.core.exceptions import HttpResponseError

        blob = self._stream(number)
        with self._told("write"):
            for block in _blocks(data):
                try:
                    blob.append_block(block, appendpos_condition=offset, lease=grant.handle)
                except HttpResponseError as refused:
                    # A call whose answer was lost is sent again, and then it is its own predecessor that it meets.
                    if _code(refused) != "AppendPositionConditionNotMet":
                        raise
                    if self._download(f"runs/{number:08}.jsonl", offset, len(block)) != block:
                        raise LeaseLost(f"somebody else wrote to {self.name(number)}") from None
                offset += len(block)

    def seal(self, number: int, grant: LeaseGrant) -> None:
        from azure.core.exceptions import ResourceExistsError

        blob = self._stream(number)
        with self._told("write"):
            lease = self._lease_client(blob, grant)
            if number in self._mine:
                self._mine.discard(number)
                with suppress(ResourceExistsError):  # our own call whose answer was lost, or a successor's work
                    lease.release()
                return
            with suppress(ResourceExistsError):  # nobody had got to leasing it
                lease.break_lease(lease_break_period=0)
            # Kept for ever: whoever fell asleep between making the blob and leasing it must not wake up to a free one.
            lease.acquire(_FOR_EVER)

    def put(self, digest: str, chunks: Sequence[bytes], grant: LeaseGrant) -> None:
        from azure.core.exceptions import ResourceExistsError

        with self._told("write"), suppress(ResourceExistsError):
            self._blob(f"packs/{digest}.pack").upload_blob(b"".join(chunks), overwrite=False)

    def get(self, digest: str, offset: int = 0, length: int | None = None) -> bytes:
        from azure.core.exceptions import ResourceNotFoundError

        with self._told("read"):
            try:
                return self._download(f"packs/{digest}.pack", offset, length)
            except ResourceNotFoundError as missing:
                if _code(missing) != "BlobNotFound":
                    raise
                raise KeyError(digest) from None

    def read_index(self) -> bytes | None:
        from azure.core.exceptions import ResourceNotFoundError

        with self._told("read"):
            try:
                return zlib.decompress(self._download("applied.index"))
            except ResourceNotFoundError as missing:
                if _code(missing) != "BlobNotFound":
                    raise
                return None
            except zlib.error:
                return None

    def write_index(self, data: bytes, grant: LeaseGrant) -> None:
        with self._told("write"):
            self._blob("applied.index").upload_blob(zlib.compress(data, 1), overwrite=True)

    def lease(self) -> LeaseState:
        from azure.core.exceptions import ResourceNotFoundError

        with self._told("read"):
            try:
                found = self._blob("lease").download_blob()
                content: dict[str, Any] = orjson.loads(found.readall())
            except ResourceNotFoundError as missing:
                if _code(missing) != "BlobNotFound":
                    raise
                return LeaseState(fence=0, held=False)
        held = found.properties.lease.state in ("leased", "breaking")
        if not content:
            return LeaseState(fence=0, held=held)
        return LeaseState(
            fence=content["fence"],
            held=held,
            owner=LeaseOwner(**content["owner"]),
            since=datetime.fromisoformat(content["since"]),
            ttl=content["ttl"],
            beat=str(content["beat"]),
            last_beat=found.properties.last_modified,
        )

    def acquire(
        self, owner: LeaseOwner, *, since: datetime, ttl: float, stale: LeaseState | None = None, steal: bool = False
    ) -> LeaseGrant:
        from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

        handle = self._new_handle()
        blob = self._blob("lease")
        lease = self._lease_client(blob, LeaseGrant(fence=0, handle=handle))
        seconds = min(max(round(ttl), _SHORTEST_LEASE), _LONGEST_LEASE)
        with self._told("write"):
            if steal:
                with suppress(ResourceExistsError, ResourceNotFoundError):
                    lease.break_lease(lease_break_period=0)
            try:
                try:
                    lease.acquire(seconds)
                except ResourceNotFoundError as missing:
                    if _code(missing) != "BlobNotFound":
                        raise
                    with suppress(HttpResponseError):  # somebody else made it just now, and may have leased it
                        blob.upload_blob(b"{}", overwrite=False)
                    lease.acquire(seconds)
            except ResourceExistsError:
                raise LeaseHeld(self.lease()) from None
            fence = orjson.loads(blob.download_blob().readall()).get("fence", 0) + 1
            self._said = {
                "fence": fence,
                "owner": asdict(owner),
                "since": since.isoformat(),
                "ttl": float(seconds),
                "beat": 0,
            }
            blob.upload_blob(orjson.dumps(self._said), overwrite=True, lease=lease)
        return LeaseGrant(fence=fence, handle=handle)

    def renew(self, grant: LeaseGrant) -> None:
        blob = self._blob("lease")
        lease = self._lease_client(blob, grant)
        with self._told("write"):
            lease.renew()
            # The lease itself shows no sign of life to others; its blob does.
            self._said["beat"] += 1
            blob.upload_blob(orjson.dumps(self._said), overwrite=True, lease=lease)

    def check(self, grant: LeaseGrant) -> None:
        """Nothing to ask: every append is conditional on the lease of its blob."""

    def release(self, grant: LeaseGrant) -> None:
        with suppress(LeaseLost), self._told("write"):
            self._lease_client(self._blob("lease"), grant).release()

    @cached_property
    def _container(self) -> ContainerClient:
        from azure.core.credentials import AzureNamedKeyCredential
        from azure.storage.blob import ContainerClient

        credential = self._credential
        return ContainerClient(
            self._endpoint,
            self._container_name,
            credential=AzureNamedKeyCredential(self._account, credential.reveal())
            if isinstance(credential, Secret)
            else credential,
            **{**_PATIENCE, **self._options},
        )

    def _blob(self, name: str) -> BlobClient:
        return self._container.get_blob_client(self._prefix + name)

    def _stream(self, number: int) -> BlobClient:
        return self._blob(f"runs/{number:08}.jsonl")

    def _lease_client(self, blob: BlobClient, grant: LeaseGrant) -> BlobLeaseClient:
        from azure.storage.blob import BlobLeaseClient

        return BlobLeaseClient(blob, lease_id=grant.handle)

    def _download(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """A blob's bytes; none when it ends at or before `offset`. Azure's errors pass through."""
        from azure.core.exceptions import HttpResponseError, ResourceModifiedError

        blob = self._blob(name)
        start = None if length is None and not offset else offset
        for _ in range(5):
            try:
                return blob.download_blob(offset=start, length=length).readall()
            except ResourceModifiedError:
                continue  # it grew between two parts of the download
            except HttpResponseError as refused:
                if refused.status_code != 416:
                    raise
                return b""
        return blob.download_blob(offset=start, length=length).readall()

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        """Turns what Azure says into the ledger's errors."""
        from azure.core.exceptions import AzureError, HttpResponseError

        try:
            yield
        except HttpResponseError as refused:
            code = _code(refused)
            if code in _LOST:
                raise LeaseLost(f"Azure refused to {doing} {self._place} ({code})") from None
            raise self._unavailable(doing, f"Azure answered {refused.status_code} ({code})", refused) from refused
        except AzureError as problem:
            raise self._unavailable(doing, f"{self._endpoint} cannot be reached", problem) from problem

    def _unavailable(self, doing: str, why: str, error: AzureError) -> LedgerUnavailable:
        match getattr(error, "status_code", None):
            case 401 | 403:
                hint = (
                    "Give the identity the role Storage Blob Data Contributor on the container, "
                    f"or set `storage: {{{self._account}: {{key: ...}}}}` of the environment."
                )
            case 404:
                hint = f"Create the container {self._container_name!r} in the storage account {self._account!r}."
            case _:
                hint = "Check the network and the storage account, then run again."
        return LedgerUnavailable(f"cannot {doing} the ledger at {self._place}: {why}", hint=hint)


def _code(error: HttpResponseError) -> str:
    """The service's own word for what is wrong; azure-storage-blob adds it to azure-core's error."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or error.status_code)


def _blocks(data: bytes) -> Iterator[bytes]:
    """Parts that one append takes each, cut at line ends where there are any."""
    start = 0
    while len(data) - start > BLOCK:
        end = data.rfind(b"\n", start, start + BLOCK) + 1 or start + BLOCK
        yield data[start:end]
        start = end
    yield data[start:]
