"""`retrainctl module`: the modules of a Studio workspace, in place of the AzureMLPS cmdlets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from retrainctl.cli import asking, listing, options, studio_commands
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session

if TYPE_CHECKING:
    from retrainctl.targets.studio.client import StudioClient

app = typer.Typer(
    help="List modules, and make custom ones from a zip.",
    epilog="\b\nExample:\n  retrainctl module list --custom\n\nExit codes: each command lists its own.",
    no_args_is_help=True,
    add_completion=False,
)

COLUMNS: Final = {"Name": "Name", "Category": "Category", "State": "ReleaseState", "Family": "FamilyId"}

Archive = Annotated[
    Path, typer.Argument(metavar="FILE", help="The zip: a definition (.xml) and the script that it names.")
]


@app.command("list")
def list_(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    custom: Annotated[bool, typer.Option("--custom", help="Only the workspace's own.")] = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """List the modules that experiments of the workspace can use.

    \b
    Example: retrainctl module list --custom --query "[].Id" --output tsv

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.targets.studio.cleaning import cleaned
    from retrainctl.targets.studio.modules import list_modules

    def read(studio: StudioClient) -> object:
        return [cleaned(one) for one in list_modules(studio, custom=custom)]

    return studio_commands.show(context, env, project, read, output=output, query=query, columns=COLUMNS)


@app.command()
def create(
    context: typer.Context,
    file: Archive,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Make a custom module from a zip. One that exists is an error.

    The zip is looked at first: it must define a module at its top.

    \b
    Example: retrainctl module create add-rows.zip --env test --yes

    \b
    Exit codes: 0 done; 1 error; 3 blocked; 7 lease held; 64 usage error;
    130 interrupted, with a note on what is left.
    """
    return _build(context, file, env, project, yes=yes, what_if=what_if, output=output, query=query, update=False)


@app.command()
def update(
    context: typer.Context,
    file: Archive,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Make a new version of a custom module from a zip.

    As create, but a module of the name must be there. Experiments keep the
    version that they have: see `experiment update-modules`.

    \b
    Example: retrainctl module update add-rows.zip --env test --yes

    \b
    Exit codes: 0 done; 1 error; 3 blocked; 7 lease held; 64 usage error;
    130 interrupted, with a note on what is left.
    """
    return _build(context, file, env, project, yes=yes, what_if=what_if, output=output, query=query, update=True)


def _build(
    context: typer.Context,
    file: Path,
    env: str | None,
    project: Path,
    *,
    yes: bool,
    what_if: bool,
    output: listing.Output,
    query: str | None,
    update: bool,
) -> int:
    from retrainctl.model.change import Action
    from retrainctl.operations import custom_modules
    from retrainctl.operations.studio_assets import parcel_of
    from retrainctl.targets.studio import assets, modules, uploads
    from retrainctl.targets.studio.cleaning import cleaned

    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    with parcel_of(file, "Zip", lambda: session.console.stdin.buffer) as parcel:
        names = custom_modules.module_names(parcel.stream, parcel.file_name)
        studio = studio_commands.studio_of(session)
        listed = modules.list_modules(studio, custom=True)
        custom_modules.check_names(names, listed, update=update)
        told = ", ".join(f'"{name}"' for name in names)
        what = f"a new version of custom module {told}" if update else f"custom module {told}"
        replaced = assets.find(listed, names[0], assets.MODULE)
        made = studio_commands.write(
            session,
            requests=[
                *uploads.sending_requests(studio, parcel),
                modules.build_request(studio, {"Id": uploads.FROM_ANSWER, "DataTypeId": parcel.kind}),
            ],
            question=f"Make {what} from {parcel.file_name}?",
            address=assets.MODULE.address_of(names[0]),
            command=f"module {'update' if update else 'create'}",
            summary=f"made {what}",
            send=lambda waiter, observer: custom_modules.build(studio, parcel, waiter, observer),
            yes=yes,
            what_if=what_if,
            action=Action.UPDATE if update else Action.CREATE,
            identity="" if replaced is None else assets.family_of(replaced),
            left=(
                "stopped: the service may still be making the module;"
                " `retrainctl module list --custom` shows whether it is there."
            ),
            back=(
                "No known call removes a module or a version of it: `retrainctl module update` with the former zip"
                " makes that one the newest again."
            ),
        )
    if made is None:
        return Exit.DONE
    listed = modules.list_modules(studio, custom=True)
    shown = next((one for one in listed if assets.id_of(one) == made), {"Id": made, "Name": names[0]})
    listing.show(session.console, cleaned(shown), output=output, query=query, columns=COLUMNS)
    return Exit.DONE
