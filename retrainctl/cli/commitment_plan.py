"""`retrainctl commitment-plan`: what New web services are billed to, by single commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from retrainctl.cli import arm_commands, asking, listing, options, planning
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.errors import UsageError

if TYPE_CHECKING:
    from retrainctl.model.values import Tree
    from retrainctl.operations.arm_services import Located
    from retrainctl.operations.direct import Direct

app = typer.Typer(
    help="Create, read, change and remove commitment plans.",
    epilog="\b\nExample:\n  retrainctl commitment-plan list --env prod\n\nExit codes: each command lists its own.",
    no_args_is_help=True,
    add_completion=False,
)

COLUMNS: Final = {
    "Name": "name",
    "Location": "location",
    "Sku": "sku.name",
    "Tier": "sku.tier",
    "Capacity": "sku.capacity",
}
_USAGE: Final = {
    "Date": "usageDate",
    "Hours": "usage.machineLearningWebServiceComputeHours",
    "Transactions": "usage.machineLearningWebServiceTransactions",
    "Overage": "planUsageOverage.machineLearningWebServiceTransactions",
    "Left": "planQuantitiesAfterUsage.machineLearningWebServiceTransactions",
}
_SKUS: Final = {
    "Name": "name",
    "Tier": "tier",
    "Capacity": "join(' to ', [to_string(capacity.minimum), to_string(capacity.maximum)])",
    "Includes": "capabilities[].join('=', [name, value])",
    "Locations": "locations",
}
_KIND: Final = "CommitmentPlan"

Name = Annotated[str, typer.Argument(metavar="NAME", help="The manifest's name, the name in Azure, or the whole id.")]
Capacity = Annotated[
    int | None, typer.Option("--capacity", min=1, max=2147483647, metavar="N", help="Multiplies quantities and cost.")
]


@app.command("list")
def list_(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    resource_group: arm_commands.ListGroup = None,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """List the plans of the subscription, or of one resource group. Every page is read.

    \b
    Example: retrainctl commitment-plan list --env prod

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    found = list(arm_commands.client_of(session).list_plans(resource_group))
    listing.show(session.console, found, output=output, query=query, columns=COLUMNS)
    return Exit.DONE


