"""`retrainctl annotation`: the comments on an experiment's canvas, in place of Get-AmlAnnotation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from retrainctl.cli import listing, options, studio_commands

if TYPE_CHECKING:
    from retrainctl.targets.studio.client import StudioClient

app = typer.Typer(
    help="List the comments on an experiment's canvas.",
    epilog="\b\nExample:\n  retrainctl annotation list Census --env prod\n\nExit codes: each command lists its own.",
    no_args_is_help=True,
    add_completion=False,
)

COLUMNS: Final = {"Node": "NodeId", "Content": "Content"}


@app.callback()
def group() -> None:
    """Keeps `list` a command of its own: an app of one command would be that command."""


@app.command("list")
def list_(
    context: typer.Context,
    experiment: studio_commands.Experiment,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """List the comments on an experiment's canvas.

    \b
    Example: retrainctl annotation list Census --env prod

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.targets.studio.experiments import id_of, read_experiment
    from retrainctl.targets.studio.others import list_annotations

    def read(studio: StudioClient) -> object:
        return list_annotations(studio, id_of(read_experiment(studio, experiment)))

    return studio_commands.show(context, env, project, read, output=output, query=query, columns=COLUMNS)
