"""A report never leaves its limit, keeps what matters longest, and counts what it leaves out."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrainctl.render.budget import PRESETS, Section, fitted
from retrainctl.render.formats import RenderOptions, render_plan
from tests.golden.render.plans import a_change, a_plan, a_risk, an_endpoint_move

_ROWS = st.lists(st.text(alphabet="aé名🎉", min_size=1, max_size=30).map(lambda text: f"{text}\n"), max_size=30)


def _section(rank: int, rows: list[str]) -> Section:
    return Section(
        rank=rank, head=f"<{rank}>\n", rows=rows, tail=f"</{rank}>\n", omitted=lambda n: f"{len(rows) - n} omitted\n"
    )


@settings(deadline=None)
@given(st.lists(_ROWS, max_size=4), st.integers(0, 600), st.randoms())
def test_never_over_the_limit_and_every_row_counted(contents: list[list[str]], room: int, random: object) -> None:
    sections = [_section(rank, rows) for rank, rows in enumerate(contents)]
    least = len("head\nfoot\n") + sum(len(section.text(0).encode()) for section in sections)
    shown = fitted("head\n", sections, "foot\n", least + room)
    assert len(shown.encode()) <= least + room
    assert shown.startswith("head\n")
    assert shown.endswith("foot\n")
    omitted = sum(int(n) for n in re.findall(r"(\d+) omitted", shown))
    kept = sum(
        line not in ("head", "foot") and not line.startswith("<") and "omitted" not in line
        for line in shown.splitlines()
    )
    assert kept + omitted == sum(map(len, contents))
    for rank in range(len(contents)):
        assert shown.count(f"<{rank}>") == shown.count(f"</{rank}>")


@settings(deadline=None)
@given(st.lists(_ROWS, min_size=2, max_size=4), st.integers(0, 600))
def test_a_lower_rank_loses_nothing_before_a_higher_one(contents: list[list[str]], room: int) -> None:
    sections = [_section(rank, rows) for rank, rows in enumerate(contents)]
    least = len("head\nfoot\n") + sum(len(section.text(0).encode()) for section in sections)
    first = fitted("head\n", sections, "foot\n", least + room)
    fuller = fitted("head\n", [sections[0], *(_section(s.rank, []) for s in sections[1:])], "foot\n", least + room)
    if "<0>" not in first and contents[0]:
        assert "<0>" not in fuller or len(fuller.encode()) > least + room - 100


@pytest.fixture(scope="module")
def large() -> dict[str, object]:
    """5,000 changes, 40 of them dangerous."""
    quiet = [an_endpoint_move(number) for number in range(4950)]
    grave = [a_change(f"Endpoint/grave{n:02}", risks=[a_risk(message="back " * 20)]) for n in range(40)]
    gone = [a_change(f"Endpoint/zz-gone{n}", ["delete"]) for n in range(10)]
    return a_plan([*quiet, *grave, *gone])


@pytest.mark.parametrize("preset", list(PRESETS))
def test_five_thousand_changes_fit_everywhere(large: dict[str, object], preset: str) -> None:
    shown = render_plan(large, "md", RenderOptions(budget=preset))
    limit = PRESETS[preset].limit
    assert len(shown.encode()) <= limit
    assert len(shown.encode()) > limit * 0.9, "room is used"
    index = shown.split("<details>")[0] if PRESETS[preset].html else shown
    rows = len(re.findall(r"^\| .*`Endpoint/", index, re.MULTILINE))
    left = sum(int(n.replace(",", "")) for n in re.findall(r"([\d,]+) more (?:dangerous )?changes? omitted", index))
    assert rows + left == 5000
    assert len(re.findall(r"<details>", shown)) == len(re.findall(r"</details>", shown))
    assert len(re.findall(r"^```", shown, re.MULTILINE)) % 2 == 0


@pytest.mark.parametrize("preset", [p for p in PRESETS if p != "azdo-description"])
def test_dangerous_lines_outlive_harmless_ones(large: dict[str, object], preset: str) -> None:
    shown = render_plan(large, "md", RenderOptions(budget=preset))
    assert all(f"`Endpoint/grave{n:02}`" in shown for n in range(40))
    assert all(f"`Endpoint/zz-gone{n}`" in shown for n in range(10))


def test_what_does_not_fit_even_of_the_dangers_is_counted(large: dict[str, object]) -> None:
    shown = render_plan(large, "md", RenderOptions(budget="azdo-description"))
    rows = shown.count("| ⚠ ")
    left = re.search(r"(\d+) more dangerous changes omitted", shown)
    assert left is not None
    assert rows - 1 + int(left[1]) == 50
    assert "4,950 changes omitted" in shown or "4,950 more changes omitted" in shown
