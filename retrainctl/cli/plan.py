"""`retrainctl plan`: what an apply would change, and nothing else."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from retrainctl.cli import options, planning
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.cli.show import Budget
from retrainctl.plan import planfile


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"
    MD = "md"
    HTML = "html"
    SARIF = "sarif"
    JUNIT = "junit"
    EVENTS = "events"


def _report(name: str, what: str) -> Any:
    return typer.Option(name, metavar="FILE", help=f"Also write {what} (- for stdout).")


def command(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    snapshot: Annotated[
        Path | None,
        typer.Option("--snapshot", metavar="PATH", help="Offline: an exported definition or a snapshot folder."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Save the plan for an apply.")] = None,
    only: planning.Only = None,
    exclude: planning.Exclude = None,
    prune: planning.Prune = False,
    allow: planning.Allow = None,
    read_models: Annotated[
        bool, typer.Option("--read-models", help="Also look into the blobs of new model versions.")
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Read every model anew, and keep no copies of them.")
    ] = False,
    detailed: Annotated[bool, typer.Option("--detailed-exitcode", help="Exit 2 when there are changes.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="List every call that an apply would send.")] = False,
    show_ignored: Annotated[bool, typer.Option("--show-ignored", help="List ignored differences of form.")] = False,
    output: Annotated[Output, typer.Option("--output", help="The format on stdout.")] = Output.TEXT,
    md: Annotated[Path | None, _report("--md", "Markdown")] = None,
    html: Annotated[Path | None, _report("--html", "an HTML report")] = None,
    json: Annotated[Path | None, _report("--json", "the plan as JSON")] = None,
    sarif: Annotated[Path | None, _report("--sarif", "SARIF")] = None,
    junit: Annotated[Path | None, _report("--junit", "JUnit XML")] = None,
    events: Annotated[Path | None, _report("--events", "JSON lines of events")] = None,
    budget: Annotated[
        Budget | None, typer.Option("--budget", metavar="PRESET", help="Size limit of Markdown: see show --help.")
    ] = None,
) -> int:
    """Show what an apply would change. Reads live state, or a snapshot; writes nothing.

    \b
    Examples:
      retrainctl plan --env prod --out plan.json
      retrainctl plan --snapshot export.json --md comment.md --budget github-comment

    \b
    Exit codes: 0 done; 1 error; 2 changes, with --detailed-exitcode;
    3 blocked by a guard or a policy; 64 usage error.
    """
    from retrainctl.render.formats import RenderOptions, render_plan

    session = Session.open(context, env, project, var)
    wanted = planning.wishes(only, exclude, prune, allow)
    plan, document = planning.plan_now(session, wanted, snapshot, read_models=read_models, keep_copies=not no_cache)
    if out is not None:
        planfile.write(out, document)
    reports = {"md": md, "html": html, "json": json, "sarif": sarif, "junit": junit, "events": events}
    planning.save_reports(session, document, reports, None if budget is None else budget.value)
    console = session.console
    rendering = RenderOptions(
        style=console.style,
        show_ignored=show_ignored,
        explain=explain,
        hints=not console.in_automation,
        saved_as=None if out is None else str(out),
        budget=None if budget is None else budget.value,
    )
    console.result(render_plan(document, output.value, rendering))
    if not plan.applyable:
        return Exit.BLOCKED
    return Exit.CHANGES if detailed and plan.changes else Exit.DONE
