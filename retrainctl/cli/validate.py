"""`retrainctl validate`: every finding about the project and its manifests at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from retrainctl.cli import options
from retrainctl.cli.console import Console
from retrainctl.cli.exits import Exit
from retrainctl.diagnostics import Diagnostic, Severity


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"


def command(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    output: Annotated[Output, typer.Option("--output", help="The format of the findings.")] = Output.TEXT,
) -> int:
    """Check the project and every manifest; report all errors at once, with their places.

    \b
    Examples:
      retrainctl validate
      retrainctl validate --env prod --output sarif > findings.sarif

    Exit codes: 0 no error; 1 errors found; 64 usage error.
    """
    from retrainctl.operations.validate import validate

    console = Console.of(context)
    environment = options.environment_name(env, console)
    overrides = options.variables(var, console.environ)
    found = validate(project, environment, overrides, console.environ)
    console.result(_text(found, project, console) if output is Output.TEXT else _RENDER[output](found))
    return Exit.ERROR if any(d.severity is Severity.ERROR for d in found) else Exit.DONE


def _text(found: Sequence[Diagnostic], project: Path, console: Console) -> str:
    from retrainctl.cli.findings import source_in
    from retrainctl.render.diagnostics_text import diagnostics_text

    if not found:
        return "Valid: no findings.\n"
    return diagnostics_text(found, source=source_in(project.parent), style=console.style)


def _json(found: Sequence[Diagnostic]) -> str:
    from retrainctl.render.diagnostics_text import diagnostics_json

    return diagnostics_json(found)


def _sarif(found: Sequence[Diagnostic]) -> str:
    from retrainctl.render.sarif import diagnostics_sarif

    return diagnostics_sarif(found)


def _junit(found: Sequence[Diagnostic]) -> str:
    from retrainctl.render.junit import diagnostics_junit

    return diagnostics_junit(found)


def _github(found: Sequence[Diagnostic]) -> str:
    from retrainctl.render.annotations import diagnostics_github

    return diagnostics_github(found)


_RENDER: dict[Output, Callable[[Sequence[Diagnostic]], str]] = {
    Output.JSON: _json,
    Output.SARIF: _sarif,
    Output.JUNIT: _junit,
    Output.GITHUB: _github,
}
