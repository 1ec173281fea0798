"""`retrainctl apply`: exactly the changes of a plan, verified, with a receipt."""

# No `annotations` of `__future__` here: Typer would compile the text of each one again at every start.

import os
import signal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrainctl.cli import options, planning
from retrainctl.cli.exits import Exit
from retrainctl.cli.rollout_checks import rollout_checks
from retrainctl.cli.session import Session
from retrainctl.errors import RetrainctlError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retrainctl.apply.outcome import Receipt
    from retrainctl.apply.run import RunEnd
    from retrainctl.operations.applying import ApplyOptions
    from retrainctl.operations.planning import PlanOptions
    from retrainctl.plan.plan import Plan


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"
    MD = "md"


def command(
    context: typer.Context,
    plan_file: Annotated[Path | None, typer.Argument(metavar="[PLAN]", help="A plan that `plan --out` saved.")] = None,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    only: planning.Only = None,
    exclude: planning.Exclude = None,
    prune: planning.Prune = False,
    allow: planning.Allow = None,
    expect_digest: Annotated[
        str | None, typer.Option("--expect-digest", metavar="DIGEST", help="Go on only if the plan has this digest.")
    ] = None,
    reviewed: Annotated[
        Path | None,
        typer.Option("--reviewed", metavar="PLAN", help="Go on only if the plan is this one; say what differs if not."),
    ] = None,
    guards_from: planning.GuardsFrom = None,
    max_age: Annotated[
        str | None, typer.Option("--max-age", metavar="TIME", help="Refuse an older plan: 90s, 30m, 2h.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted apply.")] = False,
    parallel: Annotated[int, typer.Option("--parallel", min=1, max=64, metavar="N", help="Writes at one time.")] = 8,
    output: Annotated[Output, typer.Option("--output", help="The format of the receipt.")] = Output.TEXT,
    receipt_file: Annotated[
        Path | None, typer.Option("--receipt", metavar="FILE", help="Also write the receipt as JSON.")
    ] = None,
) -> int:
    """Apply a saved plan, or plan, ask and apply. Verifies every write and ends with a receipt.

    \b
    Examples:
      retrainctl apply plan.json --env prod --yes
      retrainctl apply --env local
      retrainctl apply --resume --yes

    \b
    Exit codes: 0 done; 1 error, nothing written; 3 blocked; 4 stale plan;
    5 partly applied; 6 applied, not verified; 7 lease held; 64 usage error;
    130, 143 interrupted, receipt written.
    """
    from retrainctl.apply.rollout import seconds
    from retrainctl.operations.applying import ApplyOptions

    if plan_file is not None and (only or exclude or prune or resume or (allow and not guards_from)):
        raise UsageError("a saved plan is applied as it is", hint="Give the selection to `plan` instead.")
    if resume and (only or exclude or prune or expect_digest or reviewed):
        raise UsageError("--resume goes on with the plan of the interrupted run as it is")
    if receipt_file is not None and not _can_hold(receipt_file):
        raise RetrainctlError(
            f"the receipt cannot be written to {receipt_file}; nothing was applied",
            code="RC007",
            hint="Check that its folder exists and is writable.",
        )
    session = Session.open(context, env, project, var, parallel=parallel, lenient=plan_file is not None or resume)
    if plan_file is None:
        session.check_choice(env)
    try:
        age = None if max_age is None else seconds(max_age)
    except ValueError as error:
        raise UsageError(f"--max-age: {error}", hint="Write 90s, 30m or 2h.") from error
    saved = plan_file is not None
    wanted = ApplyOptions(parallel=parallel, max_age=age, saved=saved, **_review(expect_digest, reviewed))
    wishes = planning.wishes(only, exclude, prune, allow)
    if resume:
        return _resume(session, wanted, wishes, guards_from, yes, output, receipt_file)
    if plan_file is not None:
        plan, document = _saved(plan_file)
        wanted = _judged(session, plan, wanted, wishes, guards_from)
    else:
        _settle_first(session)
        plan, document = planning.plan_now(session, wishes, guards_from=guards_from)
    return confirm_and_apply(session, plan, document, wanted, yes, output, receipt_file)


