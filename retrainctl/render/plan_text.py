"""The plan for a terminal or a log: verdict, one line per change riskiest first, details last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from retrainctl.fastclass import dataclass
from retrainctl.render.style import PLAIN, SYMBOLS, Style, cells, count, pad, shorten, wrapped
from retrainctl.render.view import ChangeView, DriftView, MoveView, PlanView

_WIDEST_ADDRESS = 40
_AGAIN_FROM = 10
_OPEN = "unsettled"
"""The code of warnings that tell of writes which an interrupted run left without an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOptions:
    """show_ignored: list suppressed differences; explain: list the calls; hints: say what to run next (False in
    automation); saved_as: the plan file, for the hint.
    """

    style: Style = PLAIN
    show_ignored: bool = False
    explain: bool = False
    hints: bool = True
    saved_as: str | None = None


def plan_text(view: PlanView, options: TextOptions | None = None) -> str:
    """The plan as text, a final newline included. No line but an unbreakable address or URI is wider than
    the style allows.
    """
    return "\n".join(_lines(view, options or TextOptions())) + "\n"


def _lines(view: PlanView, options: TextOptions) -> Iterator[str]:
    style = options.style
    # What an interrupted run left open comes before everything else: all below may be otherwise.
    open_writes = [entry for entry in view.warnings if entry[0] == _OPEN]
    yield from _warnings(open_writes, style)
    yield from ([""] if open_writes else [])
    yield from (style.paint(_mood(view), line) for line in wrapped(view.verdict, style))
    if view.changes:
        yield ""
        yield from _index(view, style)
    yield from _blocked(view, style)
    yield from _policy(view, style)
    if others := [entry for entry in view.warnings if entry[0] != _OPEN]:
        yield ""
        yield from _warnings(others, style)
    if view.changes:
        yield from ("", style.paint("strong", "Details"))
        for change in view.changes:
            yield ""
            yield from _details(change, options)
    yield from _drift(view, style)
    yield from _not_covered(view, style)
    yield from _suppressed(view, options)
    yield from _footer(view, options)


def _mood(view: PlanView) -> str:
    return "danger" if not view.applyable else "strong"


def _index(view: PlanView, style: Style) -> Iterator[str]:
    width = min(_WIDEST_ADDRESS, max(cells(change.address) for change in view.changes))
    for change in view.changes:
        lead = f"  {SYMBOLS.get(change.action, '?'):>3} {change.action:<7} "
        address = pad(change.address, width)
        flag = change.flag
        room = style.width - len(lead) - cells(address) - (cells(flag) + 2 if flag else 0) - 2
        summary = shorten(change.summary(style.arrow), room, style)
        middle = f"  {summary}" if summary else ""
        painted = f"  {style.paint(change.severity, flag)}" if flag else ""
        yield f"{style.paint(change.action, lead)}{address}{middle}{painted}".rstrip()


def _details(change: ChangeView, options: TextOptions) -> Iterator[str]:
    style = options.style
    head = f"{SYMBOLS.get(change.action, '?')} {change.action} {change.address}"
    yield style.paint(change.action, head)
    if change.origin.path:
        yield f"    at {change.origin}"
    if change.reason:
        cause = f" ({change.cause})" if change.cause else ""
        yield from wrapped(f"because {change.reason}{cause}", style, first="    ", rest="      ")
    for risk in change.risks:
        text = f"{risk.severity}: {risk.message} [{risk.code}]"
        yield from (style.paint(risk.severity, ln) for ln in wrapped(text, style, first="    ", rest="      "))
        if risk.hint:
            yield from wrapped(f"help: {risk.hint}", style, first="      ", rest="        ")
    for move in change.moves:
        yield from _move(move, style)
    for field in change.fields:
        if change.action == "create":
            yield from wrapped(f"{field.path}: {field.after}", style, first="    ", rest="      ")
            continue
        note = f" ({field.note})" if field.note else ""
        yield from _field(field.path, field.before, field.after, note, style)
    if change.unchanged:
        yield f"    {count(change.unchanged, 'unchanged field')} hidden"
    if change.after:
        yield from wrapped(f"after {', '.join(change.after)}", style, first="    ", rest="      ")
    if options.explain:
        yield from _calls(change)
    elif change.calls:
        yield f"    sends {count(change.calls, 'request')}"


def _move(move: MoveView, style: Style) -> Iterator[str]:
    drifted = f" ({move.cause})" if move.cause in ("drift", "both") else ""
    yield f'    model slot "{move.slot}"{drifted}'
    arrow = style.arrow
    if move.before or move.from_uri or move.knowledge == "unknown":
        yield f"      version: {move.before or '(unknown)'} {arrow} {move.after}"
        yield f"      from: {move.source}"
    else:
        yield f"      version: {move.after}"
    yield f"      to:   {move.destination}"
    for metric in move.metrics:
        said = f" ({style.paint(_good(metric.judged), metric.move)})" if metric.move else ""
        former = f"{metric.before} {arrow} " if metric.known_before else ""
        yield f"      {metric.name}: {former}{metric.after}{said}"


def _good(judged: str) -> str:
    return {"better": "good", "worse": "warning"}.get(judged, "")


