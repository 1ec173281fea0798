"""What a plain (unquoted) YAML scalar means, and which ones mean different things to different readers.

The rules are those of the YAML 1.2 core schema. A scalar that YAML 1.1 reads otherwise (`on`, `012`, `1e3`, `1:30`,
a date) is a trap: it is read, but reported, for the reader of a review cannot know what was meant.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, TypeAlias

from retrainctl.fastclass import dataclass

Scalar: TypeAlias = "bool | int | float | str | None"

DATE: Final = "date"


@dataclass(frozen=True, slots=True)
class Trap:
    """A plain scalar that must be written more clearly.

    It is taken as text until it is mended. why: one clause for people. kind: `DATE` where a date is fine.
    """

    text: str
    why: str
    kind: str = ""


_MAX_INT: Final = 2**63 - 1
_MAX_DIGITS: Final = 19
_NUMERIC_START: Final = frozenset("0123456789+-.")

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+][0-9]+)?")
_TRAPS: Final = (
    (r"[-+]?0[0-9]+", "has a leading zero, octal to some readers: put it in quotes, or write it without the zero", ""),
    (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)[eE][-+]?[0-9]+",
        "is a number to some readers and text to others: put it in quotes, or write the number out",
        "",
    ),
    (
        r"[-+]?0(?:o[0-7]+|b[01_]+)",
        "is a number to some readers and text to others: put it in quotes, or write it as decimal",
        "",
    ),
    (
        r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?",
        "is a number to base 60 to YAML 1.1: put it in quotes",
        "",
    ),
    (
        r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?.*)?",
        "is a date to YAML 1.1 and text to YAML 1.2: put it in quotes",
        DATE,
    ),
    (
        r"[-+]?(?:[0-9]+_[0-9_]*(?:\.[0-9_]*)?|[0-9]+\.[0-9]*_[0-9_]*|0x[0-9a-fA-F]*_[0-9a-fA-F_]*)",
        "is a number to some readers and text to others: put it in quotes, or drop the underscores",
        "",
    ),
    (
        r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "is no finite number: put it in quotes if text is meant",
        "",
    ),
)
"""Forms that YAML 1.1 and 1.2 read differently: pattern, why, kind."""

_SWITCH = 'is text here, but true or false to YAML 1.1: write "{0}" with quotes, or {1}'


def _switch_words() -> dict[str, Scalar | Trap]:
    words: dict[str, Scalar | Trap] = {}
    for positive, negative in (("yes", "no"), ("on", "off")):
        for word, plain in ((positive, "true"), (negative, "false")):
            for spelling in (word, word.capitalize(), word.upper()):
                words[spelling] = Trap(spelling, _SWITCH.format(spelling, plain))
    return words


WORDS: Final[dict[str, Scalar | Trap]] = {
    "": None,
    **dict.fromkeys(("~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **_switch_words(),
}
"""Plain scalars that are no text although they have no digit in them."""


def plain(text: str) -> Scalar | Trap:
    """The value of a plain scalar; a `Trap` where readers would disagree."""
    value = WORDS.get(text, text)
    if value is text and text[0] in _NUMERIC_START:
        return number(text)
    return value


@lru_cache(maxsize=4096)
def number(text: str) -> Scalar | Trap:
    """The same for a plain scalar that begins like a number."""
    if _INT.fullmatch(text) or _HEX.fullmatch(text):
        return _whole(text)
    if _FLOAT.fullmatch(text):
        return _finite(text)
    return _trapped(text)


def _whole(text: str) -> Scalar | Trap:
    value = int(text, 0) if len(text) <= _MAX_DIGITS + 2 else _MAX_INT + 1
    if -_MAX_INT <= value <= _MAX_INT:
        return value
    return Trap(text, "is too large for a whole number: put it in quotes if text is meant")


def _finite(text: str) -> Scalar | Trap:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        return Trap(text, "is too large for a number: put it in quotes if text is meant")
    return value


def _trapped(text: str) -> str | Trap:
    for pattern, why, kind in _TRAPS:
        if re.fullmatch(pattern, text):
            return Trap(text, why, kind)
    return text
