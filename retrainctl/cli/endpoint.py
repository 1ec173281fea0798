"""`retrainctl endpoint`: endpoints of Classic web services by single commands, in place of the AzureMLPS cmdlets."""

from __future__ import annotations

from contextlib import nullcontext
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from retrainctl.cli import asking, classic_commands, listing, options, planning
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.errors import RetrainctlError, UsageError

if TYPE_CHECKING:
    from retrainctl.operations.classic_services import Endpoint
    from retrainctl.targets.classic.client import ClassicClient

app = typer.Typer(
    help="List, add, change and remove endpoints of Classic web services.",
    epilog="\b\nExample:\n  retrainctl endpoint list Scoring --env prod\n\nExit codes: each command lists its own.",
    no_args_is_help=True,
    add_completion=False,
)

COLUMNS: Final = {
    "Name": "Name",
    "Throttle": "ThrottleLevel",
    "Calls": "MaxConcurrentCalls",
    "Version": "Version",
    "Slots": "join(', ', Resources[].Name)",
}
ADDRESSES: Final = {
    "Name": "Name",
    "RRS": "RequestResponseUrl",
    "BES": "BatchUrl",
    "Help": "HelpLocation",
}

Name = Annotated[str, typer.Argument(metavar="NAME", help="The endpoint's name.")]
Description = Annotated[str | None, typer.Option("--description", metavar="TEXT", help="The description.")]
MaxCalls = Annotated[
    int | None, typer.Option("--max-calls", metavar="NUMBER", help="Calls at one time, 1 to 200; with High only.")
]


class Throttle(StrEnum):
    LOW = "Low"
    HIGH = "High"


class Trace(StrEnum):
    NONE = "None"
    ERROR = "Error"
    ALL = "All"


ThrottleOption = Annotated[Throttle | None, typer.Option("--throttle", help="How much the service lets through.")]


@app.command("list")
def list_(
    context: typer.Context,
    service: classic_commands.Service,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """List the endpoints of a web service, without their keys.

    \b
    Example: retrainctl endpoint list "Bike Rental Scoring" --output tsv
      --query "[].[Name, RequestResponseUrl]"

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.operations.classic_services import list_endpoints, service_called

    listing.check_query(query)
    session = _open(context, env, project)
    client = classic_commands.client_of(session)
    found = list_endpoints(client, service_called(client, session.loaded, service))
    listing.show(session.console, found, output=output, query=query, columns=COLUMNS)
    return Exit.DONE


@app.command()
def get(
    context: typer.Context,
    service: classic_commands.Service,
    name: Name,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    output: listing.OutputOption = listing.Output.JSON,
    query: listing.Query = None,
) -> int:
    """Show one endpoint with its slots and its RRS, BES and help addresses.

    \b
    Example: retrainctl endpoint get Scoring loc001 --query BatchUrl --output tsv

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.operations.classic_services import read_endpoint

    listing.check_query(query)
    session = _open(context, env, project)
    client, endpoint = _called(session, service, name)
    found = read_endpoint(client, endpoint)
    listing.show(session.console, found, output=output, query=query, columns=ADDRESSES)
    return Exit.DONE


@app.command()
def keys(
    context: typer.Context,
    service: classic_commands.Service,
    name: Name,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    show: Annotated[bool, typer.Option("--show", help="Print the keys themselves.")] = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Show whether an endpoint has its keys, or with --show the keys.

    \b
    Example: retrainctl endpoint keys Scoring loc001 --show --query primary

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.targets.classic.ids import Place

    listing.check_query(query)
    session = _open(context, env, project)
    client, endpoint = _called(session, service, name)
    place = Place(workspace=client.workspace, service=str(endpoint.service["Id"]), endpoint=name)
    access = client.access(place)
    if access is None:
        from retrainctl.operations.direct import missing

        raise missing(endpoint.address)
    pair = {"primary": access.primary.reveal(), "secondary": access.secondary.reveal()}
    told = {which: key if show else "********" if key else "" for which, key in pair.items()}
    with session.console.revealing() if show else nullcontext():
        listing.show(session.console, told, output=output, query=query)
    return Exit.DONE


@app.command()
def add(
    context: typer.Context,
    service: classic_commands.Service,
    name: Name,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    description: Description = None,
    throttle: ThrottleOption = None,
    max_calls: MaxCalls = None,
    prevent_update: Annotated[bool, typer.Option("--prevent-update", help="No later model may go in.")] = False,
    allow: planning.Allow = None,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
) -> int:
    """Add an endpoint to a web service. One that exists is an error.

    \b
    Example: retrainctl endpoint add Scoring loc001 --throttle High
      --max-calls 20 --yes

    \b
    Exit codes: 0 done; 1 error, nothing written; 3 blocked; 5, 6 written, not
    or not verifiably as wanted; 7 lease held; 64 usage error.
    """
    from retrainctl.operations.classic_services import settings_of
    from retrainctl.operations.direct import plan_write

    fields = settings_of(
        description=description,
        throttle=throttle.value if throttle else None,
        max_calls=max_calls,
        prevent_update=prevent_update or None,
    )
    if max_calls is not None and throttle is None:
        raise UsageError("--max-calls needs --throttle High", hint="At Low, the default, it is always 4.")
    session = _open(context, env, project)
    _, endpoint = _called(session, service, name)
    direct = plan_write(
        endpoint.desired(fields),
        asking.ground(session, allow),
        exists=False,
        refusals=not what_if,
        hint="Change it with `retrainctl endpoint patch`, or choose another name.",
    )
    return asking.carry_out(
        session, direct, "endpoint add", yes=yes, what_if=what_if, base=classic_commands.base_of(session),
        question=f'Add endpoint "{name}" to "{endpoint.service.get("Name")}"?',
    )  # fmt: skip


@app.command()
def patch(
    context: typer.Context,
    service: classic_commands.Service,
    name: Name,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="MODEL@VERSION|URI", help="What the slot shall serve.")
    ] = None,
    slot: Annotated[
        str | None, typer.Option("--slot", metavar="NAME", help="The trained model slot; needed where several are.")
    ] = None,
    description: Description = None,
    throttle: ThrottleOption = None,
    max_calls: MaxCalls = None,
    diagnostics: Annotated[Trace | None, typer.Option("--diagnostics", help="What the service traces.")] = None,
    allow: planning.Allow = None,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
) -> int:
    """Point a slot of an endpoint at a model, or change its settings.

    The SAS token that the service reads the blob with is made when it is sent.

    \b
    Example: retrainctl endpoint patch Scoring loc001 --model rentals-001@7 --yes

    \b
    Exit codes: 0 done; 1 error, nothing written; 3 blocked; 5, 6 written, not
    or not verifiably as wanted; 7 lease held; 64 usage error.
    """
    from retrainctl.operations.classic_services import model_of, read_endpoint, settings_of, slot_of
    from retrainctl.operations.direct import plan_write

    fields = settings_of(
        description=description,
        throttle=throttle.value if throttle else None,
        max_calls=max_calls,
        diagnostics=diagnostics.value if diagnostics else None,
    )
    if model is None and not fields:
        raise UsageError("nothing to change", hint="Pass --model, or a setting such as --throttle High.")
    if slot is not None and model is None:
        raise UsageError("--slot goes with --model")
    session = Session.open(context, env, project, var, lenient=True)
    client, endpoint = _called(session, service, name)
    slots = {}
    if model is not None:
        version = model_of(session.loaded, model)
        slots = {slot_of(read_endpoint(client, endpoint), slot): version}
    direct = plan_write(
        endpoint.desired(fields, slots), asking.ground(session, allow), exists=True, refusals=not what_if
    )
    return asking.carry_out(
        session, direct, "endpoint patch", yes=yes, what_if=what_if, base=classic_commands.base_of(session),
        question=f'Change endpoint "{name}" of "{endpoint.service.get("Name")}"?',
    )  # fmt: skip


