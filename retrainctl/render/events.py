"""Plans, receipts and findings as JSON lines, in the shape that readers of Terraform's machine-readable UI know.

Names as in plan-apply-anchors.md section 5. The time of every event is that of the document, so that the same document
gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from retrainctl.diagnostics import Diagnostic
from retrainctl.render.escape import json_text
from retrainctl.render.findings import Finding, diagnostic_findings, plan_findings
from retrainctl.render.receipt_view import ResultView, receipt_view
from retrainctl.render.view import PlanView
from retrainctl.version import __version__

_UI_VERSION = "1.0"
_LEVELS = {"error": "error", "warning": "warn", "note": "info"}


def plan_events(view: PlanView) -> str:
    """`version`, `planned_change`, `resource_drift`, `diagnostic`, and a final `change_summary`."""
    return _lines(view.created_at, _plan(view))


def receipt_events(document: Mapping[str, Any]) -> str:
    """`version`, `apply_start` and `apply_complete` or `apply_errored` per resource, and a final `change_summary`."""
    return _lines(receipt_view(document).ended, _receipt(document))


def diagnostics_events(diagnostics: Iterable[Diagnostic]) -> str:
    """`version` and one `diagnostic` per finding."""
    return _lines("", (_diagnostic(finding) for finding in diagnostic_findings(diagnostics)))


def _lines(time: str, events: Iterable[dict[str, Any]]) -> str:
    first = _event("version", f"retrainctl {__version__}", retrainctl=__version__, ui=_UI_VERSION)
    stamp = {"@module": "retrainctl.ui", "@timestamp": time}
    return "".join(json_text(event | stamp, indent=False) + "\n" for event in (first, *events))


def _event(kind: str, message: str, *, level: str = "info", **members: Any) -> dict[str, Any]:
    return {"@level": level, "@message": message, "type": kind, **members}


def _plan(view: PlanView) -> Iterator[dict[str, Any]]:
    for change in view.changes:
        models = [{"slot": move.slot, "from": move.before or None, "to": move.after} for move in change.moves]
        yield _event(
            "planned_change",
            f"{change.address}: plan to {change.action}",
            change={
                "resource": _resource(change.address),
                "action": change.action,
                "reason": change.cause,
                "risks": [risk.code for risk in change.risks],
                "models": models,
            },
        )
    for entry in (*view.drift, *view.allowed_drift):
        allowed = {"allowed": entry.allowed} if entry.allowed else {}
        yield _event(
            "resource_drift",
            f"{entry.address}: {entry.path} was changed outside retrainctl",
            change={"resource": _resource(entry.address), "action": "update", "path": entry.path, **allowed},
        )
    yield from (_diagnostic(finding) for finding in plan_findings(view) if finding.code != "drift")
    counts = {"add": "create", "change": "update", "remove": "delete", "replace": "replace"}
    yield _event(
        "change_summary",
        view.verdict,
        changes={name: view.counts.get(action, 0) for name, action in counts.items()} | {"operation": "plan"},
        applyable=view.applyable,
        complete=view.complete,
    )


def _receipt(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    view = receipt_view(document)
    for result in view.results:
        hook = {"resource": _resource(result.address), "action": result.action}
        if not result.untried:
            yield _event("apply_start", f"{result.address}: {result.action} started", hook=hook)
        yield _ended(result, hook)
    yield _event(
        "change_summary",
        view.verdict,
        level="info" if view.outcome in ("applied", "nothing") else "error",
        changes={name.replace(" ", "_"): number for name, number in view.counts}
        | {"planned": view.planned, "operation": "apply"},
        outcome=view.outcome,
        run=view.run,
    )


def _ended(result: ResultView, hook: dict[str, Any]) -> dict[str, Any]:
    details = {"outcome": result.outcome, "verified": result.verified, "elapsed_seconds": result.seconds}
    said = f"{result.address}: {result.words}" + (f": {result.reason}" if result.reason else "")
    if result.bad:
        error = {"code": result.code, "hint": result.hint, "request_id": result.request_id}
        return _event("apply_errored", said, level="error", hook=hook | details, error=error)
    return _event("apply_complete", said, hook=hook | details)


def _diagnostic(finding: Finding) -> dict[str, Any]:
    place = finding.place
    span: dict[str, Any] = {}
    if place.path:
        span["range"] = {"filename": place.path, "start": {"line": place.line, "column": place.column}}
    return _event(
        "diagnostic",
        f"{finding.level}: {finding.text}",
        level=_LEVELS[finding.level],
        diagnostic={
            "severity": finding.level,
            "code": finding.code,
            "summary": finding.message,
            "detail": finding.hint,
            "address": finding.address,
            **span,
        },
    )


def _resource(address: str) -> dict[str, str]:
    kind, _, name = address.partition("/")
    return {"addr": address, "kind": kind, "name": name}
