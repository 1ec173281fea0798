"""The bytes of blobs: immutable files in the state folder, counted, and made on first use where a recipe is known.

A blob is a list of contents, one per committed block, so that committing 300 MB copies nothing. A service's own copy of
a model is one more reference to the same content: overwriting or deleting the blob does not touch it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

import orjson

from retrainctl.emulator.store import Store
from retrainctl.emulator.training import recipe as recipes

DDL = """
CREATE TABLE IF NOT EXISTS content(
  id TEXT PRIMARY KEY, size INTEGER, recipe BLOB, refs INTEGER NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A file that is complete but belongs to nobody yet; `md5` is the digest itself."""

    path: Path
    size: int
    md5: bytes


class Contents:
    """All contents of one state. Files are named after their id, in folders of two letters."""

    def __init__(self, store: Store) -> None:
        self._store = store
        ((_, _, database), *_) = store.rows("PRAGMA database_list")
        folder = Path(database).parent / "blobs" if database else Path(mkdtemp(prefix="retrainctl-blobs-"))
        self._folder = folder
        self._drafts = folder / "drafts"
        self._doomed: set[str] = set()

    def path(self, identifier: str) -> Path:
        return self._folder / identifier[:2] / identifier

    def new_draft(self) -> Path:
        """Where a new file may be written."""
        self._bury()
        self._drafts.mkdir(parents=True, exist_ok=True)
        return self._drafts / uuid4().hex

    def adopt(self, draft: Draft) -> str:
        """Take a file in; nobody refers to it yet."""
        identifier = uuid4().hex
        target = self.path(identifier)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.path.replace(target)
        self._store.run("INSERT INTO content VALUES(?,?,NULL,0)", identifier, draft.size)
        return identifier

    def promise(self, recipe: dict[str, Any]) -> str:
        """A content that will be made when it is first needed; equal recipes are one content."""
        text = orjson.dumps(recipe, option=orjson.OPT_SORT_KEYS)
        identifier = hashlib.sha256(text).hexdigest()[:32]
        self._store.run("INSERT OR IGNORE INTO content VALUES(?,NULL,?,0)", identifier, text)
        return identifier

    def size(self, identifier: str) -> int | None:
        """Bytes, or None while it is only promised."""
        row = self._store.row("SELECT size FROM content WHERE id=?", identifier)
        return None if row is None or row[0] is None else int(row[0])

    def make(self, identifier: str) -> None:
        """Make a promised content; nothing happens when it exists."""
        row = self._store.row("SELECT recipe FROM content WHERE id=? AND size IS NULL", identifier)
        if row is None:
            return
        data = recipes.make(orjson.loads(row[0]))
        draft = self.new_draft()
        draft.write_bytes(data)
        target = self.path(identifier)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.replace(target)
        self._store.run("UPDATE content SET size=? WHERE id=?", len(data), identifier)

    def hold(self, identifiers: Iterable[str]) -> None:
        """One more reference to each."""
        for identifier in identifiers:
            self._store.run("UPDATE content SET refs=refs+1 WHERE id=?", identifier)

    def release(self, identifiers: Iterable[str]) -> None:
        """One reference less; what nobody refers to any more goes, its file once that is certain."""
        for identifier in identifiers:
            self._store.run("UPDATE content SET refs=refs-1 WHERE id=?", identifier)
            if self._store.run("DELETE FROM content WHERE id=? AND refs<=0", identifier):
                self._doomed.add(identifier)

    def _bury(self) -> None:
        """Remove the files of contents that went, unless the transaction that dropped them was taken back."""
        for identifier in self._doomed:
            if self._store.row("SELECT 1 FROM content WHERE id=?", identifier) is None:
                self.path(identifier).unlink(missing_ok=True)
        self._doomed.clear()

    def sweep(self) -> None:
        """Remove files that no row knows: after a reset, a crash, or an upload that was never finished."""
        if not self._folder.is_dir():
            return
        known = {str(row[0]) for row in self._store.rows("SELECT id FROM content")}
        for folder in self._folder.iterdir():
            for file in folder.iterdir():
                if folder == self._drafts or file.name not in known:
                    file.unlink(missing_ok=True)
