"""Runs under way, and the definitions that experiments were made from, as rows."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import orjson

from retrainctl.emulator.store import Store

DDL: Final = """
CREATE TABLE IF NOT EXISTS studio_run(
  experiment TEXT PRIMARY KEY, run TEXT NOT NULL, fate TEXT NOT NULL, started REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS studio_origin(id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
"""

SEEDED: Final = "seeded"
"""Fate of a run that a seed says has finished: what it put out is made when it is first asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """`fate` is what a fault has in store: "" for nothing."""

    experiment: str
    run: str
    fate: str
    started: float

    @property
    def job(self) -> str:
        """The number of the run in details of failures: 32 hex digits."""
        return self.run.rpartition(".")[2]

    @property
    def seeded(self) -> bool:
        return self.fate == SEEDED


class RunRecords:
    """Reading and writing; callers hold the transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def runs(self) -> list[Run]:
        return [_run(row) for row in self._store.rows("SELECT experiment, run, fate, started FROM studio_run")]

    def run(self, experiment: str) -> Run | None:
        row = self._store.row("SELECT experiment, run, fate, started FROM studio_run WHERE experiment=?", experiment)
        return None if row is None else _run(row)

    def put(self, run: Run) -> None:
        self._store.run(
            "INSERT OR REPLACE INTO studio_run VALUES(?,?,?,?)", run.experiment, run.run, run.fate, run.started
        )

    def drop(self, experiment: str) -> None:
        self._store.run("DELETE FROM studio_run WHERE experiment=?", experiment)

    def keep_origin(self, definition: dict[str, Any]) -> str:
        """Keep a definition for all copies of an experiment; the id that finds it again, 32 hex digits."""
        body = orjson.dumps(definition, option=orjson.OPT_SORT_KEYS)
        identifier = sha256(body).hexdigest()[:32]
        self._store.run("INSERT OR IGNORE INTO studio_origin VALUES(?,?)", identifier, body)
        return identifier

    def origin(self, identifier: str) -> dict[str, Any] | None:
        row = self._store.row("SELECT body FROM studio_origin WHERE id=?", identifier)
        return None if row is None else orjson.loads(row[0])


def _run(row: tuple[Any, ...]) -> Run:
    return Run(experiment=row[0], run=row[1], fate=row[2], started=row[3])
