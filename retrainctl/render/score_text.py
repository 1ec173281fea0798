"""Tables that a web service sent: for people, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from retrainctl.render.escape import visible
from retrainctl.render.style import PLAIN, Style
from retrainctl.render.table import table

Scores = Sequence[tuple[str, Sequence[str], Sequence[Sequence[Any]]]]
"""Port, columns and rows of each table."""


def scores_text(tables: Scores, style: Style = PLAIN) -> str:
    """Aligned columns; the port is named where there are several."""
    lines: list[str] = []
    for port, columns, rows in tables:
        if len(tables) > 1:
            lines += ([""] if lines else []) + [style.paint("strong", visible(port))]
        cells = [[_cell(value) for value in row] for row in rows]
        numeric = {at for at in range(len(columns)) if cells and all(_is_number(row[at]) for row in cells)}
        lines += table([visible(name) for name in columns], cells, style, right=numeric, indent=0)
    return "\n".join(lines or ["The answer has no table."]) + "\n"


def scores_csv(tables: Scores) -> str:
    """The first table as CSV; the others are in the JSON form only."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    for _, columns, rows in tables[:1]:
        writer.writerow(columns)
        writer.writerows(["" if value is None else value for value in row] for row in rows)
    return buffer.getvalue()


def _cell(value: Any) -> str:
    return "" if value is None else visible(str(value))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
