"""Blobs over azure-storage-blob (implements `ports.BlobStore`): every account by its own key, signature or token.

The library is imported and a credential asked for at the first call. What it says becomes a `TargetError` here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import parse_qs

from retrainctl.model.redaction import without_query
from retrainctl.ports import BlobFacts, Rejected
from retrainctl.targets.blob.access import Access
from retrainctl.targets.blob.place import PUBLIC_SUFFIX, BlobPlace, place_of
from retrainctl.targets.blob.trouble import told

if TYPE_CHECKING:
    from azure.core.pipeline.transport import RequestsTransport
    from azure.storage.blob import BlobClient, BlobServiceClient

PIECE: Final = 4 * 1024 * 1024
"""Bytes per call, so that memory stays small and a lost connection costs little."""

# A host that is not there at all is tried once more only: most often its name is wrong.
_PATIENCE: Final[Mapping[str, Any]] = {
    "initial_backoff": 1,
    "increment_base": 2,
    "random_jitter_range": 1,
    "retry_total": 3,
    "retry_connect": 1,
}


class AzureBlobStore:
    """Thread-safe. `access` tells how an account is reached and is asked once for each. `close` ends connections.

    suffix: of the cloud's storage hosts. endpoints: account -> address of accounts that have another one.
    patience: settings of azure-storage-blob's retries, over the usual ones.
    """

    def __init__(
        self,
        access: Callable[[str], Access],
        *,
        suffix: str = PUBLIC_SUFFIX,
        endpoints: Mapping[str, str] | None = None,
        patience: Mapping[str, Any] | None = None,
    ) -> None:
        self._access = access
        self._suffix = suffix
        self._endpoints = dict(endpoints or {})
        self._patience = {**_PATIENCE, **(patience or {})}
        self._lock = threading.RLock()
        self._known: dict[str, Access] = {}
        self._ways: dict[str, RequestsTransport] = {}
        self._clients: dict[str, BlobServiceClient] = {}
        self._containers: set[tuple[str, str]] = set()

    def facts(self, uri: str) -> BlobFacts:
        place = self._place(uri)
        with self._told(place, "look at"):
            properties = self._blob(place).get_blob_properties()
        return BlobFacts(
            size=properties.size,
            etag=properties.etag,
            modified=properties.last_modified,
            metadata={name.lower(): value for name, value in (properties.metadata or {}).items()},
        )

    def read(self, uri: str, *, etag: str | None = None) -> Iterator[bytes]:
        from azure.core import MatchConditions

        place = self._place(uri)
        condition: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        with self._told(place, "read"):
            pieces = self._blob(place).download_blob(**condition).chunks()
        while True:
            with self._told(place, "read"):
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece

    def create(self, uri: str, source: BinaryIO, size: int, *, metadata: Mapping[str, str] | None = None) -> BlobFacts:
        place = self._place(uri)
        self._make_container(place)
        with self._told(place, "write"):
            # With checked content each block is read whole and sent with its MD5: what arrives is what was read.
            written = self._blob(place).upload_blob(
                source, length=size, overwrite=False, metadata=dict(metadata or {}), validate_content=True
            )
        return BlobFacts(
            size=size, etag=written.get("etag"), modified=written.get("last_modified"), metadata=dict(metadata or {})
        )

    def remove(self, uri: str, *, etag: str) -> None:
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

        place = self._place(uri)
        with self._told(place, "remove"), suppress(ResourceModifiedError, ResourceNotFoundError):
            self._blob(place).delete_blob(etag=etag, match_condition=MatchConditions.IfNotModified)

    def expires(self, uri: str) -> datetime | None:
        place = self._place(uri)
        return self._expiry(place)

    def close(self) -> None:
        """Ends the connections; the next call makes new ones."""
        with self._lock:
            ways, self._ways, self._clients = self._ways, {}, {}
        for way in ways.values():
            way.close()

    def _place(self, uri: str) -> BlobPlace:
        place = place_of(uri, suffix=self._suffix, endpoints=self._endpoints)
        if place is None:
            raise Rejected(
                f"{without_query(uri)} is not the address of a blob in a known storage account",
                code="RC652",
                hint=f"Use https://ACCOUNT{self._suffix}/CONTAINER/BLOB, "
                "or name the account's endpoint under `storage` of the environment.",
                sent=False,
            )
        return place

    def _expiry(self, place: BlobPlace) -> datetime | None:
        signature = place.query if _signed(place) else self._reached(place.account).signature
        ends = parse_qs(signature or "").get("se", [""])[0]
        try:
            moment = datetime.fromisoformat(ends.replace("Z", "+00:00"))
        except ValueError:
            return None
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)

    def _told(self, place: BlobPlace, doing: str) -> AbstractContextManager[None]:
        return told(place, doing, self._expiry)

    def _reached(self, account: str) -> Access:
        with self._lock:
            if account not in self._known:
                self._known[account] = self._access(account)
            return self._known[account]

    def _blob(self, place: BlobPlace) -> BlobClient:
        if not _signed(place):
            return self._service(place.account).get_blob_client(place.container, place.name)
        from azure.core.credentials import AzureSasCredential
        from azure.storage.blob import BlobClient

        return BlobClient(
            self._reached(place.account).endpoint,
            place.container,
            place.name,
            credential=AzureSasCredential(place.query),
            **self._options(place.account),
        )

    def _service(self, account: str) -> BlobServiceClient:
        from azure.storage.blob import BlobServiceClient

        with self._lock:
            if account not in self._clients:
                reached = self._reached(account)
                self._clients[account] = BlobServiceClient(
                    reached.endpoint, credential=reached.usable(account), **self._options(account)
                )
            return self._clients[account]

    def _options(self, account: str) -> dict[str, Any]:
        with self._lock:
            if account not in self._ways:
                self._ways[account] = self._reached(account).transport()
            way = self._ways[account]
        return {
            **self._patience,
            "max_single_put_size": PIECE,
            "max_block_size": PIECE,
            "max_single_get_size": PIECE,
            "max_chunk_get_size": PIECE,
            "transport": way,
        }

    def _make_container(self, place: BlobPlace) -> None:
        key = (place.account, place.container)
        if not self._reached(place.account).makes_containers or key in self._containers:
            return
        from azure.core.exceptions import ResourceExistsError

        with self._told(place, "write"), suppress(ResourceExistsError):
            self._service(place.account).create_container(place.container)
        self._containers.add(key)


def _signed(place: BlobPlace) -> bool:
    return "sig=" in place.query
