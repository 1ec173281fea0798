"""`retrainctl dataset`: the datasets of a Studio workspace, in place of the AzureMLPS cmdlets."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from retrainctl.cli import asking, listing, options, studio_assets, studio_commands
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session

app = typer.Typer(
    help="List, upload, download, promote and remove datasets.",
    epilog="\b\nExample:\n  retrainctl dataset list --env prod\n\nExit codes: each command lists its own.",
    no_args_is_help=True,
    add_completion=False,
)

COLUMNS: Final = {"Name": "Name", "Format": "DataTypeId", "Size": "Size", "Family": "FamilyId"}


class Format(StrEnum):
    """The data formats of an upload."""

    CSV = "GenericCSV"
    CSV_NO_HEADER = "GenericCSVNoHeader"
    TSV = "GenericTSV"
    TSV_NO_HEADER = "GenericTSVNoHeader"
    ARFF = "ARFF"
    ZIP = "Zip"
    RDATA = "RData"
    TEXT = "PlainText"


@app.command("list")
def list_(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    experiment: studio_assets.OfExperiment = None,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """List the datasets of the workspace, or those that an experiment uses.

    \b
    Example: retrainctl dataset list --experiment "Bike Rental" --output json

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.targets.studio.assets import DATASET

    return studio_assets.show_list(
        context, env, project, DATASET, experiment=experiment, output=output, query=query, columns=COLUMNS
    )


@app.command()
def upload(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The data; - is standard input.")],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Default: the file's name.")] = None,
    data_format: Annotated[
        Format | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="Default: what the file's ending stands for; see above.",
            case_sensitive=False,
        ),
    ] = None,
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="The description.")] = "",
    overwrite: studio_assets.Overwrite = False,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Upload a file as a dataset, and wait until the service has read it.

    In blocks of 2 MiB, so that files of any size take little memory.

    \b
    Formats, and the endings that stand for them:
      GenericCSV .csv, GenericCSVNoHeader .nh.csv, GenericTSV .tsv,
      GenericTSVNoHeader .nh.tsv, ARFF .arff, Zip .zip, RData .RData,
      PlainText .txt

    \b
    Examples:
      retrainctl dataset upload rentals.csv --name "Bike Rentals" --yes
      zcat big.csv.gz | retrainctl dataset upload - --name big
        --format GenericCSV --yes

    \b
    Exit codes: 0 done; 1 error; 3 blocked; 7 lease held; 64 usage error;
    130 interrupted, with a note on what is left.
    """
    from retrainctl.errors import UsageError
    from retrainctl.model.change import Action
    from retrainctl.operations import studio_assets as assets_of
    from retrainctl.targets.studio import assets, uploads
    from retrainctl.targets.studio.cleaning import cleaned

    listing.check_query(query)
    wanted = name if name is not None else file.name if str(file) != "-" else ""
    if not wanted.strip():
        raise UsageError("the dataset needs a name", hint="Pass --name.")
    session = Session.open(context, env, project, None, lenient=True)
    with assets_of.parcel_of(file, data_format and data_format.value, lambda: session.console.stdin.buffer) as parcel:
        studio = studio_commands.studio_of(session)
        listed = assets.list_assets(studio, assets.DATASET)
        family = assets_of.family_to_replace(listed, wanted, assets.DATASET, overwrite=overwrite)
        wish = uploads.DatasetWish(
            name=wanted, kind=parcel.kind, description=description, family=family, file_name=file.name
        )
        what = f'{"a new version of " if family else ""}dataset "{wanted}"'
        made = studio_commands.write(
            session,
            requests=[
                *uploads.sending_requests(studio, parcel),
                uploads.register_request(studio, wish, uploads.FROM_ANSWER),
            ],
            question=f"Upload {parcel.file_name} ({parcel.size:,} bytes) as {what}?",
            address=assets.DATASET.address_of(wanted),
            command="dataset upload",
            summary=f"uploaded {parcel.size:,} bytes as {what}",
            send=lambda waiter, observer: assets_of.upload_dataset(studio, parcel, wish, waiter, observer),
            yes=yes,
            what_if=what_if,
            action=Action.UPDATE if family else Action.CREATE,
            identity=family,
            back=studio_assets.way_back(assets.DATASET, family),
        )
        if made is not None:
            listing.show(session.console, cleaned(made), output=output, query=query, columns=COLUMNS)
        elif parcel.blocks > 1:
            session.console.message(f"The second one would be sent for each block: {parcel.blocks:,} in all.")
    return Exit.DONE


@app.command()
def download(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="The dataset: its id, family id or name.")],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to; - is stdout. Default: its name, here.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> int:
    """Download the data of a dataset, whole or not at all.

    \b
    Example: retrainctl dataset download "Bike Rentals" --out rentals.csv

    Exit codes: 0 done; 1 error, nothing written; 64 usage error.
    """
    from retrainctl.operations import studio_assets as assets_of
    from retrainctl.operations.whole_file import must_be_free, write_pieces
    from retrainctl.targets.studio.assets import name_of, read_dataset

    must_be_free(out, overwrite=overwrite)
    session = Session.open(context, env, project, None, lenient=True)
    studio = studio_commands.studio_of(session)
    found = read_dataset(studio, dataset)
    target = out if out is not None else Path(assets_of.file_name(found))
    must_be_free(target, overwrite=overwrite)
    pieces = assets_of.data_of(studio, found, session.blobs)
    size = session.console.data(pieces) if str(target) == "-" else write_pieces(pieces, target)
    where = "stdout" if str(target) == "-" else target
    session.console.message(f'wrote dataset "{name_of(found)}" to {where}: {size:,} bytes')
    return Exit.DONE


@app.command()
def promote(
    context: typer.Context,
    experiment: studio_commands.Experiment,
    node: studio_assets.Node,
    name: studio_assets.Name,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    port: studio_assets.Port = None,
    description: studio_assets.Description = "",
    overwrite: studio_assets.Overwrite = False,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Keep the output of a node as a dataset of the workspace.

    \b
    Example: retrainctl dataset promote Census --node "Split Data"
      --port "Results dataset1" --name "Census training" --yes

    \b
    Exit codes: 0 done; 1 error; 3 blocked; 7 lease held; 64 usage error.
    """
    from retrainctl.targets.studio.assets import DATASET

    wish = studio_assets.Promotion(
        experiment=experiment, node=node, port=port, name=name, description=description, overwrite=overwrite
    )
    return studio_assets.promote(
        context, env, project, DATASET, wish, yes=yes, what_if=what_if, output=output, query=query, columns=COLUMNS
    )


