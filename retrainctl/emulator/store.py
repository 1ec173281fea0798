"""The emulator's state: one SQLite file, one connection, used by the server's thread only.

Nothing is synced to the disk: the state must survive the process, not a power cut.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retrainctl.errors import RetrainctlError

FORMAT = "1"

_DDL = """
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class StateUnusable(RetrainctlError):
    """The state folder cannot be used: foreign, damaged, or not writable."""

    default_code = "RC805"


class Store:
    """The connection with its tables; each room brings its own DDL (`CREATE TABLE IF NOT EXISTS`)."""

    def __init__(self, path: Path | str, tables: Iterable[str] = ()) -> None:
        self._tables = tuple(tables)
        try:
            self.db = sqlite3.connect(str(path), isolation_level=None, check_same_thread=False)
            self.db.execute("PRAGMA journal_mode=WAL")
            self.db.execute("PRAGMA synchronous=OFF")
            self.db.executescript(_DDL)
            found = self.meta("format")
            if found not in (None, FORMAT):
                raise StateUnusable(
                    f"the emulator state in {path} has format {found}; this version reads format {FORMAT}",
                    hint="remove the folder, or name another one with --state",
                )
            self.set_meta("format", FORMAT)
            for ddl in self._tables:
                self.db.executescript(ddl)
        except sqlite3.Error as error:
            raise StateUnusable(
                f"the emulator state in {path} cannot be opened: {error}",
                hint="remove the folder, or name another one with --state",
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; nested use joins the outer one."""
        if self.db.in_transaction:
            yield
            return
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def meta(self, name: str) -> str | None:
        row = self.db.execute("SELECT value FROM meta WHERE name=?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, name: str, value: str) -> None:
        self.db.execute(
            "INSERT INTO meta VALUES(?,?) ON CONFLICT(name) DO UPDATE SET value=excluded.value", (name, value)
        )

    def clear(self) -> None:
        """Empty every table of every room; `meta` (tokens, keys) stays."""
        with self.transaction():
            for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'"):
                if name != "meta":
                    self.db.execute(f'DELETE FROM "{name}"')  # noqa: S608 - the name comes from the catalogue

    def row(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self.db.execute(sql, values).fetchone()
        return found

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.db.execute(sql, values).fetchall()

    def run(self, sql: str, *values: Any) -> int:
        """Execute a statement; the number of rows it touched."""
        return self.db.execute(sql, values).rowcount

    def close(self) -> None:
        self.db.close()
