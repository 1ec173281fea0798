"""What the commands over the Studio API have in common: reaching it, and writing through the lease and the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from retrainctl.cli import asking, classic_commands, listing
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.model.change import Action

if TYPE_CHECKING:
    from retrainctl.model.address import Address
    from retrainctl.model.change import Request
    from retrainctl.ports import Observer, Waiter
    from retrainctl.targets.studio.client import StudioClient

_T = TypeVar("_T")

Experiment = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="The experiment: its id, or its name.")]


def studio_of(session: Session) -> StudioClient:
    """The Studio API of the environment's workspace. Raises RC902 where the environment has none."""
    return classic_commands.parts_of(session).studio()


def show(
    context: typer.Context,
    env: str | None,
    project: Path,
    read: Callable[[StudioClient], object],
    *,
    output: listing.Output,
    query: str | None,
    columns: Mapping[str, str],
) -> int:
    """Prints what `read` gives, without secrets; a bad `--query` is told before anything is asked."""
    listing.check_query(query)
    session = Session.open(context, env, project, None, lenient=True)
    listing.show(session.console, read(studio_of(session)), output=output, query=query, columns=columns)
    return Exit.DONE


def write(
    session: Session,
    *,
    requests: Sequence[Request],
    question: str,
    address: Address,
    command: str,
    summary: str,
    send: Callable[[Waiter, Observer], _T],
    yes: bool,
    what_if: bool,
    back: str,
    action: Action = Action.UPDATE,
    identity: str = "",
    left: str = "",
) -> _T | None:
    """Shows the requests, or asks and sends them under the lease with a record in the ledger; None for `--what-if`.

    Args:
        requests: as far as they are known before the first is sent.
        address: what `history` lists it under, e.g. `Experiment/Census`.
        command, summary: for `history`, without secrets.
        send: does it; gets a waiter that ends with the run, and who hears of progress.
        back: the sentence that tells, when somebody wants to roll it back, what takes it back.
        left: the sentence that tells, when a signal ends the waiting, what goes on without it.

    Raises:
        RetrainctlError: nobody said yes (RC501); frozen, lease held; what `send` raises.
    """
    from retrainctl.operations.direct import record
    from retrainctl.operations.settling import BACK
    from retrainctl.ports import StopWaiting
    from retrainctl.targets.studio.cleaning import cleaned

    if what_if:
        bodies = [cleaned(one.body) if isinstance(one.body, dict) else one.body for one in requests]
        shown = [replace(one, body=body) for one, body in zip(requests, bodies, strict=True)]
        asking.show_requests(session.console, shown)
        return None
    asking.must_agree(session.console, question, yes)
    with session.console.progress() as observer:

        def sent(waiter: Waiter) -> _T:
            try:
                return send(waiter, observer)
            except StopWaiting:
                if left:
                    observer.note(left)
                raise

        return record(
            session.surroundings(observer),
            address=address,
            command=command,
            summary=summary,
            write=sent,
            action=action,
            target="classic",
            identity=identity,
            detail={BACK: back},
        )
