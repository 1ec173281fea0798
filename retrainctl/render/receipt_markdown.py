"""What an apply did, as a comment or a summary page within a budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retrainctl.render.budget import Section, fitted
from retrainctl.render.escape import markdown_code
from retrainctl.render.plan_markdown import ARROW, MarkdownOptions, age, marker
from retrainctl.render.receipt_view import ResultView, receipt_view
from retrainctl.render.style import count

_TITLES = {
    "applied": "✅ applied",
    "nothing": "✅ nothing to do",
    "partial": "⚠ partly applied",
    "failed": "❌ failed",
    "conflicted": "❌ conflicted",
}


def receipt_markdown(document: Mapping[str, Any], options: MarkdownOptions | None = None) -> str:
    """The receipt document as Markdown, a final newline included, never larger than the preset's limit."""
    view, options = receipt_view(document), options or MarkdownOptions()
    env = markdown_code(view.environment, 60)
    title = " · ".join(("retrainctl apply", env, _TITLES.get(view.outcome) or markdown_code(view.outcome, 40)))
    facts = [f"run {markdown_code(view.run, 60)}"] if view.run else []
    if view.digest:
        facts.append(markdown_code(view.digest, 80))
    if view.ended:
        facts.append(f"ended {markdown_code(view.ended, 40)}{age(view.ended, options.now)}")
    said = f"**{count(view.planned, 'change')} planned**, {view.numbers}."
    if not view.planned:
        said = "**No changes.**"
    head = "\n".join((marker("apply", view.environment, view.digest), f"## {title}", " · ".join(facts), "", said, ""))
    bad = [result for result in view.results if result.bad]
    rest = [result for result in view.results if not result.bad]
    sections = []
    if view.results:
        sections.append(
            Section(
                rank=0,
                head="\n| outcome | resource | change | verified | why |\n|---|---|---|---|---|\n",
                rows=[_row(result, options) for result in bad],
                tail="",
                omitted=lambda shown: f"| ❌ | {count(len(bad) - shown, 'more bad result')} omitted | | | |\n",
                standing=True,
            )
        )
        sections.append(
            Section(
                rank=1,
                head="",
                rows=[_row(result, options) for result in rest],
                tail="",
                omitted=lambda shown: f"\n{count(len(rest) - shown, 'more result')} omitted.\n",
            )
        )
    if view.notes:
        notes = [f"- {markdown_code(note)}\n" for note in view.notes]
        sections.append(
            Section(
                rank=2,
                head="\n**Notes**\n\n",
                rows=notes,
                tail="",
                omitted=lambda shown: f"\n{count(len(notes) - shown, 'note')} omitted.\n",
            )
        )
    return fitted(head, sections, "", options.preset.limit)


def _row(result: ResultView, options: MarkdownOptions) -> str:
    limit = 60 if options.preset.limit < 10_000 else 200
    change = ", ".join((result.action, *(move.short(ARROW) for move in result.moves)))
    cells = (
        f"{'❌ ' if result.bad else ''}{markdown_code(result.words, 30)}",
        markdown_code(result.address, limit),
        markdown_code(change, limit),
        markdown_code(result.verified, 40) if result.checked else "",
        markdown_code(result.reason, limit) if result.reason else "",
    )
    return f"| {' | '.join(cells)} |\n"
