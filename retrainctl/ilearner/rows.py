"""Rows as people hand them over, turned into what a model takes: texts and numbers by column name."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.model import printable

Row: TypeAlias = Mapping[str, object]

LABELS: Final = "Scored Labels"
PROBABILITIES: Final = "Scored Probabilities"

_FLOAT32_MAX: Final = 3.4028235677973362e38
"""The largest double that still rounds to a finite float32 (exclusive)."""
_NUMBER: Final = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputColumn:
    """A column that a scorer takes. `numeric` is false for texts."""

    name: str
    numeric: bool


def _refuse(row: int, column: str, expected: str, value: object) -> IlearnerError:
    shown = printable(repr(value))
    return IlearnerError(
        f"row {row + 1}, column {printable(column)!r}: {expected} expected, found {shown[:60]}",
        code="RC722",
        hint="Mend the value, or leave the cell empty for a row without a score.",
    )


def number(value: object, row: int, column: str) -> float:
    """A value of a numeric column; NaN for a missing one (None or an empty text).

    Texts are read as .NET's invariant culture writes numbers. How Studio itself turned a text into a number is not
    known (ilearner-format.md section 7).
    """
    if value is None or value == "":
        return math.nan
    if isinstance(value, str):
        if not _NUMBER.match(value):
            raise _refuse(row, column, "a number", value)
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _refuse(row, column, "a number", value)
    # A comparison, not float(): an integer of 400 digits must be refused as well.
    if not -_FLOAT32_MAX < value < _FLOAT32_MAX:
        raise _refuse(row, column, "a number within single precision", value)
    return float(value)


def text(value: object, row: int, column: str) -> str | None:
    """A value of a text column; None for a missing one. Numbers become text as .NET writes them (15 digits)."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        shown = f"{value:.15g}"
        if "e" not in shown:
            return shown
    raise _refuse(row, column, "a text", value)


def check_columns(rows: Sequence[Row], columns: Sequence[InputColumn]) -> None:
    """Every row must name every column; what a row has besides, such as the label, is not looked at.

    Raises:
        IlearnerError: naming the first row and all columns that it lacks.
    """
    for index, row in enumerate(rows):
        lacking = [column.name for column in columns if column.name not in row]
        if lacking:
            shown = ", ".join(map(printable, lacking[:8])) + (" ..." if len(lacking) > 8 else "")
            raise IlearnerError(
                f"row {index + 1} lacks {len(lacking)} of {len(columns)} columns: {shown}",
                code="RC721",
                hint="Name the columns as `models inspect` lists them.",
            )
