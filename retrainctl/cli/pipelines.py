"""`--github` and `--azdo`: annotations, summary and outputs for the pipeline that runs the command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retrainctl.errors import InvalidInput, RetrainctlError

if TYPE_CHECKING:
    from retrainctl.cli.console import Console
    from retrainctl.render.formats import PlanReport


def report(plan: PlanReport, console: Console, *, github: bool, azdo: bool, root: Path) -> str:
    """Writes summary and outputs where the pipeline asks for them; what is left is its log commands, one per line.

    Raises `RetrainctlError` (RC007) when a file that the pipeline names cannot be written.
    """
    from retrainctl.render import annotations, pipelines

    text = ""
    if github:
        environ = console.environ
        if summary := environ.get("GITHUB_STEP_SUMMARY"):
            page = pipelines.step_summary(plan.view, _size(summary))
            if not page:
                console.message("warning: the step's summaries are full; this plan is not among them.")
            _append(summary, page, console)
        if output := environ.get("GITHUB_OUTPUT"):
            _append(output, pipelines.github_outputs(plan.view), console)
        text += annotations.plan_github(plan.view, folder(root, environ.get("GITHUB_WORKSPACE")))
    if azdo:
        environ = console.environ
        page = pipelines.step_summary(plan.view, 0)
        text += annotations.plan_azdo(plan.view, folder(root, environ.get("BUILD_SOURCESDIRECTORY")))
        text += pipelines.azdo_summary(_summary_file(page, str(plan.document.get("environment", "")), console))
        text += pipelines.azdo_variables(plan.view)
    return text


def findings(error: InvalidInput, console: Console, *, github: bool, azdo: bool, root: Path) -> str:
    """The findings that ended a command, as log commands at their places."""
    from retrainctl.render import annotations

    text = ""
    if github:
        text += annotations.diagnostics_github(error.diagnostics, folder(root, console.environ.get("GITHUB_WORKSPACE")))
    if azdo:
        text += annotations.diagnostics_azdo(
            error.diagnostics, folder(root, console.environ.get("BUILD_SOURCESDIRECTORY"))
        )
    return text


def folder_in_checkout(root: Path, console: Console) -> str:
    """The project's folder from the root of the checkout that the pipeline names, else from here."""
    names = ("GITHUB_WORKSPACE", "BUILD_SOURCESDIRECTORY", "CI_PROJECT_DIR")
    return folder(root, next(filter(None, map(console.environ.get, names)), None))


def folder(root: Path, checkout: str | None) -> str:
    """The project's folder from the root of the repository; empty where it is the root, or outside."""
    base = Path(checkout).resolve() if checkout else Path.cwd()
    try:
        inside = root.resolve().relative_to(base).as_posix()
    except ValueError:
        return ""
    return "" if inside == "." else inside


def _size(file: str) -> int:
    path = Path(file)
    return path.stat().st_size if path.is_file() else 0


def _append(file: str, text: str, console: Console) -> None:
    """Adds to a file that other commands of the step write too; it is never replaced."""
    try:
        with Path(file).open("ab") as stream:
            stream.write(console.redactor.clean(text).encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise RetrainctlError(
            f"cannot write {file}: {(error.strerror or str(error)).lower()}",
            code="RC007",
            hint="Check GITHUB_STEP_SUMMARY and GITHUB_OUTPUT.",
        ) from error


def _summary_file(page: str, environment: str, console: Console) -> str:
    """The agent reads the file when the step has ended, so that it must stay: it goes to the agent's own folder."""
    import re
    import tempfile

    place = Path(console.environ.get("AGENT_TEMPDIRECTORY") or tempfile.mkdtemp(prefix="retrainctl-"))
    path = place / f"retrainctl plan {re.sub(r'[^A-Za-z0-9_-]', '-', environment) or 'environment'}.md"
    console.save(path, page)
    return str(path.resolve())
