"""Experiments, as documents in the order of their creation."""

from __future__ import annotations

from typing import Any, Final

import orjson

from retrainctl.emulator.store import Store

DDL: Final = """
CREATE TABLE IF NOT EXISTS studio_experiment(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, parent TEXT NOT NULL, body BLOB NOT NULL,
  definition BLOB);
CREATE INDEX IF NOT EXISTS studio_experiment_parent ON studio_experiment(parent);
CREATE TABLE IF NOT EXISTS studio_invitation(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE, role TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS studio_deployment(
  id TEXT PRIMARY KEY, experiment TEXT NOT NULL, service TEXT NOT NULL, endpoint TEXT NOT NULL) WITHOUT ROWID;
"""


class Records:
    """Reading and writing; callers hold the transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def experiments(self) -> list[dict[str, Any]]:
        return [orjson.loads(row[0]) for row in self._store.rows("SELECT body FROM studio_experiment ORDER BY seq")]

    def experiment(self, identifier: str) -> dict[str, Any] | None:
        row = self._store.row("SELECT body FROM studio_experiment WHERE id=?", identifier)
        return None if row is None else orjson.loads(row[0])

    def definition(self, identifier: str) -> dict[str, Any] | None:
        """What deploying the experiment makes; None where nothing is known that it could be made from."""
        row = self._store.row("SELECT definition FROM studio_experiment WHERE id=?", identifier)
        return None if row is None or row[0] is None else orjson.loads(row[0])

    def put_experiment(self, body: dict[str, Any], definition: dict[str, Any] | None) -> None:
        self._store.run(
            "INSERT INTO studio_experiment(id, parent, body, definition) VALUES(?,?,?,?)"
            " ON CONFLICT(id) DO UPDATE SET body=excluded.body, definition=excluded.definition",
            body["ExperimentId"],
            body["ParentExperimentId"] or "",
            orjson.dumps(body),
            None if definition is None else orjson.dumps(definition),
        )

    def drop_experiment(self, identifier: str) -> None:
        self._store.run("DELETE FROM studio_experiment WHERE id=?", identifier)

    def invitations(self) -> list[tuple[str, str]]:
        """(address, role) in the order of invitation."""
        return [(r[0], r[1]) for r in self._store.rows("SELECT email, role FROM studio_invitation ORDER BY seq")]

    def invite(self, email: str, role: str) -> None:
        self._store.run(
            "INSERT INTO studio_invitation(email, role) VALUES(?,?)"
            " ON CONFLICT(email) DO UPDATE SET role=excluded.role",
            email,
            role,
        )

    def deployment(self, activity: str) -> tuple[str, str] | None:
        """(web service, endpoint) of a deployment."""
        row = self._store.row("SELECT service, endpoint FROM studio_deployment WHERE id=?", activity)
        return None if row is None else (row[0], row[1])

    def put_deployment(self, activity: str, experiment: str, service: str, endpoint: str) -> None:
        self._store.run("INSERT INTO studio_deployment VALUES(?,?,?,?)", activity, experiment, service, endpoint)