@app.command()
def refresh(
    context: typer.Context,
    service: classic_commands.Service,
    name: Name,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also take the experiment's models: a retrained one is lost.")
    ] = False,
    allow: planning.Allow = None,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
) -> int:
    """Give an endpoint the graph of the default one; its models stay.

    \b
    Example: retrainctl endpoint refresh Scoring loc001 --yes

    \b
    Exit codes: 0 done; 1 error, nothing written; 3 blocked; 5, 6 written, not
    or not verifiably as wanted; 7 lease held; 64 usage error.
    """
    from retrainctl.definition.endpoint import DUE
    from retrainctl.operations.direct import plan_write

    session = _open(context, env, project)
    _, endpoint = _called(session, service, name)
    fields: dict[str, Any] = {"refreshAll" if overwrite else "refreshGraph": "done"}
    # Which models it serves cannot be read: whether there is anything to overwrite is the service's to say.
    due = {"refreshAll": DUE} if overwrite else None
    direct = plan_write(
        endpoint.desired(fields), asking.ground(session, allow), exists=True, refusals=not what_if, due=due
    )
    if direct.change is None:
        session.console.message("No change: it runs the deployment of default already, and keeps its models.")
        return Exit.DONE
    return asking.carry_out(
        session, direct, "endpoint refresh", yes=yes, what_if=what_if, base=classic_commands.base_of(session),
        question=f'Refresh endpoint "{name}"' + (" and overwrite its models?" if overwrite else "?"),
    )  # fmt: skip


@app.command()
def remove(
    context: typer.Context,
    service: classic_commands.Service,
    name: Name,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    allow: planning.Allow = None,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
) -> int:
    """Remove an endpoint with its keys. The default one goes only with its service.

    \b
    Example: retrainctl endpoint remove Scoring loc001 --yes

    \b
    Exit codes: 0 done; 1 error, nothing written; 3 blocked; 5 not known;
    7 lease held; 64 usage error.
    """
    from retrainctl.operations.direct import plan_removal

    session = _open(context, env, project)
    _, endpoint = _called(session, service, name)
    _refuse_default(endpoint)
    direct = plan_removal(endpoint.address, endpoint.place, asking.ground(session, allow))
    return asking.carry_out(
        session, direct, "endpoint remove", yes=yes, what_if=what_if, base=classic_commands.base_of(session),
        question=f'Remove endpoint "{name}" of "{endpoint.service.get("Name")}" and its keys for good?',
    )  # fmt: skip


def _open(context: typer.Context, env: str | None, project: Any) -> Session:
    return Session.open(context, env, project, None, lenient=True)


def _called(session: Session, service: str, name: str) -> tuple[ClassicClient, Endpoint]:
    from retrainctl.operations.classic_services import endpoint_called

    client = classic_commands.client_of(session)
    return client, endpoint_called(client, session.loaded, service, name)


def _refuse_default(endpoint: Endpoint) -> None:
    from retrainctl.targets.classic.reading import default_name

    if endpoint.name == default_name(endpoint.service):
        raise RetrainctlError(
            "the default endpoint is never removed by itself",
            code="RC363",
            hint="`retrainctl classic remove` removes the web service with all its endpoints.",
        )
