"""A blob store in memory: a documented fake that keeps bytes by URI and can be told to misbehave."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from retrainctl.ports import BlobFacts, Conflict, NotFound


@dataclass
class MemoryBlobs:
    """Implements `BlobStore`.

    fail: what a call about a URI raises. ends: when the signature for a URI ends. losing: URIs whose bytes are stored
    although the caller is told that somebody else was quicker. piece: bytes per piece of a read.
    before_create: called with the source before it is read, to change the world meanwhile.
    """

    bytes: dict[str, bytes] = field(default_factory=dict)
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    fail: dict[str, Exception] = field(default_factory=dict)
    ends: dict[str, datetime] = field(default_factory=dict)
    losing: set[str] = field(default_factory=set)
    piece: int = 1000
    before_create: Callable[[], Any] | None = None
    calls: Counter[str] = field(default_factory=Counter)
    _writes: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, uri: str, data: bytes) -> str:
        """Writes as somebody else would; the ETag."""
        with self._lock:
            self.bytes[uri] = data
            self._writes[uri] = self._writes.get(uri, 0) + 1
        return self._etag(uri)

    def facts(self, uri: str) -> BlobFacts:
        self._enter("facts", uri)
        return BlobFacts(size=len(self.bytes[uri]), etag=self._etag(uri), metadata=self.metadata.get(uri, {}))

    def read(self, uri: str, *, etag: str | None = None) -> Iterator[bytes]:
        self._enter("read", uri)
        if etag is not None and etag != self._etag(uri):
            raise Conflict(f"{uri} is not as it was", code="RC657")
        data = self.bytes[uri]
        for start in range(0, len(data), self.piece):
            yield data[start : start + self.piece]

    def create(self, uri: str, source: BinaryIO, size: int, *, metadata: Mapping[str, str] | None = None) -> BlobFacts:
        self.calls["create"] += 1
        if uri in self.fail:
            raise self.fail[uri]
        if self.before_create is not None:
            self.before_create()
        data = b""
        while piece := source.read(7):
            data += piece
        if uri in self.bytes:
            raise Conflict(f"{uri} is there already", code="RC657")
        self.put(uri, data)
        self.metadata[uri] = dict(metadata or {})
        if uri in self.losing:
            raise Conflict(f"{uri} is there already", code="RC657")
        return BlobFacts(size=size, etag=self._etag(uri))

    def remove(self, uri: str, *, etag: str) -> None:
        self.calls["remove"] += 1
        if etag == self._etag(uri):
            self.bytes.pop(uri, None)

    def expires(self, uri: str) -> datetime | None:
        return self.ends.get(uri)

    def _enter(self, call: str, uri: str) -> None:
        with self._lock:
            self.calls[call] += 1
        if uri in self.fail:
            raise self.fail[uri]
        if uri not in self.bytes:
            raise NotFound(f"there is no blob {uri}", code="RC653", hint="Check the URI.")

    def _etag(self, uri: str) -> str:
        return f'"{self._writes.get(uri, 0)}"'
