"""`retrainctl classic`: Classic web services by single commands, in place of the AzureMLPS cmdlets."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from retrainctl.cli import asking, classic_commands, listing, options, studio_commands
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session

app = typer.Typer(
    help="List, show, deploy and remove Classic web services.",
    epilog="\b\nExample:\n  retrainctl classic list --env prod\n\nExit codes: each command lists its own.",
    no_args_is_help=True,
    add_completion=False,
)

COLUMNS: Final = {
    "Name": "Name",
    "Id": "Id",
    "Endpoints": "EndpointCount",
    "Created": "CreationTime",
}


@app.command("list")
def list_(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """List the Classic web services of the workspace.

    \b
    Example: retrainctl classic list --query "[].[Name, Id]" --output tsv

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    found = classic_commands.client_of(session).services()
    listing.show(session.console, found, output=output, query=query, columns=COLUMNS)
    return Exit.DONE


@app.command()
def get(
    context: typer.Context,
    service: classic_commands.Service,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    output: listing.OutputOption = listing.Output.JSON,
    query: listing.Query = None,
) -> int:
    """Show one Classic web service.

    \b
    Example: retrainctl classic get "Bike Rental Scoring" --query Id --output tsv

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.operations.classic_services import service_called

    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    found = service_called(classic_commands.client_of(session), session.loaded, service)
    listing.show(session.console, found, output=output, query=query, columns=COLUMNS)
    return Exit.DONE


@app.command()
def deploy(
    context: typer.Context,
    experiment: Annotated[
        str, typer.Argument(metavar="EXPERIMENT", help="A predictive or training experiment: its id, or its name.")
    ],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    update: Annotated[
        bool, typer.Option("--update", help="Deploy the experiment's own web service again; only default follows.")
    ] = False,
    new: Annotated[
        bool, typer.Option("--new", help="Make a second web service where the experiment has one already.")
    ] = False,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Deploy a Classic web service from an experiment that has finished.

    \b
    Example: retrainctl classic deploy "Bike Rental" --update --yes

    \b
    Exit codes: 0 done; 1 error; 3 blocked; 7 lease held; 64 usage error.
    """
    from retrainctl.model.change import Action
    from retrainctl.operations.classic_services import deployment_of
    from retrainctl.targets.studio.deployment import Deployer
    from retrainctl.targets.studio.experiments import id_of

    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    parts = classic_commands.parts_of(session)
    deployer, client = Deployer(studio=parts.studio()), parts.client()
    found = deployer.experiment(experiment)
    identifier = id_of(found)
    wish = deployment_of(found, identifier, update=update, new=new)
    service = studio_commands.write(
        session,
        requests=[deployer.request(identifier, update=wish.again)],
        question=wish.question,
        address=wish.address,
        command="classic deploy",
        summary=f"deployed experiment {identifier}",
        send=lambda waiter, _: deployer.deploy(identifier, waiter, update=wish.again),
        yes=yes,
        what_if=what_if,
        action=Action.UPDATE if wish.again else Action.CREATE,
        identity=wish.service or "",
        back=wish.back,
        left="stopped: the deployment goes on; `retrainctl classic list` shows what it made.",
    )
    if service is None:
        return Exit.DONE
    made = client.service(service) or {"Id": service}
    listing.show(session.console, made, output=output, query=query, columns=COLUMNS)
    return Exit.DONE


@app.command()
def remove(
    context: typer.Context,
    service: classic_commands.Service,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
) -> int:
    """Remove a Classic web service with all its endpoints and keys.

    \b
    Example: retrainctl classic remove "Bike Rental Scoring" --env test --yes

    \b
    Exit codes: 0 done; 1 error; 3 blocked; 7 lease held; 64 usage error.
    """
    from retrainctl.model.change import Action, Request
    from retrainctl.operations.classic_services import refuse_protected, service_address, service_called
    from retrainctl.operations.direct import record
    from retrainctl.operations.settling import BACK
    from retrainctl.render.style import count
    from retrainctl.targets.classic.ids import Place

    session = Session.open(context, env, project, None, lenient=True)
    client = classic_commands.client_of(session)
    found = service_called(client, session.loaded, service)
    identifier = str(found["Id"])
    place = Place(workspace=client.workspace, service=identifier)
    address = service_address(session.loaded, found)
    refuse_protected(session.loaded.environment.guards.protect, address)
    if what_if:
        base = classic_commands.base_of(session)
        asking.show_requests(session.console, [Request(method="DELETE", path=place.path)], base=base)
        return Exit.DONE
    endpoints = count(len(client.endpoints(identifier)), "endpoint")
    asking.must_agree(session.console, f"Remove {address} with {endpoints} for good?", yes)
    with session.console.progress() as observer:
        record(
            session.surroundings(observer),
            address=address,
            command="classic remove",
            summary=f"removed the web service with {endpoints}",
            write=lambda waiter: client.delete_service(identifier, pause=waiter.pause),
            action=Action.DELETE,
            target="classic",
            identity=str(place),
            detail={BACK: "Only its experiment makes it anew: `retrainctl classic deploy EXPERIMENT`."},
        )
    session.console.result(f"Removed {address} with {endpoints}.")
    return Exit.DONE
