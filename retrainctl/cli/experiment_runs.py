"""`retrainctl experiment run|nodes|node-output|export-definition`: running experiments, and what came out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from retrainctl.cli import asking, listing, options, studio_commands
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.errors import UsageError

if TYPE_CHECKING:
    from retrainctl.targets.studio.client import StudioClient

RAN: Final = {"Name": "Description", "State": "Status.StatusCode", "Detail": "Status.StatusDetail"}
NODES: Final = {
    "Node": "Comment || Id",
    "State": "Status.StatusCode || Status",
    "Ports": "join(', ', OutputPortsInternal[].Name || `[]`)",
    "Detail": "Status.StatusDetail",
}

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")]


class Kind(StrEnum):
    """What a port has put out, or a picture of it."""

    PAYLOAD = "payload"
    VISUALIZATION = "visualization"


def run(
    context: typer.Context,
    experiment: studio_commands.Experiment,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Start it, and do not wait for its end.")] = False,
    time_limit: Annotated[
        str, typer.Option("--time-limit", metavar="TIME", help="Wait no longer than this: 90s, 30m, 2h. It goes on.")
    ] = "24h",
    yes: asking.Yes = False,
    what_if: asking.WhatIf = False,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """Run an experiment and wait for its end.

    A run that fails is an error.

    \b
    Example: retrainctl experiment run "Bike Rental" --yes

    \b
    Exit codes: 0 finished, or started with --no-wait; 1 error, the run failed
    or goes on; 3 blocked; 7 lease held; 64 usage error; 130, 143 interrupted,
    the run goes on.
    """
    from retrainctl.apply.rollout import seconds
    from retrainctl.operations.experiments import address_of
    from retrainctl.targets.studio import running, saving
    from retrainctl.targets.studio.cleaning import cleaned
    from retrainctl.targets.studio.experiments import id_of, name_of, read_experiment

    listing.check_query(query)
    try:
        limit = None if no_wait else seconds(time_limit)
    except ValueError as error:
        raise UsageError(f"--time-limit: {error}", hint="Write 90s, 30m or 2h.") from error
    session = Session.open(context, env, project, None, lenient=True)
    studio = studio_commands.studio_of(session)
    found = running.must_rest(read_experiment(studio, experiment))
    ended = studio_commands.write(
        session,
        requests=[saving.save_request(studio, found), saving.save_request(studio, found, draft=False)],
        question=f'Run experiment "{name_of(found)}"?',
        address=address_of(found),
        command="experiment run",
        summary=f'ran experiment "{name_of(found)}"' if not no_wait else f'started experiment "{name_of(found)}"',
        send=lambda waiter, observer: running.run(studio, found, waiter, observer, limit=limit),
        yes=yes,
        what_if=what_if,
        identity=id_of(found),
        back="There is nothing to take back: a run changes no web service, and nothing that was promoted.",
        left=f'stopped: the run of experiment "{name_of(found)}" goes on; {running.how_it_ends(found)}',
    )
    if ended is not None:
        listing.show(session.console, cleaned(ended), output=output, query=query, columns=RAN)
    return Exit.DONE


def nodes(
    context: typer.Context,
    experiment: studio_commands.Experiment,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    comment: Annotated[
        str | None, typer.Option("--comment", metavar="TEXT", help="Only nodes of this comment.")
    ] = None,
    output: listing.OutputOption = listing.Output.TABLE,
    query: listing.Query = None,
) -> int:
    """List the nodes with their states and ports.

    \b
    Example: retrainctl experiment nodes "Bike Rental" --comment "Train"
      --query "[].Id" --output tsv

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.targets.studio.cleaning import cleaned
    from retrainctl.targets.studio.experiments import read_experiment
    from retrainctl.targets.studio.nodes import nodes_of, with_comment

    def read(studio: StudioClient) -> object:
        found = read_experiment(studio, experiment)
        return [cleaned(one) for one in (nodes_of(found) if comment is None else with_comment(found, comment))]

    return studio_commands.show(context, env, project, read, output=output, query=query, columns=NODES)


def node_output(
    context: typer.Context,
    experiment: studio_commands.Experiment,
    node: Annotated[str, typer.Option("--node", metavar="NODE", help="The node: its id, or its comment.")],
    port: Annotated[str, typer.Option("--port", metavar="NAME", help="The output port; upper or lower case.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The file to write; - is stdout.")],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    kind: Annotated[
        Kind, typer.Option("--type", help="The data, or its visualization.", case_sensitive=False)
    ] = Kind.PAYLOAD,
    overwrite: Overwrite = False,
) -> int:
    """Download what a node put out in the last run.

    \b
    Example: retrainctl experiment node-output "Bike Rental" --node "Train"
      --port "Trained model" --out model.ilearner

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.operations.whole_file import must_be_free, write_pieces
    from retrainctl.targets.studio.endpoints import signed_address
    from retrainctl.targets.studio.experiments import read_experiment
    from retrainctl.targets.studio.nodes import called, node_called, output_of, visualization_of

    session = Session.open(context, env, project, None, lenient=True)
    must_be_free(out, overwrite=overwrite)
    studio = studio_commands.studio_of(session)
    found = read_experiment(studio, experiment)
    one = node_called(found, node)
    endpoint = output_of(one, port) if kind is Kind.PAYLOAD else visualization_of(found, one, port)
    address = signed_address(endpoint, studio)
    if str(out) == "-":
        session.console.data(session.blobs.read(address))
        return Exit.DONE
    written = write_pieces(session.blobs.read(address), out)
    session.console.message(f'wrote the {kind} of "{called(one)}", port "{port}", to {out} ({written:,} bytes)')
    return Exit.DONE


def export_definition(
    context: typer.Context,
    experiment: studio_commands.Experiment,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write to a file instead of stdout.")
    ] = None,
    overwrite: Overwrite = False,
) -> int:
    """Write the definition of its web service.

    The experiment must have finished. The file is for `webservice create`, and
    has no secrets.

    \b
    Example: retrainctl experiment export-definition "Bike Rental"
      --out bike.json

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.definition.document import proper
    from retrainctl.definition.export import export
    from retrainctl.operations.whole_file import must_be_free
    from retrainctl.targets.studio.experiments import id_of, must_have_finished, name_of, read_experiment

    session = Session.open(context, env, project, None, lenient=True)
    must_be_free(out, overwrite=overwrite)
    studio = studio_commands.studio_of(session)
    found = must_have_finished(read_experiment(studio, experiment))
    what = f'export the definition of experiment "{name_of(found)}"'
    answer = studio.object(studio.url("experiments", id_of(found), "webservicedefinition"), what)
    session.console.save(out or "-", export(proper(answer)).decode())
    if out is not None:
        session.console.message(f'wrote the definition of experiment "{name_of(found)}" to {out}')
    return Exit.DONE


def register(app: typer.Typer) -> None:
    """Adds the commands to `retrainctl experiment`."""
    app.command()(run)
    app.command()(nodes)
    app.command("node-output")(node_output)
    app.command("export-definition")(export_definition)
