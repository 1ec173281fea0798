"""What commands that write have in common: a question before, `--what-if` in place of the write, and the write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from retrainctl.cli.exits import Exit
from retrainctl.errors import RetrainctlError
from retrainctl.model.values import SecretRef

if TYPE_CHECKING:
    from retrainctl.cli.console import Console
    from retrainctl.cli.session import Session
    from retrainctl.model.change import Request, Risk
    from retrainctl.operations.direct import Direct, Ground

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
WhatIf = Annotated[bool, typer.Option("--what-if", help="Show each request, send nothing.")]

NOTHING_SENT: Final = "Nothing was sent."


def agreed(console: Console, question: str, yes: bool) -> bool:
    """Whether the write may go on; asks unless `yes` was given.

    Raises:
        RetrainctlError: RC501: nobody can be asked here. Nothing was sent.
    """
    if yes:
        return True
    if not console.interactive:
        raise RetrainctlError(
            "nobody said yes, so nothing was sent",
            code="RC501",
            hint="Pass --yes; --what-if shows the requests without sending them.",
        )
    return console.confirm(question)


def must_agree(console: Console, question: str, yes: bool) -> None:
    """As `agreed`, but a no is an error too (RC501)."""
    if not agreed(console, question, yes):
        raise RetrainctlError("nothing was sent: the answer was no", code="RC501")


def show_requests(console: Console, requests: Iterable[Request], *, base: str = "") -> None:
    """Prints what would be sent: method, address and body of each request, secrets as references.

    base: what comes before a path that is not a whole address (`https://management.azure.com`). The console takes
    signatures out of addresses and bodies, as out of everything.
    """
    from retrainctl.model.values import MISSING
    from retrainctl.render.escape import json_text, visible

    blocks: list[str] = []
    for request in requests:
        path = request.path if "://" in request.path else base.rstrip("/") + request.path
        lines = [f"{request.method} {visible(path)}"]
        if request.body is not MISSING:
            lines.append(json_text(_plain(request.body)).rstrip("\n"))
        blocks.append("\n".join(lines))
    console.result("\n\n".join(blocks) if blocks else "No request would be sent.")
    console.message(NOTHING_SENT)


def ground(session: Session, allow: Sequence[str] | None = None) -> Ground:
    """What a direct write of this session is planned on. `allow`: `--allow NAME=COUNT`.

    Limits count where the environment declares them; that nothing is deleted by default is for plans that nobody wrote
    by name.
    """
    from dataclasses import replace

    from retrainctl.cli.planning import allowances
    from retrainctl.operations.direct import Ground
    from retrainctl.version import __version__

    return Ground(
        environment=session.loaded.environment,
        targets=session.targets,
        secret_hash=session.secret_hash,
        guards=replace(session.guards(None), guards=session.loaded.environment.guards),
        created_at=session.now,
        version=__version__,
        allowed=allowances(allow),
    )


def carry_out(
    session: Session,
    direct: Direct,
    command: str,
    *,
    yes: bool,
    what_if: bool,
    question: str,
    base: str = "",
) -> int:
    """Shows or applies a direct write; gives the exit code. What it made is for the caller to show.

    Raises:
        TargetError: what the service answered, with its request id.
        RetrainctlError: nobody said yes (RC501); a guard, a policy, the lease, the ledger.
    """
    from retrainctl.operations.applying import ApplyOptions, apply_plan, check
    from retrainctl.plan.encode import encode

    console = session.console
    _warn(session, direct)
    if what_if:
        _would_be_refused(session, direct)
        show_requests(console, direct.requests, base=base)
        return Exit.DONE
    document, wanted = encode(direct.plan), ApplyOptions(command=command)
    with console.progress() as observer:
        check(direct.plan, document, wanted, session.surroundings(observer))
    must_agree(console, question, yes)
    with console.progress() as observer:
        receipt, end = apply_plan(direct.plan, document, wanted, session.surroundings(observer))
    from retrainctl.cli.apply import exit_code
    from retrainctl.render.formats import RenderOptions, render_receipt

    failed = next((r.error for r in receipt.results if r.error is not None and not r.wrote), None)
    if failed is not None and receipt.signal is None:
        raise failed
    options = RenderOptions(style=console.message_style, hints=False, redactor=console.redactor)
    console.message(render_receipt(receipt.document(), "text", options).rstrip("\n"))
    return exit_code(receipt, end)


def _warn(session: Session, direct: Direct) -> None:
    from retrainctl.cli.findings import shown

    if direct.warnings:
        session.console.message(shown(direct.warnings, session.console).rstrip("\n"))
    for risk in direct.risks:
        session.console.message(f"{risk.severity}: {_sentence(risk)}")
    change = direct.change
    if change is None:
        return
    declared = next((entry for entry in session.loaded.desired if entry.address == change.address), None)
    if declared is None or declared.origin is None:
        return
    touched = {entry.path[0] for entry in change.fields} & declared.fields.keys()
    if touched or not change.fields:
        what = f"declares its {', '.join(sorted(touched))}" if touched else "declares it"
        session.console.message(f"note: {declared.origin.file} {what}; the next apply goes by that")


def _sentence(risk: Risk) -> str:
    from retrainctl.render.escape import visible

    return visible(risk.message + (f" ({risk.hint})" if risk.hint else ""))


def _would_be_refused(session: Session, direct: Direct) -> None:
    from retrainctl.cli.findings import shown

    if direct.refusals:
        session.console.message("As it stands, it would be refused:")
        session.console.message(shown(direct.refusals, session.console).rstrip("\n"))


def _plain(tree: Any) -> Any:
    """A body as JSON data, each secret as the reference that it is."""
    if isinstance(tree, SecretRef):
        return {"$secret": tree.to_json()}
    if isinstance(tree, Mapping):
        return {name: _plain(item) for name, item in tree.items()}
    return [_plain(item) for item in tree] if isinstance(tree, list | tuple) else tree
