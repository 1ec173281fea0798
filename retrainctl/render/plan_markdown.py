"""The plan as a comment or a summary page: what a reviewer must see first, the rest folded, within a budget.

What gives way, in this order: details (full, then changed fields only, then none, from the harmless end), ignored
differences, what is not covered, drift, warnings, the index from its harmless end (grouped counts stand for it),
policies, dangerous lines, blocks. Whatever is left out is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from retrainctl.fastclass import dataclass
from retrainctl.render.budget import UNLIMITED, Preset, Rows, Section, fitted, unabridged
from retrainctl.render.escape import clip, html_code, markdown_code, markdown_fence
from retrainctl.render.style import SYMBOLS, count
from retrainctl.render.values import NOT_SET
from retrainctl.render.view import ChangeView, MoveView, PlanView

ARROW = "→"
_SMALL = 10_000
_LINE = 1_000
_GROUPS = 6
_TITLE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkdownOptions:
    """preset: where it goes. now: with it the head tells the plan's age; without it, same plan, same bytes."""

    preset: Preset = UNLIMITED
    now: datetime | None = None
    hints: bool = True


def plan_markdown(view: PlanView, options: MarkdownOptions | None = None) -> str:
    """The plan as Markdown, a final newline included, never larger than the preset's limit."""
    options = options or MarkdownOptions()
    preset = options.preset
    page = _Page(view, preset)
    head, foot = _head(view, options), _foot(view, options)
    return unabridged(head, page.sections(full=True), foot, preset.limit) or fitted(
        head, page.sections(full=False), foot, preset.limit
    )


def marker(what: str, environment: str, digest: str) -> str:
    """The hidden line by which a sticky comment is found again and an unchanged one recognised."""
    return f"<!-- retrainctl:{what} env={_attribute(environment)} digest={_attribute(digest)} -->"


def _attribute(text: str) -> str:
    return quote(clip(text, 80), safe=":").replace("--", "%2D%2D")


