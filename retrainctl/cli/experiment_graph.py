"""`retrainctl experiment replace-asset|update-assets|update-modules`: other assets and modules in a graph."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from retrainctl.cli import asking, options, studio_commands
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.errors import UsageError

if TYPE_CHECKING:
    from retrainctl.model.values import JsonObject
    from retrainctl.operations.graph_edits import Edit
    from retrainctl.targets.studio.assets import AssetKind
    from retrainctl.targets.studio.client import StudioClient


_REPLACE: Final = "replace-asset"
_MODULES: Final = "update-modules"
_PUT_BACK: Final = "Put the former ones back, each by its id: `retrainctl experiment replace-asset`"


class AssetType(StrEnum):
    """What an input port takes in place of an edge, in the cmdlets' words."""

    DATASET = "Dataset"
    TRAINED_MODEL = "TrainedModel"
    TRANSFORM = "Transform"


def register(app: typer.Typer) -> None:
    """Adds the commands to `retrainctl experiment`."""
    app.command(_REPLACE)(replace_asset)
    app.command("update-assets")(update_assets)
    app.command(_MODULES)(update_modules)


def replace_asset(
    context: typer.Context,
    experiment: studio_commands.Experiment,
    kind: Annotated[AssetType, typer.Option("--type", help="What is replaced.", case_sensitive=False)],
    existing: Annotated[str, typer.Option("--existing", metavar="ASSET", help="What goes: id, family id or name.")],
    new: Annotated[
        str, typer.Option("--new", metavar="ASSET", help="What comes: an id, or the latest of a family or name.")
    ],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
) -> int:
    """Put another asset in the place of one.

    Assets are what a graph takes in place of an edge: datasets, trained models,
    transforms. The experiment is saved as a draft; run it before you deploy it.

    \b
    Example: retrainctl experiment replace-asset Scoring --type TrainedModel
      --existing "Bike [trained model]" --new "Bike 2 [trained model]" --yes

    \b
    Exit codes: 0 done, or nothing to do; 1 error; 3 blocked; 7 lease held;
    64 usage error.
    """
    from retrainctl.operations.graph_edits import replacement
    from retrainctl.targets.studio.assets import list_assets

    chosen = _kind(kind)

    def edit(studio: StudioClient, found: JsonObject) -> Edit:
        return replacement(found, chosen, list_assets(studio, chosen), existing, new)

    return _change(_open(context, env, project), experiment, edit, _REPLACE, yes=yes, what_if=what_if)


def update_assets(
    context: typer.Context,
    experiment: studio_commands.Experiment,
    everything: Annotated[bool, typer.Option("--all", help="Every asset that the graph uses.")] = False,
    asset: Annotated[
        str | None, typer.Option("--asset", metavar="ASSET", help="Only this one: id, family id or name.")
    ] = None,
    kind: Annotated[
        AssetType | None, typer.Option("--type", help="What --asset is, or all of one type.", case_sensitive=False)
    ] = None,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
) -> int:
    """Bring its assets to their latest versions.

    An asset whose family the workspace does not have is an error, and nothing is
    changed. The experiment is saved as a draft; run it before you deploy it.

    \b
    Example: retrainctl experiment update-assets Scoring --all --yes

    \b
    Exit codes: 0 done, or nothing to do; 1 error; 3 blocked; 7 lease held;
    64 usage error.
    """
    from retrainctl.operations.graph_edits import newest_assets
    from retrainctl.targets.studio.assets import list_assets

    _either(everything, asset, "--asset")
    if asset is not None and kind is None:
        raise UsageError("--asset needs --type", hint=f"Pass --type {', '.join(AssetType)}.")
    chosen = [_kind(kind)] if kind is not None else [_kind(one) for one in AssetType]

    def edit(studio: StudioClient, found: JsonObject) -> Edit:
        from retrainctl.targets.studio.graph import assets_used

        needed = [one for one in chosen if asset is not None or assets_used(found, one.port)]
        return newest_assets(found, [(one, list_assets(studio, one)) for one in needed], asset)

    return _change(_open(context, env, project), experiment, edit, "update-assets", yes=yes, what_if=what_if)


