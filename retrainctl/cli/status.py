"""`retrainctl status`: what we put live, now or at a time, and whether it still stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from retrainctl.cli import options, planning
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
    live: Annotated[
        bool, typer.Option("--live", help="Also read what is live, and list what differs from the last apply.")
    ] = False,
    read_models: Annotated[
        bool, typer.Option("--read-models", help="With --live: also ask the blobs behind the models.")
    ] = False,
    output: Annotated[Output, typer.Option("--output", help="The format.")] = Output.TEXT,
) -> int:
    """Show which model versions were put live, since when, and by whom, from the ledger.

    \b
    Examples:
      retrainctl status --env prod
      retrainctl status --env prod --at 2026-11-02T08:00:00Z
      retrainctl status --env prod --live

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    if live and at is not None:
        raise UsageError("--live is about now, --at about another time", hint="Leave one of the two out.")
    if read_models and not live:
        raise UsageError("--read-models goes with --live")
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
    failures = _add_drift(session, rows, read_models=read_models) if live else False
    if output is Output.JSON:
        from retrainctl.render.escape import json_text

        session.console.result(json_text(rows))
        return Exit.ERROR if failures else Exit.DONE
    from retrainctl.render.escape import visible
    from retrainctl.render.style import count

    lines = [line for row in rows for line in _lines(row)]
    if live and rows:
        places = sum(any(not entry["allowed"] for entry in row["drift"]) for row in rows)
        lines += ["", f"Drift: {places} of {count(len(rows), 'resource')} changed outside retrainctl."]
    session.console.result("\n".join(visible(line) for line in lines) or "Nothing was applied yet.")
    return Exit.ERROR if failures else Exit.DONE


def _lines(row: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{row['address']}  {', '.join(f'{slot}: {model}' for slot, model in row['models'].items()) or 'no model'}"
        f"  since {row['since']}  by {row['who']}  run {row['run']}"
    )
    for entry in row.get("drift", ()):
        allowed = entry["allowed"]
        until = f" (allowed until {allowed['expires']} by {allowed['owner']}: {allowed['reason']})" if allowed else ""
        place = ".".join(entry["path"]) or "the resource"
        yield f"  drift: {place}: {_value(entry['applied'])} -> {_value(entry['live'])}{until}"


def _value(value: Any) -> str:
    from retrainctl.render.escape import json_text

    return "(not there)" if value is None else value if isinstance(value, str) else json_text(value, indent=False)


def _add_drift(session: Session, rows: Sequence[dict[str, Any]], *, read_models: bool) -> bool:
    """Adds to each row what is live now and not as applied; whether something could not be read."""
    from retrainctl.cli.findings import shown
    from retrainctl.plan.build import Selection
    from retrainctl.plan.encode import encode

    planned = planning.drift_now(session, Selection(), read_models=read_models)
    drift: dict[str, list[dict[str, Any]]] = {}
    for entry in encode(planned.plan)["drift"]:
        about = {name: entry.get(name) for name in ("path", "allowed")}
        known = {"applied": entry.get("before"), "live": entry.get("after")}
        drift.setdefault(entry["address"], []).append({**about, **known})
    for row in rows:
        row["drift"] = drift.get(row["address"], [])
    if planned.findings:
        session.console.message(shown(planned.findings, session.console).rstrip("\n"))
    return bool(planned.findings)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise UsageError(f"--at {text}: not a moment", hint="Write for example 2026-11-02T08:00:00Z.") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
