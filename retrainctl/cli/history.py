"""`retrainctl history`: what was applied, when, by whom, from which commit."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrainctl.cli import options
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.errors import UsageError

if TYPE_CHECKING:
    from retrainctl.ledger.records import Entry, RunSummary


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"


def command(
    context: typer.Context,
    subject: Annotated[str | None, typer.Argument(metavar="[ADDRESS|RUN]", help="One resource, or one run.")] = None,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    output: Annotated[Output, typer.Option("--output", help="The format.")] = Output.TEXT,
) -> int:
    """List the runs of an environment, the writes to one resource, or the writes of one run.

    \b
    Examples:
      retrainctl history --env prod
      retrainctl history WebService/census
      retrainctl history 20261102T080000Z-3f9a2c41d0aa --output json

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.model.address import Address

    session = Session.open(context, env, project, None, lenient=True)
    ledger = session.ledger
    if subject is None:
        rows = [_run(summary) for summary in ledger.runs()]
        lines = [_run_line(row) for row in rows]
    else:
        if "/" in subject:
            try:
                entries = ledger.history(Address.parse(subject))
            except ValueError as error:
                raise UsageError(str(error)) from error
        else:
            entries = ledger.run(subject).entries
        rows = [_entry(entry) for entry in entries]
        lines = [_entry_line(row) for row in rows]
    if output is Output.JSON:
        from retrainctl.render.escape import json_text

        session.console.result(json_text(rows))
    else:
        from retrainctl.render.escape import visible

        session.console.result("\n".join(visible(line) for line in lines) or "Nothing was applied yet.")
    return Exit.DONE


def _run(summary: RunSummary) -> dict[str, Any]:
    return {
        "run": summary.info.run,
        "command": summary.info.command,
        "started": f"{summary.info.started:%Y-%m-%dT%H:%M:%SZ}",
        "finished": None if summary.finished is None else f"{summary.finished:%Y-%m-%dT%H:%M:%SZ}",
        "who": str(summary.info.who),
        "run_url": summary.info.who.run_url,
        "commit": summary.info.commit,
        "writes": summary.writes,
        "done": summary.done,
        "failed": summary.failed,
        "unknown": summary.unknown,
    }


def _run_line(row: dict[str, Any]) -> str:
    from retrainctl.render.style import count

    counts = [count(row["writes"], "write"), f"{row['done']} done"]
    counts += [f"{row[name]} {name}" for name in ("failed", "unknown") if row[name]]
    commit = f", commit {row['commit'][:10]}" if row["commit"] else ""
    end = "" if row["finished"] else ", did not finish"
    return f"{row['run']}  {row['command']}  {', '.join(counts)}{end}  by {row['who']}{commit}"


def _entry(entry: Entry) -> dict[str, Any]:
    slots = entry.applied.slots if entry.applied is not None else {}
    return {
        "run": entry.run,
        "address": str(entry.address),
        "step": entry.step,
        "action": entry.action.value,
        "time": f"{entry.began:%Y-%m-%dT%H:%M:%SZ}",
        "outcome": None if entry.outcome is None else entry.outcome.value,
        "settled_in": entry.settled_in,
        "who": str(entry.who),
        "commit": entry.commit,
        "models": {
            name: f"{slot.model}@{slot.version}" if slot.model else slot.uri for name, slot in sorted(slots.items())
        },
        "backup": None if entry.backup is None else entry.backup.pack,
    }


def _entry_line(row: dict[str, Any]) -> str:
    models = "".join(f"  {slot}: {version}" for slot, version in row["models"].items())
    return f"{row['time']}  {row['address']}  {row['action']}  {row['outcome'] or 'unknown'}{models}  run {row['run']}"
