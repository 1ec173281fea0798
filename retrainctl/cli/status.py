"""`retrainctl status`: what we put live, now or at a time, and whether it still stands."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from retrainctl.cli import options
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.errors import UsageError


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"


def command(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="As of a moment, e.g. 2026-11-02T08:00:00Z.")
    ] = None,
    output: Annotated[Output, typer.Option("--output", help="The format.")] = Output.TEXT,
) -> int:
    """Show which model versions were put live, since when, and by whom, from the ledger.

    \b
    Examples:
      retrainctl status --env prod
      retrainctl status --env prod --at 2026-11-02T08:00:00Z

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    session = Session.open(context, env, project, None, lenient=True)
    moment = session.outside.clock.now() if at is None else _moment(at)
    rows: list[dict[str, Any]] = [
        {
            "address": str(address),
            "since": f"{entry.since:%Y-%m-%dT%H:%M:%SZ}",
            "who": str(entry.who),
            "commit": entry.commit,
            "run": entry.run,
            "models": {
                slot: f"{state.model}@{state.version}" if state.model else state.uri
                for slot, state in sorted(entry.applied.slots.items())
            },
        }
        for address, entry in sorted(session.ledger.at(moment).items())
    ]
    if output is Output.JSON:
        from retrainctl.render.escape import json_text

        session.console.result(json_text(rows))
        return Exit.DONE
    from retrainctl.render.escape import visible

    lines = [
        f"{row['address']}  {', '.join(f'{slot}: {model}' for slot, model in row['models'].items()) or 'no model'}"
        f"  since {row['since']}  by {row['who']}  run {row['run']}"
        for row in rows
    ]
    session.console.result("\n".join(visible(line) for line in lines) or "Nothing was applied yet.")
    return Exit.DONE


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise UsageError(f"--at {text}: not a moment", hint="Write for example 2026-11-02T08:00:00Z.") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
