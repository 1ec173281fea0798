"""`retrainctl snapshot`: live state in files for offline plans."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrainctl.cli import options
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session

app = typer.Typer(
    help="Keep live state in files for offline plans.",
    epilog="\b\nExample:\n  retrainctl snapshot pull --out snapshots/prod\n\nExit codes: each command lists its own.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def _group() -> None:
    """Keep live state in files for offline plans."""


@app.command()
def pull(
    context: typer.Context,
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="The snapshot's folder.")] = Path("snapshot"),
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
) -> int:
    """Write what is live of every declared resource into a folder; unchanged files stay untouched.

    \b
    Example: retrainctl snapshot pull --env prod --out snapshots/prod

    Exit codes: 0 done; 1 error, nothing written; 64 usage error.
    """
    from retrainctl.operations.snapshots import pull as run
    from retrainctl.render.style import count

    session = Session.open(context, env, project, var)
    with session.console.progress() as observer:
        changed = run(
            folder,
            session.loaded,
            session.targets,
            session.ledger.applied(),
            observer=observer,
            now=session.outside.clock.now(),
        )
    session.console.result(f"{folder}: {count(len(changed), 'file')} changed.")
    return Exit.DONE
