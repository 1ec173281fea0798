"""Containers, blobs and uncommitted blocks: what is where, with which headers. The bytes are in `contents`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import orjson

from retrainctl.emulator.blob.contents import Contents
from retrainctl.emulator.clock import Clock
from retrainctl.emulator.store import Store

DDL = """
CREATE TABLE IF NOT EXISTS container(
  account TEXT, name TEXT, etag TEXT NOT NULL, modified REAL NOT NULL, access TEXT NOT NULL, metadata BLOB NOT NULL,
  PRIMARY KEY(account, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blob(
  account TEXT, container TEXT, name TEXT, parts BLOB NOT NULL, etag TEXT NOT NULL, created REAL NOT NULL,
  modified REAL NOT NULL, headers BLOB NOT NULL, metadata BLOB NOT NULL,
  PRIMARY KEY(account, container, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS block(
  account TEXT, container TEXT, name TEXT, id TEXT, content TEXT NOT NULL, size INTEGER NOT NULL,
  PRIMARY KEY(account, container, name, id)) WITHOUT ROWID;
"""

_PIECE: Final = 256 * 1024
_COLUMNS: Final = "account, container, name, parts, etag, created, modified, headers, metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """`access`: what anybody may read without credentials: "", "blob" or "container"."""

    account: str
    name: str
    etag: str
    modified: float
    access: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """`parts` are (block id, content id); the block id is "" for a blob that was put in one piece.

    `headers` are those that a GET gives back: content-type, content-encoding, content-md5 (base64) ...
    """

    account: str
    container: str
    name: str
    parts: tuple[tuple[str, str], ...]
    etag: str
    created: float
    modified: float
    headers: Mapping[str, str]
    metadata: Mapping[str, str]

    @property
    def contents(self) -> list[str]:
        return [content for _, content in self.parts]


class Shelf:
    """Reading and writing; callers hold the transaction."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.contents = Contents(store)

    # Containers

    def knows(self, account: str) -> bool:
        """Whether anything was ever put into this account."""
        return self._store.row("SELECT 1 FROM container WHERE account=? LIMIT 1", account) is not None

    def count(self) -> int:
        """All blobs of all accounts."""
        row = self._store.row("SELECT count(*) FROM blob")
        return int(row[0]) if row else 0

    def container(self, account: str, name: str) -> Container | None:
        row = self._store.row(
            "SELECT account, name, etag, modified, access, metadata FROM container WHERE account=? AND name=?",
            account,
            name,
        )
        return None if row is None else _container(row)

    def put_container(self, account: str, name: str, access: str = "", metadata: Mapping[str, str] = {}) -> Container:
        """Create it, or change it where it exists."""
        made = Container(
            account=account, name=name, etag=_etag(), modified=self._clock.now(), access=access, metadata=metadata
        )
        self._store.run(
            "INSERT OR REPLACE INTO container VALUES(?,?,?,?,?,?)",
            account,
            name,
            made.etag,
            made.modified,
            access,
            orjson.dumps(dict(metadata)),
        )
        return made

    def drop_container(self, account: str, name: str) -> None:
        """The container with all that is in it."""
        for blob in self.blobs(account, name):
            self.drop(blob)
        for (content,) in self._store.rows("SELECT content FROM block WHERE account=? AND container=?", account, name):
            self.contents.release([content])
        self._store.run("DELETE FROM block WHERE account=? AND container=?", account, name)
        self._store.run("DELETE FROM container WHERE account=? AND name=?", account, name)

    def containers(self, account: str, prefix: str = "", after: str = "") -> list[Container]:
        """In the order of their names, behind `after`."""
        rows = self._store.rows(
            "SELECT account, name, etag, modified, access, metadata FROM container "
            "WHERE account=? AND name>? AND substr(name, 1, ?)=? ORDER BY name",
            account,
            after,
            len(prefix),
            prefix,
        )
        return [_container(row) for row in rows]

    # Blobs

    def blob(self, account: str, container: str, name: str) -> Blob | None:
        row = self._store.row(
            f"SELECT {_COLUMNS} FROM blob WHERE account=? AND container=? AND name=?",  # noqa: S608 - constant columns
            account,
            container,
            name,
        )
        return None if row is None else _blob(row)

    def blobs(self, account: str, container: str, prefix: str = "", after: str = "") -> Iterator[Blob]:
        """In the order of their names, behind `after`."""
        cursor = self._store.db.execute(
            f"SELECT {_COLUMNS} FROM blob WHERE account=? AND container=? AND name>? "  # noqa: S608
            "AND name>=? AND substr(name, 1, ?)=? ORDER BY name",
            (account, container, after, prefix, len(prefix), prefix),
        )
        for row in cursor:
            yield _blob(row)

    def put(
        self,
        account: str,
        container: str,
        name: str,
        parts: Sequence[tuple[str, str]],
        headers: Mapping[str, str],
        metadata: Mapping[str, str],
    ) -> Blob:
        """Write a blob whole, over an older one of this name; its uncommitted blocks go."""
        before = self.blob(account, container, name)
        now = self._clock.now()
        blob = Blob(
            account=account,
            container=container,
            name=name,
            parts=tuple(parts),
            etag=_etag(),
            created=now if before is None else before.created,
            modified=now,
            headers=headers,
            metadata=metadata,
        )
        self.contents.hold(blob.contents)
        self._write(blob)
        self._drop_blocks(account, container, name)
        if before is not None:
            self.contents.release(before.contents)
        return blob

    def change(self, blob: Blob, headers: Mapping[str, str], metadata: Mapping[str, str]) -> Blob:
        """The same bytes under other headers or metadata; the ETag is new."""
        changed = Blob(
            account=blob.account,
            container=blob.container,
            name=blob.name,
            parts=blob.parts,
            etag=_etag(),
            created=blob.created,
            modified=self._clock.now(),
            headers=headers,
            metadata=metadata,
        )
        self._write(changed)
        return changed

    def _write(self, blob: Blob) -> None:
        self._store.run(
            "INSERT OR REPLACE INTO blob VALUES(?,?,?,?,?,?,?,?,?)",
            blob.account,
            blob.container,
            blob.name,
            orjson.dumps(blob.parts),
            blob.etag,
            blob.created,
            blob.modified,
            orjson.dumps(dict(blob.headers)),
            orjson.dumps(dict(blob.metadata)),
        )

    def drop(self, blob: Blob) -> None:
        key = (blob.account, blob.container, blob.name)
        self._store.run("DELETE FROM blob WHERE account=? AND container=? AND name=?", *key)
        self._drop_blocks(*key)
        self.contents.release(blob.contents)

    # Blocks

    def stage(self, account: str, container: str, name: str, block: str, content: str, size: int) -> None:
        """Keep one uncommitted block; the same id again replaces it."""
        key = (account, container, name, block)
        old = self._store.rows("SELECT content FROM block WHERE account=? AND container=? AND name=? AND id=?", *key)
        self.contents.hold([content])
        self._store.run("INSERT OR REPLACE INTO block VALUES(?,?,?,?,?,?)", *key, content, size)
        self.contents.release([str(one) for (one,) in old])

    def staged(self, account: str, container: str, name: str) -> dict[str, tuple[str, int]]:
        """Uncommitted block id to (content, size)."""
        rows = self._store.rows(
            "SELECT id, content, size FROM block WHERE account=? AND container=? AND name=?", account, container, name
        )
        return {str(identifier): (str(content), int(size)) for identifier, content, size in rows}

    def _drop_blocks(self, *key: str) -> None:
        old = self._store.rows("SELECT content FROM block WHERE account=? AND container=? AND name=?", *key)
        if old:
            self._store.run("DELETE FROM block WHERE account=? AND container=? AND name=?", *key)
            self.contents.release([str(content) for (content,) in old])

    # Bytes

    def ready(self, blob: Blob) -> int:
        """Make what is only promised; the blob's size."""
        total = 0
        for content in blob.contents:
            size = self.contents.size(content)
            if size is None:
                self.contents.make(content)
                size = self.contents.size(content)
            total += size or 0
        return total

    def pieces(self, blob: Blob, start: int, length: int) -> Iterator[bytes]:
        """The bytes from `start`, in pieces; the blob must be `ready`."""
        return read_pieces(self._spans(blob, start, length))

    def _spans(self, blob: Blob, start: int, length: int) -> list[tuple[Any, int, int]]:
        """(file, offset, length) of every content that the range touches."""
        spans, place = [], 0
        for content in blob.contents:
            size = self.contents.size(content) or 0
            first, last = max(start, place), min(start + length, place + size)
            if first < last:
                spans.append((self.contents.path(content), first - place, last - first))
            place += size
        return spans


def read_pieces(spans: Sequence[tuple[Any, int, int]]) -> Iterator[bytes]:
    for path, offset, length in spans:
        with path.open("rb") as file:
            file.seek(offset)
            while length > 0 and (piece := file.read(min(length, _PIECE))):
                length -= len(piece)
                yield piece


def _etag() -> str:
    return f'"0x8D{uuid4().hex[:13].upper()}"'


def _container(row: tuple[Any, ...]) -> Container:
    return Container(
        account=row[0], name=row[1], etag=row[2], modified=row[3], access=row[4], metadata=orjson.loads(row[5])
    )


def _blob(row: tuple[Any, ...]) -> Blob:
    return Blob(
        account=row[0],
        container=row[1],
        name=row[2],
        parts=tuple((block, content) for block, content in orjson.loads(row[3])),
        etag=row[4],
        created=row[5],
        modified=row[6],
        headers=orjson.loads(row[7]),
        metadata=orjson.loads(row[8]),
    )
