"""What a run of `retrain` came to: as a value, as a document, and as the line of one job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final

from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.model.metrics import folded
from retrainctl.operations.recording import Recorded
from retrainctl.retrain.book import BAD, Book, Row, State

FORMAT: Final = "1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainReport:
    """What a run came to. problem: why accepted versions could not be recorded."""

    book: Book
    ended: str
    recorded: Recorded = field(default_factory=Recorded)
    notes: tuple[str, ...] = ()
    signal: int | None = None
    problem: RetrainctlError | None = None
    submit_only: bool = False

    @property
    def counts(self) -> Mapping[State, int]:
        return Counter(self._state(row) for row in self.book.rows.values())

    @property
    def failed(self) -> bool:
        """Whether a job failed, or its results could not be read (exit code 5)."""
        return any(self.counts.get(state) for state in BAD)

    @property
    def gate_failed(self) -> bool:
        return bool(self.counts.get(State.GATE_FAILED))

    def document(self) -> dict[str, Any]:
        """As JSON data, `render.retrain_text` and others take it; holds no secret."""
        recorded = self.recorded
        return {
            "format_version": FORMAT,
            "kind": "retrain",
            "run": self.book.run,
            "environment": self.book.environment,
            "started": self.book.started,
            "ended": self.ended,
            "outcome": self._outcome(),
            "signal": self.signal,
            "counts": {state.value: self.counts.get(state, 0) for state in State},
            "retrainings": [self._row(row) for row in self.book.rows.values()],
            "recorded": {
                "files": list(recorded.files),
                "moves": [
                    {"address": str(m.address), "slot": m.slot, "from": m.before, "to": m.after} for m in recorded.moves
                ],
                "branch": recorded.branch,
                "commit": recorded.commit,
            },
            "problem": None if self.problem is None else _error(self.problem),
            "notes": list(self.notes),
        }

    def _state(self, row: Row) -> State:
        left = row.state is State.LEFT and self.submit_only and row.job.id is not None and row.job.started is not None
        return State.SUBMITTED if left else row.state

    def _outcome(self) -> str:
        if self.signal is not None:
            return "interrupted"
        if self.failed:
            return "failed"
        if self.gate_failed:
            return "gate_failed"
        return "submitted" if self.counts.get(State.SUBMITTED) else "accepted"

    def _row(self, row: Row) -> dict[str, Any]:
        place, outcome, job = row.place, row.outcome, row.job
        return {
            "address": row.key,
            "model": row.model,
            "version": None if place is None else place.version,
            "state": self._state(row).value,
            "recorded": row.recorded,
            "job": job.id,
            "seconds": row.seconds,
            "reason": job.why,
            "code": job.code,
            "hint": job.hint,
            "before": None if row.before is None else {"label": row.before[0], "metrics": dict(row.before[1])},
            "data": [] if place is None else list(place.data),
            "parameters": {} if place is None else dict(place.parameters),
            **(_NOTHING if outcome is None else outcome.as_json()),
        }


_NOTHING: Final[Mapping[str, Any]] = {
    "uri": None,
    "sha256": None,
    "etag": None,
    "size": None,
    "metrics": {},
    "gates": [],
    "evaluation": None,
}


def line_of(row: Row, *, submit_only: bool = False) -> str:
    """One retraining that has ended, in one line."""
    label = row.model if row.place is None else f"{row.model}@{row.place.version}"
    if submit_only and row.state is State.LEFT and row.job.id is not None:
        return f"submitted: {label}: job {row.job.id}"
    reason = row.job.why
    if row.outcome is not None:
        failed = [gate.reason for gate in row.outcome.gates if not gate.passed]
        reason = "; ".join(failed[:2]) if failed else ", ".join(_metrics(row))
    took = "" if row.seconds is None else f" ({row.seconds:.0f} s)"
    return f"{row.state.replace('_', ' ')}: {label}" + (f": {reason}" if reason else "") + took


def _metrics(row: Row) -> list[str]:
    """The metrics of the gates, and what they were before."""
    assert row.outcome is not None
    former = {} if row.before is None else {folded(name): value for name, value in row.before[1].items()}
    shown = []
    for name, value in {gate.metric: gate.value for gate in row.outcome.gates}.items():
        before = former.get(folded(name))
        shown.append(f"{name} {value:.6g}" + ("" if before is None else f" (before: {before:.6g})"))
    return shown


def _error(error: RetrainctlError) -> dict[str, Any]:
    return {"code": error.code, "message": error.message, "hint": error.hint}
