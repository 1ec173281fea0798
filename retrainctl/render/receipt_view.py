"""A receipt as people look at it: what went wrong first, every foreign text already `visible`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from retrainctl.fastclass import dataclass
from retrainctl.render.read import action_word, move_view, objects, pair_of, text_of
from retrainctl.render.style import count
from retrainctl.render.values import path_text
from retrainctl.render.view import MoveView

_WORST_FIRST: Final = (
    "failed",
    "unknown",
    "conflicted",
    "in_flight",
    "restored",
    "not_attempted",
    "skipped",
    "verified",
    "applied",
)
_BAD: Final = frozenset({"failed", "conflicted", "unknown", "in_flight", "restored"})
_UNTRIED: Final = frozenset({"skipped", "not_attempted"})
_VERDICTS: Final = {
    "applied": "Applied",
    "partial": "Partly applied",
    "failed": "Failed",
    "conflicted": "Conflicted",
    "nothing": "Nothing to apply",
    "interrupted": "Interrupted",
    "blocked": "Blocked, nothing was written",
}
_COUNTED: Final = ("applied", "restored", "failed", "conflicted", "unknown", "in_flight", "skipped", "not_attempted")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictView:
    """A field that moved between plan and apply."""

    path: str
    planned: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultView:
    """What became of one resource."""

    address: str
    kind: str
    action: str
    outcome: str
    verified: str
    why: str
    error: str
    code: str
    hint: str
    request_id: str
    conflicts: tuple[ConflictView, ...]
    operation: str
    seconds: float | None
    moves: tuple[MoveView, ...]
    backup: str

    @property
    def bad(self) -> bool:
        """Whether somebody has to look at it: it went wrong, or what was read back is not what was sent."""
        return self.outcome in _BAD or self.verified == "no"

    @property
    def checked(self) -> bool:
        """Whether a read-back was tried."""
        return self.verified not in ("", "not checked")

    @property
    def untried(self) -> bool:
        return self.outcome in _UNTRIED

    @property
    def words(self) -> str:
        """The outcome as words: `in flight`, `not attempted`."""
        return self.outcome.replace("_", " ")

    @property
    def reason(self) -> str:
        """Why it did not succeed, in one sentence; empty where it did."""
        if self.error:
            return f"{self.error} [{self.code}]" if self.code else self.error
        if self.why:
            return self.why
        if self.conflicts:
            moved = self.conflicts[0]
            more = f" and {count(len(self.conflicts) - 1, 'more field')}" if len(self.conflicts) > 1 else ""
            if self.verified == "no":
                return f"{moved.path} reads back as {moved.now}, not as {moved.planned}{more}"
            return f"{moved.path} moved: planned from {moved.planned}, now {moved.now}{more}"
        return "what was read back is not what was sent" if self.verified == "no" else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptView:
    """A whole receipt. `results` are worst first; `counts` are in words, zero ones left out."""

    run: str
    environment: str
    digest: str
    started: str
    ended: str
    outcome: str
    planned: int
    counts: tuple[tuple[str, int], ...]
    verified: int
    results: tuple[ResultView, ...]
    notes: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """The first line of every output."""
        said = _VERDICTS.get(self.outcome, self.outcome)
        if self.outcome == "applied" and any(result.verified == "no" for result in self.results):
            said = "Applied, but verification failed"
        if not self.planned:
            return f"{said} in {self.environment}. No changes."
        return f"{said} in {self.environment}: {count(self.planned, 'change')} planned, {self.numbers}."

    @property
    def numbers(self) -> str:
        """`2 applied (1 verified), 1 failed`."""
        told = [f"{number:,} {word}" for word, number in self.counts]
        if told and self.counts[0][0] == "applied":
            told[0] += f" ({self.verified:,} verified)"
        return ", ".join(told) or "none applied"


def receipt_view(document: Mapping[str, Any]) -> ReceiptView:
    """Reads a decoded receipt document."""
    counts = document.get("counts") or {}
    results = sorted((_result(entry) for entry in objects(document, "resources")), key=_worst_first)
    planned = counts.get("planned")
    return ReceiptView(
        run=text_of(document, "run"),
        environment=text_of(document, "environment"),
        digest=text_of(document, "digest"),
        started=text_of(document, "started"),
        ended=text_of(document, "ended"),
        outcome=text_of(document, "outcome"),
        planned=planned if isinstance(planned, int) else len(results),
        counts=tuple(
            (n.replace("_", " "), counts[n]) for n in _COUNTED if isinstance(counts.get(n), int) and counts[n]
        ),
        verified=counts["verified"] if isinstance(counts.get("verified"), int) else 0,
        results=tuple(results),
        notes=tuple(text_of({"note": note}, "note") for note in document.get("notes") or ()),
    )


def _worst_first(result: ResultView) -> tuple[int, str]:
    place = _WORST_FIRST.index(result.outcome) if result.outcome in _WORST_FIRST else 0
    return 0 if result.bad and place > len(_BAD) else place, result.address


def _result(entry: Mapping[str, Any]) -> ResultView:
    error = entry.get("error") or {}
    seconds = entry.get("seconds")
    address = text_of(entry, "address")
    return ResultView(
        address=address,
        kind=address.partition("/")[0],
        action=action_word(entry.get("actions") or ()),
        outcome=text_of(entry, "outcome"),
        verified=text_of(entry, "verified"),
        why=text_of(entry, "why"),
        error=text_of(error, "message"),
        code=text_of(error, "code"),
        hint=text_of(error, "hint"),
        request_id=text_of(error, "request_id") or text_of(entry, "request_id"),
        conflicts=tuple(_conflict(conflict) for conflict in objects(entry, "conflict")),
        operation=text_of(entry, "operation"),
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        moves=tuple(move_view(move) for move in objects(entry, "model_changes")),
        backup=text_of(entry, "backup"),
    )


def _conflict(entry: Mapping[str, Any]) -> ConflictView:
    planned, now = pair_of(entry, "planned", "now")
    return ConflictView(path=path_text(entry.get("path") or ""), planned=planned, now=now)
