"""`retrainctl notebook`: the notebooks of the workspace, in place of the AzureMLPS cmdlets."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Final

import typer

from retrainctl.cli import listing, options, studio_commands
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session

if TYPE_CHECKING:
    from retrainctl.targets.studio.client import StudioClient

app = typer.Typer(
    help="List notebooks and their attachments, and open one.",
    epilog="\b\nExample:\n  retrainctl notebook list --env prod\n\nExit codes: each command lists its own.",
    no_args_is_help=True,
    add_completion=False,
)

COLUMNS: Final = {"Name": "Name", "Family": "FamilyId", "Language": "Language", "Author": "Author"}
ATTACHMENTS: Final = {"Name": "Result"}

Family = Annotated[str, typer.Argument(metavar="FAMILY", help="The notebook's family id; `notebook list` shows it.")]


@app.command("list")
def list_(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """List the notebooks of the workspace.

    \b
    Example: retrainctl notebook list --env prod

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.targets.studio.others import list_notebooks

    return studio_commands.show(context, env, project, list_notebooks, output=output, query=query, columns=COLUMNS)


@app.command()
def attachments(
    context: typer.Context,
    family: Family,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """List the names of a notebook's attached files.

    \b
    Example: retrainctl notebook attachments 0123456789abcdef0123456789abcdef

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.targets.studio.others import list_attachments

    def read(studio: StudioClient) -> object:
        return list_attachments(studio, family)

    return studio_commands.show(context, env, project, read, output=output, query=query, columns=ATTACHMENTS)


@app.command("session")
def session_(
    context: typer.Context,
    family: Family,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    show: Annotated[
        bool, typer.Option("--show", help="Print the addresses with what opens them, to follow them.")
    ] = False,
    output: listing.OutputOption = listing.Output.JSON,
    query: listing.Query = None,
) -> int:
    """Have the service open a notebook, and show where.

    Whoever has the whole addresses is in. Only --show prints them whole.

    \b
    Example: retrainctl notebook session 0123456789abcdef0123456789abcdef
      --show --query SessionUri --output tsv

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.targets.studio.others import open_session, without_keys

    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    opened = open_session(studio_commands.studio_of(session), family)
    with session.console.revealing() if show else nullcontext():
        told = opened if show else without_keys(opened)
        listing.show(session.console, told, output=output, query=query)
    return Exit.DONE
