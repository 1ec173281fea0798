"""`retrainctl trained-model`: the saved models of a Studio workspace, in place of the AzureMLPS cmdlets."""

from __future__ import annotations

from typing import Final

import typer

from retrainctl.cli import asking, listing, options, studio_assets, studio_commands

app = typer.Typer(
    help="List trained models, and promote what an experiment has trained.",
    epilog="\b\nExample:\n  retrainctl trained-model list --env prod\n\nExit codes: each command lists its own.",
    no_args_is_help=True,
    add_completion=False,
)

COLUMNS: Final = {"Name": "Name", "Size": "Size", "Family": "FamilyId"}


@app.command("list")
def list_(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    experiment: studio_assets.OfExperiment = None,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """List the trained models of the workspace, or those an experiment uses.

    \b
    Example: retrainctl trained-model list --experiment "Bike Rental Scoring"

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.targets.studio.assets import MODEL

    return studio_assets.show_list(
        context, env, project, MODEL, experiment=experiment, output=output, query=query, columns=COLUMNS
    )


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
    """Keep what a node has trained as a trained model of the workspace.

    \b
    Example: retrainctl trained-model promote Census --node "Train Model"
      --name "Census [trained model]" --overwrite --yes

    \b
    Exit codes: 0 done; 1 error; 3 blocked; 7 lease held; 64 usage error.
    """
    from retrainctl.targets.studio.assets import MODEL

    wish = studio_assets.Promotion(
        experiment=experiment, node=node, port=port, name=name, description=description, overwrite=overwrite
    )
    return studio_assets.promote(
        context, env, project, MODEL, wish, yes=yes, what_if=what_if, output=output, query=query, columns=COLUMNS
    )
