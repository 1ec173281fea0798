"""The plan document as people look at it: riskiest first, in words, every foreign text already `visible`.

Every renderer but JSON reads this view. It is lenient: a member that a newer plan has more is ignored, one that is
missing is empty, for a reader must show what an older or newer retrainctl wrote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from retrainctl.model.redaction import without_query
from retrainctl.render.escape import json_text, visible
from retrainctl.render.metrics import MetricView, metric_views
from retrainctl.render.style import count
from retrainctl.render.values import ABSENT, FieldView, changed_fields, pair, path_text

SEVERITIES: Final = ("danger", "warning", "note")
_ACTIONS: Final = ("delete", "replace", "update", "create")
_RANK: Final = {"danger": 0, "warning": 2}


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
        return self.from_uri or ("(cannot be read)" if self.knowledge == "unknown" else "(nothing)")

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

    def __str__(self) -> str:
        known = [self.path, *(str(n) for n in (self.line, self.column) if n)]
        return visible(":".join(known)) if self.path else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """One resource's planned transition. `severity` is that of its worst risk, `unchanged` counts hidden fields."""

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
    steps: tuple[StepView, ...]
    calls: int

    @property
    def dangerous(self) -> bool:
        """Whether a reviewer must never miss it."""
        return self.severity == "danger" or self.action in ("delete", "replace")

    @property
    def flags(self) -> str:
        """`danger: version-goes-back; warning: metric-worse`, notes left out."""
        named = []
        for severity in ("danger", "warning"):
            codes = list(dict.fromkeys(risk.code for risk in self.risks if risk.severity == severity))
            if codes:
                named.append(f"{severity}: {', '.join(codes)}")
        return "; ".join(named)

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
    address: str
    path: str
    before: str
    after: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """A whole plan for reading. `changes` are riskiest first."""

    environment: str
    targets: Mapping[str, str]
    digest: str
    commit: str
    dirty: bool
    created_at: str
    version: str
    counts: Mapping[str, int]
    risks: Mapping[str, int]
    unchanged: int
    changes: tuple[ChangeView, ...]
    drift: tuple[DriftView, ...]
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
        return ", ".join(count(self.counts[action], action) for action in _ACTIONS if self.counts.get(action))

    @property
    def attention(self) -> int:
        """How many changes a reviewer should look at: a danger or a warning, or something goes away."""
        return sum(1 for change in self.changes if change.dangerous or change.severity == "warning")

    @property
    def verdict(self) -> str:
        """The first line of every output."""
        stop = "" if self.applyable else "Blocked. "
        if not self.changes:
            return f"{stop}No changes. {self._unchanged_sentence}"
        risks = ", ".join(count(self.risks[s], s) for s in SEVERITIES if self.risks.get(s))
        said = f"{stop}Plan for {self.environment}: {count(len(self.changes), 'change')} ({self.actions})."
        return f"{said} {risks[0].upper() + risks[1:]}." if risks else f"{said} No risks seen."

    @property
    def _unchanged_sentence(self) -> str:
        if not self.complete:
            return f"What was looked at in {self.environment} is as declared; the plan does not cover everything."
        if not self.unchanged:
            return f"There is nothing to do in {self.environment}."
        subject = "The declared resource is" if self.unchanged == 1 else f"All {self.unchanged:,} declared resources are"
        return f"{subject} in {self.environment} as declared."


def plan_view(document: Mapping[str, Any]) -> PlanView:
    """Reads a decoded plan document (DESIGN.md section 6)."""
    changes = tuple(sorted((_change(c) for c in _objects(document, "resource_changes")), key=_riskiest_first))
    source = document.get("source") or {}
    summary = document.get("summary") or {}
    return PlanView(
        environment=_text(document, "environment"),
        targets={visible(name): visible(str(scope)) for name, scope in (document.get("targets") or {}).items()},
        digest=_text(document, "digest"),
        commit=_text(source, "commit"),
        dirty=bool(source.get("dirty")),
        created_at=_text(document, "created_at"),
        version=_text(document, "retrainctl_version"),
        counts=Counter(change.action for change in changes),
        risks=Counter(risk.severity for change in changes for risk in change.risks),
        unchanged=_int(summary, "no_op"),
        changes=changes,
        drift=tuple(_drift(entry) for entry in _objects(document, "drift")),
        suppressed=tuple(
            SuppressedView(address=_text(e, "address"), path=path_text(e.get("path") or ""), reason=_text(e, "reason"))
            for e in _objects(document, "suppressed")
        ),
        policy=tuple(
            PolicyView(**{name: _text(e, name) for name in ("rule", "level", "address", "message", "outcome")})
            for e in _objects(document, "policy")
        ),
        blocked=tuple(
            BlockView(guard=_text(e, "guard"), message=_message(e), override=_text(e, "override"))
            for e in _objects(document, "blocked")
        ),
        not_covered=tuple(visible(str(address)) for address in document.get("not_covered") or ()),
        warnings=tuple((_text(e, "code"), _text(e, "message")) for e in _objects(document, "warnings")),
        complete=document.get("complete") is not False,
        applyable=document.get("applyable") is not False,
    )


