"""What became of every planned change, and the receipt that says so on every way out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from retrainctl.diff.verify import Mismatch
from retrainctl.fastclass import dataclass
from retrainctl.model.change import ResourceChange
from retrainctl.model.values import MISSING
from retrainctl.ports import TargetError


class Fate(StrEnum):
    """How one change ended. `RESTORED`: it was applied, and taken back because its wave failed."""

    APPLIED = "applied"
    RESTORED = "restored"
    FAILED = "failed"
    CONFLICTED = "conflicted"
    SKIPPED = "skipped"
    IN_FLIGHT = "in_flight"
    UNKNOWN = "unknown"
    NOT_ATTEMPTED = "not_attempted"


class Verified(StrEnum):
    """Whether a read-back shows what was written."""

    YES = "yes"
    NO = "no"
    NOT_READABLE = "sent, not readable"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One change's end. `why` says in a sentence what a reader of the receipt needs to know."""

    change: ResourceChange
    fate: Fate
    verified: Verified = Verified.NOT_CHECKED
    why: str = ""
    error: TargetError | None = None
    mismatches: tuple[Mismatch, ...] = ()
    operation: str | None = None
    request_id: str | None = None
    backup: str | None = None
    seconds: float = 0.0
    wrote: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The whole apply. Results stand in the plan's order; the counts always add up to the planned changes."""

    run: str
    environment: str
    digest: str
    started: str
    ended: str
    results: tuple[Result, ...] = ()
    notes: tuple[str, ...] = ()
    signal: int | None = None
    blocked: bool = False

    @property
    def counts(self) -> dict[str, int]:
        seen = Counter(result.fate for result in self.results)
        return {
            "planned": len(self.results),
            **{fate.value: seen[fate] for fate in Fate},
            "verified": sum(r.verified is Verified.YES and r.fate is Fate.APPLIED for r in self.results),
        }

    @property
    def wrote(self) -> bool:
        """Whether anything may have been changed at the target."""
        return any(result.wrote for result in self.results)

    @property
    def unverified(self) -> bool:
        return any(result.verified is Verified.NO for result in self.results)

    @property
    def outcome(self) -> str:
        """`applied`, `partial`, `failed`, `conflicted`, `nothing`, `interrupted` or `blocked`."""
        if self.blocked:
            return "blocked"
        if self.signal is not None:
            return "interrupted"
        if not self.results:
            return "nothing"
        fates = {result.fate for result in self.results}
        if fates <= {Fate.APPLIED, Fate.SKIPPED} and not any(r.fate is Fate.SKIPPED and r.error for r in self.results):
            return "applied"
        if self.wrote:
            return "partial"
        return "conflicted" if Fate.CONFLICTED in fates and Fate.FAILED not in fates else "failed"

    def document(self) -> dict[str, Any]:
        """The receipt as JSON data; nothing secret is in it."""
        return {
            "format_version": "1.0",
            "run": self.run,
            "environment": self.environment,
            "digest": self.digest,
            "started": self.started,
            "ended": self.ended,
            "outcome": self.outcome,
            "counts": self.counts,
            "resources": [_result(result) for result in self.results],
            "notes": list(self.notes),
            "signal": self.signal,
        }


def not_attempted(changes: Iterable[ResourceChange], why: str) -> list[Result]:
    return [Result(change=change, fate=Fate.NOT_ATTEMPTED, why=why) for change in changes]


def _result(result: Result) -> dict[str, Any]:
    change, error = result.change, result.error
    return {
        "address": str(change.address),
        "actions": [change.action.value],
        "outcome": result.fate.value,
        "verified": result.verified.value,
        "why": result.why,
        "error": None
        if error is None
        else {"code": error.code, "message": error.message, "hint": error.hint, "request_id": error.request_id},
        "conflict": [
            {
                "path": ".".join(entry.path),
                "planned": None if entry.wanted is MISSING else entry.wanted,
                "now": None if entry.live is MISSING else entry.live,
            }
            for entry in result.mismatches
        ],
        "operation": result.operation,
        "request_id": result.request_id,
        "backup": result.backup,
        "seconds": round(result.seconds, 3),
        "model_changes": [
            {"slot": m.slot, "from": m.before.label if m.before else None, "to": m.after.label} for m in change.models
        ],
    }