def _field(path: str, before: str, after: str, note: str, style: Style, indent: str = "    ") -> Iterator[str]:
    line = f"{indent}{path}: {before} {style.arrow} {after}{note}"
    if cells(line) <= style.width:
        yield line
        return
    yield f"{indent}{path}:{note}"
    yield from wrapped(before, style, first=f"{indent}  from ")
    yield from wrapped(after, style, first=f"{indent}  to   ")


def _calls(change: ChangeView) -> Iterator[str]:
    for step in change.steps:
        if step.id:
            yield f"    step {step.id}"
        for request in step.requests:
            yield f"      {request.method} {request.path}"
            if request.body:
                yield f"        body {request.body}"
        if step.wait:
            yield f"      then waits: {step.wait}"
        if step.check:
            yield f"      then checks: {step.check}"


def _blocked(view: PlanView, style: Style) -> Iterator[str]:
    if not view.blocked:
        return
    yield from ("", style.paint("danger", "Blocked: this plan cannot be applied"))
    for block in view.blocked:
        yield from wrapped(f"{block.guard}: {block.text}", style, first="  ", rest="    ")
        if block.override:
            yield f"    override: {block.override}"


def _policy(view: PlanView, style: Style) -> Iterator[str]:
    if not view.policy:
        return
    seen = Counter(result.outcome for result in view.policy)
    yield from ("", f"Policy: {', '.join(f'{number:,} {outcome}' for outcome, number in sorted(seen.items()))}")
    for result in view.policy:
        role = {"denied": "danger", "warned": "warning"}.get(result.outcome, "")
        text = f"{result.outcome}: {result.address}: {result.message} [{result.rule}, {result.level}]"
        yield from (style.paint(role, line) for line in wrapped(text, style, first="  ", rest="    "))


def _warnings(warnings: Iterable[tuple[str, str]], style: Style) -> Iterator[str]:
    for code, message in warnings:
        yield from (style.paint("warning", ln) for ln in wrapped(f"warning[{code}]: {message}", style, rest="  "))


def _drift(view: PlanView, style: Style) -> Iterator[str]:
    if view.drift:
        yield from ("", style.paint("strong", f"Drift: {view.drifted}"))
        yield from _drifted(view.drift, style)
    if view.allowed_drift:
        yield from ("", f"Allowed drift: {count(len(view.allowed_drift), 'field')}, no alarm")
        yield from _drifted(view.allowed_drift, style)


def _drifted(entries: Iterable[DriftView], style: Style) -> Iterator[str]:
    address = None
    for entry in entries:
        if entry.address != address:
            address = entry.address
            yield f"  {address}"
        yield from _field(entry.path, entry.before, entry.after, "", style)
        if entry.allowed:
            yield from wrapped(f"allowed {entry.allowed}", style, first="      ", rest="        ")


def _not_covered(view: PlanView, style: Style) -> Iterator[str]:
    if view.not_covered:
        yield ""
        text = f"Not covered, nothing is known of {count(len(view.not_covered), 'resource')}:"
        yield from wrapped(text, style)
        yield from (f"  {address}" for address in view.not_covered)
    if not view.complete:
        yield from ("", *wrapped("This plan is not complete: something was left out.", style))


def _suppressed(view: PlanView, options: TextOptions) -> Iterator[str]:
    if not view.suppressed:
        return
    reasons = Counter(entry.reason for entry in view.suppressed)
    named = ", ".join(f"{number:,} {reason}" for reason, number in sorted(reasons.items()))
    said = f"Ignored: {count(len(view.suppressed), 'difference')} of form only ({named})."
    if not options.show_ignored and options.hints:
        said += " --show-ignored lists them."
    yield from ("", *wrapped(said, options.style, rest="  "))
    if options.show_ignored:
        yield from (f"  {entry.address} {entry.path}: {entry.reason}" for entry in view.suppressed)


def _footer(view: PlanView, options: TextOptions) -> Iterator[str]:
    style = options.style
    if len(view.changes) >= _AGAIN_FROM:
        yield from ("", *(style.paint(_mood(view), line) for line in wrapped(view.verdict, style)))
    facts = [f"Digest: {view.digest}"] if view.digest else []
    if view.commit:
        facts.append(f"Commit: {view.commit}{' (with uncommitted changes)' if view.dirty else ''}")
    if view.guards:
        facts.append(f"Guards: {view.guards}")
    if facts and view.changes:
        yield from ("", *facts)
    if options.hints and view.changes:
        yield from ("", *_next(view, options))


def _next(view: PlanView, options: TextOptions) -> Iterator[str]:
    from shlex import quote

    env = quote(view.environment)
    if not view.applyable:
        way = ", or pass the guard with its override," if any(block.override for block in view.blocked) else ""
        yield from wrapped(f"change the manifests{way} and plan again", options.style, first="Next: ")
    elif options.saved_as is not None:
        yield f"Next: retrainctl apply {quote(options.saved_as)} --env {env}"
    else:
        yield f"Next: retrainctl plan --env {env} --out plan.json"
        yield f"      retrainctl apply plan.json --env {env}"