def _riskiest_first(change: ChangeView) -> tuple[int, int, str]:
    rank = _RANK.get(change.severity, 3)
    if change.action in ("delete", "replace"):
        rank = min(rank, 1)
    return rank, _ACTIONS.index(change.action) if change.action in _ACTIONS else len(_ACTIONS), change.address


def _change(entry: Mapping[str, Any]) -> ChangeView:
    change = entry.get("change") or {}
    moves = tuple(move_view(move) for move in _objects(entry, "model_changes"))
    fields, unchanged = changed_fields(_without_uploads(change) if moves else change)
    risks = tuple(
        RiskView(code=_text(r, "code"), severity=_text(r, "severity"), message=_text(r, "message"), hint=_text(r, "hint"))
        for r in _objects(entry, "risks")
    )
    found = {risk.severity for risk in risks}
    origin = entry.get("origin") or {}
    steps = _steps(entry)
    return ChangeView(
        address=_text(entry, "address"),
        kind=_text(entry, "kind"),
        action=_action(change.get("actions") or ()),
        severity=next((severity for severity in SEVERITIES if severity in found), ""),
        risks=risks,
        moves=moves,
        fields=fields,
        unchanged=unchanged,
        reason=_text(entry, "reason"),
        cause=_text(entry, "action_reason"),
        origin=Place(path=_raw(origin, "path"), line=_int(origin, "line"), column=_int(origin, "column")),
        after=tuple(visible(str(address)) for address in entry.get("after") or ()),
        identity=_text(entry, "identity"),
        steps=steps,
        calls=sum(len(step.requests) for step in steps),
    )


def _without_uploads(change: Mapping[str, Any]) -> Mapping[str, Any]:
    """A blob that the apply uploads has no URI yet (`after_unknown.models`); the model move says so itself."""
    unknown = change.get("after_unknown")
    if not isinstance(unknown, Mapping) or "models" not in unknown:
        return change
    return {**change, "after_unknown": {name: mark for name, mark in unknown.items() if name != "models"}}


def _action(actions: Sequence[str]) -> str:
    if {"delete", "create"} <= set(actions):
        return "replace"
    return visible(str(actions[0])) if actions else "no-op"


def move_view(move: Mapping[str, Any]) -> MoveView:
    """A model change of a plan or of a receipt."""
    return MoveView(
        slot=_text(move, "slot"),
        before=_text(move, "from"),
        after=_text(move, "to"),
        from_uri=visible(without_query(_raw(move, "from_uri"))),
        to_uri=visible(without_query(_raw(move, "to_uri"))),
        file=_text(move, "to_file"),
        cause=_text(move, "cause"),
        knowledge=_text(move, "knowledge"),
        metrics=metric_views(move.get("from_metrics"), move.get("to_metrics")),
    )


def _steps(entry: Mapping[str, Any]) -> tuple[StepView, ...]:
    """A change of several steps lists them; that of a single step has it beside its requests."""
    steps = _objects(entry, "steps")
    if not steps and entry.get("requests"):
        steps = [{**(entry.get("step") or {}), "requests": entry["requests"]}]
    return tuple(
        StepView(
            id=_text(step, "id"),
            requests=tuple(_request(request) for request in _objects(step, "requests")),
            wait=_text(step, "wait"),
            check=_text(step, "check"),
        )
        for step in steps
    )


def _request(request: Mapping[str, Any]) -> RequestView:
    return RequestView(method=_text(request, "method"), path=_text(request, "path"), raw=request.get("body"))


def _drift(entry: Mapping[str, Any]) -> DriftView:
    old, new = pair_of(entry, "before", "after")
    return DriftView(address=_text(entry, "address"), path=path_text(entry.get("path") or ""), before=old, after=new)


def pair_of(entry: Mapping[str, Any], before: str, after: str) -> tuple[str, str]:
    """Two members of an entry as values; a member that is not there shows as not set."""
    sides = [entry[name] if name in entry else ABSENT for name in (before, after)]
    return pair(sides[0], sides[1])


def _message(entry: Mapping[str, Any]) -> str:
    address, message = _text(entry, "address"), _text(entry, "message")
    return f"{address}: {message}" if address else message


def _objects(entry: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    members = entry.get(name)
    return [m for m in members if isinstance(m, Mapping)] if isinstance(members, Sequence) else []


def _raw(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else "" if value is None else str(value)


def _text(entry: Mapping[str, Any], name: str) -> str:
    return visible(_raw(entry, name))


def _int(entry: Mapping[str, Any], name: str) -> int:
    value = entry.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
