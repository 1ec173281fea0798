"""A YAML parser's complaints in our own words."""

from __future__ import annotations

from typing import Any, Final, NamedTuple


class Complaint(NamedTuple):
    """A syntax error: line and column from 0, `place` in characters from the beginning of the text."""

    code: str
    message: str
    hint: str
    line: int
    column: int
    place: int


_QUOTE: Final = "Put the value in quotes."
_INDENT: Final = "Check the indentation of this line and of the one above it."
_FLOW: Final = "Close every { with } and every [ with ], and part members with commas."

_WORDS: Final = (
    ("mapping values are not allowed", "a colon is not expected here", f"{_QUOTE} Or mend the indentation."),
    ("did not find expected ',' or", "a comma or a closing bracket is missing", _FLOW),
    ("did not find expected node content", "a value is missing here", _FLOW),
    ("did not find expected key", "this line does not fit the mapping around it", _INDENT),
    ("did not find expected '-' indicator", "this line does not fit the list around it", _INDENT),
    ("block sequence entries are not allowed", "a list cannot begin here", "Begin the list on a line of its own."),
    ("block mapping entries are not allowed", "a mapping cannot begin here", "Begin the mapping on a line of its own."),
    ("could not find expected ':'", "a key without a colon", "Write KEY: VALUE with a blank after the colon."),
    ("found unexpected end of stream", "a quotation mark or bracket is never closed", "Close it."),
    ("found unexpected document indicator", "a quotation mark is not closed before the next document", "Close it."),
    (
        "found unknown escape character",
        "an escape in double quotes that YAML does not know",
        "Use single quotes, or \\\\.",
    ),
    (
        "did not find expected hexdecimal number",
        "an escape in double quotes that is cut short",
        "Write all its digits.",
    ),
    ("found invalid Unicode character escape code", "an escape that stands for no character", "Write the character."),
    ("did not find expected <document start>", "text after the end of a document", "Begin a new document with ---."),
    ("found undefined tag handle", "tags are not part of this language", "Remove the tag; quotes make text."),
    ("found a tab character", "a tab cannot indent", "Indent with blanks."),
    ("found character that cannot start any token", "this character cannot begin a value", _QUOTE),
    ("exceeded max nesting", "too many levels inside each other", "Flatten the document."),
)


def explain(error: Any, text: str) -> Complaint:
    """Place and plain words for a `yaml.YAMLError`."""
    problem = str(getattr(error, "problem", "") or getattr(error, "reason", "") or "it cannot be read")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        index = int(getattr(error, "position", 0) or 0)
        line = text.count("\n", 0, index)
        column = index - (text.rfind("\n", 0, index) + 1)
        return Complaint(
            "RC102", f"a character that YAML does not allow ({problem})", "Remove it.", line, column, index
        )
    line, column, index = mark.line, mark.column, mark.index
    if text[index : index + 1] == "\t" or _indented_by_tab(text, index):
        return Complaint("RC107", "a tab cannot indent", "Indent with blanks.", line, column, index)
    for known, message, hint in _WORDS:
        if known in problem:
            code = "RC107" if "tab" in known else "RC101"
            return Complaint(code, message, hint, line, column, index)
    return Complaint("RC101", f"the YAML cannot be read here: {problem}", _INDENT, line, column, index)


def _indented_by_tab(text: str, index: int) -> bool:
    """Whether a tab stands among the blanks before this place, and nothing else does."""
    before = text[text.rfind("\n", 0, index) + 1 : index]
    return "\t" in before and not before.strip()
