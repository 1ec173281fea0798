"""Fitting a report into the space that a platform gives: details go first, dangers last, and what is missing is said.

A report is a head, sections of rows, and a foot. Every section may lose rows from its end; it then says how many and
which. Space goes to the sections in the order of their rank, so that the same rows survive every time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Generic, TypeVar, overload

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

_T = TypeVar("_T")


class Rows(Sequence[str], Generic[_T]):
    """A row for each item, made when it is first looked at: of five thousand a comment has room for a few hundred."""

    def __init__(self, items: Sequence[_T], make: Callable[[_T], str]) -> None:
        self._items, self._make = items, make
        self._made: list[str] = []

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        last = index.indices(len(self))[1] if isinstance(index, slice) else range(len(self))[index] + 1
        self._made.extend(map(self._make, self._items[len(self._made) : last]))
        return self._made[index]

    def __iter__(self) -> Iterator[str]:
        return (self[number] for number in range(len(self)))


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
    size = _size(head) + _size(foot)
    for section in sections:
        size += _size(section.head) + _size(section.tail)
        for row in section.rows:
            if size > limit:
                return None
            size += _size(row)
    if size > limit:
        return None
    return head + "".join(section.text(len(section.rows)) for section in sections) + foot


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
    sizes = [_size(section.head) + _size(section.tail)]
    for row in section.rows:
        if sizes[-1] - empty > free:
            break
        sizes.append(sizes[-1] + _size(row))

    def added(shown: int) -> int:
        rest = _size(section.omitted(shown)) if shown < len(section.rows) else 0
        return sizes[shown] + rest - empty if shown else 0

    low, high = 0, len(sizes) - 1
    if high == len(section.rows) and added(high) <= free:
        return high, added(high)
    while low < high - 1:
        middle = (low + high) // 2
        low, high = (middle, high) if added(middle) <= free else (low, middle)
    return low, added(low)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
