"""`retrainctl lease`: who may apply, and taking that right from a holder that does not answer."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrainctl.cli import options
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.errors import RetrainctlError

if TYPE_CHECKING:
    from retrainctl.ports import LeaseState

app = typer.Typer(
    help="Show or take the right to apply.",
    epilog="\b\nExample:\n  retrainctl lease show --env prod\n\nExit codes: each command lists its own.",
    no_args_is_help=True,
    add_completion=False,
)


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"


@app.command()
def show(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    output: Annotated[Output, typer.Option("--output", help="The format.")] = Output.TEXT,
) -> int:
    """Show who may apply to the environment now.

    \b
    Example: retrainctl lease show --env prod

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    session = Session.open(context, env, project, None, lenient=True)
    state = session.ledger.lease()
    if output is Output.JSON:
        from retrainctl.render.escape import json_text

        session.console.result(json_text(_document(state)))
    else:
        session.console.result(_sentence(state))
    return Exit.DONE


@app.command()
def steal(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> int:
    """Take the lease from its holder; from then on the holder's writes are refused.

    \b
    Example: retrainctl lease steal --env prod --yes

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.ledger.holder import this_process

    session = Session.open(context, env, project, None, lenient=True)
    console = session.console
    state = session.ledger.lease()
    if not state.held:
        console.result("Nobody holds the lease.")
        return Exit.DONE
    console.message(_sentence(state))
    if not yes and not (console.interactive and console.confirm("Take it away?")):
        raise RetrainctlError("not taken: nobody said yes", code="RC501", hint="Pass --yes.")
    former = session.ledger.steal(this_process(session.who))
    console.result(f"Taken from {former.owner or 'an unknown holder'}; it is free now.")
    return Exit.DONE


def _sentence(state: LeaseState) -> str:
    if not state.held:
        return "Nobody holds the lease."
    parts = [f"Held by {state.owner or 'an unknown holder'}"]
    if state.since is not None:
        parts.append(f"since {state.since:%Y-%m-%dT%H:%M:%SZ}")
    if state.owner is not None and state.owner.run_url:
        parts.append(f"run {state.owner.run_url}")
    if state.alive is not None:
        parts.append("its process lives" if state.alive else "its process is dead")
    return ", ".join(parts) + "."


def _document(state: LeaseState) -> dict[str, Any]:
    return {
        "held": state.held,
        "fence": state.fence,
        "owner": None if state.owner is None else str(state.owner),
        "run_url": None if state.owner is None else state.owner.run_url,
        "since": None if state.since is None else f"{state.since:%Y-%m-%dT%H:%M:%SZ}",
        "expires": None if state.expires is None else f"{state.expires:%Y-%m-%dT%H:%M:%SZ}",
        "alive": state.alive,
    }