def age(then: str, now: datetime | None) -> str:
    """` (4 min ago)`; empty without a clock or for a time that cannot be read."""
    try:
        seconds = (now - datetime.fromisoformat(then)).total_seconds() if now else None
    except (ValueError, TypeError):
        return ""
    if seconds is None or seconds < 0:
        return ""
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "min")):
        if seconds >= size:
            number = int(seconds // size)
            return f" ({number:,} {unit if unit == 'min' or number == 1 else unit + 's'} ago)"
    return " (just now)"


def _head(view: PlanView, options: MarkdownOptions) -> str:
    title = ["retrainctl plan", markdown_code(view.environment, _TITLE)]
    title.append(count(len(view.changes), "change") if view.changes else "No changes")
    if not view.applyable:
        title.append("⛔ blocked")
    if view.attention:
        title.append(f"⚠ {view.attention:,} {'needs' if view.attention == 1 else 'need'} attention")
    facts = [markdown_code(view.digest, 80)] if view.digest else []
    if view.commit:
        facts.append(f"commit {markdown_code(view.commit[:12])}{' with uncommitted changes' if view.dirty else ''}")
    if view.guards:
        facts.append(f"guards {markdown_code(view.guards)}")
    if view.created_at:
        facts.append(f"planned {markdown_code(view.created_at, 40)}{age(view.created_at, options.now)}")
    if view.policy:
        outcomes = Counter(result.outcome for result in view.policy)
        facts.append(f"policy: {', '.join(f'{outcomes[o]:,} {o}' for o in OUTCOMES if outcomes[o]) or 'unknown'}")
    if view.changes:
        verdict = f"**{view.actions[:200]}.** " + (
            f"Needs attention: {view.concerns}." if view.concerns else "No risks seen."
        )
    else:
        verdict = f"**No changes.** {view.unchanged_sentence}"
    lines = [
        marker("plan", view.environment, view.digest),
        f"## {' · '.join(title)}",
        " · ".join(facts),
        "",
        verdict,
        "",
    ]
    return "\n".join(lines)


OUTCOMES = ("denied", "warned", "excepted")


def _foot(view: PlanView, options: MarkdownOptions) -> str:
    said = "" if view.complete else "\nThis plan is not complete: something was left out.\n"
    if not options.hints or not view.changes:
        return said
    if not view.applyable:
        return f"{said}\nThis plan cannot be applied as it is.\n"
    return f"{said}\nApply: in the release pipeline, with {markdown_code(f'--expect-digest {view.digest}', 100)}.\n"


@dataclass(frozen=True, slots=True)
class _Page:
    """The sections of one plan for one place; `cell` bounds a foreign text so that a small place holds some rows."""

    view: PlanView
    preset: Preset

    def sections(self, *, full: bool) -> list[Section]:
        made = (
            self._blocked(),
            *self._index(),
            self._policy(),
            self._warnings(),
            self._details(full=full),
            self._drift(),
            self._allowed_drift(),
            self._not_covered(),
            self._suppressed(),
        )
        return [section for section in made if section is not None]

    def code(self, text: str) -> str:
        return markdown_code(text, 60 if self.preset.limit < _SMALL else 200)

    def _blocked(self) -> Section | None:
        rows = [
            f"- {self.code(block.guard)}: {self.code(block.text)}"
            + (f" (override: {self.code(block.override)})" if block.override else "")
            + "\n"
            for block in self.view.blocked
        ]
        return self._listed(0, "Blocked: this plan cannot be applied", rows, "block") if rows else None

    def _policy(self) -> Section | None:
        ranked = sorted(self.view.policy, key=lambda p: OUTCOMES.index(p.outcome) if p.outcome in OUTCOMES else 9)
        rows = [
            f"- {self.code(p.outcome)} {self.code(p.address)}: {self.code(p.message)} ({self.code(p.rule)})\n"
            for p in ranked
        ]
        return self._listed(2, "Policy", rows, "policy result") if rows else None

    def _warnings(self) -> Section | None:
        rows = [f"- {self.code(code)}: {self.code(message)}\n" for code, message in self.view.warnings]
        return self._listed(4, "Warnings", rows, "warning") if rows else None

    def _index(self) -> Iterator[Section | None]:
        """One table from two sections, so that a dangerous line outlives every harmless one."""
        changes = self.view.changes
        if not changes:
            return
        grave = [change for change in changes if change.dangerous]
        rest = [change for change in changes if not change.dangerous]
        yield Section(
            rank=1,
            head="\n| action | resource | change | where | flags |\n|---|---|---|---|---|\n",
            rows=Rows(grave, self._row),
            tail="",
            omitted=lambda shown: f"| ⚠ | {count(len(grave) - shown, 'more dangerous change')} omitted | | | |\n",
            standing=True,
        )
        yield Section(
            rank=3,
            head="",
            rows=Rows(rest, self._row),
            tail="",
            omitted=lambda shown: f"\n{count(len(rest) - shown, 'more change')} omitted: {_groups(rest[shown:])}.\n",
        )

    def _row(self, change: ChangeView) -> str:
        summary = change.summary(ARROW)
        flags = ", ".join(self.code(flag) for flag in change.flags[:3])
        if len(change.flags) > 3:
            flags += f" +{len(change.flags) - 3}"
        cells = (
            f"{'⚠ ' if change.dangerous else ''}{SYMBOLS.get(change.action, '?')} {_word(change.action)}",
            self.code(change.address),
            self.code(summary) if summary else "",
            self.code(change.origin.line_only) if change.origin.path else "",
            f"{change.severity}: {flags}" if flags else "",
        )
        return f"| {' | '.join(cells)} |\n"

    def _details(self, *, full: bool) -> Section | None:
        changes = self.view.changes
        if not changes:
            return None
        opening, closing = self._fold("Details", len(changes))
        return Section(
            rank=8,
            head=opening,
            rows=Rows(changes, lambda change: self._detail(change, full)),
            tail=closing,
            omitted=lambda shown: (
                f"\nDetails of {count(len(changes) - shown, 'change')} omitted: "
                "`retrainctl show` has all of them from the saved plan.\n"
            ),
        )

    def _detail(self, change: ChangeView, full: bool) -> str:
        fence = markdown_fence((clip(line, _LINE) for line in _diff(change, full)), "diff")
        said = f"{SYMBOLS.get(change.action, '?')} {_word(change.action)}"
        if self.preset.html:
            return f"<details><summary>{said} {html_code(change.address)}</summary>\n\n{fence}\n\n</details>\n\n"
        return f"{said} {markdown_code(change.address)}\n\n{fence}\n\n"

    def _drift(self) -> Section | None:
        rows = [
            f"- {self.code(e.address)} {self.code(e.path)}: {self.code(e.before)} {ARROW} {self.code(e.after)}\n"
            for e in self.view.drift
        ]
        return self._folded(5, "Drift: changed outside retrainctl", rows, "drifted field") if rows else None

    def _allowed_drift(self) -> Section | None:
        rows = [
            f"- {self.code(e.address)} {self.code(e.path)}: {self.code(e.after)}, allowed {self.code(e.allowed)}\n"
            for e in self.view.allowed_drift
        ]
        return self._folded(7, "Allowed drift", rows, "allowed difference") if rows else None

    def _not_covered(self) -> Section | None:
        rows = [f"- {self.code(address)}\n" for address in self.view.not_covered]
        return self._folded(6, "Not covered", rows, "resource") if rows else None

    def _suppressed(self) -> Section | None:
        rows = [f"- {self.code(e.address)} {self.code(e.path)}: {self.code(e.reason)}\n" for e in self.view.suppressed]
        return self._folded(7, "Ignored differences of form", rows, "ignored difference") if rows else None

    def _listed(self, rank: int, title: str, rows: Sequence[str], noun: str) -> Section:
        return Section(rank=rank, head=f"\n**{title}**\n\n", rows=rows, tail="", omitted=_more(rows, noun))

    def _folded(self, rank: int, title: str, rows: Sequence[str], noun: str) -> Section:
        opening, closing = self._fold(title, len(rows))
        return Section(rank=rank, head=opening, rows=rows, tail=closing, omitted=_more(rows, noun))

    def _fold(self, title: str, number: int) -> tuple[str, str]:
        if self.preset.html:
            return f"\n<details><summary>{title} ({number:,})</summary>\n\n", "\n</details>\n"
        return f"\n**{title} ({number:,})**\n\n", "\n"


def _more(rows: Sequence[str], noun: str) -> Any:
    return lambda shown: f"\n{count(len(rows) - shown, f'more {noun}' if shown else noun)} omitted.\n"


def _word(action: str) -> str:
    return action if action in SYMBOLS else markdown_code(action, 20)


def _groups(changes: Sequence[ChangeView]) -> str:
    """`4,700 updates of Endpoint, 100 creates of WebService`."""
    groups = Counter((change.action, change.kind) for change in changes).most_common()
    named = [
        f"{count(number, _word(action))} of {markdown_code(kind, 40)}" for (action, kind), number in groups[:_GROUPS]
    ]
    if len(groups) > _GROUPS:
        named.append(f"{sum(number for _, number in groups[_GROUPS:]):,} others")
    return ", ".join(named)


def _diff(change: ChangeView, full: bool) -> Iterator[str]:
    """The lines of one change in the shape that platforms colour: `-`, `+`, `!`, `#` in the first column."""
    if full:
        if change.origin.path:
            yield f"# at {change.origin}"
        yield f"# because {change.reason}" + (f" ({change.cause})" if change.cause else "")
    for risk in change.risks:
        if full or risk.severity != "note":
            yield f"! {risk.severity}: {risk.message} [{risk.code}]"
            if risk.hint:
                yield f"!   help: {risk.hint}"
    for move in change.moves:
        yield from _diff_move(move, full)
    for field in change.fields:
        note = f" ({field.note})" if field.note else ""
        if field.before != NOT_SET or field.after == NOT_SET:
            yield f"- {field.path}: {field.before}{note}"
        if field.after != NOT_SET:
            yield f"+ {field.path}: {field.after}{'' if field.before != NOT_SET else note}"
    if full:
        if change.unchanged:
            yield f"  {count(change.unchanged, 'unchanged field')} hidden"
        if change.after:
            yield f"# after {', '.join(change.after)}"
        for step in change.steps:
            yield from (f"# sends {request.method} {request.path}" for request in step.requests)


def _diff_move(move: MoveView, full: bool) -> Iterator[str]:
    yield f'  model slot "{move.slot}"'
    if move.before or move.from_uri or move.knowledge == "unknown":
        yield f"- {move.before or '(unknown)'}  {move.source}"
    yield f"+ {move.after}  {move.destination}"
    if full:
        for metric in move.metrics:
            former = f"{metric.before} {ARROW} " if metric.known_before else ""
            yield f"  {metric.name}: {former}{metric.after}" + (f" ({metric.move})" if metric.move else "")
