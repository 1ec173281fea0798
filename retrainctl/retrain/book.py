"""The books of one run: a row per retraining, kept in the journal as it changes, read back after a crash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from retrainctl.fastclass import dataclass
from retrainctl.ports import Clock
from retrainctl.retrain.journal import FORMAT, Journal, JournalUnusable, lines
from retrainctl.retrain.lifecycle import Collected, End, Event, Job, Prepared, Stage, Submitted
from retrainctl.retrain.results import Outcome
from retrainctl.retrain.training import Place


class State(StrEnum):
    """What became of a retraining, in the user's words."""

    ACCEPTED = "accepted"
    GATE_FAILED = "gate_failed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    STUCK = "stuck"
    VANISHED = "vanished"
    REFUSED = "refused"
    SUBMITTED = "submitted"
    LEFT = "left"


BAD: Final = frozenset({State.FAILED, State.CANCELLED, State.STUCK, State.VANISHED, State.REFUSED, State.LEFT})
"""Exit code 5."""

OPEN: Final = frozenset({State.SUBMITTED, State.LEFT})
"""`--resume` goes on with these."""


@dataclass(slots=True, kw_only=True)
class Row:
    """One retraining of a run. ended: wall time in seconds. before: what was live, or the last version recorded."""

    key: str
    model: str
    job: Job = field(default_factory=Job)
    place: Place | None = None
    outcome: Outcome | None = None
    ended: float | None = None
    recorded: bool = False
    before: tuple[str, Mapping[str, float]] | None = None

    @property
    def state(self) -> State:
        end = self.job.end
        if end is End.DONE:
            assert self.outcome is not None
            return State.ACCEPTED if self.outcome.accepted else State.GATE_FAILED
        return State.LEFT if end is None else State(end.value)

    @property
    def seconds(self) -> float | None:
        """From the start of the job to its end."""
        if self.ended is None or self.job.started is None:
            return None
        return max(0.0, self.ended - self.job.started)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a run was asked for; a resume goes by it."""

    bump: bool = True
    branch: str | None = None
    skip_taken: bool = False

    def as_json(self) -> dict[str, Any]:
        return {"bump": self.bump, "branch": self.branch, "skip_taken": self.skip_taken}


class Book:
    """One run with its rows. Its methods are called from one thread."""

    def __init__(self, path: Path, *, run: str, environment: str, started: str, terms: Terms, clock: Clock) -> None:
        self.run = run
        self.environment = environment
        self.started = started
        self.terms = terms
        self.rows: dict[str, Row] = {}
        self._journal = Journal(path)
        self._clock = clock

    @classmethod
    def begin(
        cls,
        path: Path,
        rows: Iterable[Row],
        *,
        run: str,
        environment: str,
        version: str,
        terms: Terms,
        clock: Clock,
    ) -> Book:
        """A new run; its journal says at once what it is about."""
        started = iso(clock.now())
        book = cls(path, run=run, environment=environment, started=started, terms=terms, clock=clock)
        book.rows = {row.key: row for row in rows}
        book._journal.write(
            "run",
            durable=True,
            format=FORMAT,
            run=run,
            environment=environment,
            started=started,
            version=version,
            terms=terms.as_json(),
            retrainings=[[row.key, row.model] for row in book.rows.values()],
        )
        return book

    @classmethod
    def read(cls, path: Path, clock: Clock) -> Book:
        """A run as its journal tells it. Raises `JournalUnusable`."""
        entries = lines(path)
        head = next(entries, None)
        if head is None or head.get("kind") != "run":
            raise JournalUnusable(f"the journal {path} does not begin with its run", hint="Move the file away.")
        try:
            book = cls(
                path,
                run=head["run"],
                environment=head["environment"],
                started=head["started"],
                terms=Terms(**head["terms"]),
                clock=clock,
            )
            book.rows = {key: Row(key=key, model=model) for key, model in head["retrainings"]}
            for entry in entries:
                book._replay(entry)
        except (KeyError, TypeError, ValueError) as error:
            raise JournalUnusable(f"the journal {path} is damaged: {error!r}", hint="Move the file away.") from error
        return book

    def heard(self, key: str, job: Job, event: Event) -> None:
        """Writes down what happened to a job (`runner.OnChange`)."""
        row = self.rows[key]
        began, row.job = row.job.started, job
        if job.started is not None and began is None:
            self._journal.write("started", key=key, at=job.started)
        match event:
            case Prepared(detail=Place() as place):
                row.place = place
                self._journal.write("prepared", key=key, place=place.as_json())
            case Submitted():
                # On the medium before the start can be sent: a job that runs is never forgotten.
                self._journal.write("submitted", durable=True, key=key, job=event.job)
            case Collected(detail=Outcome() as outcome):
                row.outcome = outcome
        if job.stage is Stage.ENDED:
            self._end(row)

    def recorded(self, keys: Iterable[str], **members: Any) -> None:
        """Their versions are in the manifests."""
        written = list(keys)
        for key in written:
            self.rows[key].recorded = True
        self._journal.write("recorded", durable=True, keys=written, **members)

    def dropped(self, key: str, why: str) -> None:
        """An abandoned run takes no interest in this one any more."""
        row = self.rows[key]
        row.job = Job(stage=Stage.ENDED, id=row.job.id, started=row.job.started, end=End.CANCELLED, why=why)
        self._end(row)

    def finish(self, **members: Any) -> None:
        """Nothing is left to be done."""
        self._journal.write("finished", durable=True, at=iso(self._clock.now()), **members)

    def close(self) -> None:
        self._journal.close()

    def _end(self, row: Row) -> None:
        job = row.job
        row.ended = self._clock.now().timestamp()
        self._journal.write(
            "ended",
            durable=True,
            key=row.key,
            end=job.end,
            why=job.why,
            code=job.code,
            hint=job.hint,
            notes=list(job.notes),
            at=row.ended,
            outcome=None if row.outcome is None else row.outcome.as_json(),
        )

    def _replay(self, entry: Mapping[str, Any]) -> None:
        kind = entry["kind"]
        if kind == "recorded":
            for key in entry["keys"]:
                self.rows[key].recorded = True
        row = self.rows[entry["key"]] if "key" in entry else None
        if row is None:
            return
        match kind:
            case "prepared":
                row.place = Place.from_json(entry["place"])
                row.job = Job()
            case "submitted":
                row.job = Job(stage=Stage.SUBMITTED, id=entry["job"])
            case "started":
                row.job = Job(stage=Stage.RUNNING, id=row.job.id, started=entry["at"])
            case "ended":
                row.ended = entry["at"]
                row.outcome = None if entry["outcome"] is None else Outcome.from_json(entry["outcome"])
                row.job = Job(
                    stage=Stage.ENDED,
                    id=row.job.id,
                    started=row.job.started,
                    end=End(entry["end"]),
                    why=entry["why"],
                    code=entry["code"],
                    hint=entry["hint"],
                    notes=tuple(entry["notes"]),
                )


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
