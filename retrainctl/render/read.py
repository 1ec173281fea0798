"""Decoded plan documents to views: lenient, for a reader must show what an older or newer retrainctl wrote.

A member that a newer format has more is ignored, one that is missing is empty. Every text leaves here `visible`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from retrainctl.model.redaction import without_query
from retrainctl.render.escape import visible
from retrainctl.render.metrics import metric_views
from retrainctl.render.values import ABSENT, changed_fields, pair, path_text
from retrainctl.render.view import (
    ACTIONS,
    SEVERITIES,
    BlockView,
    ChangeView,
    DriftView,
    MoveView,
    Place,
    PlanView,
    PolicyView,
    RequestView,
    RiskView,
    StepView,
    SuppressedView,
)

_RANK: Final = {"danger": 0, "warning": 2}


def plan_view(document: Mapping[str, Any]) -> PlanView:
    """Reads a decoded plan document (DESIGN.md section 6)."""
    changes = tuple(sorted([_change(c) for c in objects(document, "resource_changes")], key=_riskiest_first))
    source = document.get("source") or {}
    summary = document.get("summary") or {}
    return PlanView(
        environment=text_of(document, "environment"),
        targets={visible(name): visible(str(scope)) for name, scope in (document.get("targets") or {}).items()},
        digest=text_of(document, "digest"),
        commit=text_of(source, "commit"),
        dirty=bool(source.get("dirty")),
        guards=_guards(source.get("guards")),
        created_at=text_of(document, "created_at"),
        version=text_of(document, "retrainctl_version"),
        counts=Counter(change.action for change in changes),
        risks=Counter(risk.severity for change in changes for risk in change.risks),
        unchanged=_int(summary, "no_op"),
        changes=changes,
        drift=tuple(_drift(entry) for entry in objects(document, "drift") if not entry.get("allowed")),
        allowed_drift=tuple(_drift(entry) for entry in objects(document, "drift") if entry.get("allowed")),
        suppressed=tuple(
            SuppressedView(
                address=text_of(e, "address"), path=path_text(e.get("path") or ""), reason=text_of(e, "reason")
            )
            for e in objects(document, "suppressed")
        ),
        policy=tuple(
            PolicyView(**{name: text_of(e, name) for name in ("rule", "level", "address", "message", "outcome")})
            for e in objects(document, "policy")
        ),
        blocked=tuple(
            BlockView(**{name: text_of(e, name) for name in ("guard", "message", "override", "address")})
            for e in objects(document, "blocked")
        ),
        not_covered=tuple(visible(str(address)) for address in document.get("not_covered") or ()),
        warnings=tuple((text_of(e, "code"), text_of(e, "message")) for e in objects(document, "warnings")),
        complete=document.get("complete") is not False,
        applyable=document.get("applyable") is not False,
    )


def _guards(guards: Any) -> str:
    """The trusted ref that the guards are from: `origin/main (1a2b3c4d5e)`."""
    return f"{text_of(guards, 'ref')} ({text_of(guards, 'commit')[:10]})" if isinstance(guards, Mapping) else ""


def _riskiest_first(change: ChangeView) -> tuple[int, int, str]:
    rank = _RANK.get(change.severity, 3)
    if change.action in ("delete", "replace"):
        rank = min(rank, 1)
    return rank, ACTIONS.index(change.action) if change.action in ACTIONS else len(ACTIONS), change.address


def _change(entry: Mapping[str, Any]) -> ChangeView:
    change = entry.get("change") or {}
    moves = tuple(move_view(move) for move in objects(entry, "model_changes"))
    fields, unchanged = changed_fields(_without_uploads(change) if moves else change)
    risks = tuple(sorted((_risk(risk) for risk in objects(entry, "risks")), key=_worst_first))
    found = {risk.severity for risk in risks}
    origin = entry.get("origin") or {}
    return ChangeView(
        address=text_of(entry, "address"),
        kind=text_of(entry, "kind"),
        action=action_word(change.get("actions") or ()),
        severity=next((severity for severity in SEVERITIES if severity in found), ""),
        risks=risks,
        moves=moves,
        fields=fields,
        unchanged=unchanged,
        reason=text_of(entry, "reason"),
        cause=text_of(entry, "action_reason"),
        origin=Place(path=_raw(origin, "path"), line=_int(origin, "line"), column=_int(origin, "column")),
        after=tuple(visible(str(address)) for address in entry.get("after") or ()),
        identity=text_of(entry, "identity"),
        read_steps=partial(_steps, entry),
        calls=sum(len(objects(step, "requests")) for step in objects(entry, "steps"))
        or len(objects(entry, "requests")),
    )


def _risk(entry: Mapping[str, Any]) -> RiskView:
    return RiskView(**{name: text_of(entry, name) for name in ("code", "severity", "message", "hint")})


def _worst_first(risk: RiskView) -> int:
    return SEVERITIES.index(risk.severity) if risk.severity in SEVERITIES else len(SEVERITIES)


def _without_uploads(change: Mapping[str, Any]) -> Mapping[str, Any]:
    """A blob that the apply uploads has no URI yet (`after_unknown.models`); the model move says so itself."""
    unknown = change.get("after_unknown")
    if not isinstance(unknown, dict) or "models" not in unknown:
        return change
    return {**change, "after_unknown": {name: mark for name, mark in unknown.items() if name != "models"}}


def action_word(actions: Sequence[str]) -> str:
    """One word for a list of actions; `["delete", "create"]` is a replacement."""
    if {"delete", "create"} <= set(actions):
        return "replace"
    return visible(str(actions[0])) if actions else "no-op"


def move_view(move: Mapping[str, Any]) -> MoveView:
    """A model change of a plan or of a receipt."""
    return MoveView(
        slot=text_of(move, "slot"),
        before=text_of(move, "from"),
        after=text_of(move, "to"),
        from_uri=visible(without_query(_raw(move, "from_uri"))),
        to_uri=visible(without_query(_raw(move, "to_uri"))),
        file=text_of(move, "to_file"),
        cause=text_of(move, "cause"),
        knowledge=text_of(move, "knowledge"),
        metrics=metric_views(move.get("from_metrics"), move.get("to_metrics")),
    )


def _steps(entry: Mapping[str, Any]) -> tuple[StepView, ...]:
    """A change of several steps lists them; that of a single step has it beside its requests."""
    steps = objects(entry, "steps")
    if not steps and entry.get("requests"):
        steps = [{**(entry.get("step") or {}), "requests": entry["requests"]}]
    return tuple(
        StepView(
            id=text_of(step, "id"),
            requests=tuple(_request(request) for request in objects(step, "requests")),
            wait=text_of(step, "wait"),
            check=text_of(step, "check"),
        )
        for step in steps
    )


def _request(request: Mapping[str, Any]) -> RequestView:
    return RequestView(method=text_of(request, "method"), path=text_of(request, "path"), raw=request.get("body"))


def _drift(entry: Mapping[str, Any]) -> DriftView:
    old, new = pair_of(entry, "before", "after")
    return DriftView(
        address=text_of(entry, "address"),
        path=path_text(entry.get("path") or "") or "(the whole resource)",
        before=old,
        after=new,
        allowed=_allowance(entry.get("allowed")),
    )


def _allowance(allowed: Any) -> str:
    if not isinstance(allowed, Mapping):
        return ""
    return f"until {text_of(allowed, 'expires')} by {text_of(allowed, 'owner')}: {text_of(allowed, 'reason')}"


def pair_of(entry: Mapping[str, Any], before: str, after: str) -> tuple[str, str]:
    """Two members of an entry as values; a member that is not there shows as not set."""
    return pair(entry.get(before, ABSENT), entry.get(after, ABSENT))


def objects(entry: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects of a list member; empty where there is no such list."""
    members = entry.get(name)
    return [m for m in members if isinstance(m, dict)] if isinstance(members, list) else []


def _raw(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else "" if value is None else str(value)


def text_of(entry: Mapping[str, Any], name: str) -> str:
    """A member as `visible` text; empty where it is missing or null."""
    value = entry.get(name)
    if value is None:
        return ""
    return visible(value if type(value) is str else str(value))


def _int(entry: Mapping[str, Any], name: str) -> int:
    value = entry.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
