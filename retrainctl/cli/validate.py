"""`retrainctl validate`: every finding about the project and its manifests at once."""

# No `annotations` of `__future__` here: Typer would compile the text of each one again at every start.

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from retrainctl.cli import options
from retrainctl.cli.console import Console
from retrainctl.cli.exits import Exit
from retrainctl.diagnostics import Diagnostic, Severity
from retrainctl.errors import InvalidInput


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
    console = Console.of(context)
    environment = options.environment_name(env, console)
    found = _found(project, environment, options.variables(var), console)
    console.result(_text(found, console) if output is Output.TEXT else _RENDER[output](found))
    return Exit.ERROR if any(d.severity is Severity.ERROR for d in found) else Exit.DONE


def _found(project: Path, environment: str, overrides: Mapping[str, str], console: Console) -> Sequence[Diagnostic]:
    """All findings, their files as the user would type them from here, so that a CI page finds them too."""
    from retrainctl.manifest.project import find_project
    from retrainctl.operations.validate import validate

    folder = Path()
    try:
        file = find_project(Path.cwd(), None if project == options.DEFAULT_PROJECT else project)
        folder = Path(os.path.relpath(file.parent))
        found = validate(file, environment, overrides, console.environ)
    except InvalidInput as error:
        # Also a project that cannot be read at all is a finding, in the format that was asked for.
        found = error.diagnostics
    return found if folder == Path() else [_seen_from_here(finding, folder) for finding in found]


def _seen_from_here(finding: Diagnostic, folder: Path) -> Diagnostic:
    span = finding.span
    return finding if span is None else replace(finding, span=span._replace(file=(folder / span.file).as_posix()))


def _text(found: Sequence[Diagnostic], console: Console) -> str:
    from retrainctl.cli.findings import source_in
    from retrainctl.render.diagnostics_text import diagnostics_text

    if not found:
        return "Valid: no findings.\n"
    return diagnostics_text(found, source=source_in(Path()), style=console.style)


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
