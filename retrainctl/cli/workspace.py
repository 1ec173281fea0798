"""`retrainctl workspace`: the Studio workspace and its users, in place of the AzureMLPS cmdlets."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import typer

from retrainctl.cli import asking, listing, options, studio_commands
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session

app = typer.Typer(
    help="Show the Studio workspace and its users, and invite more.",
    epilog="\b\nExample:\n  retrainctl workspace get --env prod\n\nExit codes: each command lists its own.",
    no_args_is_help=True,
    add_completion=False,
)

COLUMNS: Final = {"Name": "FriendlyName", "Id": "WorkspaceId", "Region": "Region", "Status": "WorkspaceStatus"}
USERS: Final = {"Email": "User.Email", "Name": "User.Name", "Role": "User.Role", "Status": "Status"}


class Role(StrEnum):
    """What an invited user may do. The dossier knows these two."""

    USER = "User"
    OWNER = "Owner"


@app.command()
def get(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    output: listing.OutputOption = listing.Output.JSON,
    query: listing.Query = None,
) -> int:
    """Show the workspace. Its tokens, keys and connection strings are left out.

    \b
    Example: retrainctl workspace get --query Region --output tsv

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.targets.studio.workspace import read_workspace

    return studio_commands.show(context, env, project, read_workspace, output=output, query=query, columns=COLUMNS)


@app.command()
def users(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """List who may use the workspace, and who was invited.

    \b
    Example: retrainctl workspace users --query "[].User.Email" --output tsv

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.targets.studio.workspace import list_users

    return studio_commands.show(context, env, project, list_users, output=output, query=query, columns=USERS)


@app.command()
def invite(
    context: typer.Context,
    emails: Annotated[list[str], typer.Argument(metavar="EMAILS...", help="Addresses; commas between are fine.")],
    role: Annotated[
        Role, typer.Option("--role", help="What they may do; an owner sees the tokens.", case_sensitive=False)
    ] = Role.USER,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
) -> int:
    """Invite users to the workspace by e-mail.

    \b
    Example: retrainctl workspace invite ada@example.com --role User --yes

    \b
    Exit codes: 0 done; 1 error; 3 blocked; 7 lease held; 64 usage error.
    """
    from retrainctl.model.address import Address
    from retrainctl.model.change import Action
    from retrainctl.render.style import count
    from retrainctl.targets.studio import workspace

    addresses = workspace.addresses_in(emails)
    session = Session.open(context, env, project, None, lenient=True)
    studio = studio_commands.studio_of(session)
    who = f"{count(len(addresses), 'user')} as {role.value}"
    studio_commands.write(
        session,
        requests=[workspace.invite_request(studio, addresses, role.value)],
        question=f"Invite {', '.join(addresses)} as {role.value}?",
        address=Address("Workspace", studio.workspace),
        command="workspace invite",
        summary=f"invited {who}",
        send=lambda waiter, _: workspace.invite(studio, addresses, role.value, waiter),
        yes=yes,
        what_if=what_if,
        action=Action.CREATE,
        identity=studio.workspace,
        back="No known call takes an invitation back: remove the users in Studio, under Settings > Users.",
    )
    if not what_if:
        session.console.result(f"Invited {who}.")
    return Exit.DONE
