"""Findings about the user's files: for people with the source line and a caret, for machines as a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from retrainctl.codes.manifest import HIDES_SOURCE
from retrainctl.diagnostics import Diagnostic, Severity, Span
from retrainctl.render.escape import json_text, visible
from retrainctl.render.style import PLAIN, Style, cells, count, wrapped

SourceLine = Callable[[str, int], str | None]
"""File (as in the span) and line number from 1 -> the line's text, None where it cannot be had."""

_ROLES = {Severity.ERROR: "danger", Severity.WARNING: "warning", Severity.NOTE: "note"}
_LEAD = 20


def no_source(file: str, line: int) -> str | None:
    """Knows no file."""
    return None


def diagnostics_text(
    diagnostics: Iterable[Diagnostic], *, source: SourceLine = no_source, style: Style = PLAIN, summary: bool = True
) -> str:
    """`file:line:col: error[RC112]: message`, the line with a caret under the column, and what to do.

    A count closes the list unless `summary` is off; nothing at all for no findings.
    """
    found = tuple(diagnostics)
    lines: list[str] = []
    secret = {(d.span.file, d.span.line) for d in found if d.span is not None and d.code in HIDES_SOURCE}

    def shown(file: str, line: int) -> str | None:
        return None if (file, line) in secret else source(file, line)

    for diagnostic in found:
        lines.extend(_one(diagnostic, shown, style))
    if found and summary:
        lines.append(_summary(found))
    return "".join(f"{line}\n" for line in lines)


def diagnostics_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A list of `{code, message, path, line, column, severity, hint, address}`; `[]` for good input."""
    return json_text([_entry(diagnostic) for diagnostic in diagnostics]) + "\n"


def _one(diagnostic: Diagnostic, source: SourceLine, style: Style) -> Iterator[str]:
    place = visible(str(diagnostic.span)) if diagnostic.span else visible(diagnostic.address or "")
    label = style.paint(_ROLES[diagnostic.severity], f"{diagnostic.severity}[{diagnostic.code}]")
    message = visible(diagnostic.message)
    yield f"{place}: {label}: {message}" if place else f"{label}: {message}"
    if diagnostic.span is not None:
        line = source(diagnostic.span.file, diagnostic.span.line)
        if line is not None:
            yield from _excerpt(diagnostic.span, line, style)
    if diagnostic.address and diagnostic.span:
        yield f"  in {visible(diagnostic.address)}"
    if diagnostic.hint:
        yield from wrapped(visible(diagnostic.hint), style, first="  help: ")


def _excerpt(span: Span, line: str, style: Style) -> Iterator[str]:
    """The line and a caret. A long line is cut around the column, a tab counts as one blank as columns do."""
    line = line.rstrip("\r\n").replace("\t", " ")
    # Made visible as a whole: two halves that are harmless may be a log command when they meet again.
    whole, split = visible(line), len(visible(line[: span.column - 1]))
    before, after = whole[:split], whole[split:]
    number = f"  {span.line} | "
    room = max(_LEAD, style.width - len(number))
    if cells(before) + 2 > room:
        keep = room // 2
        before = style.ellipsis + before[-keep:]
    rest = max(1, room - cells(before))
    shown = after if cells(after) <= rest else after[: max(1, rest - len(style.ellipsis))] + style.ellipsis
    yield f"{number}{before}{shown}".rstrip()
    yield f"{' ' * (len(number) - 2)}| {' ' * cells(before)}{style.paint('danger', '^')}"


def _summary(found: tuple[Diagnostic, ...]) -> str:
    numbers = [(sum(d.severity is severity for d in found), severity.value) for severity in Severity]
    return ", ".join(count(number, noun) for number, noun in numbers if number)


def _entry(diagnostic: Diagnostic) -> dict[str, Any]:
    span = diagnostic.span
    return {
        "code": diagnostic.code,
        "message": diagnostic.message,
        "path": span.file if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "severity": diagnostic.severity.value,
        "hint": diagnostic.hint,
        "address": diagnostic.address,
    }
