"""What `plan` and `apply` have in common: making a plan from the command line's wishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from retrainctl.cli.session import Session
from retrainctl.errors import UsageError
from retrainctl.operations.planning import Planned, PlanOptions, make_plan
from retrainctl.plan.build import Selection
from retrainctl.plan.encode import encode
from retrainctl.version import __version__

if TYPE_CHECKING:
    from retrainctl.model.address import Address
    from retrainctl.model.change import Risk
    from retrainctl.model.resource import Applied
    from retrainctl.plan.build import Examine, Examined
    from retrainctl.plan.plan import Plan
    from retrainctl.ports import Observer, TargetSet
    from retrainctl.render.formats import PlanReport

MODEL_COPIES: Final = ".retrainctl/cache/models"
"""Copies of blobs that were read, below the project's folder; safe to delete."""

Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="ADDRESS", help="Only these resources (KIND/NAME, * for any text); may be repeated."
    ),
]
Exclude = Annotated[
    list[str] | None, typer.Option("--exclude", metavar="ADDRESS", help="All but these resources; may be repeated.")
]
Prune = Annotated[
    bool, typer.Option("--prune", help="Also delete what retrainctl created and no manifest declares any more.")
]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow", metavar="NAME=COUNT", help="Pass a limit (creates, updates, deletes) with the exact count."
    ),
]
GuardsFrom = Annotated[
    str | None,
    typer.Option(
        "--guards-from", metavar="REF", help="Read limits, protections and policies from this Git ref: origin/main."
    ),
]


def wishes(
    only: Sequence[str] | None, exclude: Sequence[str] | None, prune: bool, allow: Sequence[str] | None
) -> PlanOptions:
    """The options as the planner takes them. Raises `UsageError`."""
    return PlanOptions(
        selection=Selection(only=tuple(only or ()), exclude=tuple(exclude or ())),
        prune=prune,
        allowed=allowances(allow),
    )


def allowances(texts: Sequence[str] | None) -> dict[str, int]:
    """`--allow updates=57` as name and count. Raises `UsageError`."""
    found: dict[str, int] = {}
    for text in texts or ():
        name, _, count = text.partition("=")
        if name not in ("creates", "updates", "deletes") or not count.isdecimal():
            raise UsageError(
                f"--allow {text}: not of the form NAME=COUNT", hint="NAME is creates, updates or deletes: updates=57."
            )
        found[name] = int(count)
    return found


def plan_now(
    session: Session,
    wanted: PlanOptions,
    snapshot: Path | None = None,
    *,
    read_models: bool = False,
    keep_copies: bool = True,
    guards_from: str | None = None,
) -> tuple[Plan, dict[str, Any]]:
    """Plans against the live targets, or offline against a snapshot; shows warnings. The plan and its document.

    read_models: also look into the blobs of new versions, not only into local files. keep_copies: keep what was read
    for the next plan. guards_from: a Git ref whose guards count in place of the working tree's.
    """
    guards = session.guards(guards_from)
    with session.console.progress() as observer, ExitStack() as stack:
        targets, applied, warnings = _ground(session, snapshot)
        planned: Planned = make_plan(
            session.loaded,
            targets,
            applied,
            wanted,
            observer=observer,
            secret_hash=session.secret_hash,
            source=replace(session.source, guards=guards.source),
            created_at=session.now,
            version=__version__,
            warnings=warnings,
            guards=guards.guards,
            policies=guards.judge,
            now=session.outside.clock.now(),
            examine=_examiner(session, observer, stack, read_models=read_models, keep_copies=keep_copies),
        )
    fresh = [finding for finding in planned.findings if finding not in session.loaded.diagnostics]
    if fresh:
        from retrainctl.cli.findings import shown

        session.console.message(shown(fresh, session.console).rstrip("\n"))
    return planned.plan, encode(planned.plan)


def drift_now(
    session: Session, selection: Selection, snapshot: Path | None = None, *, read_models: bool = False
) -> Planned:
    """Live against the ledger alone: a plan that proposes nothing, and what could not be read as findings.

    read_models: ask the blobs too; those of an emulator are always asked.
    """
    from retrainctl.operations.drifting import compare_live, content_drift, refresh_plan

    with session.console.progress() as observer:
        targets, applied, warnings = _ground(session, snapshot)
        comparison = compare_live(session.loaded, targets, applied, selection, observer)
        contents = None
        if read_models or (snapshot is None and session.loaded.environment.emulator is not None):
            parallel = session.outside.parallel
            contents = content_drift(applied, comparison.observed, session.blobs, observer, parallel=parallel)
        return refresh_plan(
            session.loaded,
            comparison,
            contents=contents,
            now=session.outside.clock.now(),
            selection=selection,
            source=session.source,
            created_at=session.now,
            version=__version__,
            warnings=warnings,
        )


def _ground(
    session: Session, snapshot: Path | None
) -> tuple[TargetSet, Mapping[Address, Applied], tuple[tuple[str, str], ...]]:
    """What is compared with: targets, what we last wrote, and what is not known yet."""
    if snapshot is None:
        return session.targets, session.ledger.applied(), _open_writes(session)
    from retrainctl.targets.snapshot.registry import open_snapshot
    from retrainctl.wiring.connect import offline

    opened = open_snapshot(snapshot, session.loaded.environment)
    return offline(session.loaded.environment, opened), opened.applied, ()


def _examiner(
    session: Session, observer: Observer, stack: ExitStack, *, read_models: bool, keep_copies: bool
) -> Examine:
    """What looks into the models of the plan; its copies go with `stack`."""

    def examine(moving: Sequence[Examined]) -> Mapping[Address, Sequence[Risk]]:
        if not read_models and all(move.after.file is None for entry in moving for move in entry.change.models):
            return {}  # most plans: nothing of what reads models is even imported
        from retrainctl.operations.examining import LARGEST, Examiner
        from retrainctl.operations.model_files import ModelFiles

        project, store = session.loaded.project, session.blobs if read_models else None
        cache = project.root / MODEL_COPIES if keep_copies else None
        files = stack.enter_context(ModelFiles(root=project.root, store=store, cache=cache, largest=LARGEST))
        return Examiner(
            files=files,
            store=store,
            emulated=session.loaded.environment.emulator is not None,
            now=session.outside.clock.now,
            observer=observer,
            parallel=session.outside.parallel,
        )(moving)

    return examine


def _open_writes(session: Session) -> tuple[tuple[str, str], ...]:
    """What an interrupted run left unknown: said first, and no plan is a clean slate before it is settled."""
    return tuple(
        ("unsettled", f"{item.intent.address}: a write of run {item.run} got no answer; `apply --resume` settles it")
        for item in session.ledger.unsettled()
    )


def save_reports(session: Session, report: PlanReport, files: Mapping[str, Path | None], budget: str | None) -> None:
    """Writes every report that was asked for, all from one plan."""
    from retrainctl.cli.pipelines import folder_in_checkout
    from retrainctl.render.formats import RenderOptions

    console = session.console
    folder = folder_in_checkout(session.loaded.project.root, console)
    for form, path in files.items():
        if path is not None:
            console.save(path, report.render(form, RenderOptions(budget=budget, folder=folder)))
