"""How text looks: width, colour, and signs that the reader's encoding can show."""

from __future__ import annotations

import textwrap
import unicodedata
from functools import lru_cache
from typing import Final

from retrainctl.fastclass import dataclass

# The eight base colours follow the reader's own theme, light or dark; words carry the meaning, colour only repeats it.
_SGR: Final = {
    "create": "32",
    "update": "36",
    "delete": "31",
    "replace": "35",
    "danger": "1;31",
    "warning": "33",
    "note": "2",
    "good": "32",
    "strong": "1",
    "quiet": "2",
}

SYMBOLS: Final = {"create": "+", "update": "~", "delete": "-", "replace": "-/+"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """`width` in terminal cells; `unicode` False keeps our own signs in ASCII."""

    width: int = 80
    colour: bool = False
    unicode: bool = True

    def paint(self, role: str, text: str) -> str:
        """The text in the colour of an action or a severity; unchanged without colour or role."""
        if not self.colour or role not in _SGR or not text:
            return text
        return f"\x1b[{_SGR[role]}m{text}\x1b[0m"

    @property
    def arrow(self) -> str:
        return "→" if self.unicode else "->"

    @property
    def ellipsis(self) -> str:
        return "…" if self.unicode else "..."


PLAIN: Final = Style()


def cells(text: str) -> int:
    """How many terminal cells a text takes: wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(map(_cell, text))


@lru_cache(maxsize=4096)
def _cell(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def pad(text: str, width: int) -> str:
    return text + " " * max(0, width - cells(text))


def shorten(text: str, width: int, style: Style) -> str:
    """The text in at most `width` cells, its end marked when cut; nothing when not even the mark fits."""
    if 2 * len(text) <= width or cells(text) <= width:
        return text
    room = width - len(style.ellipsis)
    if room <= 0:
        return ""
    kept, used = [], 0
    for character in text:
        used += _cell(character)
        if used > room:
            break
        kept.append(character)
    return "".join(kept) + style.ellipsis


def wrapped(text: str, style: Style, *, first: str = "", rest: str | None = None) -> list[str]:
    """Lines of prose: broken at blanks only, so that a URI or an address stays whole and can be copied."""
    rest = " " * len(first) if rest is None else rest
    if len(first) + len(text) <= style.width and text.isascii():
        return [first + text]
    return textwrap.wrap(
        text,
        max(style.width, len(rest) + 20),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 change`, `1,000 changes`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
