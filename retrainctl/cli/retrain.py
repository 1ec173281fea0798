"""`retrainctl retrain`: training jobs, evaluations, gates, new versions in the manifests."""

from __future__ import annotations

import signal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrainctl.cli import options
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.errors import UsageError

if TYPE_CHECKING:
    from retrainctl.operations.retrain_report import RetrainReport
    from retrainctl.operations.retraining import Workshop
    from retrainctl.ports import Observer


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


class OnInterrupt(StrEnum):
    LEAVE = "leave"
    CANCEL = "cancel"


def command(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ADDRESS]...", help="Retraining/NAME, the name, or a pattern; default: all."),
    ] = None,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    submit_only: Annotated[
        bool, typer.Option("--submit-only", help="Start the jobs and end; --resume goes on.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that is not finished.")] = False,
    abandon: Annotated[bool, typer.Option("--abandon", help="Cancel the jobs of such a run and close it.")] = False,
    no_bump: Annotated[
        bool, typer.Option("--no-bump", help="Record versions, but leave the slots as they are.")
    ] = False,
    branch: Annotated[
        str | None, typer.Option("--branch", metavar="NAME", help="Commit the changed manifests to this Git branch.")
    ] = None,
    skip_taken: Annotated[
        bool, typer.Option("--skip-taken", help="Where an unknown blob has the version's place, take the next number.")
    ] = False,
    in_flight: Annotated[
        int, typer.Option("--in-flight", min=1, max=40, metavar="N", help="Jobs of one endpoint at one time.")
    ] = 40,
    parallel: Annotated[int, typer.Option("--parallel", min=1, max=64, metavar="N", help="Calls at one time.")] = 8,
    time_limit: Annotated[
        str | None, typer.Option("--time-limit", metavar="TIME", help="Cancel a job that takes longer: 90s, 30m, 2h.")
    ] = None,
    on_interrupt: Annotated[
        OnInterrupt, typer.Option("--on-interrupt", help="What Ctrl-C does with jobs that run.")
    ] = OnInterrupt.LEAVE,
    output: Annotated[Output, typer.Option("--output", help="The format of the result.")] = Output.TEXT,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write JSON (- for stdout).")
    ] = None,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Also write JUnit XML (- for stdout).")
    ] = None,
) -> int:
    """Run training jobs, judge the new models by their gates, and record the good ones.

    New versions are written into the Model manifests or CSV files, and the slots
    that name a model's latest version move along. Nothing goes live before an apply.

    \b
    Examples:
      retrainctl retrain --env local
      retrainctl retrain 'bike-rental-00*' --branch retrain/november
      retrainctl retrain --submit-only; retrainctl retrain --resume

    \b
    Exit codes: 0 done; 1 error; 3 a gate failed; 5 a job failed;
    64 usage error; 130, 143 interrupted.
    """
    from retrainctl.operations import retraining
    from retrainctl.retrain.book import Terms

    _check_usage(names, submit_only=submit_only, resume=resume, abandon=abandon, branch=branch)
    session = Session.open(context, env, project, var, parallel=parallel)
    session.check_choice(env)
    wanted = retraining.RetrainOptions(
        names=tuple(names or ()),
        submit_only=submit_only,
        terms=Terms(bump=not no_bump, branch=branch, skip_taken=skip_taken),
        in_flight=in_flight,
        parallel=parallel,
        time_limit=_seconds(time_limit),
        cancel=on_interrupt is OnInterrupt.CANCEL,
    )
    with session.console.progress() as observer:
        shop = workshop(session, observer)
        if abandon:
            notes = retraining.abandon(shop)
            session.console.result("\n".join(notes) or "Nothing to abandon: every run is finished.")
            return Exit.DONE
        report = retraining.resume(wanted, shop) if resume else retraining.retrain(wanted, shop)
    if report is None:
        session.console.result("Nothing to resume: every run is finished.")
        return Exit.DONE
    return _show(session, report, output, {"json": json_file, "junit": junit_file})


def workshop(session: Session, observer: Observer) -> Workshop:
    """What a run works with, out of the session; nobody is asked yet."""
    from retrainctl.manifest.load import load
    from retrainctl.operations.live_versions import live_references
    from retrainctl.operations.retraining import Workshop
    from retrainctl.version import __version__
    from retrainctl.wiring.services import blob_address, service_directory

    loaded = session.loaded
    name = loaded.environment.name
    return Workshop(
        loaded=loaded,
        reload=lambda: load(loaded.project.file, name, session.variables, session.console.environ),
        directory=service_directory(loaded.project, loaded.environment, session.outside),
        store=session.blobs,
        secrets=session.resolver,
        address=blob_address(loaded.environment),
        live=lambda models: live_references(loaded, models, session.targets, session.ledger.applied(), observer),
        clock=session.outside.clock,
        observer=observer,
        folder=loaded.project.root / ".retrainctl" / "retrain" / name,
        version=__version__,
    )


def _check_usage(
    names: list[str] | None, *, submit_only: bool, resume: bool, abandon: bool, branch: str | None
) -> None:
    if resume and abandon:
        raise UsageError("--resume and --abandon exclude each other", hint="Give one of them.")
    if (resume or abandon) and (names or branch):
        raise UsageError("a run that is not finished is taken up as it was begun", hint="Leave the rest out.")
    if abandon and submit_only:
        raise UsageError("--abandon submits nothing", hint="Leave --submit-only out.")


def _seconds(text: str | None) -> float | None:
    from retrainctl.apply.rollout import seconds

    try:
        return None if text is None else seconds(text)
    except ValueError as error:
        raise UsageError(f"--time-limit: {error}", hint="Write 90s, 30m or 2h.") from error


def _show(session: Session, report: RetrainReport, output: Output, files: dict[str, Path | None]) -> int:
    console, document = session.console, session.console.redactor.clean_tree(report.document())
    for form, path in files.items():
        if path is not None:
            console.save(path, _rendered(document, form, session))
    console.result(_rendered(document, output.value, session))
    if report.signal is not None:
        return Exit.TERMINATED if report.signal == signal.SIGTERM else Exit.INTERRUPTED
    if report.failed:
        return Exit.PARTIAL
    if report.problem is not None:
        return Exit.ERROR
    return Exit.BLOCKED if report.gate_failed else Exit.DONE


def _rendered(document: Any, form: str, session: Session) -> str:
    if form == "json":
        from retrainctl.render.escape import json_text

        return json_text(document) + "\n"
    if form == "junit":
        from retrainctl.render.retrain_junit import retrain_junit

        return retrain_junit(document)
    from retrainctl.render.retrain_text import retrain_text

    console = session.console
    return retrain_text(document, console.style, hints=not console.in_automation)
