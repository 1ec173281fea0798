"""`retrainctl webservice`: New web services by single commands, in place of the Az.MachineLearning cmdlets."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrainctl.cli import arm_commands, asking, listing, options, planning
from retrainctl.cli.exits import Exit
from retrainctl.cli.export import ApiVersion
from retrainctl.cli.service_writes import COLUMNS, KIND, bring, finish, given, say_left_out
from retrainctl.cli.session import Session
from retrainctl.errors import UsageError

if TYPE_CHECKING:
    from retrainctl.model.values import Tree

app = typer.Typer(
    help="Create, read, change and remove New web services, one at a time.",
    epilog="\b\nExample:\n  retrainctl webservice list --env prod\n\nExit codes: each command lists its own.",
    no_args_is_help=True,
    add_completion=False,
)
regional = typer.Typer(
    help="A service's encrypted parameters in other regions.",
    epilog="\b\nExample:\n  retrainctl webservice regional add census --region westcentralus\n\n"
    "Exit codes: each command lists its own.",
    no_args_is_help=True,
    add_completion=False,
)
app.add_typer(regional, name="regional")


Name = Annotated[str, typer.Argument(metavar="NAME", help="The manifest's name, the name in Azure, or the whole id.")]
RegionOption = Annotated[str | None, typer.Option("--region", metavar="REGION", help="Encrypted for this region.")]
Definition = Annotated[
    Path | None, typer.Option("--definition", metavar="FILE", help="An exported definition JSON; may be a part of one.")
]
Title = Annotated[str | None, typer.Option("--title", metavar="TEXT", help="The title.")]
Description = Annotated[str | None, typer.Option("--description", metavar="TEXT", help="The description.")]
Location = Annotated[
    str | None, typer.Option("--location", "-l", metavar="REGION", help="Default: the file's, else the environment's.")
]
Plan = Annotated[str | None, typer.Option("--commitment-plan", metavar="NAME", help="Who pays: the plan's name or id.")]
Account = Annotated[str | None, typer.Option("--storage-account", metavar="NAME", help="The storage account.")]
AccountKey = Annotated[
    str | None, typer.Option("--storage-key", metavar="REF", help="Its key: env:NAME, file:PATH, keyVault:V/SECRET.")
]
Update = Annotated[bool, typer.Option("--update", help="Change it where it exists already.")]


@app.command("list")
def list_(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    resource_group: arm_commands.ListGroup = None,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """List the web services of the subscription, or of one resource group. Every page is read.

    \b
    Example: retrainctl webservice list --env prod --query "[].name" --output tsv

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.operations.arm_services import services

    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    found = services(arm_commands.client_of(session), resource_group)
    listing.show(session.console, found, output=output, query=query, columns=COLUMNS)
    return Exit.DONE


