"""Uploads, datasets, saved assets and custom modules, as rows.

Assets of every kind share one table and one count of batches: in the recorded list no two batches are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from retrainctl.emulator.store import Store
from retrainctl.emulator.studio.storage import UPLOADS, Place

Kind = Literal["dataset", "model", "transform", "module"]

DDL: Final = """
CREATE TABLE IF NOT EXISTS studio_upload(
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, media TEXT NOT NULL, name TEXT NOT NULL, blocks INTEGER NOT NULL,
  committed INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS studio_asset(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL UNIQUE, family TEXT NOT NULL,
  name TEXT NOT NULL, batch INTEGER NOT NULL, latest INTEGER NOT NULL, body BLOB NOT NULL, container TEXT, blob TEXT,
  due REAL NOT NULL, outcome TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS studio_asset_family ON studio_asset(kind, family);
CREATE INDEX IF NOT EXISTS studio_asset_name ON studio_asset(kind, name COLLATE NOCASE);
CREATE INDEX IF NOT EXISTS studio_asset_id ON studio_asset(id COLLATE NOCASE);
CREATE INDEX IF NOT EXISTS studio_asset_batch ON studio_asset(batch);
CREATE TABLE IF NOT EXISTS studio_build(
  id TEXT PRIMARY KEY, upload TEXT NOT NULL, due REAL NOT NULL, module TEXT NOT NULL, error TEXT NOT NULL)
  WITHOUT ROWID;
"""

_ASSET: Final = "kind, id, family, name, batch, latest, body, container, blob, due, outcome"
_BUILD: Final = "id, upload, due, module, error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A resource that is being or was uploaded. `kind` is its `DataTypeId`, `blocks` how many it has (0: not known)."""

    id: str
    kind: str
    media: str
    name: str
    blocks: int = 0
    committed: bool = False

    @property
    def place(self) -> Place:
        return Place(container=UPLOADS, name=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One version of an asset.

    Attributes:
        body: the document as answers show it, without what is made for each answer (endpoints, `IsLatest`, states).
        place: its bytes; None for what was seeded without any.
        due: from when on the emulator's clock says `outcome`, of a dataset its final `SchemaStatus`.
    """

    kind: Kind
    id: str
    family: str
    name: str
    batch: int
    body: dict[str, Any]
    latest: bool = True
    place: Place | None = None
    due: float = 0.0
    outcome: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A custom module that is made from an upload; from `due` on it is to be ended.

    module: its id once it is made. error: why it cannot be; decided before the end where a switch says so.
    """

    id: str
    upload: str
    due: float
    module: str = ""
    error: str = ""


class AssetRecords:
    """Reading and writing; callers hold the transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def upload(self, identifier: str) -> Upload | None:
        row = self._store.row(
            "SELECT id, kind, media, name, blocks, committed FROM studio_upload WHERE id=?", identifier.lower()
        )
        if row is None:
            return None
        return Upload(id=row[0], kind=row[1], media=row[2], name=row[3], blocks=row[4], committed=bool(row[5]))

    def put_upload(self, upload: Upload) -> None:
        self._store.run(
            "INSERT OR REPLACE INTO studio_upload VALUES(?,?,?,?,?,?)",
            upload.id,
            upload.kind,
            upload.media,
            upload.name,
            upload.blocks,
            upload.committed,
        )

    def next_batch(self) -> int:
        row = self._store.row("SELECT max(batch) FROM studio_asset")
        return 1 + (int(row[0]) if row and row[0] is not None else 0)

    def asset(self, kind: Kind, identifier: str) -> Asset | None:
        """Any version, by its id."""
        row = self._store.row(
            f"SELECT {_ASSET} FROM studio_asset WHERE kind=? AND id=? COLLATE NOCASE",  # noqa: S608 - constant columns
            kind,
            identifier,
        )
        return None if row is None else _asset(row)

    def assets(self, kind: Kind, *, old: bool = False) -> list[Asset]:
        """The newest first, as in the recorded list; with `old` all versions."""
        rows = self._store.rows(
            f"SELECT {_ASSET} FROM studio_asset WHERE kind=? AND (latest OR ?) ORDER BY seq DESC",  # noqa: S608
            kind,
            old,
        )
        return [_asset(row) for row in rows]

    def family(self, kind: Kind, family: str) -> list[Asset]:
        """All versions of a family, the newest first."""
        rows = self._store.rows(
            f"SELECT {_ASSET} FROM studio_asset WHERE kind=? AND family=? ORDER BY seq DESC",  # noqa: S608
            kind,
            family.lower(),
        )
        return [_asset(row) for row in rows]

    def named(self, kind: Kind, name: str) -> list[Asset]:
        """The newest versions under a name, whatever its case (of ASCII letters)."""
        rows = self._store.rows(
            f"SELECT {_ASSET} FROM studio_asset WHERE kind=? AND latest AND name=? COLLATE NOCASE",  # noqa: S608
            kind,
            name,
        )
        return [_asset(row) for row in rows]

    def put_asset(self, asset: Asset) -> None:
        """Add a version; if it is the latest, the others of its family are no more."""
        if asset.latest:
            self._store.run(
                "UPDATE studio_asset SET latest=0 WHERE kind=? AND family=?", asset.kind, asset.family.lower()
            )
        self._store.run(
            f"INSERT INTO studio_asset({_ASSET}) VALUES(?,?,?,?,?,?,?,?,?,?,?)",
            asset.kind,
            asset.id,
            asset.family.lower(),
            asset.name,
            asset.batch,
            asset.latest,
            orjson.dumps(asset.body),
            None if asset.place is None else asset.place.container,
            None if asset.place is None else asset.place.name,
            asset.due,
            asset.outcome,
        )

    def drop_family(self, kind: Kind, family: str) -> None:
        self._store.run("DELETE FROM studio_asset WHERE kind=? AND family=?", kind, family.lower())

    def counts(self) -> dict[str, int]:
        """Kind to the number of families."""
        rows = self._store.rows("SELECT kind, count(*) FROM studio_asset WHERE latest GROUP BY kind")
        return {str(kind): int(count) for kind, count in rows}

    def build(self, identifier: str) -> Build | None:
        row = self._store.row(f"SELECT {_BUILD} FROM studio_build WHERE id=?", identifier.lower())  # noqa: S608
        return None if row is None else _build(row)

    def builds_due(self, now: float) -> list[Build]:
        """Those that are to be ended, in the order of their time."""
        rows = self._store.rows(
            f"SELECT {_BUILD} FROM studio_build WHERE due<=? AND module='' AND error='' ORDER BY due",  # noqa: S608
            now,
        )
        return [_build(row) for row in rows]

    def put_build(self, build: Build) -> None:
        self._store.run(
            "INSERT INTO studio_build VALUES(?,?,?,?,?)", build.id, build.upload, build.due, build.module, build.error
        )

    def end_build(self, identifier: str, module: str, error: str) -> None:
        """With a module's id, or with the reason why there is none."""
        self._store.run("UPDATE studio_build SET module=?, error=? WHERE id=?", module, error, identifier)


def _build(row: tuple[Any, ...]) -> Build:
    return Build(id=row[0], upload=row[1], due=row[2], module=row[3], error=row[4])


def _asset(row: tuple[Any, ...]) -> Asset:
    return Asset(
        kind=row[0],
        id=row[1],
        family=row[2],
        name=row[3],
        batch=row[4],
        latest=bool(row[5]),
        body=orjson.loads(row[6]),
        place=None if row[7] is None else Place(container=row[7], name=row[8]),
        due=row[9],
        outcome=row[10],
    )
