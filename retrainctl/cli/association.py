"""`retrainctl association`: which commitment plan pays for which web service."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from retrainctl.cli import arm_commands, asking, listing, options
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session

app = typer.Typer(
    help="Show and change which commitment plan pays for which web service.",
    epilog="\b\nExample:\n  retrainctl association list s1 --env prod\n\nExit codes: each command lists its own.",
    no_args_is_help=True,
    add_completion=False,
)

COLUMNS: Final = {
    "Name": "name",
    "Service": "properties.associatedResourceId",
    "Since": "properties.creationDate",
}
_KIND: Final = "CommitmentPlan"

Plan = Annotated[str, typer.Argument(metavar="PLAN", help="The plan: its manifest's name, name in Azure, or id.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The association's name, or the web service's.")]


@app.command("list")
def list_(
    context: typer.Context,
    plan: Plan,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    resource_group: arm_commands.Group = None,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """List what a plan pays for. Every page is read.

    \b
    Example: retrainctl association list s1 --env prod

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    at = arm_commands.located(session, _KIND, plan, resource_group)
    found = list(arm_commands.client_of(session).list_associations(at.group, at.name))
    listing.show(session.console, found, output=output, query=query, columns=COLUMNS)
    return Exit.DONE


@app.command()
def get(
    context: typer.Context,
    plan: Plan,
    name: Name,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    resource_group: arm_commands.Group = None,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Show one association, by its own name or by its web service's.

    \b
    Example: retrainctl association get s1 census

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.operations.associations import find

    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    at = arm_commands.located(session, _KIND, plan, resource_group)
    service = arm_commands.located(session, "WebService", name, None)
    found = find(arm_commands.client_of(session), at, name, service)
    listing.show(session.console, found, output=output, query=query, columns=COLUMNS)
    return Exit.DONE


@app.command()
def move(
    context: typer.Context,
    plan: Plan,
    name: Name,
    to: Annotated[str, typer.Option("--to", metavar="PLAN", help="The plan that shall pay: name or id.")],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    resource_group: arm_commands.Group = None,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Have another plan pay for a web service: the only way to change who pays.

    \b
    Example: retrainctl association move s1 census --to s2 --yes

    \b
    Exit codes: 0 done; 1 error, nothing written; 3 blocked; 7 lease held;
    64 usage error.
    """
    from retrainctl.operations.arm_services import plan_id
    from retrainctl.operations.associations import find, move_request, paid_by, record_move
    from retrainctl.targets.arm import ids

    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    settings, client = arm_commands.settings_of(session), arm_commands.client_of(session)
    at = arm_commands.located(session, _KIND, plan, resource_group)
    destination = plan_id(to, session.loaded.desired, settings)
    found = find(client, at, name, arm_commands.located(session, "WebService", name, None))
    console = session.console
    if ids.same(paid_by(found), destination):
        console.message("that plan pays for it already: nothing was sent.")
    elif what_if:
        asking.show_requests(console, [move_request(at, found, destination)], base=settings.endpoint)
        return Exit.DONE
    else:
        target = ids.parse(destination)
        client.get_plan(target.resource_group, target.name)  # a plan that is not there says so before anybody is asked
        asking.must_agree(console, f"Have {target.name} pay in place of {at.name}?", yes)
        with console.progress() as observer:
            found = record_move(session.surroundings(observer), client, at, found, destination)
        console.message(f"{target.name} pays now.")
    listing.show(console, found, output=output, query=query, columns=COLUMNS)
    return Exit.DONE
