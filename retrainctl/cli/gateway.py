"""`retrainctl gateway`: the data gateways of the workspace, in place of Get-AmlGateway."""

from __future__ import annotations

from typing import Final

import typer

from retrainctl.cli import listing, options, studio_commands

app = typer.Typer(
    help="List the data gateways of the workspace.",
    epilog="\b\nExample:\n  retrainctl gateway list --env prod\n\nExit codes: each command lists its own.",
    no_args_is_help=True,
    add_completion=False,
)

COLUMNS: Final = {"Name": "GatewayName", "Status": "Status", "Version": "Version", "Location": "Location"}


@app.callback()
def group() -> None:
    """Keeps `list` a command of its own: an app of one command would be that command."""


@app.command("list")
def list_(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """List the data gateways. Registration keys are not shown.

    \b
    Example: retrainctl gateway list --env prod

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.targets.studio.others import list_gateways

    return studio_commands.show(context, env, project, list_gateways, output=output, query=query, columns=COLUMNS)