@app.command()
def remove(
    context: typer.Context,
    family: Annotated[str, typer.Argument(metavar="DATASET", help="The dataset: its family id, id or name.")],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
) -> int:
    """Remove a dataset with all of its versions and their data.

    \b
    Example: retrainctl dataset remove "Bike Rentals" --env test --yes

    \b
    Exit codes: 0 done; 1 error; 3 blocked; 7 lease held; 64 usage error.
    """
    from retrainctl.model.change import Action
    from retrainctl.operations.classic_services import refuse_protected
    from retrainctl.targets.studio import assets

    session = Session.open(context, env, project, None, lenient=True)
    studio = studio_commands.studio_of(session)
    found = assets.called(assets.list_assets(studio, assets.DATASET), family, assets.DATASET)
    what = f'dataset "{assets.name_of(found)}" (family {assets.family_of(found)})'
    address = assets.DATASET.address_of(assets.name_of(found))
    refuse_protected(session.loaded.environment.guards.protect, address)
    studio_commands.write(
        session,
        requests=[assets.remove_request(studio, found)],
        question=f"Remove {what} with all of its versions for good?",
        address=address,
        command="dataset remove",
        summary=f"removed {what} with all of its versions",
        send=lambda waiter, _: assets.remove(studio, found, waiter),
        yes=yes,
        what_if=what_if,
        action=Action.DELETE,
        identity=assets.family_of(found),
        back="Only its data brings it back, as another family: `retrainctl dataset upload`.",
    )
    if not what_if:
        session.console.result(f"Removed {what} with all of its versions.")
    return Exit.DONE
