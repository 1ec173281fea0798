"""`retrainctl batch`: one job of a batch service, data there and results back."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrainctl.cli import options
from retrainctl.cli.exits import Exit
from retrainctl.cli.score import Output
from retrainctl.cli.session import Session
from retrainctl.errors import RetrainctlError, UsageError
from retrainctl.model.environment import EMULATOR_RESOURCE_GROUP

if TYPE_CHECKING:
    from retrainctl.operations.batching import BatchEnd, BatchTools, BatchWish
    from retrainctl.ports import Observer


def command(
    context: typer.Context,
    address: Annotated[
        str,
        typer.Argument(
            metavar="ADDRESS", help="WebService/NAME, Endpoint/NAME, ClassicWebService/NAME or BatchEndpoint/NAME."
        ),
    ],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="[PORT=]FILE|URI", help="Data: a local file or a blob; may be repeated."),
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--parameter", metavar="NAME=VALUE", help="A web service parameter; may be repeated."),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="PORT=URI", help="Where a result goes; default: the service's own storage."),
    ] = None,
    store: Annotated[
        str | None, typer.Option("--store", metavar="ACCOUNT/CONTAINER", help="Where local files are uploaded to.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the result to a file, as it is.")
    ] = None,
    port: Annotated[str | None, typer.Option("--port", metavar="NAME", help="Which result is shown.")] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Start the job and print its id.")] = False,
    job: Annotated[
        str | None, typer.Option("--job", metavar="ID", help="Wait for a job that was started before.")
    ] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel the job that --job names.")] = False,
    time_limit: Annotated[
        str | None, typer.Option("--time-limit", metavar="TIME", help="Cancel the job after this time: 90s, 30m, 2h.")
    ] = None,
    output: Annotated[Output, typer.Option("--output", help="The format of the result.")] = Output.TABLE,
) -> int:
    """Run one batch job of a web service or a batch endpoint and show its result.

    \b
    Examples:
      retrainctl batch WebService/census --input people.csv --out scored.csv
      retrainctl batch Endpoint/rentalloc003 --input days.csv --output json
      retrainctl batch BatchEndpoint/nightly --input people.csv
      retrainctl batch WebService/census --job 0f3a... --cancel

    \b
    Exit codes: 0 done; 1 error; 5 the job failed, or goes on; 64 usage error;
    130, 143 interrupted.
    """
    from retrainctl.model.retraining import BATCH_TARGET
    from retrainctl.operations import batching
    from retrainctl.operations.scoring import service_of

    if cancel and job is None:
        raise UsageError("--cancel needs the id of a job", hint="Pass --job ID.")
    if job is not None and (inputs or parameters or to or no_wait):
        raise UsageError("a job that was started is taken as it is", hint="Leave inputs, parameters and outputs out.")
    session = Session.open(context, env, project, var)
    service = service_of(address, session.loaded)
    wish = _wish(session, inputs, parameters, to, store, time_limit, wait=not no_wait)
    with TemporaryDirectory(prefix="retrainctl-") as folder, session.console.progress() as observer:
        tools = _tools(session, Path(folder), observer)
        if cancel and job is not None:
            batching.cancel(service, job, tools)
            session.console.message(f"cancelled job {job}")
            return Exit.DONE
        end = batching.run_batch(service, wish, tools) if job is None else batching.take_up(service, job, wish, tools)
        named = service.target != BATCH_TARGET
        return _report(session, end, out, port, output, waited=not no_wait, named=named)


def _tools(session: Session, folder: Path, observer: Observer) -> BatchTools:
    from retrainctl.operations.batching import BatchTools
    from retrainctl.wiring.services import blob_address, service_directory

    loaded = session.loaded
    return BatchTools(
        directory=service_directory(loaded.project, loaded.environment, session.outside),
        store=session.blobs,
        address=blob_address(loaded.environment),
        clock=session.outside.clock,
        observer=observer,
        folder=folder,
    )


def _wish(
    session: Session,
    inputs: Sequence[str] | None,
    parameters: Sequence[str] | None,
    to: Sequence[str] | None,
    store: str | None,
    time_limit: str | None,
    *,
    wait: bool,
) -> BatchWish:
    from retrainctl.apply.rollout import seconds
    from retrainctl.operations.batching import BatchWish

    try:
        limit = None if time_limit is None else seconds(time_limit)
    except ValueError as error:
        raise UsageError(f"--time-limit: {error}", hint="Write 90s, 30m or 2h.") from error
    account, container = _store(session, store)
    return BatchWish(
        inputs=dict(_input(text) for text in inputs or ()),
        outputs=_pairs("--to", to),
        parameters=_pairs("--parameter", parameters),
        account=account,
        container=container,
        wait=wait,
        time_limit=limit,
    )


def _store(session: Session, store: str | None) -> tuple[str | None, str]:
    """Account and container for local files: as told, else the only account of the environment."""
    if store is not None:
        account, slash, container = store.partition("/")
        if not (account and slash and container) or "/" in container:
            raise UsageError(f"--store {store}: not of the form ACCOUNT/CONTAINER")
        return account, container
    environment = session.loaded.environment
    accounts = list(environment.storage)
    if environment.emulator is not None:
        return EMULATOR_RESOURCE_GROUP, "retrainctl"
    return (accounts[0] if len(accounts) == 1 else None), "retrainctl"


def _input(text: str) -> tuple[str, str]:
    """`PORT=FILE`, or the file or address alone. An address may hold equal signs itself."""
    if text.startswith(("https://", "azureml://")) or Path(text).exists():
        return "", text
    port, sign, value = text.partition("=")
    return (port, value) if sign else ("", text)


def _pairs(option: str, texts: Sequence[str] | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in texts or ():
        name, sign, value = text.partition("=")
        if not (name and sign):
            raise UsageError(f"{option} {text}: not of the form NAME=VALUE")
        found[name] = value
    return found


def _report(
    session: Session,
    end: BatchEnd,
    out: Path | None,
    port: str | None,
    output: Output,
    *,
    waited: bool,
    named: bool,
) -> int:
    """named: whether the columns of a result have names."""
    from retrainctl.retrain.lifecycle import End

    console = session.console
    if end.signal is not None:
        console.message(f"job {end.job.id} goes on: --job {end.job.id} waits for it")
        return Exit.TERMINATED if end.signal == signal.SIGTERM else Exit.INTERRUPTED
    if not waited and end.job.end is End.LEFT:
        console.result(end.job.id or "")
        return Exit.DONE
    if end.job.end is not End.DONE:
        word = str(end.job.end or End.LEFT)
        raise JobEnded(f"the job ended {word}: {end.job.why}", code=end.job.code or "RC610", hint=end.job.hint)
    for name, uri in end.results.items():
        console.message(f"{name}: {uri}")
    if not end.files:
        return Exit.DONE
    chosen = _chosen(end, port)
    if out is not None:
        shutil.copyfile(end.files[chosen], out)
        console.message(f"wrote {out}")
        return Exit.DONE
    console.result(_shown(end.files[chosen], chosen, output, session, named))
    return Exit.DONE


class JobEnded(RetrainctlError):
    """The job did not finish (exit code 5)."""

    default_code = "RC610"


def _chosen(end: BatchEnd, port: str | None) -> str:
    if port is not None and port not in end.files:
        raise UsageError(f"there is no result {port}", hint=f"There is {', '.join(end.files)}.")
    if port is None and len(end.files) > 1:
        raise UsageError("there are several results", hint=f"Pass --port: {', '.join(end.files)}.")
    return port or next(iter(end.files))


def _shown(file: Path, port: str, output: Output, session: Session, named: bool) -> str:
    """A result file in one of the formats."""
    from retrainctl.operations.row_files import read_predictions, read_rows
    from retrainctl.render.escape import json_text
    from retrainctl.render.score_text import scores_csv, scores_text

    rows = read_rows(file) if named else read_predictions(file)
    columns = list(rows[0]) if rows else []
    values = [[row[name] for name in columns] for row in rows]
    if output is Output.JSON:
        table = {"ColumnNames": columns, "Values": values}
        return json_text({"Results": {port: {"type": "table", "value": table}}}) + "\n"
    tables = [(port, columns, values)]
    return scores_csv(tables) if output is Output.CSV else scores_text(tables, session.console.style)
