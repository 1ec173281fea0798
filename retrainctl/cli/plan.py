"""`retrainctl plan`: what an apply would change, and nothing else."""

# No `annotations` of `__future__` here: Typer would compile the text of each one again at every start.

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrainctl.cli import options, pipelines, planning
from retrainctl.cli.console import Console
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.cli.show import Budget
from retrainctl.errors import InvalidInput, UsageError
from retrainctl.plan import planfile
from retrainctl.plan.encode import encode

if TYPE_CHECKING:
    from retrainctl.diagnostics import Diagnostic
    from retrainctl.plan.plan import Plan
    from retrainctl.render.formats import PlanReport, RenderOptions


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
    env: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="NAME", help="Environment; repeat it to see several side by side."),
    ] = None,
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
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Read everything anew, and keep no copies.")] = False,
    refresh_only: Annotated[
        bool, typer.Option("--refresh-only", help="Only tell what differs from the last apply; propose nothing.")
    ] = False,
    guards_from: planning.GuardsFrom = None,
    detailed: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 2 when there are changes (--refresh-only: drift).")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="List every call that an apply would send.")] = False,
    show_ignored: Annotated[bool, typer.Option("--show-ignored", help="List ignored differences of form.")] = False,
    output: Annotated[Output, typer.Option("--output", help="The format on stdout.")] = Output.TEXT,
    powershell: Annotated[
        bool, typer.Option("--powershell", help="On stdout the cmdlet script that does the same.")
    ] = False,
    md: Annotated[Path | None, _report("--md", "Markdown")] = None,
    html: Annotated[Path | None, _report("--html", "an HTML report")] = None,
    json: Annotated[Path | None, _report("--json", "the plan as JSON")] = None,
    sarif: Annotated[Path | None, _report("--sarif", "SARIF")] = None,
    junit: Annotated[Path | None, _report("--junit", "JUnit XML")] = None,
    events: Annotated[Path | None, _report("--events", "JSON lines of events")] = None,
    budget: Annotated[
        Budget | None, typer.Option("--budget", metavar="PRESET", help="Size limit of Markdown: see show --help.")
    ] = None,
    github: Annotated[
        bool, typer.Option("--github", help="For GitHub Actions: annotations, step summary, outputs.")
    ] = False,
    azdo: Annotated[bool, typer.Option("--azdo", help="For Azure Pipelines: issues, summary, variables.")] = False,
) -> int:
    """Show what an apply would change. Reads live state, or a snapshot; writes nothing.

    \b
    Examples:
      retrainctl plan --env prod --out plan.json
      retrainctl plan --snapshot export.json --md c.md --budget github-comment
      retrainctl plan --env prod --refresh-only --detailed-exitcode
      retrainctl plan --env test --env prod

    \b
    Exit codes: 0 done; 1 error; 2 changes (or drift), with --detailed-exitcode;
    3 blocked by a guard or a policy; 64 usage error.
    """
    files = {"md": md, "html": html, "json": json, "sarif": sarif, "junit": junit, "events": events}
    preset = None if budget is None else budget.value
    wanted = planning.wishes(only, exclude, prune, allow)
    if refresh_only and (out or prune or allow or guards_from):
        raise UsageError("--refresh-only proposes nothing", hint="Leave --out, --prune, --allow and --guards-from out.")
    if env is not None and len(env) > 1:
        from retrainctl.cli import matrix

        single = {"--out": out, "--github": github, "--azdo": azdo, "--powershell": powershell}
        _only_matrix(output, files, {**single, "--refresh-only": refresh_only, "--guards-from": guards_from})
        ways = {"read_models": read_models, "keep_copies": not no_cache}
        return matrix.show(
            context,
            env,
            project,
            var,
            wanted,
            output.value,
            files,
            snapshot=snapshot,
            budget=preset,
            detailed=detailed,
            **ways,
        )
    failed: tuple[Diagnostic, ...] = ()
    try:
        session = Session.open(context, env[0] if env else None, project, var, copies=not no_cache)
        if refresh_only:
            planned = planning.drift_now(session, wanted.selection, snapshot, read_models=read_models)
            plan, document, failed = planned.plan, encode(planned.plan), planned.findings
        else:
            ways = {"read_models": read_models, "keep_copies": not no_cache}
            plan, document = planning.plan_now(session, wanted, snapshot, guards_from=guards_from, **ways)
    except InvalidInput as error:
        if github or azdo:
            console = Console.of(context)
            console.result(pipelines.findings(error, console, github=github, azdo=azdo, root=console.folder))
        raise
    if failed:
        from retrainctl.cli.findings import shown

        session.console.message(shown(failed, session.console).rstrip("\n"))
    if out is not None:
        planfile.write(out, document)
    from retrainctl.render.formats import PlanReport

    report = PlanReport(document, session.console.redactor)
    planning.save_reports(session, report, files, preset)
    if powershell:
        session.console.result(_script(session, document))
    else:
        rendering = _rendering(session, preset, out, show_ignored=show_ignored, explain=explain)
        _show(session, report, output, rendering, github=github, azdo=azdo)
    return Exit.ERROR if failed else _exit_code(plan, detailed=detailed, refresh_only=refresh_only)


def _exit_code(plan: "Plan", *, detailed: bool, refresh_only: bool) -> int:
    if not plan.applyable and not refresh_only:
        return Exit.BLOCKED
    return Exit.CHANGES if detailed and (plan.alarms if refresh_only else plan.changes) else Exit.DONE


def _rendering(
    session: Session, preset: str | None, out: Path | None, *, show_ignored: bool, explain: bool
) -> "RenderOptions":
    from retrainctl.render.formats import RenderOptions

    console = session.console
    return RenderOptions(
        style=console.style,
        show_ignored=show_ignored,
        explain=explain,
        hints=not console.in_automation,
        saved_as=None if out is None else str(out),
        budget=preset,
        folder=pipelines.folder_in_checkout(session.loaded.project.root, console),
    )


def _show(
    session: Session, report: "PlanReport", output: Output, rendering: "RenderOptions", *, github: bool, azdo: bool
) -> None:
    """The plan on stdout. Log commands stand behind it; beside a format for machines they go to stderr, where the
    runners look for them as well."""
    console = session.console
    console.result(report.render(output.value, rendering))
    if github or azdo:
        commands = pipelines.report(report, console, github=github, azdo=azdo, root=session.loaded.project.root)
        if output is Output.TEXT:
            console.result(commands)
        elif commands:
            console.message(commands.rstrip("\n"))


def _script(session: Session, document: dict[str, Any]) -> str:
    from retrainctl.render.powershell import ScriptSettings, plan_script
    from retrainctl.targets.classic.hosts import hosts_of

    environment = session.loaded.environment
    management = hosts_of(environment.classic).management if environment.classic is not None else ""
    return plan_script(document, ScriptSettings(environment=environment, management=management))


def _only_matrix(output: Output, files: dict[str, Path | None], single: dict[str, object]) -> None:
    """Refuses what has no meaning for several environments at once."""
    refused = [name for name, value in single.items() if value]
    refused += [f"--{form}" for form, path in files.items() if path is not None and form not in ("md", "json")]
    if output not in (Output.TEXT, Output.MD, Output.JSON):
        refused.append(f"--output {output.value}")
    if refused:
        raise UsageError(f"{refused[0]} goes with one --env", hint="Plan each environment by itself for this.")
