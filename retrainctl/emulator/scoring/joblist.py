"""The jobs of all services, as rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import orjson

from retrainctl.emulator.clock import Clock
from retrainctl.emulator.scoring.submission import Wish
from retrainctl.emulator.store import Store

DDL: Final = """
CREATE TABLE IF NOT EXISTS job(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, place TEXT NOT NULL,
  wish BLOB NOT NULL, state TEXT NOT NULL, fate TEXT NOT NULL, details TEXT, results BLOB, started REAL);
CREATE INDEX IF NOT EXISTS job_state ON job(state, seq);
"""

STATES: Final = ("NotStarted", "Running", "Failed", "Cancelled", "Finished")
"""By their number (classic-api.md 5.4)."""

ENDED: Final = frozenset(("Failed", "Cancelled", "Finished"))
_COLUMNS: Final = "id, owner, place, wish, state, fate, details, results, started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One row. `place` is `flavour/scope/service`; `fate` what a fault has in store for it: "" for nothing.

    `results` has the addresses of finished outputs by port.
    """

    id: str
    owner: str
    place: str
    wish: Wish
    state: str
    fate: str
    details: str | None
    results: Mapping[str, list[str]] | None
    started: float | None


class JobList:
    """Reading and writing; callers hold the transaction."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def add(self, owner: str, place: str, wish: Wish) -> str:
        """A new job, not started; its id.

        Ids depend on the service and the request alone, not on the order of arrival: faults that hit one job in ten hit
        the same ones in every run.
        """
        data = orjson.dumps(wish.as_json(), option=orjson.OPT_SORT_KEYS)
        parameters = orjson.dumps([place, wish.as_json()["parameters"], wish.as_json()["inputs"]])
        for number in range(1_000_000):
            identifier = blake2b(b"%d " % number + parameters, digest_size=16).hexdigest()
            if self._store.row("SELECT 1 FROM job WHERE id=?", identifier) is None:
                break
        self._store.run(
            "INSERT INTO job(id, owner, place, wish, state, fate) VALUES(?,?,?,?,'NotStarted','')",
            identifier,
            owner,
            place,
            data,
        )
        return identifier

    def get(self, owner: str, identifier: str) -> Job | None:
        row = self._store.row(
            f"SELECT {_COLUMNS} FROM job WHERE id=? AND owner=?",  # noqa: S608 - constant columns
            identifier,
            owner,
        )
        return None if row is None else _job(row)

    def counts(self) -> dict[str, int]:
        """Jobs by state."""
        return {str(state): int(n) for state, n in self._store.rows("SELECT state, count(*) FROM job GROUP BY state")}

    def running(self) -> list[Job]:
        """Started and not ended, first come first."""
        rows = self._store.rows(f"SELECT {_COLUMNS} FROM job WHERE state='Running' ORDER BY seq")  # noqa: S608
        return [_job(row) for row in rows]

    def start(self, job: Job, fate: str) -> None:
        self._store.run("UPDATE job SET state='Running', fate=?, started=? WHERE id=?", fate, self._clock.now(), job.id)

    def end(
        self, job: Job, state: str, details: str | None = None, results: Mapping[str, list[str]] | None = None
    ) -> None:
        """The final state; a job that has ended already stays as it is."""
        self._store.run(
            "UPDATE job SET state=?, details=?, results=? WHERE id=? AND state IN ('NotStarted', 'Running')",
            state,
            details,
            None if results is None else orjson.dumps(dict(results)),
            job.id,
        )

    def forget(self, job: Job) -> None:
        self._store.run("DELETE FROM job WHERE id=?", job.id)


def _job(row: tuple[Any, ...]) -> Job:
    return Job(
        id=row[0],
        owner=row[1],
        place=row[2],
        wish=Wish.from_json(orjson.loads(row[3])),
        state=row[4],
        fate=row[5],
        details=row[6],
        results=None if row[7] is None else orjson.loads(row[7]),
        started=row[8],
    )
