"""Where a member stands in JSON text. Only errors ask, so the text is scanned again instead of kept in step."""

from __future__ import annotations

from json import JSONDecoder
from typing import Final

from retrainctl.diagnostics import Span
from retrainctl.model.values import Path
from retrainctl.patterns import late

_BLANK: Final = late(r"[ \t\r\n]*")
_DECODER: Final = JSONDecoder()


def locate(text: str, path: Path, file: str) -> Span:
    """The place of the member at `path`, or of the closest outer one that is there.

    Names match exactly or, where the text has no such member, in any capitalisation; list positions are decimal
    text. `text` must be valid JSON.
    """
    offset = _skip(text, 0)
    for name in path:
        inner = _element(text, offset, name) if text[offset : offset + 1] == "[" else _member(text, offset, name)
        if inner is None:
            break
        offset = inner
    return Span(file, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def _skip(text: str, offset: int) -> int:
    match = _BLANK.match(text, offset)
    return match.end() if match else offset


def _member(text: str, offset: int, name: str) -> int | None:
    """The value's offset. Of several members with one name the last counts, as in reading."""
    if text[offset : offset + 1] != "{":
        return None
    exact = folded = None
    offset = _skip(text, offset + 1)
    while text[offset] == '"':
        key, offset = _DECODER.raw_decode(text, offset)
        offset = _skip(text, _skip(text, offset) + 1)
        if key == name:
            exact = offset
        elif key.lower() == name.lower():
            folded = offset
        offset = _next(text, offset)
    return folded if exact is None else exact


def _element(text: str, offset: int, position: str) -> int | None:
    if not position.isdigit():
        return None
    offset = _skip(text, offset + 1)
    for _ in range(int(position)):
        if text[offset] == "]":
            return None
        offset = _next(text, offset)
    return None if text[offset] == "]" else offset


def _next(text: str, offset: int) -> int:
    """From a value to what follows the comma behind it, or to the closing bracket."""
    _, offset = _DECODER.raw_decode(text, offset)
    offset = _skip(text, offset)
    return _skip(text, offset + 1) if text[offset] == "," else offset
