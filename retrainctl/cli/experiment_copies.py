"""`retrainctl experiment import|copy|pack|unpack`: experiments out of files and into other workspaces."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from retrainctl.cli import asking, classic_commands, listing, options, studio_commands
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.errors import UsageError

if TYPE_CHECKING:
    from retrainctl.ports import Observer, Waiter
    from retrainctl.targets.studio.client import StudioClient

MADE: Final = {"Name": "Description", "State": "Status.StatusCode", "Id": "ExperimentId"}
PACKED: Final = {"Status": "Status", "Activity": "ActivityId", "Location": "Location"}

_REMOVE: Final = "Remove what it made: `retrainctl experiment remove`."
_MAY_ARRIVE: Final = "stopped: the experiment may still arrive; `retrainctl experiment list` shows whether it is there."
_PACKAGE: Final = "ADDRESS-OF-THE-PACKAGE"

Name = Annotated[str | None, typer.Option("--name", metavar="NAME", help="What the new experiment is called.")]


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An experiment that was exported, ours or a cmdlet's.")],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over the experiment of the file's id.")] = False,
    name: Name = None,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Save an exported experiment, as a draft.

    It becomes a new one, or with --overwrite the one that it comes from.

    \b
    Example: retrainctl experiment import bike.json --name "Bike 2" --yes

    \b
    Exit codes: 0 done; 1 error; 3 blocked; 7 lease held; 64 usage error.
    """
    from retrainctl.model.change import Action
    from retrainctl.operations import experiments
    from retrainctl.targets.studio import saving
    from retrainctl.targets.studio.experiments import id_of, name_of

    if overwrite and name is not None:
        raise UsageError(
            "--overwrite and --name exclude each other", hint="--overwrite takes the name that is in the file."
        )
    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    given = experiments.from_file(file)
    studio = studio_commands.studio_of(session)
    called = name_of(given) if name is None else name
    if overwrite:
        wanted = experiments.over(studio, given)
        request = saving.save_request(studio, wanted)
    else:
        experiments.must_be_new(studio, called, hint="Pass --name for another one, or --overwrite to write over it.")
        wanted = {**given, "Graph": experiments.complete(given["Graph"])}
        request = saving.create_request(studio, wanted, called)
    if foreign := experiments.foreign_assets(wanted, studio.workspace):
        session.console.message(
            f"note: it uses datasets, models or modules of another workspace ({', '.join(foreign)});"
            " `experiment copy --to` brings them along"
        )

    def send(waiter: Waiter, _: Observer) -> str:
        if not overwrite:
            return saving.create(studio, wanted, called, waiter)
        saving.save(studio, wanted, waiter)
        return id_of(wanted)

    made = studio_commands.write(
        session,
        requests=[request],
        question=f'Write over experiment "{called}"?' if overwrite else f'Save "{called}" as a new experiment?',
        address=experiments.address_of({"Description": called}),
        command="experiment import",
        summary=f'imported experiment "{called}" from {file.name}' + (" over what was there" if overwrite else ""),
        send=send,
        yes=yes,
        what_if=what_if,
        action=Action.UPDATE if overwrite else Action.CREATE,
        identity=id_of(wanted) if overwrite else "",
        back="Import what was exported before: `retrainctl experiment import FILE --overwrite`."
        if overwrite
        else _REMOVE,
    )
    return _made(session, studio, made, output, query)


