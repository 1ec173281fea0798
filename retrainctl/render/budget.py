"""Fitting a report into the space that a platform gives: details go first, dangers last, and what is missing is said.

A report is a head, sections of rows, and a foot. Every section may lose rows from its end; it then says how many and
which. Space goes to the sections in the order of their rank, so that the same rows survive every time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import Final

from retrainctl.fastclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A place for a report. `limit` is in characters, held in bytes as well, for nobody says which is meant;
    `html`: whether it shows `<details>`.
    """

    limit: int
    html: bool = True


PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        "github-comment": Preset(limit=65_536),
        "step-summary": Preset(limit=1_048_576),
        "azdo-comment": Preset(limit=150_000),
        "azdo-description": Preset(limit=4_000),
        "gitlab": Preset(limit=1_000_000),
        "bitbucket": Preset(limit=32_768, html=False),
    }
)
"""Limits as their users met them (plan-apply-anchors.md section 6)."""

UNLIMITED: Final = Preset(limit=2**62)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Part of a report: `head`, then as many `rows` as fit, then `tail`. `omitted(n)` tells of the rows from n on.

    rank: the lower, the sooner it gets space. Rows are text with their own line ends. standing: the head stays even
    without any row, for another section goes on below it.
    """

    rank: int
    head: str
    rows: Sequence[str]
    tail: str
    omitted: Callable[[int], str]
    standing: bool = False

    def text(self, shown: int) -> str:
        if not shown and self.rows and not self.standing:
            return self.omitted(0)
        rest = self.omitted(shown) if shown < len(self.rows) else ""
        return f"{self.head}{''.join(self.rows[:shown])}{self.tail}{rest}"


def unabridged(head: str, sections: Sequence[Section], foot: str, limit: int) -> str | None:
    """The report with every row, or None when that is more than `limit` bytes."""
    whole = head + "".join(section.text(len(section.rows)) for section in sections) + foot
    return whole if _size(whole) <= limit else None


def fitted(head: str, sections: Sequence[Section], foot: str, limit: int) -> str:
    """The report in at most `limit` UTF-8 bytes, which is never fewer than its UTF-16 units or characters.

    Head, foot and the emptied sections must fit by themselves; callers keep them short.
    """
    if (whole := unabridged(head, sections, foot, limit)) is not None:
        return whole
    shown = [0] * len(sections)
    free = limit - _size(head) - _size(foot) - sum(_size(section.text(0)) for section in sections)
    for position in sorted(range(len(sections)), key=lambda p: sections[p].rank):
        section = sections[position]
        shown[position], used = _most(section, free)
        free -= used
    return head + "".join(section.text(n) for section, n in zip(sections, shown, strict=True)) + foot


def _most(section: Section, free: int) -> tuple[int, int]:
    """How many rows fit into `free` more bytes than the emptied section takes, and what they add to it."""
    empty = _size(section.text(0))
    sizes = list(accumulate((_size(row) for row in section.rows), initial=_size(section.head) + _size(section.tail)))

    def added(shown: int) -> int:
        rest = _size(section.omitted(shown)) if shown < len(section.rows) else 0
        return sizes[shown] + rest - empty if shown else 0

    low, high = 0, len(section.rows)
    if added(high) <= free:
        return high, added(high)
    while low < high - 1:
        middle = (low + high) // 2
        low, high = (middle, high) if added(middle) <= free else (low, middle)
    return low, added(low)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
