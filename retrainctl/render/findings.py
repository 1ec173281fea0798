"""What SARIF, annotations and events have in common: findings with a level and a place, from a plan or from files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import Final

from retrainctl.diagnostics import Diagnostic
from retrainctl.fastclass import dataclass
from retrainctl.render.escape import visible
from retrainctl.render.view import Place, PlanView

LEVELS: Final = ("error", "warning", "note")
_OF_SEVERITY: Final = {"danger": "error", "warning": "warning"}
_OF_OUTCOME: Final = {"denied": "error", "warned": "warning"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to look at. `level` is one of `LEVELS`; texts are `visible`."""

    code: str
    level: str
    message: str
    address: str = ""
    hint: str = ""
    place: Place = field(default_factory=Place)

    @property
    def text(self) -> str:
        """The message with the resource that it is about."""
        if not self.address or self.address in self.message:
            return self.message
        return f"{self.address}: {self.message}"


def plan_findings(view: PlanView) -> list[Finding]:
    """All findings of a plan, worst first: blocks, policies, risks, warnings, drift."""
    return sorted(_of_plan(view), key=lambda finding: LEVELS.index(finding.level))


def diagnostic_findings(diagnostics: Iterable[Diagnostic]) -> list[Finding]:
    """The findings about the user's files, in their order."""
    return [
        Finding(
            code=visible(d.code),
            level=d.severity.value,
            message=visible(d.message),
            address=visible(d.address or ""),
            hint=visible(d.hint or ""),
            place=Place(path=d.span.file, line=d.span.line, column=d.span.column) if d.span else Place(),
        )
        for d in diagnostics
    ]


def _of_plan(view: PlanView) -> Iterator[Finding]:
    places = {change.address: change.origin for change in view.changes}
    nowhere = Place()
    for block in view.blocked:
        hint = f"override: {block.override}" if block.override else ""
        yield Finding(
            code=f"blocked/{block.guard}",
            level="error",
            message=block.text,
            hint=hint,
            place=places.get(block.address, nowhere),
        )
    for result in view.policy:
        yield Finding(
            code=f"policy/{result.rule}",
            level=_OF_OUTCOME.get(result.outcome, "note"),
            message=f"{result.message} ({result.level} policy, {result.outcome})",
            address=result.address,
            place=places.get(result.address, nowhere),
        )
    for change in view.changes:
        for risk in change.risks:
            yield Finding(
                code=risk.code,
                level=_OF_SEVERITY.get(risk.severity, "note"),
                message=risk.message,
                address=change.address,
                hint=risk.hint,
                place=change.origin,
            )
    for code, message in view.warnings:
        yield Finding(code=code, level="warning", message=message)
    for entry in view.drift:
        yield Finding(
            code="drift",
            level="note",
            message=f"{entry.path} was changed outside retrainctl, from {entry.before} to {entry.after}",
            address=entry.address,
            place=places.get(entry.address, nowhere),
        )
