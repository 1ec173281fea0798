"""What an apply did, for a terminal or a log: verdict, one line per resource worst first, what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from retrainctl.render.receipt_view import ReceiptView, ResultView, receipt_view
from retrainctl.render.style import PLAIN, Style, cells, pad, shorten, wrapped

_WIDEST_ADDRESS = 40
_ROLES = {"applied": "good", "verified": "good", "failed": "danger", "unknown": "danger", "conflicted": "danger"}
_UNREADABLE = "sent, not readable"


def receipt_text(document: Mapping[str, Any], style: Style = PLAIN, *, hints: bool = True) -> str:
    """The receipt document as text, a final newline included."""
    return "\n".join(_lines(receipt_view(document), style, hints)) + "\n"


def _lines(view: ReceiptView, style: Style, hints: bool) -> Iterator[str]:
    mood = "strong" if view.outcome in ("applied", "nothing") else "danger"
    yield from (style.paint(mood, line) for line in wrapped(view.verdict, style))
    if view.results:
        yield ""
        yield from _index(view, style)
    for result in view.results:
        if result.bad or result.operation:
            yield from ("", *_details(result, style))
    told = (f"{r.address}: {r.why}" for r in view.results if r.why and r.outcome == "applied" and not r.bad)
    if notes := [*view.notes, *told]:
        yield ""
        for note in notes:
            yield from wrapped(f"note: {note}", style, rest="  ")
    yield ""
    if view.run:
        yield f"Run: {view.run}" + (f" ({view.started} to {view.ended})" if view.started and view.ended else "")
    if view.digest:
        yield f"Digest: {view.digest}"
    if hints and (following := _next(view)):
        yield from ("", *following)


def _index(view: ReceiptView, style: Style) -> Iterator[str]:
    width = min(_WIDEST_ADDRESS, max(cells(result.address) for result in view.results))
    for result in view.results:
        lead = f"  {result.words:<13} "
        address = pad(result.address, width)
        # What a narrow terminal may cut off stands last: the reader has just seen the moves in the plan.
        parts = [result.action]
        if result.checked:
            parts.append(_verified(result.verified))
        if result.seconds and not result.untried:
            parts.append(f"{result.seconds:.1f} s")
        parts.extend(move.short(style.arrow) for move in result.moves)
        room = style.width - len(lead) - cells(address) - 2
        rest = shorten("  ".join(parts), room, style)
        yield f"{style.paint(_ROLES.get(result.outcome, ''), lead)}{address}{'  ' + rest if rest else ''}".rstrip()


def _verified(word: str) -> str:
    return {"yes": "verified", "no": "NOT verified"}.get(word, word)


def _details(result: ResultView, style: Style) -> Iterator[str]:
    yield style.paint(_ROLES.get(result.outcome, ""), f"{result.words} {result.address}")
    if result.error:
        code = f"[{result.code}]" if result.code else ""
        yield from wrapped(f"error{code}: {result.error}", style, first="    ", rest="      ")
    elif result.why:
        yield from wrapped(result.why, style, first="    ")
    if result.request_id:
        yield f"    request id {result.request_id}"
    for moved in result.conflicts:
        if result.verified == "no":
            yield f"    {moved.path} is not what was sent"
            yield f"      sent       {moved.planned}"
            yield f"      reads back {moved.now}"
        else:
            yield f"    {moved.path} moved since the plan"
            yield f"      planned from {moved.planned}"
            yield f"      now          {moved.now}"
    if result.verified == "no" and not result.conflicts:
        yield "    what was read back is not what was sent"
    elif result.verified == _UNREADABLE:
        yield "    the target does not show what it was sent"
    if result.operation:
        yield f"    operation {result.operation}"
    if result.backup:
        yield f"    backup {result.backup}"
    if result.hint:
        yield from wrapped(f"help: {result.hint}", style, first="    ", rest="      ")


def _next(view: ReceiptView) -> list[str]:
    from shlex import quote

    env = quote(view.environment)
    outcomes = {result.outcome for result in view.results}
    if outcomes & {"unknown", "in_flight"}:
        return [f"Next: retrainctl apply --resume --env {env}", "      settles what is unknown or in flight"]
    if view.outcome in ("partial", "failed", "conflicted", "interrupted"):
        return [f"Next: retrainctl plan --env {env}", "      shows what is left to do"]
    if any(result.bad for result in view.results) and view.run:
        return [f"Next: retrainctl rollback {quote(view.run)} --env {env}"]
    return []
