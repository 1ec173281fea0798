"""The CSV that Evaluate Model writes, read into metrics by its header, whatever columns come. Pure."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Final

from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.model.metrics import NAMES, folded

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of an evaluation that are still read: it has one row of a few numbers."""

_CANONICAL: Final = {folded(name): name for name in NAMES}
_DELIMITERS: Final = ",;\t"
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER: Final = frozenset({"nan", "-nan", "inf", "+inf", "-inf", "infinity", "-infinity", "∞", "-∞", "1.#qnan"})


class EvaluationUnreadable(RetrainctlError):
    """The file is no evaluation. The message says why, for it becomes the reason of a failed gate."""

    default_code = "RC620"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The metrics of one model.

    metrics: name to finite number; Studio's own names in its spelling, others as in the header.
    troubles: `folded` name of a column without such a number -> why, in a few words. unreadable: why there is nothing.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)
    unreadable: str = ""

    def find(self, name: str) -> float | None:
        """The metric of that name, in any case; None where there is no number."""
        wanted = folded(name)
        return next((value for known, value in self.metrics.items() if folded(known) == wanted), None)

    def why_missing(self, name: str) -> str:
        """Why `find` gives nothing."""
        if self.unreadable:
            return self.unreadable
        if (why := self.troubles.get(folded(name))) is not None:
            return why
        there = ", ".join(self.metrics) or "no metric"
        return f"the evaluation has no such column; it has {there}"


def read_evaluation(data: bytes, row: int | None = None) -> Evaluation:
    """The metrics in a CSV file: of its only row, or of the given one, counted from 1.

    Commas, semicolons and tabs part columns; a decimal comma is read where it cannot be taken for anything else.

    Raises:
        EvaluationUnreadable: not text, no header, no row, or several rows and no word on which one counts.
    """
    if len(data) > LARGEST:
        raise EvaluationUnreadable(f"the evaluation has {len(data):,} bytes; it should be one row of metrics")
    header, rows, delimiter = _table(_text(data))
    if not rows:
        raise EvaluationUnreadable("the evaluation has a header and no row" if header else "the evaluation is empty")
    if row is None and len(rows) > 1:
        raise EvaluationUnreadable(
            f"the evaluation has {len(rows)} rows, and it is not said which one counts",
            hint="Two scored datasets give two rows: set `evaluationRow` of the Retraining.",
        )
    if row is not None and row > len(rows):
        raise EvaluationUnreadable(f"the evaluation has {len(rows)} rows, and row {row} was asked for")
    return _read(header, rows[(row or 1) - 1], delimiter)


def _text(data: bytes) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise EvaluationUnreadable("the evaluation is no text") from error


def _table(text: str) -> tuple[list[str], list[list[str]], str]:
    """Header, rows that are not empty, and what parts the columns: whatever the header has most of."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    delimiter = max(_DELIMITERS, key=bare.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise EvaluationUnreadable(f"the evaluation is no CSV: {error}") from error
    found = [[cell.strip() for cell in line] for line in lines if any(cell.strip() for cell in line)]
    header = found[0] if found else []
    if header and all(_NUMBER.fullmatch(cell) or _COMMA.fullmatch(cell) for cell in header):
        raise EvaluationUnreadable("the evaluation has no header: its first line holds numbers only")
    return header, found[1:], delimiter


def _read(header: Sequence[str], cells: Sequence[str], delimiter: str) -> Evaluation:
    metrics: dict[str, float] = {}
    troubles: dict[str, str] = {}
    names = [folded(name) for name in header]
    for position, (title, name) in enumerate(zip(header, names, strict=True)):
        if not name:
            continue
        if names.count(name) > 1:
            troubles[name] = f'the evaluation has several columns "{title}"'
            continue
        cell = cells[position] if position < len(cells) else ""
        value = _number(cell, delimiter)
        if isinstance(value, float):
            metrics[_CANONICAL.get(name, title)] = value
        else:
            troubles[name] = value
    return Evaluation(metrics=metrics, troubles=troubles)


def _number(cell: str, delimiter: str) -> float | str:
    """A finite number, else why it is none."""
    text = cell.replace("\u2212", "-")
    if not text:
        return "its cell in the evaluation is empty"
    if text.casefold() in _NO_NUMBER:
        return f"the evaluation says {cell}"
    if _COMMA.fullmatch(text):
        whole, _, fraction = text.lstrip("+-").partition(",")
        if delimiter != ";" and len(fraction) == 3 and whole != "0":
            return f'"{cell}" in the evaluation may be a decimal comma or thousands'
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text):
        return f'"{cell[:40]}" in the evaluation is no number'
    value = float(text)
    return value if math.isfinite(value) else f'"{cell[:40]}" in the evaluation is beyond all numbers'
