"""Every renderer on every case. What is compared is what a person or a CI page gets, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from retrainctl.model.redaction import Redactor
from retrainctl.render.formats import RenderOptions, render_plan, render_receipt
from retrainctl.render.style import Style
from tests.golden.render.plans import plans
from tests.golden.render.receipts import receipts

HERE = Path(__file__).parent
PLANS = plans()
RECEIPTS = receipts()
BIG = {"thousand-moves"}
ENDINGS = {
    "text": "txt",
    "md": "md",
    "html": "html",
    "json": "json",
    "sarif": "sarif",
    "junit": "junit.xml",
    "events": "jsonl",
    "github": "github.txt",
    "azdo": "azdo.txt",
}
Golden = Callable[[Path, str], None]


def _without_looks(page: str) -> str:
    """The page without its style sheet, script and their hashes: they have no case of their own."""
    page = re.sub(r"(?s)(<style>|<script>).*?(</style>|</script>)", r"\1\2", page)
    return re.sub(r"sha256-[A-Za-z0-9+/=]{44}", "sha256-HASH", page)


@pytest.mark.parametrize("form", list(ENDINGS))
@pytest.mark.parametrize("name", sorted(set(PLANS) - BIG))
def test_plan(name: str, form: str, golden: Golden) -> None:
    text = render_plan(PLANS[name], form, RenderOptions(saved_as="plan.json", redactor=Redactor()))
    golden(HERE / name / f"expected.{ENDINGS[form]}", _without_looks(text) if form == "html" else text)


@pytest.mark.parametrize("name", sorted(set(PLANS) - BIG))
def test_plan_in_ascii_with_everything_listed(name: str, golden: Golden) -> None:
    options = RenderOptions(style=Style(unicode=False, width=100), show_ignored=True, explain=True, hints=False)
    golden(HERE / name / "expected.explained.txt", render_plan(PLANS[name], "text", options))


@pytest.mark.parametrize("name", ["one-move", "many-risks"])
def test_plan_in_colour(name: str, golden: Golden) -> None:
    text = render_plan(PLANS[name], "text", RenderOptions(style=Style(colour=True)))
    golden(HERE / name / "expected.colour.txt", text)


@pytest.mark.parametrize("budget", ["azdo-description", "bitbucket", "github-comment"])
@pytest.mark.parametrize("name", ["thousand-moves", "many-risks", "hostile"])
def test_plan_within_a_budget(name: str, budget: str, golden: Golden) -> None:
    golden(HERE / name / f"expected.{budget}.md", render_plan(PLANS[name], "md", RenderOptions(budget=budget)))


def test_the_index_of_a_thousand_moves_comes_first(golden: Golden) -> None:
    lines = render_plan(PLANS["thousand-moves"], "text").splitlines(keepends=True)
    golden(HERE / "thousand-moves" / "expected.first-lines.txt", "".join(lines[:1010]))
    golden(HERE / "thousand-moves" / "expected.last-lines.txt", "".join(lines[-20:]))


@pytest.mark.parametrize("form", ["text", "md", "json", "junit", "events"])
@pytest.mark.parametrize("name", sorted(RECEIPTS))
def test_receipt(name: str, form: str, golden: Golden) -> None:
    golden(HERE / name / f"expected.{ENDINGS[form]}", render_receipt(RECEIPTS[name], form))
