"""`retrainctl score`: rows to a web service, predictions back."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from retrainctl.cli import options
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.errors import UsageError


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def command(
    context: typer.Context,
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="Such as WebService/NAME, Endpoint/NAME or OnlineEndpoint/NAME.")
    ],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    rows: Annotated[
        Path | None, typer.Option("--input", metavar="FILE", help="CSV, JSON rows, or a whole scoring request.")
    ] = None,
    example: Annotated[
        bool, typer.Option("--example", help="Score the example request of the definition or the manifest.")
    ] = False,
    port: Annotated[
        str | None, typer.Option("--port", metavar="NAME", help="The input port; needed where there are several.")
    ] = None,
    output: Annotated[Output, typer.Option("--output", help="The format of the predictions.")] = Output.TABLE,
) -> int:
    """Score rows with a live web service or online endpoint.

    \b
    Examples:
      retrainctl score WebService/census --example
      retrainctl score Endpoint/rentalloc003 --input sample.json --output json
      retrainctl score OnlineDeployment/churn-green --input sample.json

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.operations.scoring import declared_example, example_of, request_from, service_of
    from retrainctl.wiring.services import service_directory

    if (rows is None) == (not example):
        raise UsageError("give either --input FILE or --example")
    session = Session.open(context, env, project, var)
    service = service_of(address, session.loaded)
    scorer = service_directory(session.loaded.project, session.loaded.environment, session.outside).open(service)
    request: Mapping[str, Any]
    if rows is not None:
        request = request_from(rows, scorer.ports, port)
    else:
        request = declared_example(address, session.loaded) or example_of(scorer)
    answer = scorer.score(request)
    for note in _notes(answer):
        session.console.message(f"note: {note}")
    session.console.result(shown(answer, output, session))
    return Exit.DONE


def shown(answer: Any, output: Output, session: Session) -> str:
    """An answer in one of the formats; JSON is the service's own shape."""
    if output is Output.JSON:
        from retrainctl.render.escape import json_text

        return json_text({"Results": answer["Results"]}) + "\n"
    from retrainctl.operations.scoring import tables_of
    from retrainctl.render.score_text import scores_csv, scores_text

    tables = [(table.port, table.columns, table.rows) for table in tables_of(answer)]
    return scores_csv(tables) if output is Output.CSV else scores_text(tables, session.console.style)


def _notes(answer: Any) -> list[str]:
    """What the emulator says that it did not do as the service would have."""
    from retrainctl.render.escape import visible

    notes = answer.get("Notes")
    return [visible(str(note)) for note in notes] if isinstance(notes, list) else []
