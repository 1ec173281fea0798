"""What the commands for datasets, trained models, transforms and modules have in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrainctl.cli import listing, studio_commands
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.errors import UsageError
from retrainctl.fastclass import dataclass

if TYPE_CHECKING:
    from retrainctl.targets.studio.assets import AssetKind
    from retrainctl.targets.studio.client import StudioClient

OfExperiment = Annotated[
    str | None,
    typer.Option("--experiment", metavar="EXPERIMENT", help="Only what the graph of this experiment uses."),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Make a new version of the one that has the name already.")
]
Node = Annotated[str, typer.Option("--node", metavar="NODE", help="The node: its id, or its comment.")]
Name = Annotated[str, typer.Option("--name", metavar="NAME", help="What it shall be called.")]
Port = Annotated[
    str | None, typer.Option("--port", metavar="NAME", help="The output port; needed where the node has several.")
]
Description = Annotated[str, typer.Option("--description", metavar="TEXT", help="The description.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """The output that a command shall keep, as its user names it, and what becomes of it."""

    experiment: str
    node: str
    port: str | None
    name: str
    description: str
    overwrite: bool


def show_list(
    context: typer.Context,
    env: str | None,
    project: Path,
    kind: AssetKind,
    *,
    experiment: str | None,
    output: listing.Output,
    query: str | None,
    columns: Mapping[str, str],
) -> int:
    """Prints the assets of a kind, or those that an experiment uses."""
    from retrainctl.targets.studio.assets import list_assets, used_by
    from retrainctl.targets.studio.cleaning import cleaned
    from retrainctl.targets.studio.experiments import read_experiment

    def read(studio: StudioClient) -> object:
        user = None if experiment is None else read_experiment(studio, experiment)
        found = list_assets(studio, kind)
        return [cleaned(one) for one in (found if user is None else used_by(user, found, kind))]

    if experiment is not None:
        columns = {**{name: member for name, member in columns.items() if name != "Size"}, "Latest": "IsLatest"}
    return studio_commands.show(context, env, project, read, output=output, query=query, columns=columns)


def promote(
    context: typer.Context,
    env: str | None,
    project: Path,
    kind: AssetKind,
    wish: Promotion,
    *,
    yes: bool,
    what_if: bool,
    output: listing.Output,
    query: str | None,
    columns: Mapping[str, str],
) -> int:
    """Keeps the output of a node as an asset, and shows the asset."""
    from retrainctl.operations.studio_assets import family_to_replace, output_called
    from retrainctl.targets.studio import assets
    from retrainctl.targets.studio.cleaning import cleaned
    from retrainctl.targets.studio.experiments import name_of, read_experiment, state_of

    listing.check_query(query)
    if not wish.name.strip():
        raise UsageError(f"the {kind.noun} needs a name", hint="Pass --name.")
    session = Session.open(context, env, project, None, lenient=True)
    studio = studio_commands.studio_of(session)
    experiment = read_experiment(studio, wish.experiment)
    source = output_called(experiment, wish.node, wish.port)
    family = family_to_replace(assets.list_assets(studio, kind), wish.name, kind, overwrite=wish.overwrite)
    if (state := state_of(experiment)) != "Finished":
        session.console.message(
            f'warning: experiment "{name_of(experiment)}" is {state}, not Finished: its output may be missing or old'
        )
    request = assets.promote_request(studio, kind, source, name=wish.name, description=wish.description, family=family)
    what = f'{"a new version of " if family else ""}{kind.noun} "{wish.name}"'
    told = f'port "{source.port}" of node "{wish.node}" in experiment "{name_of(experiment)}"'
    made = studio_commands.write(
        session,
        requests=[request],
        question=f"Keep {told} as {what}?",
        address=kind.address_of(wish.name),
        command=f"{kind.command} promote",
        summary=f"kept {told} as {what}",
        send=lambda waiter, _: assets.make(studio, kind, request, wish.name, waiter),
        yes=yes,
        what_if=what_if,
        identity=family,
        back=way_back(kind, family),
    )
    if made is not None:
        listed = assets.list_assets(studio, kind)
        shown = next((one for one in listed if assets.id_of(one) == made), {"Id": made, "Name": wish.name})
        listing.show(session.console, cleaned(shown), output=output, query=query, columns=columns)
    return Exit.DONE


def way_back(kind: AssetKind, family: str) -> str:
    """What takes back that an asset was made, or with a family a new version of it, for who wants to roll it back."""
    if kind.command == "dataset" and not family:
        return "Remove it: `retrainctl dataset remove`."
    if family:
        return (
            f"No known call removes one version of a {kind.noun}: put the older one back where it is used, with"
            " `retrainctl experiment replace-asset`."
        )
    return f"No known call removes a {kind.noun}; nothing uses it before somebody says so."