def confirm_and_apply(
    session: Session,
    plan: "Plan",
    document: "Mapping[str, Any]",
    wanted: "ApplyOptions",
    yes: bool,
    output: Output = Output.TEXT,
    receipt_file: Path | None = None,
) -> int:
    """Checks, shows the plan and asks unless `yes`, applies, shows the receipt; gives the exit code."""
    from retrainctl.operations.applying import apply_plan, check
    from retrainctl.render.formats import RenderOptions, render_plan

    console = session.console
    with console.progress() as observer:
        check(plan, document, wanted, session.surroundings(observer))
    if not plan.changes:
        if output is Output.TEXT:
            console.result(
                render_plan(
                    document, "text", RenderOptions(style=console.style, hints=False, redactor=console.redactor)
                )
            )
        return _report(session, *_nothing(session, plan, document, wanted), output, receipt_file)
    if not yes:
        console.message(
            render_plan(
                document, "text", RenderOptions(style=console.message_style, hints=False, redactor=console.redactor)
            )
        )
        if not console.interactive:
            raise RetrainctlError("nobody can be asked here", code="RC501", hint="Review the plan, then pass --yes.")
        from retrainctl.render.style import count

        if not console.confirm(f"Apply {count(len(plan.changes), 'change')} to {plan.environment}?"):
            raise RetrainctlError("not applied: the answer was no", code="RC501")
    with console.progress() as observer:
        checks = rollout_checks(session, observer)
        receipt, end = apply_plan(plan, document, wanted, session.surroundings(observer), checks)
    return _report(session, receipt, end, output, receipt_file)


def _nothing(
    session: Session, plan: "Plan", document: "Mapping[str, Any]", wanted: "ApplyOptions"
) -> "tuple[Receipt, RunEnd]":
    from retrainctl.operations.applying import apply_plan

    with session.console.progress() as observer:
        return apply_plan(plan, document, wanted, session.surroundings(observer))


def _report(session: Session, receipt: "Receipt", end: "RunEnd", output: Output, receipt_file: Path | None) -> int:
    from retrainctl.render.formats import RenderOptions, render_receipt

    console = session.console
    document = receipt.document()
    if receipt.results or output is not Output.TEXT:
        rendering = RenderOptions(style=console.style, hints=not console.in_automation, redactor=console.redactor)
        console.result(render_receipt(document, output.value, rendering))
    if receipt_file is not None:
        console.save(receipt_file, render_receipt(document, "json", RenderOptions(redactor=console.redactor)))
    return exit_code(receipt, end)


def exit_code(receipt: "Receipt", end: "RunEnd") -> int:
    """What a receipt means to a script (DESIGN.md section 8)."""
    if receipt.signal is not None:
        return Exit.TERMINATED if receipt.signal == signal.SIGTERM else Exit.INTERRUPTED
    match receipt.outcome:
        case "partial":
            return Exit.PARTIAL
        case "conflicted":
            return Exit.STALE
        case "failed":
            return Exit.ERROR
    return Exit.UNVERIFIED if receipt.unverified or end.check_failed else Exit.DONE


def _can_hold(file: Path) -> bool:
    """Whether a file can most likely be written there: better asked before the apply than after it."""
    return str(file) == "-" or (file.parent.is_dir() and os.access(file.parent, os.W_OK))


def _review(expect_digest: str | None, reviewed: Path | None) -> dict[str, Any]:
    """What the plan is held against: a digest, and the plan that has it where it is at hand."""
    if reviewed is None:
        return {"expect_digest": expect_digest}
    _, document = _saved(reviewed)
    if expect_digest not in (None, document["digest"]):
        raise UsageError(f"{reviewed} has the digest {document['digest']}, not that of --expect-digest")
    return {"expect_digest": document["digest"], "reviewed": document}


def _judged(
    session: Session, plan: "Plan", wanted: "ApplyOptions", wishes: "PlanOptions", guards_from: str | None
) -> "ApplyOptions":
    """The options with what trusted guards say about a plan that may have been made without them."""
    if guards_from is None:
        return wanted
    from dataclasses import replace

    from retrainctl.operations.guarding import verdict

    guards = session.guards(guards_from)
    return replace(wanted, fresh=verdict(plan.changes, guards, session.loaded.desired, wishes.allowed))


def _saved(path: Path) -> "tuple[Plan, dict[str, Any]]":
    from retrainctl.plan import planfile
    from retrainctl.plan.decode import decode

    document = planfile.read(path, strict=True)
    return decode(document), document


def _settle_first(session: Session) -> None:
    from retrainctl.operations.applying import settle_open

    with session.console.progress() as observer:
        for note in settle_open(session.surroundings(observer)):
            session.console.message(f"settled: {note}")


def _resume(
    session: Session,
    wanted: "ApplyOptions",
    wishes: "PlanOptions",
    guards_from: str | None,
    yes: bool,
    output: Output,
    receipt_file: Path | None,
) -> int:
    from dataclasses import replace

    from retrainctl.operations.resuming import interrupted, rest_of

    _settle_first(session)
    summary = interrupted(session.ledger)
    rest = None if summary is None else rest_of(session.ledger, summary, created_at=session.now)
    if rest is None:
        why = "the last run was carried out" if session.ledger.runs() else "there was no run yet"
        session.console.result(f"Nothing to resume: {why}.")
        return Exit.DONE
    from retrainctl.render.style import count

    session.console.message(f"resuming run {rest.run}; still to do: {count(len(rest.plan.changes), 'change')}")
    wanted = _judged(session, rest.plan, replace(wanted, resumes=rest.run), wishes, guards_from)
    return confirm_and_apply(session, rest.plan, rest.document, wanted, yes, output, receipt_file)
