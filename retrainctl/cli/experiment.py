"""`retrainctl experiment`: experiments of a Studio workspace, in place of the AzureMLPS cmdlets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from retrainctl.cli import (
    asking,
    experiment_copies,
    experiment_graph,
    experiment_runs,
    listing,
    options,
    studio_commands,
)
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session

if TYPE_CHECKING:
    from retrainctl.targets.studio.client import StudioClient

app = typer.Typer(
    help="List, run, copy, change and remove Studio experiments.",
    epilog="\b\nExample:\n  retrainctl experiment list --env prod\n\nExit codes: each command lists its own.",
    no_args_is_help=True,
    add_completion=False,
)

COLUMNS: Final = {"Name": "Description", "State": "Status.StatusCode", "Id": "ExperimentId"}

Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write to a file instead of stdout.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")]


@app.command("list")
def list_(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """List the experiments of the workspace, without samples.

    \b
    Example: retrainctl experiment list --output tsv
      --query "[?Status.StatusCode=='Failed'].Description"

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.targets.studio.cleaning import cleaned
    from retrainctl.targets.studio.experiments import list_experiments

    def read(studio: StudioClient) -> object:
        return [cleaned(one) for one in list_experiments(studio)]

    return studio_commands.show(context, env, project, read, output=output, query=query, columns=COLUMNS)


@app.command()
def get(
    context: typer.Context,
    experiment: studio_commands.Experiment,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    output: listing.OutputOption = listing.Output.JSON,
    query: listing.Query = None,
) -> int:
    """Show one experiment with its graph.

    \b
    Example: retrainctl experiment get "Bike Rental" --query Status.StatusCode

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.targets.studio.cleaning import cleaned
    from retrainctl.targets.studio.experiments import read_experiment

    def read(studio: StudioClient) -> object:
        return cleaned(read_experiment(studio, experiment))

    return studio_commands.show(context, env, project, read, output=output, query=query, columns=COLUMNS)


@app.command()
def export(
    context: typer.Context,
    experiment: studio_commands.Experiment,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    out: Out = None,
    overwrite: Overwrite = False,
) -> int:
    """Write an experiment as JSON, without secrets.

    \b
    Example: retrainctl experiment export "Bike Rental" --out bike.json

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.operations.experiments import exported
    from retrainctl.operations.whole_file import must_be_free
    from retrainctl.targets.studio.experiments import name_of, read_experiment

    session = Session.open(context, env, project, None, lenient=True)
    must_be_free(out, overwrite=overwrite)
    found = read_experiment(studio_commands.studio_of(session), experiment)
    text, hidden = exported(found)
    session.console.save(out or "-", text)
    if hidden:
        session.console.message(
            f"note: a secret was left out at {', '.join(hidden)}. An import with --overwrite takes it from the live"
            " experiment; for any other import, write it into the file."
        )
    if out is not None:
        session.console.message(f'wrote experiment "{name_of(found)}" to {out}')
    return Exit.DONE


@app.command()
def remove(
    context: typer.Context,
    experiment: studio_commands.Experiment,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
) -> int:
    """Remove an experiment and its ancestors.

    The question names the ancestors.

    \b
    Example: retrainctl experiment remove "Bike Rental" --env test --yes

    \b
    Exit codes: 0 done; 1 error; 3 blocked; 7 lease held; 64 usage error.
    """
    from retrainctl.model.change import Action
    from retrainctl.operations.classic_services import refuse_protected
    from retrainctl.operations.experiments import address_of, with_names
    from retrainctl.targets.studio import saving
    from retrainctl.targets.studio.experiments import id_of, list_experiments, name_of, read_experiment

    session = Session.open(context, env, project, None, lenient=True)
    studio = studio_commands.studio_of(session)
    found = read_experiment(studio, experiment)
    above = saving.ancestors(found, list_experiments(studio))
    for one in (found, *above):
        refuse_protected(session.loaded.environment.guards.protect, address_of(one))
    what = f'experiment "{name_of(found)}"{with_names(above)}'
    studio_commands.write(
        session,
        requests=[saving.remove_request(studio, found)],
        question=f"Remove {what} for good?",
        address=address_of(found),
        command="experiment remove",
        summary=f"removed {what}",
        send=lambda waiter, _: saving.remove(studio, found, waiter),
        yes=yes,
        what_if=what_if,
        action=Action.DELETE,
        identity=id_of(found),
        back="Only a file that was exported before brings it back: `retrainctl experiment import`.",
    )
    if not what_if:
        session.console.result(f"Removed {what}.")
    return Exit.DONE


experiment_copies.register(app)
experiment_runs.register(app)
experiment_graph.register(app)