@app.command()
def get(
    context: typer.Context,
    name: Name,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    resource_group: arm_commands.Group = None,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Show one plan.

    \b
    Example: retrainctl commitment-plan get s1 --query sku

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    at = arm_commands.located(session, _KIND, name, resource_group)
    found = arm_commands.client_of(session).get_plan(at.group, at.name)
    listing.show(session.console, found, output=output, query=query, columns=COLUMNS)
    return Exit.DONE


@app.command()
def create(
    context: typer.Context,
    name: Name,
    sku: Annotated[str, typer.Option("--sku", metavar="NAME", help="S1, S2, S3 or DevTest.")],
    tier: Annotated[str, typer.Option("--tier", metavar="NAME", help="Standard.")] = "Standard",
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    resource_group: arm_commands.Group = None,
    location: Annotated[
        str | None, typer.Option("--location", "-l", metavar="REGION", help="Default: the environment's.")
    ] = None,
    capacity: Capacity = None,
    tag: arm_commands.Tags = None,
    update: Annotated[bool, typer.Option("--update", help="Change it where it exists already.")] = False,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Create a commitment plan. One that exists is an error, unless --update.

    \b
    Example: retrainctl commitment-plan create s1 --sku S1 --tier Standard
      --location southcentralus --yes

    \b
    Exit codes: 0 done; 1 error, nothing written; 3 blocked; 5, 6 written, not
    or not verifiably as wanted; 7 lease held; 64 usage error.
    """
    from retrainctl.operations.direct import plan_write

    listing.check_query(query)
    tags = arm_commands.tags_of(tag)
    session = Session.open(context, env, project, None, lenient=True)
    at = arm_commands.located(session, _KIND, name, resource_group)
    home = arm_commands.settings_of(session).location
    size: dict[str, Tree] = {"name": sku, "tier": tier, **({} if capacity is None else {"capacity": capacity})}
    fields: dict[str, Tree] = {"sku": size, **({"tags": tags} if tags else {})}
    if location is not None:
        fields["location"] = location
    new: dict[str, Tree] = {"sku": {"capacity": 1, **size}, **({} if home is None else {"location": home})}
    direct = plan_write(
        at.desired(fields),
        asking.ground(session),
        exists=None if update else False,
        refusals=not what_if,
        hint="Pass --update to change it, or another name.",
        new=new,
    )
    verb = "Create" if direct.observed is None else "Change"
    return _finish(session, at, direct, "commitment-plan create", yes, what_if, output, query, f"{verb} {at.address}?")


@app.command()
def update(
    context: typer.Context,
    name: Name,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    resource_group: arm_commands.Group = None,
    sku: Annotated[str | None, typer.Option("--sku", metavar="NAME", help="S1, S2, S3 or DevTest.")] = None,
    tier: Annotated[str | None, typer.Option("--tier", metavar="NAME", help="Standard.")] = None,
    capacity: Capacity = None,
    tag: arm_commands.Tags = None,
    remove_tag: arm_commands.Untag = None,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Change a commitment plan: only what is named; the capacity stays where it is not.

    \b
    Example: retrainctl commitment-plan update s1 --capacity 2 --yes

    \b
    Exit codes: 0 done; 1 error, nothing written; 3 blocked; 5, 6 written, not
    or not verifiably as wanted; 7 lease held; 64 usage error.
    """
    from retrainctl.operations.direct import plan_write

    size = {n: v for n, v in (("name", sku), ("tier", tier), ("capacity", capacity)) if v is not None}
    fields: dict[str, Tree] = {"sku": size} if size else {}
    gone = arm_commands.without_tags(remove_tag)
    if (tags := arm_commands.tags_of(tag)) or gone:
        fields["tags"] = tags
    if not fields:
        raise UsageError("nothing to change was named", hint="Name --sku, --tier, --capacity, --tag or --remove-tag.")
    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    at = arm_commands.located(session, _KIND, name, resource_group)
    arm_commands.settings_of(session)
    direct = plan_write(at.desired(fields), asking.ground(session), exists=True, refusals=not what_if, gone=gone)
    return _finish(session, at, direct, "commitment-plan update", yes, what_if, output, query, f"Change {at.address}?")


@app.command()
def remove(
    context: typer.Context,
    name: Name,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    resource_group: arm_commands.Group = None,
    allow: planning.Allow = None,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
) -> int:
    """Remove a commitment plan. One that is not there is an error.

    \b
    Example: retrainctl commitment-plan remove s1 --env test --yes

    \b
    Exit codes: 0 done; 1 error, nothing written; 3 blocked; 5 not known;
    7 lease held; 64 usage error.
    """
    from retrainctl.operations.direct import plan_removal

    session = Session.open(context, env, project, None, lenient=True)
    at = arm_commands.located(session, _KIND, name, resource_group)
    if paid := sum(1 for _ in _paid_for(session, at)):
        session.console.message(f"note: {at.address} pays for {paid} web services; move their associations first")
    direct = plan_removal(at.address, at.place, asking.ground(session, allow))
    return asking.carry_out(
        session,
        direct,
        "commitment-plan remove",
        yes=yes,
        what_if=what_if,
        base=arm_commands.base_of(session),
        question=f"Remove {at.address} for good?",
    )


@app.command()
def usage(
    context: typer.Context,
    name: Name,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    resource_group: arm_commands.Group = None,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Show what was used of a plan, day by day. Every page is read.

    \b
    Example: retrainctl commitment-plan usage s1 --output json

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    at = arm_commands.located(session, _KIND, name, resource_group)
    found = list(arm_commands.client_of(session).plan_usage(at.group, at.name))
    listing.show(session.console, found, output=output, query=query, columns=_USAGE)
    return Exit.DONE


@app.command()
def skus(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """List the sizes that plans come in.

    \b
    Example: retrainctl commitment-plan skus --env prod

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    found = list(arm_commands.client_of(session).skus())
    listing.show(session.console, found, output=output, query=query, columns=_SKUS)
    return Exit.DONE


def _paid_for(session: Session, at: Located) -> list[object]:
    """What the plan pays for; nothing where it is not there, which the removal itself says."""
    from retrainctl.ports import NotFound

    try:
        return list(arm_commands.client_of(session).list_associations(at.group, at.name))
    except NotFound:
        return []


def _finish(
    session: Session,
    at: Located,
    direct: Direct,
    command: str,
    yes: bool,
    what_if: bool,
    output: listing.Output,
    query: str | None,
    question: str,
) -> int:
    """Carries it out and shows the plan as it is then."""
    if direct.change is None:
        session.console.message(f"{at.address} is so already: nothing was sent.")
    else:
        base = arm_commands.base_of(session)
        code = asking.carry_out(session, direct, command, yes=yes, what_if=what_if, base=base, question=question)
        if what_if or code != Exit.DONE:
            return code
    if not what_if:
        found = arm_commands.client_of(session).get_plan(at.group, at.name)
        listing.show(session.console, found, output=output, query=query, columns=COLUMNS)
    return Exit.DONE
