"""Foreign text made inert, one function per sink.

Foreign is everything that a manifest, a definition or a server can choose: names, descriptions, URIs, messages.
`visible` is the ground of every sink: nothing invisible, no control, no CI log command survives it, and nothing
is lost, for it shows what it replaces. Each sink then adds what its own syntax needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from retrainctl.patterns import late

# Code points that Python calls printable although they draw nothing: they could hide text, or hide a command from us
# but not from a reader that skips them.
_DRAWS_NOTHING: Final = frozenset(
    chr(point)
    for start, end in (
        (0x034F, 0x034F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFFA0, 0xFFA0),
        (0xE0100, 0xE01EF),
    )
    for point in range(start, end + 1)
)
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# `##vso[...]` is found anywhere in a line by the Azure DevOps agent, `##[...]` by both agents; `::name::` by GitHub's
# runner at the start of a line, blanks skipped (read in actions/runner ActionCommand.cs and the agent's Command.cs).
_HASHES: Final = late(r"#(?=#)")
_COLONS: Final = late(r"(?<!\S):(?=:)")
_NOT_WORD: Final = late(r"[^A-Za-z0-9 /-]")
_BACKTICKS: Final = late(r"`+")
_JSON_LOUD: Final = late(r"[^\x00-\x7e]|#(?=#)")


def visible(text: str) -> str:
    """The text with every character that could act or hide shown as an escape (`\\x1b`, `\\u202e`). On one line."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(c if c.isprintable() and c not in _DRAWS_NOTHING else _escaped(c) for c in text)
    if "##" in text:
        text = _HASHES.sub(r"\\x23", text)
    if "::" in text:
        text = _COLONS.sub(r"\\x3a", text)
    return text


def _escaped(character: str) -> str:
    if short := _SHORT.get(character):
        return short
    point = ord(character)
    if point <= 0xFF:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"


def clip(text: str, limit: int) -> str:
    """The beginning of a text, saying how much is missing."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}... ({len(text) - limit:,} more characters)"


def markdown_code(text: str, limit: int = 300) -> str:
    """Foreign text inside Markdown, also inside a table cell: always code, for no platform looks for mentions,
    references, links or emoji in code. What could end a code span or a cell goes as entities in a `<code>` element.
    """
    shown = clip(visible(text), limit) or '""'
    if "`" in shown or "|" in shown:
        return html_code(shown)
    return f"`{shown}`"


def html_code(text: str, limit: int = 300) -> str:
    """Foreign text as a `<code>` element that neither Markdown nor HTML can read as anything else."""
    shown = clip(visible(text), limit) or '""'
    return f"<code>{_NOT_WORD.sub(lambda m: f'&#{ord(m[0])};', shown)}</code>"


def markdown_fence(lines: Iterable[str], language: str = "") -> str:
    """A closed code block; its fence is longer than any run of backticks inside. Lines must be `visible` already."""
    body = "\n".join(lines)
    longest = max((len(run) for run in _BACKTICKS.findall(body)), default=0) if "`" in body else 0
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def xml(text: str) -> str:
    """Text for an XML element or a quoted attribute; `visible` leaves no character that XML forbids."""
    import html

    return html.escape(visible(text), quote=True)


def json_text(document: Any, *, indent: bool = True) -> str:
    """JSON with sorted members in the bytes of a plan file, but what could act in a terminal or a CI log, or hide
    there, stands as a JSON escape.
    """
    import orjson

    options = orjson.OPT_SORT_KEYS | (orjson.OPT_INDENT_2 if indent else 0)
    try:
        text = orjson.dumps(document, option=options).decode()
    except TypeError:  # lone surrogates and integers beyond 64 bits, which Python's own encoder writes
        import json

        text = json.dumps(document, sort_keys=True, ensure_ascii=False, indent=2 if indent else None)
    if text.isascii() and "##" not in text and "\x7f" not in text:  # nearly always, and ten times as quick
        return text
    return _JSON_LOUD.sub(_json_escape, text)


def _json_escape(match: re.Match[str]) -> str:
    if match[0] != "#" and match[0].isprintable() and match[0] not in _DRAWS_NOTHING:
        return match[0]
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def github_data(text: str) -> str:
    """The message of a GitHub log command."""
    return visible(text).replace("%", "%25")


def github_property(text: str) -> str:
    """A property of a GitHub log command."""
    return github_data(text).replace(":", "%3A").replace(",", "%2C")


def azdo_data(text: str) -> str:
    """The message of an Azure DevOps log command."""
    return visible(text).replace("%", "%AZP25")


def azdo_property(text: str) -> str:
    """A property of an Azure DevOps log command."""
    return azdo_data(text).replace(";", "%3B").replace("]", "%5D")
