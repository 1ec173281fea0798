"""What must be said beside scores, judged from the rows and from what is known of the model's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from retrainctl.ilearner.rows import Row, number, text
from retrainctl.ilearner.summary import Column, listing

_FAR: Final = 10.0


def row_notes(
    columns: Sequence[Column], rows: Sequence[Row], scores: Sequence[Mapping[str, object]]
) -> tuple[str, ...]:
    """Unseen values, rows without a score, and numbers far from those of the training."""
    notes = []
    unseen = [(column.name, times) for column in columns if (times := _unseen(column, rows))]
    if unseen:
        shown = listing([f"{name} ({times})" for name, times in unseen])
        notes.append(f"values that training never met, scored as unknown, by column (rows): {shown}")
    empty = sum(1 for score in scores if any(value is None for value in score.values()))
    if empty:
        notes.append(f"{empty} of {len(scores)} rows have a missing value and no score")
    far = [column.name for column in columns if _is_far(column, rows)]
    if far:
        notes.append(
            f"the numbers in {listing(far)} lie far outside what the model was trained on: "
            "a transformation in front of the model may be missing"
        )
    return tuple(notes)


def _unseen(column: Column, rows: Sequence[Row]) -> int:
    if not column.categories:
        return 0
    known = set(column.categories)
    words = (text(row[column.name], index, column.name) for index, row in enumerate(rows))
    return sum(1 for word in words if word is not None and word not in known)


def _is_far(column: Column, rows: Sequence[Row]) -> bool:
    """Whether any value is ten times the trained range away from it.

    The file's normalizer maps the trained range of a column to 0..1 (ilearner-format.md section 10).
    """
    scale, offset = column.scale, column.offset
    if not scale or offset is None:
        return False
    figures = (number(row[column.name], index, column.name) for index, row in enumerate(rows))
    return any(abs((figure - offset) * scale) > _FAR for figure in figures)
