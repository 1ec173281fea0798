"""The plan document as people look at it: riskiest first, in words, every foreign text already `visible`.

Every renderer but JSON works on these values; `read` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from retrainctl.fastclass import dataclass
from retrainctl.render.escape import json_text, visible
from retrainctl.render.metrics import MetricView
from retrainctl.render.style import count
from retrainctl.render.values import FieldView

SEVERITIES: Final = ("danger", "warning", "note")
ACTIONS: Final = ("delete", "replace", "update", "create")


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskView:
    code: str
    severity: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveView:
    """A slot's move from one model version to another; labels such as `census@7`, empty when not known.

    `file` is set where the apply uploads the blob itself, so that there is no URI yet.
    """

    slot: str
    before: str
    after: str
    from_uri: str
    to_uri: str
    file: str
    cause: str
    knowledge: str
    metrics: tuple[MetricView, ...]

    @property
    def source(self) -> str:
        """What the slot serves now, as an address or in words."""
        if self.from_uri:
            return f"{self.from_uri} (as last applied)" if self.knowledge == "applied" else self.from_uri
        return "(cannot be read)" if self.knowledge == "unknown" else "(nothing)"

    @property
    def destination(self) -> str:
        """What the slot will serve, as an address or in words."""
        return self.to_uri or (f"(uploaded from {self.file} by the apply)" if self.file else "(not known yet)")

    def short(self, arrow: str) -> str:
        """`census@6 → @7` within one model, else both labels in full."""
        if not self.before:
            return f"(unknown) {arrow} {self.after}" if self.from_uri or self.knowledge == "unknown" else self.after
        model, _, version = self.after.rpartition("@")
        same = model and self.before.rpartition("@")[0] == model
        return f"{self.before} {arrow} {'@' + version if same else self.after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """One call; `raw` is its body as decoded JSON, None where it has none."""

    method: str
    path: str
    raw: Any

    @property
    def body(self) -> str:
        """The body on one line, made only where it is asked for: bodies are the bulk of a plan."""
        return "" if self.raw is None else visible(json_text(self.raw, indent=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    id: str
    requests: tuple[RequestView, ...]
    wait: str
    check: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the manifests a change comes from; line and column count from 1, 0 means not known."""

    path: str = ""
    line: int = 0
    column: int = 0

    @property
    def line_only(self) -> str:
        return str(Place(path=self.path, line=self.line))

    def __str__(self) -> str:
        known = [self.path, *(str(n) for n in (self.line, self.column) if n)]
        return visible(":".join(known)) if self.path else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """One resource's planned transition.

    `severity` is that of its worst risk, `unchanged` counts hidden fields, `calls` the requests; `read_steps` gives the
    steps, the bulk of a plan, which few outputs show.
    """

    address: str
    kind: str
    action: str
    severity: str
    risks: tuple[RiskView, ...]
    moves: tuple[MoveView, ...]
    fields: tuple[FieldView, ...]
    unchanged: int
    reason: str
    cause: str
    origin: Place
    after: tuple[str, ...]
    identity: str
    read_steps: Callable[[], tuple[StepView, ...]]
    calls: int

    @property
    def steps(self) -> tuple[StepView, ...]:
        """What will be sent, in order."""
        return self.read_steps()

    @property
    def dangerous(self) -> bool:
        """Whether a reviewer must never miss it."""
        return self.severity == "danger" or self.action in ("delete", "replace")

    @property
    def flags(self) -> tuple[str, ...]:
        """The codes of dangers and warnings, worst first; notes left out."""
        return tuple(dict.fromkeys(risk.code for risk in self.risks if risk.severity in ("danger", "warning")))

    @property
    def flag(self) -> str:
        """The worst risk in a few words: `danger: version-goes-back +2`."""
        if not (flags := self.flags):
            return ""
        return f"{self.severity}: {flags[0]}" + (f" +{len(flags) - 1}" if len(flags) > 1 else "")

    def summary(self, arrow: str) -> str:
        """What changes, in a few words: model moves first, then how many fields."""
        parts = [move.short(arrow) for move in self.moves[:2]]
        if len(self.moves) > 2:
            parts.append(f"{len(self.moves) - 2} more models")
        if self.fields and self.action != "delete":
            parts.append(self.fields[0].path if len(self.fields) == 1 else count(len(self.fields), "field"))
        return ", ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftView:
    """A place that is not as we last wrote it. `allowed` says on whose word, and until when, that is no alarm."""

    address: str
    path: str
    before: str
    after: str
    allowed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressedView:
    address: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyView:
    rule: str
    level: str
    address: str
    message: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockView:
    guard: str
    message: str
    override: str
    address: str

    @property
    def text(self) -> str:
        """The message with the resource that it is about."""
        return f"{self.address}: {self.message}" if self.address else self.message


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """A whole plan for reading. `changes` are riskiest first; `drift` is without what somebody has allowed."""

    environment: str
    targets: Mapping[str, str]
    digest: str
    commit: str
    dirty: bool
    guards: str
    created_at: str
    version: str
    counts: Mapping[str, int]
    risks: Mapping[str, int]
    unchanged: int
    changes: tuple[ChangeView, ...]
    drift: tuple[DriftView, ...]
    allowed_drift: tuple[DriftView, ...]
    suppressed: tuple[SuppressedView, ...]
    policy: tuple[PolicyView, ...]
    blocked: tuple[BlockView, ...]
    not_covered: tuple[str, ...]
    warnings: tuple[tuple[str, str], ...]
    complete: bool
    applyable: bool

    @property
    def denied(self) -> tuple[PolicyView, ...]:
        return tuple(result for result in self.policy if result.outcome == "denied")

    @property
    def actions(self) -> str:
        """`2 updates, 1 delete`."""
        return ", ".join(count(self.counts[action], action) for action in ACTIONS if self.counts.get(action))

    @property
    def attention(self) -> int:
        """How many changes a reviewer should look at: a danger or a warning, or something goes away."""
        return sum(1 for change in self.changes if change.dangerous or change.severity == "warning")

    @property
    def verdict(self) -> str:
        """The first line of every output."""
        stop = "" if self.applyable else "Blocked. "
        if not self.changes and self.drift:
            return f"{stop}Drift in {self.environment}: {self.drifted}."
        if not self.changes:
            return f"{stop}No changes in {self.environment}. {self.unchanged_sentence}"
        return f"{stop}Plan for {self.environment}: {count(len(self.changes), 'change')} ({self.actions}). " + (
            f"Needs attention: {self.concerns}." if self.concerns else "No risks seen."
        )

    @property
    def drifted(self) -> str:
        """`3 fields of 2 resources changed outside retrainctl`."""
        places = len({entry.address for entry in self.drift})
        return f"{count(len(self.drift), 'field')} of {count(places, 'resource')} changed outside retrainctl"

    @property
    def concerns(self) -> str:
        """What a reviewer should look at, counted: `2 dangers, 1 delete, 1 warning`."""
        counted = (
            ("danger", self.risks.get("danger", 0)),
            ("delete", self.counts.get("delete", 0)),
            ("replace", self.counts.get("replace", 0)),
            ("warning", self.risks.get("warning", 0)),
        )
        return ", ".join(count(number, noun) for noun, number in counted if number)

    @property
    def unchanged_sentence(self) -> str:
        """What is as it should be, where nothing changes."""
        if not self.complete:
            return "What was looked at is as declared; the plan does not cover everything."
        if not self.unchanged:
            return "There is nothing to do."
        if self.unchanged == 1:
            return "The declared resource is as it should be."
        return f"All {self.unchanged:,} declared resources are as they should be."
