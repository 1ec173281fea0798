"""Plans, receipts and findings as JUnit XML, for the test pages of CI systems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from retrainctl.diagnostics import Diagnostic
from retrainctl.fastclass import dataclass
from retrainctl.render.escape import xml
from retrainctl.render.findings import Finding, diagnostic_findings, plan_findings
from retrainctl.render.receipt_view import receipt_view
from retrainctl.render.view import PlanView


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test case; texts are escaped when written. seconds None: not timed."""

    group: str
    name: str
    failure: str = ""
    skipped: str = ""
    output: Sequence[str] = ()
    seconds: float | None = None


def plan_junit(view: PlanView) -> str:
    """One case per changed resource, failed where a guard or a policy forbids it; the first case is the plan itself."""
    said: dict[str, list[Finding]] = defaultdict(list)
    for finding in plan_findings(view):
        said[finding.address].append(finding)
    blocks = [f"{block.guard}: {block.text}" for block in view.blocked]
    denied = {result.address: f"{result.rule}: {result.message}" for result in view.denied}
    verdict = "" if view.applyable else "; ".join(blocks) or "a policy denies it"
    cases = [Case(group="plan", name=f"plan of {view.environment}", failure=verdict, output=[view.verdict])]
    for change in view.changes:
        blocked = next((block.message for block in view.blocked if block.address == change.address), "")
        lines = [f"{change.action} {change.address} {change.summary('->')}".rstrip()]
        lines.extend(f"{finding.level}: {finding.message} [{finding.code}]" for finding in said[change.address])
        failure = blocked or denied.get(change.address, "")
        cases.append(Case(group=change.kind, name=change.address, failure=failure, output=lines))
    cases.extend(Case(group="not covered", name=a, skipped="nothing is known of it") for a in view.not_covered)
    return suite(f"retrainctl plan {view.environment}", cases)


def receipt_junit(document: Mapping[str, Any]) -> str:
    """One case per resource of an apply: failed, conflicted and unknown fail; what was not tried is skipped."""
    view = receipt_view(document)
    cases = []
    for result in view.results:
        reason = result.reason or result.outcome
        cases.append(
            Case(
                group=result.kind,
                name=result.address,
                failure=reason if result.bad else "",
                skipped=reason if result.untried else "",
                output=[f"{result.action}: {result.outcome}"],
                seconds=result.seconds,
            )
        )
    return suite(f"retrainctl apply {view.environment}", cases)


def diagnostics_junit(diagnostics: Iterable[Diagnostic]) -> str:
    """One case per file with findings; a single passing case where there are none."""
    files: dict[str, list[Finding]] = defaultdict(list)
    for finding in diagnostic_findings(diagnostics):
        files[finding.place.path or finding.address or "project"].append(finding)
    cases = []
    for name, findings in files.items():
        lines = [f"{f.place or f.address or name}: {f.level}[{f.code}]: {f.message}" for f in findings]
        errors = [line for line, f in zip(lines, findings, strict=True) if f.level == "error"]
        cases.append(Case(group="validate", name=name, failure="; ".join(errors), output=lines))
    return suite("retrainctl validate", cases or [Case(group="validate", name="project")])


def suite(name: str, cases: Sequence[Case]) -> str:
    failures, skipped = sum(bool(c.failure) for c in cases), sum(bool(c.skipped) for c in cases)
    counts = f'tests="{len(cases)}" failures="{failures}" errors="0" skipped="{skipped}"'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites {counts}>"]
    lines.append(f'  <testsuite name="{xml(name)}" {counts}>')
    for case in cases:
        lines.extend(_case(case))
    lines.extend(("  </testsuite>", "</testsuites>", ""))
    return "\n".join(lines)


def _case(case: Case) -> list[str]:
    time = "" if case.seconds is None else f' time="{case.seconds:.3f}"'
    lines = [f'    <testcase classname="{xml(case.group)}" name="{xml(case.name)}"{time}>']
    if case.failure:
        lines.append(f'      <failure message="{xml(case.failure)}"/>')
    if case.skipped:
        lines.append(f'      <skipped message="{xml(case.skipped)}"/>')
    if case.output:
        body = "\n".join(xml(line) for line in case.output)
        lines.append(f"      <system-out>{body}</system-out>")
    lines.append("    </testcase>")
    return lines
