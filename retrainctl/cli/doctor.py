"""`retrainctl doctor`: why an apply would fail here, each finding with cause and fix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrainctl.cli import options
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrainctl.operations.doctoring.report import Patient, Report, Result
    from retrainctl.ports import Observer
    from retrainctl.targets.arm.client import ArmClient
    from retrainctl.targets.classic.client import ClassicClient
    from retrainctl.wiring.reaching import Reached


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"


def command(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    output: Annotated[Output, typer.Option("--output", help="The format.")] = Output.TEXT,
) -> int:
    """Check whether an apply would work here, and say what to mend.

    Credentials, permissions, hosts, regions, services, slots, blobs, SAS,
    limits, clock, ledger and lease; nothing is written.

    \b
    Examples:
      retrainctl doctor --env prod
      retrainctl doctor --env local --output json

    Exit codes: 0 no errors found; 1 errors found; 64 usage error.
    """
    from retrainctl.operations.doctoring.checks import CHECKS
    from retrainctl.operations.doctoring.report import examine

    session = Session.open(context, env, project, var, lenient=True)
    with session.console.progress() as observer:
        report = examine(patient(session, observer), CHECKS, observer)
    if output is Output.JSON:
        from retrainctl.render.escape import json_text

        session.console.result(json_text(document(report)))
    else:
        session.console.result("\n".join(_text(report, session)))
    return Exit.ERROR if report.count(Severity.ERROR) else Exit.DONE


def patient(session: Session, observer: Observer) -> Patient:
    """The session's environment, as the checks want it."""
    from retrainctl.operations.doctoring.report import Patient

    project, environment, outside = session.loaded.project, session.loaded.environment, session.outside

    def services() -> str | None:
        from retrainctl.wiring.connect import start_emulator

        handle = start_emulator(project, environment)
        return None if handle is None else handle.url

    def arm() -> ArmClient | None:
        from retrainctl.wiring.connect import arm_target

        target = arm_target(project, environment, outside)
        return None if target is None else target.client

    def classic() -> ClassicClient | None:
        from retrainctl.wiring.connect import classic_parts

        parts = classic_parts(project, environment, outside)
        return None if parts is None else parts.client()

    return Patient(
        loaded=session.loaded,
        clock=outside.clock,
        resolver=session.resolver,
        services=services,
        targets=lambda: session.targets,
        arm=arm,
        classic=classic,
        blobs=lambda: session.blobs,
        ledger=lambda: session.ledger,
        reach=cache(partial(_reach, session)),
        plan=partial(_plan, session, observer),
    )


def _reach(session: Session, base: str) -> Reached:
    from retrainctl.wiring.connect import extra_authorities, start_emulator
    from retrainctl.wiring.reaching import reach

    handle = start_emulator(session.loaded.project, session.loaded.environment)
    if handle is not None:
        return reach(base, ca=handle.ca, environ={})
    environ = session.console.environ
    return reach(base, ca=extra_authorities(environ), environ=environ)


def _plan(session: Session, observer: Observer) -> Sequence[str]:
    from retrainctl.operations.planning import PlanOptions, make_plan
    from retrainctl.plan.plan import PolicyOutcome, Source
    from retrainctl.version import __version__

    guards = session.guards(None)
    planned = make_plan(
        replace(session.loaded, diagnostics=()),
        session.targets,
        session.ledger.applied(),
        PlanOptions(),
        observer=observer,
        secret_hash=session.secret_hash,
        source=Source(),
        created_at=session.now,
        version=__version__,
        guards=guards.guards,
        policies=guards.judge,
    )
    denied = [one for one in planned.plan.policy if one.outcome is PolicyOutcome.DENIED]
    return [
        *(block.message for block in planned.plan.blocked),
        *(f"policy {one.rule}: {one.address}: {one.message}" for one in denied),
    ]


def document(report: Report) -> dict[str, Any]:
    """The report as JSON data."""
    return {
        "environment": report.environment,
        "emulator": report.emulator,
        "errors": report.count(Severity.ERROR),
        "warnings": report.count(Severity.WARNING),
        "checks": [
            {
                "name": result.check.name,
                "title": result.check.title,
                "status": result.status,
                "facts": list(result.facts),
                "skipped": result.skipped,
                "findings": [_finding(finding) for finding in result.findings],
            }
            for result in report.results
        ],
    }


def _finding(finding: Diagnostic) -> Mapping[str, Any]:
    return {
        "code": finding.code,
        "severity": str(finding.severity),
        "message": finding.message,
        "cause": _cause(finding.code),
        "fix": finding.hint,
        "address": finding.address,
        "position": None if finding.span is None else str(finding.span),
    }


def _cause(code: str) -> str | None:
    from retrainctl.codes import catalogue

    entry = catalogue().get(code)
    return None if entry is None else entry.cause


def _text(report: Report, session: Session) -> Iterator[str]:
    from retrainctl.render.style import count

    explained: set[str] = set()
    for result in report.results:
        yield from _result(result, session, explained)
    errors, warnings = report.count(Severity.ERROR), report.count(Severity.WARNING)
    yield ""
    if errors or warnings:
        yield f"{count(errors, 'error')}, {count(warnings, 'warning')}. `retrainctl explain CODE` says more of each."
    else:
        yield f'Nothing stands in the way of an apply to "{report.environment}".'


def _result(result: Result, session: Session, explained: set[str]) -> Iterator[str]:
    from retrainctl.render.escape import visible
    from retrainctl.render.style import wrapped

    style = session.console.style
    yield f"{result.status:<8}{result.check.title}"
    for finding in result.findings:
        place = f" ({finding.span})" if finding.span is not None else ""
        label = f"{finding.severity}[{finding.code}]: "
        yield from wrapped(visible(f"{finding.message}{place}"), style, first=f"        {label}", rest="          ")
        cause = None if finding.code in explained else _cause(finding.code)
        explained.add(finding.code)
        if cause:
            yield from wrapped(visible(cause), style, first="          cause: ", rest="            ")
        if finding.hint:
            yield from wrapped(visible(finding.hint), style, first="          fix: ", rest="            ")
    notes = [*result.facts, *([result.skipped] if result.skipped else [])]
    for note in notes[:_SHOWN]:
        yield from wrapped(visible(note), style, first="        ", rest="          ")
    if len(notes) > _SHOWN:
        yield f"        and {len(notes) - _SHOWN} more: --output json"


_SHOWN = 10
