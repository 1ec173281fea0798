"""`retrainctl rollback`: the reverse of a run, as a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrainctl.cli import options, planning
from retrainctl.cli.apply import Output, confirm_and_apply
from retrainctl.cli.exits import Exit
from retrainctl.cli.findings import shown
from retrainctl.cli.session import Session


def command(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run of the history, or last.")],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Only write the plan.")] = None,
    only: planning.Only = None,
    exclude: planning.Exclude = None,
    prune: Annotated[bool, typer.Option("--prune", help="Also delete what the run created.")] = False,
    parallel: Annotated[int, typer.Option("--parallel", min=1, max=64, metavar="N", help="Writes at one time.")] = 8,
) -> int:
    """Take back what a run changed: shows the plan, asks, applies.

    \b
    Examples:
      retrainctl rollback last --env prod
      retrainctl rollback 20261102T080000Z-3f9a2c41d0aa --out back.json

    \b
    Exit codes: 0 done; 1 error, or nothing can be taken back; 3 blocked;
    4 stale; 5 partly applied; 6 not verified; 7 lease held; 64 usage error.
    """
    from retrainctl.operations.applying import ApplyOptions
    from retrainctl.operations.taking_back import rollback_plan
    from retrainctl.plan import planfile
    from retrainctl.plan.build import Selection
    from retrainctl.plan.encode import encode
    from retrainctl.render.formats import RenderOptions, render_plan
    from retrainctl.version import __version__

    session = Session.open(context, env, project, None, parallel=parallel, lenient=True)
    console = session.console
    back = rollback_plan(
        run,
        session.ledger,
        session.loaded.environment,
        session.targets,
        selection=Selection(only=tuple(only or ()), exclude=tuple(exclude or ())),
        prune=prune,
        created_at=session.now,
        version=__version__,
    )
    if back.refused:
        console.message(shown(back.refused, console).rstrip("\n"))
    document = encode(back.plan)
    if out is not None:
        planfile.write(out, document)
        rendering = RenderOptions(style=console.style, hints=not console.in_automation, saved_as=str(out))
        console.result(render_plan(document, "text", rendering))
        return Exit.DONE
    wanted = ApplyOptions(parallel=parallel, command="rollback")
    return confirm_and_apply(session, back.plan, document, wanted, yes, Output.TEXT)