@app.command()
def get(
    context: typer.Context,
    name: Name,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    resource_group: arm_commands.Group = None,
    region: RegionOption = None,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Show one web service, its whole definition, without secrets.

    \b
    Example: retrainctl webservice get census --query properties.title

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.operations.arm_services import service

    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    at = arm_commands.located(session, KIND, name, resource_group)
    found = service(arm_commands.client_of(session), at, region)
    listing.show(session.console, found, output=output, query=query, columns=COLUMNS)
    return Exit.DONE


@app.command()
def create(
    context: typer.Context,
    name: Name,
    definition: Annotated[Path, typer.Option("--definition", metavar="FILE", help="An exported definition JSON.")],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    resource_group: arm_commands.Group = None,
    location: Location = None,
    commitment_plan: Plan = None,
    storage_account: Account = None,
    storage_key: AccountKey = None,
    title: Title = None,
    description: Description = None,
    tag: arm_commands.Tags = None,
    update: Update = False,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Create a web service from a definition file. One that exists is an error, unless --update.

    \b
    Example: retrainctl webservice create census2 --definition census.json
      --commitment-plan s1 --storage-account acct --storage-key env:KEY --yes

    \b
    Exit codes: 0 done; 1 error, nothing written; 3 blocked; 5, 6 written, not
    or not verifiably as wanted; 7 lease held; 64 usage error.
    """
    return bring(
        context, env, project, name, definition, resource_group,
        given(location, commitment_plan, storage_account, storage_key, title, description, tag),
        update=update, yes=yes, what_if=what_if, output=output, query=query, command="webservice create",
    )  # fmt: skip


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A definition JSON, ours or a cmdlet's.")],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Default: the file's own, else the file's stem.")
    ] = None,
    resource_group: arm_commands.Group = None,
    location: Location = None,
    commitment_plan: Plan = None,
    storage_account: Account = None,
    storage_key: AccountKey = None,
    title: Title = None,
    description: Description = None,
    tag: arm_commands.Tags = None,
    update: Update = False,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Bring a definition file to the service: a new web service, or with --update a change of one.

    \b
    Examples:
      retrainctl webservice import census.json --what-if
      retrainctl webservice import census.json --name census --update --yes

    \b
    Exit codes: 0 done; 1 error, nothing written; 3 blocked; 5, 6 written, not
    or not verifiably as wanted; 7 lease held; 64 usage error.
    """
    return bring(
        context, env, project, name, file, resource_group,
        given(location, commitment_plan, storage_account, storage_key, title, description, tag),
        update=update, yes=yes, what_if=what_if, output=output, query=query, command="webservice import",
    )  # fmt: skip


@app.command()
def update(
    context: typer.Context,
    name: Name,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    resource_group: arm_commands.Group = None,
    definition: Definition = None,
    title: Title = None,
    description: Description = None,
    max_concurrent_calls: Annotated[
        int | None, typer.Option("--max-concurrent-calls", metavar="N", help="Calls at one time, 4 to 200.")
    ] = None,
    diagnostics: Annotated[
        str | None, typer.Option("--diagnostics", metavar="LEVEL", help="None, Error or All.")
    ] = None,
    diagnostics_expiry: Annotated[
        str | None, typer.Option("--diagnostics-expiry", metavar="TIME", help="When that ends: 2026-12-31T00:00:00Z.")
    ] = None,
    expose_sample_data: Annotated[
        bool | None, typer.Option("--expose-sample-data/--hide-sample-data", help="On the service's page.")
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="For ever: afterwards only a removal is possible.")
    ] = False,
    storage_key: AccountKey = None,
    primary_key: Annotated[
        str | None, typer.Option("--primary-key", metavar="REF", help="A new key: env:NAME, file:PATH ...")
    ] = None,
    secondary_key: Annotated[str | None, typer.Option("--secondary-key", metavar="REF", help="The same.")] = None,
    tag: arm_commands.Tags = None,
    remove_tag: arm_commands.Untag = None,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Change a web service: only what is named. Says so when nothing would change.

    \b
    Examples:
      retrainctl webservice update census --title "Census" --yes
      retrainctl webservice update census --definition part.json --what-if

    \b
    Exit codes: 0 done; 1 error, nothing written; 3 blocked; 5, 6 written, not
    or not verifiably as wanted; 7 lease held; 64 usage error.
    """
    from retrainctl.operations.arm_services import from_file, merged
    from retrainctl.operations.direct import plan_write

    fields: dict[str, Tree] = given(None, None, None, storage_key, title, description, tag)
    if max_concurrent_calls is not None:
        fields["realtimeConfiguration"] = {"maxConcurrentCalls": max_concurrent_calls}
    if diagnostics is not None:
        fields["diagnostics"] = {"level": diagnostics}
    if diagnostics_expiry is not None:
        fields = merged(fields, {"diagnostics": {"expiry": diagnostics_expiry}})
    if expose_sample_data is not None:
        fields["exposeSampleData"] = expose_sample_data
    if read_only:
        fields["readOnly"] = True
    keys = {"primary": primary_key, "secondary": secondary_key}
    if keys_given := {n: arm_commands.secret_of(t, f"--{n}-key") for n, t in keys.items() if t is not None}:
        fields["keys"] = keys_given
    read = None
    if definition is not None:
        read = from_file(definition)
        base = read.fields
        # The account cannot change; sending it is how a retraining went wrong (dossier section 14).
        base.pop("storageAccount", None)
        # Nor does an update change who pays; `association move` does, where somebody means it.
        base.pop("commitmentPlan", None)
        fields = merged(base, fields)
    if not fields and not remove_tag:
        raise UsageError("nothing to change was named", hint="Name at least one of the options, for example --title.")
    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    if read is not None:
        say_left_out(session, read)
    at = arm_commands.located(session, KIND, name, resource_group)
    gone = arm_commands.without_tags(remove_tag)
    if gone is not None:
        fields.setdefault("tags", {})
    with session.console.progress():
        direct = plan_write(at.desired(fields), asking.ground(session), exists=True, refusals=not what_if, gone=gone)
    return finish(session, at, direct, "webservice update", yes, what_if, output, query, f"Change {at.address}?")


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
    """Remove a web service. One that is not there is an error.

    \b
    Example: retrainctl webservice remove census --env test --yes

    \b
    Exit codes: 0 done; 1 error, nothing written; 3 blocked; 5 not known;
    7 lease held; 64 usage error.
    """
    from retrainctl.operations.direct import plan_removal

    session = Session.open(context, env, project, None, lenient=True)
    at = arm_commands.located(session, KIND, name, resource_group)
    arm_commands.settings_of(session)
    direct = plan_removal(at.address, at.place, asking.ground(session, allow))
    return asking.carry_out(
        session, direct, "webservice remove", yes=yes, what_if=what_if, base=arm_commands.base_of(session),
        question=f"Remove {at.address} for good?",
    )  # fmt: skip


@app.command()
def export(
    context: typer.Context,
    name: Name,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    resource_group: arm_commands.Group = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Default: stdout.")] = None,
    region: RegionOption = None,
    api_version: Annotated[
        ApiVersion, typer.Option("--api-version", help="The form: 2016 has text parameters and the name.")
    ] = ApiVersion.STABLE,
    crlf: Annotated[bool, typer.Option("--crlf", help="Windows line ends, as the cmdlet writes there.")] = False,
) -> int:
    """Write the definition as JSON, byte for byte as the cmdlet does, but without secrets.

    \b
    Example: retrainctl webservice export census --out census.json

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.operations.arm_services import exported

    session = Session.open(context, env, project, None, lenient=True)
    at = arm_commands.located(session, KIND, name, resource_group)
    data = exported(
        arm_commands.client_of(session), at, region=region, api_version=api_version.value,
        newline="\r\n" if crlf else "\n",
    )  # fmt: skip
    if out is None:
        session.console.result(data.decode())
        return Exit.DONE
    from retrainctl.cli.files import write_atomically

    write_atomically(out, data)
    session.console.message(f"wrote {out}")
    return Exit.DONE


@app.command()
def keys(
    context: typer.Context,
    name: Name,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    resource_group: arm_commands.Group = None,
    show: Annotated[bool, typer.Option("--show", help="Print the keys themselves.")] = False,
    regenerate: Annotated[
        str | None, typer.Option("--regenerate", metavar="WHICH", help="Write a new primary or secondary key.")
    ] = None,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Show whether a web service has its keys, show them, or write a new one.

    \b
    Examples:
      retrainctl webservice keys census --show --query primary --output tsv
      retrainctl webservice keys census --regenerate secondary --yes

    \b
    Exit codes: 0 done; 1 error, nothing written; 3 blocked; 5, 6 written, not
    or not verifiably as wanted; 7 lease held; 64 usage error.
    """
    from retrainctl.operations.arm_services import generated_key, masked
    from retrainctl.operations.direct import plan_write

    if regenerate not in (None, "primary", "secondary"):
        raise UsageError(f"--regenerate {regenerate}: there is a primary and a secondary key")
    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    at = arm_commands.located(session, KIND, name, resource_group)
    client = arm_commands.client_of(session)
    if regenerate is not None:
        key = generated_key(at, regenerate, session.loaded.desired, session.now)
        fields: dict[str, Tree] = {"keys": {regenerate: key}}
        direct = plan_write(at.desired(fields), asking.ground(session), exists=True, refusals=not what_if)
        code = asking.carry_out(
            session, direct, "webservice keys", yes=yes, what_if=what_if, base=arm_commands.base_of(session),
            question=f"Replace the {regenerate} key of {at.address}? Callers that use it are refused from then on.",
        )  # fmt: skip
        if what_if or code != Exit.DONE:
            return code
    found = client.list_keys(at.group, at.name)
    pair = {"primary": found.primary.reveal(), "secondary": found.secondary.reveal()}
    with session.console.revealing() if show else nullcontext():
        listing.show(session.console, masked(pair, show=show), output=output, query=query)
    return Exit.DONE


@regional.command("add")
def add(
    context: typer.Context,
    name: Name,
    region: Annotated[str, typer.Option("--region", metavar="REGION", help="For example westcentralus.")],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    resource_group: arm_commands.Group = None,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Keep a service's encrypted parameters for one more region, to copy it there.

    \b
    Example: retrainctl webservice regional add census --region westeurope --yes

    \b
    Exit codes: 0 done; 1 error, nothing written; 3 blocked; 5, 6 written, not
    or not verifiably as wanted; 7 lease held; 64 usage error.
    """
    from retrainctl.operations.direct import plan_write

    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    at = arm_commands.located(session, KIND, name, resource_group)
    arm_commands.settings_of(session)
    fields: dict[str, Any] = {"regions": {region.replace(" ", "").lower(): "present"}}
    direct = plan_write(at.desired(fields), asking.ground(session), exists=True, refusals=not what_if)
    question = f"Have {at.address} keep its parameters for {region}?"
    return finish(session, at, direct, "webservice regional add", yes, what_if, output, query, question, region)