def update_modules(
    context: typer.Context,
    experiment: studio_commands.Experiment,
    everything: Annotated[bool, typer.Option("--all", help="Every module of the graph.")] = False,
    module: Annotated[
        str | None, typer.Option("--module", metavar="NAME", help="Only the modules of this name.")
    ] = None,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
) -> int:
    """Bring its modules to their latest versions.

    A module whose family the workspace does not have is an error, and nothing is
    changed. The experiment is saved as a draft; run it before you deploy it.

    \b
    Example: retrainctl experiment update-modules Training --all --yes

    \b
    Exit codes: 0 done, or nothing to do; 1 error; 3 blocked; 7 lease held;
    64 usage error.
    """
    from retrainctl.operations.graph_edits import newest_modules
    from retrainctl.targets.studio.assets import MODULE, list_assets

    _either(everything, module, "--module")

    def edit(studio: StudioClient, found: JsonObject) -> Edit:
        return newest_modules(found, list_assets(studio, MODULE), module)

    return _change(_open(context, env, project), experiment, edit, _MODULES, yes=yes, what_if=what_if)


def _change(
    session: Session,
    reference: str,
    edit: Callable[[StudioClient, JsonObject], Edit],
    command: str,
    *,
    yes: bool,
    what_if: bool,
) -> int:
    """Says what the edit changes of an experiment, and saves it as a draft. Sends nothing where it changes nothing."""
    from retrainctl.operations.experiments import address_of
    from retrainctl.render.escape import visible
    from retrainctl.render.style import count
    from retrainctl.targets.studio import saving
    from retrainctl.targets.studio.experiments import id_of, name_of, read_experiment

    studio = studio_commands.studio_of(session)
    found = read_experiment(studio, reference)
    wish = edit(studio, found)
    name = f'experiment "{visible(name_of(found))}"'
    if not wish.swaps:
        why = "has the latest already" if command != _REPLACE else "has it in its place already"
        session.console.result(f"No change: {name} {why if wish.looked_at else 'uses none'}. Nothing was sent.")
        return Exit.DONE
    for swap in wish.swaps:
        session.console.message(visible(str(swap)))
    what = ", ".join(
        count(sum(swap.noun == noun for swap in wish.swaps), noun)
        for noun in dict.fromkeys(swap.noun for swap in wish.swaps)
    )
    studio_commands.write(
        session,
        requests=[saving.save_request(studio, wish.experiment)],
        question=f"Save {name} as a draft with another version of {what}?",
        address=address_of(found),
        command=f"experiment {command}",
        summary=f"saved with {what} replaced",
        send=lambda waiter, _: saving.save(studio, wish.experiment, waiter),
        yes=yes,
        what_if=what_if,
        identity=id_of(found),
        back=("No command gives a node an older module, Studio does" if command == _MODULES else _PUT_BACK)
        + f"; there were {', '.join(swap.old for swap in wish.swaps)}.",
    )
    if not what_if:
        session.console.result(f"Replaced {what} in {name}. It is a draft now: run it before you deploy it.")
    return Exit.DONE


def _open(context: typer.Context, env: str | None, project: Path) -> Session:
    return Session.open(context, env, project, None, lenient=True)


def _either(everything: bool, name: str | None, option: str) -> None:
    if everything == (name is not None):
        raise UsageError(f"pass --all or {option}, one of the two")


def _kind(kind: AssetType) -> AssetKind:
    from retrainctl.targets.studio import assets

    return {
        AssetType.DATASET: assets.DATASET,
        AssetType.TRAINED_MODEL: assets.MODEL,
        AssetType.TRANSFORM: assets.TRANSFORM,
    }[kind]
