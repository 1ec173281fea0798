"""Findings as SARIF 2.1.0, for code scanning pages and editors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import quote

from retrainctl.diagnostics import Diagnostic
from retrainctl.render.escape import json_text
from retrainctl.render.findings import Finding, diagnostic_findings, plan_findings
from retrainctl.render.view import PlanView
from retrainctl.version import __version__

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_MOST = 25_000
"""GitHub refuses a run with more results (plan-apply-anchors.md section 5); the worst come first."""


def plan_sarif(view: PlanView, folder: str = "") -> str:
    """The blocks, policies, risks, warnings and drift of a plan; `folder` is the project's in its repository,
    for that is what code scanning places results by."""
    return _log(plan_findings(view), f"retrainctl/plan/{view.environment}", folder)


def diagnostics_sarif(diagnostics: Iterable[Diagnostic]) -> str:
    """The findings about the user's files."""
    return _log(diagnostic_findings(diagnostics), "retrainctl/validate")


def _log(findings: Sequence[Finding], category: str, folder: str = "") -> str:
    shown = findings[:_MOST]
    codes = list(dict.fromkeys(finding.code for finding in shown))
    index = {code: position for position, code in enumerate(codes)}
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "retrainctl",
                "semanticVersion": __version__,
                "rules": [_rule(code) for code in codes],
            }
        },
        "automationDetails": {"id": category},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, index[finding.code], folder) for finding in shown],
    }
    if len(findings) > len(shown):
        run["properties"] = {"omittedResults": len(findings) - len(shown)}
    return json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _rule(code: str) -> dict[str, Any]:
    from retrainctl.codes import catalogue

    if (entry := catalogue().get(code)) is not None:
        return {
            "id": code,
            "shortDescription": {"text": entry.title},
            "fullDescription": {"text": entry.cause},
            "help": {"text": entry.fix},
        }
    return {"id": code, "shortDescription": {"text": code.rpartition("/")[2].replace("-", " ") or code}}


def _result(finding: Finding, rule: int, folder: str) -> dict[str, Any]:
    text = finding.text if not finding.hint else f"{finding.text}. {finding.hint}"
    location: dict[str, Any] = {}
    if finding.place.path:
        location["physicalLocation"] = _physical(finding, folder)
    if finding.address:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.address, "kind": "resource"}]
    identity = f"{finding.code}\0{finding.address}\0{finding.message}".encode()
    return {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": finding.level,
        "message": {"text": text},
        "locations": [location] if location else [],
        "partialFingerprints": {"retrainctl/v1": hashlib.sha256(identity).hexdigest()[:32]},
    }


def _physical(finding: Finding, folder: str) -> dict[str, Any]:
    place = finding.place
    path = place.path.replace("\\", "/").removeprefix("./")
    path = f"{folder}/{path}" if folder else path
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(path, safe="/", errors="backslashreplace")}}
    if place.line > 0:
        physical["region"] = {"startLine": place.line, **({"startColumn": place.column} if place.column > 0 else {})}
    return physical