def copy(
    context: typer.Context,
    experiment: studio_commands.Experiment,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    name: Name = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="ENV", help="Copy to the workspace of this environment.")
    ] = None,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Copy an experiment, also to another workspace.

    The copy is a draft. To another workspace it goes as a package, with what it
    needs; passwords and keys in it stay behind.

    \b
    Examples:
      retrainctl experiment copy "Bike Rental" --name "Bike Rental 2" --yes
      retrainctl experiment copy "Bike Rental" --env test --to prod --yes

    \b
    Exit codes: 0 done; 1 error; 3 blocked; 7 lease held; 64 usage error.
    """
    from retrainctl.model.change import Action
    from retrainctl.operations import experiments
    from retrainctl.targets.studio import packages, saving
    from retrainctl.targets.studio.experiments import name_of, read_experiment

    if name is None and to is None:
        raise UsageError("a copy needs a name of its own", hint="Pass --name NAME, or --to ENV.")
    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    there = session if to is None else Session.open(context, to, project, None, lenient=True)
    source = studio_commands.studio_of(session)
    target = source if to is None else studio_commands.studio_of(there)
    found = read_experiment(source, experiment)
    called = name_of(found) if name is None else name
    where = "the workspace" if to is None else f"the workspace of {to}"
    experiments.must_be_new(target, called, where=where, hint="Pass another --name.")
    region = classic_commands.parts_of(session).settings.location
    if to is None:
        requests = [saving.create_request(source, found, called)]
    else:
        requests = [packages.pack_request(source, found), packages.unpack_request(target, _PACKAGE, region)]

    def send(waiter: Waiter, _: Observer) -> str:
        if to is None:
            return saving.create(source, found, called, waiter)
        return experiments.copy_over(source, found, target, region, name, waiter)

    made = studio_commands.write(
        there,
        requests=requests,
        question=f'Copy experiment "{name_of(found)}" as "{called}"' + (f" to {to}?" if to else "?"),
        address=experiments.address_of({"Description": called}),
        command="experiment copy",
        summary=f'copied experiment "{name_of(found)}"'
        + (f" of {session.loaded.environment.name}" if to else "")
        + f' as "{called}"',
        send=send,
        yes=yes,
        what_if=what_if,
        action=Action.CREATE,
        back=_REMOVE,
        left="" if to is None else _MAY_ARRIVE,
    )
    return _made(there, target, made, output, query)


def pack(
    context: typer.Context,
    experiment: studio_commands.Experiment,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    show: Annotated[bool, typer.Option("--show", help="Print the package's address with its signature.")] = False,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Pack an experiment for another workspace.

    Passwords in it stay behind. Without --show the address of the package is
    shown without what opens it.

    \b
    Example: retrainctl experiment pack "Bike Rental" --show --query Location
      --output tsv --yes

    \b
    Exit codes: 0 done; 1 error; 3 blocked; 7 lease held; 64 usage error.
    """
    from retrainctl.operations.experiments import address_of
    from retrainctl.targets.studio import packages
    from retrainctl.targets.studio.cleaning import cleaned
    from retrainctl.targets.studio.experiments import id_of, name_of, read_experiment

    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    studio = studio_commands.studio_of(session)
    found = read_experiment(studio, experiment)
    made = studio_commands.write(
        session,
        requests=[packages.pack_request(studio, found)],
        question=f'Pack experiment "{name_of(found)}"?',
        address=address_of(found),
        command="experiment pack",
        summary=f'packed experiment "{name_of(found)}"',
        send=lambda waiter, _: packages.pack(studio, found, waiter),
        yes=yes,
        what_if=what_if,
        identity=id_of(found),
        back="Nothing has to be taken back: a package changes no experiment.",
    )
    if made is not None:
        with session.console.revealing(signatures=True) if show else nullcontext():
            told = made if show else cleaned(made)
            listing.show(session.console, told, output=output, query=query, columns=PACKED)
    return Exit.DONE


def unpack(
    context: typer.Context,
    package: Annotated[
        str, typer.Argument(metavar="PACKAGE_URI", help="The package's address with its signature; - reads stdin.")
    ],
    region: Annotated[str, typer.Option("--region", metavar="LOCATION", help="Where the package comes from.")],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Make an experiment of a package.

    A signature on the command line can be seen by others: pass - and pipe it.

    \b
    Example: retrainctl experiment unpack - --region "South Central US" --yes

    \b
    Exit codes: 0 done; 1 error; 3 blocked; 7 lease held; 64 usage error.
    """
    from retrainctl.model.address import Address
    from retrainctl.model.change import Action
    from retrainctl.model.redaction import without_query
    from retrainctl.operations.experiments import unpacked
    from retrainctl.targets.studio import packages
    from retrainctl.targets.studio.cleaning import cleaned

    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    address = session.console.stdin.readline().strip() if package == "-" else package
    if "://" not in address:
        raise UsageError(
            "PACKAGE_URI is not an address", hint="Take the Location that `experiment pack --show` prints."
        )
    studio = studio_commands.studio_of(session)
    place = without_query(address)
    made = studio_commands.write(
        session,
        requests=[packages.unpack_request(studio, address, region)],
        question=f"Make an experiment of the package {place}?",
        address=Address("Experiment", place.rpartition("/")[2] or place),
        command="experiment unpack",
        summary=f"made an experiment of the package {place}",
        send=lambda waiter, _: unpacked(studio, address, region, waiter),
        yes=yes,
        what_if=what_if,
        action=Action.CREATE,
        back=_REMOVE,
        left=_MAY_ARRIVE,
    )
    if made is not None:
        shown = [cleaned(one) for one in made]
        listing.show(session.console, shown, output=output, query=query, columns=MADE)
    return Exit.DONE


def register(app: typer.Typer) -> None:
    """Adds the commands to `retrainctl experiment`."""
    for name, command in (("import", import_), ("copy", copy), ("pack", pack), ("unpack", unpack)):
        app.command(name)(command)


def _made(
    session: Session, studio: StudioClient, identifier: str | None, output: listing.Output, query: str | None
) -> int:
    """Shows the experiment that was made; nothing after `--what-if`."""
    from retrainctl.targets.studio.cleaning import cleaned
    from retrainctl.targets.studio.experiments import read_experiment

    if identifier is not None:
        found = cleaned(read_experiment(studio, identifier))
        listing.show(session.console, found, output=output, query=query, columns=MADE)
    return Exit.DONE
