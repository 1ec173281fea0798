"""Tables between modules: named columns of numbers or texts, and their CSV form."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retrainctl.emulator.training.failure import ModuleFailed, library_failure

Values: TypeAlias = NDArray[Any]
"""float64 with NaN for missing, or objects that are str or None."""

_MOST_CELLS = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`columns` are all of one length. `label` names the label column once a model has made the scores beside it."""

    names: tuple[str, ...]
    columns: tuple[Values, ...]
    label: str | None = None

    @property
    def rows(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def numeric(self, index: int) -> bool:
        return self.columns[index].dtype.kind == "f"

    def index(self, name: str) -> int | None:
        """The column's place, None when there is none."""
        return self.names.index(name) if name in self.names else None

    def take(self, places: Iterable[int]) -> Table:
        """These columns, in this order."""
        chosen = list(places)
        return replace(self, names=tuple(self.names[i] for i in chosen), columns=tuple(self.columns[i] for i in chosen))

    def filter(self, keep: NDArray[Any]) -> Table:
        """The rows of a mask or of a list of row numbers."""
        return replace(self, columns=tuple(column[keep] for column in self.columns))

    def with_column(self, name: str, values: Values) -> Table:
        """A column added at the end, or put in the place of the one of this name."""
        place = self.index(name)
        if place is None:
            return replace(self, names=(*self.names, name), columns=(*self.columns, values))
        return replace(self, columns=(*self.columns[:place], values, *self.columns[place + 1 :]))

    def records(self) -> list[dict[str, object]]:
        """Rows by column name, missing values as None; numbers as float."""
        lists = [
            [None if value != value else value for value in column.tolist()] if column.dtype.kind == "f" else column
            for column in self.columns
        ]
        return [dict(zip(self.names, row, strict=True)) for row in zip(*lists, strict=True)]


def missing(values: Values) -> NDArray[np.bool_]:
    """True where there is no value."""
    if values.dtype.kind == "f":
        return np.isnan(values)
    return np.fromiter((value is None for value in values), dtype=bool, count=len(values))


def from_cells(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> Table:
    """A table from plain cells: None or "" are missing; a column of numbers, or of texts that all are, is numeric."""
    return Table(names=tuple(names), columns=tuple(column_of(cells) for cells in columns))


def column_of(cells: Sequence[Any]) -> Values:
    """One column from plain cells, as `from_cells` says."""
    try:
        numbers = [_number(cell) for cell in cells]
    except ValueError:
        return objects([None if cell is None or cell == "" else _text(cell) for cell in cells])
    return np.array(numbers, dtype=np.float64)


def objects(values: Sequence[Any]) -> Values:
    """A text column."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _number(cell: Any) -> float:
    if cell is None or cell == "":
        return float("nan")
    if isinstance(cell, bool) or not isinstance(cell, (str, int, float)):
        raise ValueError
    value = float(cell)  # a ValueError makes the column one of texts
    if isinstance(cell, str) and (cell[-1] in "fFyY" or "_" in cell):
        # Python alone reads 1_000 as a number, and `infinity` is a word here; NaN is a missing number.
        raise ValueError
    return value


def _text(cell: Any) -> str:
    return cell if isinstance(cell, str) else show(cell)


def show(value: Any) -> str:
    """A value as the service writes it: whole numbers without a point, no value as nothing."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


def csv_form(name: str) -> tuple[bool, str]:
    """Whether a file of this name has a header row, and its separator (`.nh.csv` has none, `.tsv` has tabs)."""
    low = name.lower()
    return not low.endswith((".nh.csv", ".nh.tsv")), "\t" if low.endswith(".tsv") else ","


def read_csv(data: bytes, module: str, *, header: bool = True, separator: str = ",") -> Table:
    """A data blob as a table; without a header row the columns are Col1, Col2, ...

    Raises:
        ModuleFailed: not UTF-8, no rows at all, ragged rows, or far too large for one machine.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise library_failure(module, f"the data is not UTF-8 text ({error.reason} at byte {error.start})") from None
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row]
    except csv.Error as error:
        raise library_failure(module, f"the data cannot be read as CSV: {error}") from None
    if not rows:
        raise ModuleFailed(module, "0003", "NullOrEmpty", "One or more of inputs are null or empty: the data is empty.")
    names = rows.pop(0) if header else [f"Col{index + 1}" for index in range(len(rows[0]))]
    if len(set(names)) != len(names):
        raise ModuleFailed(module, "0028", "DuplicatedColumnName", "Column names must be unique.")
    if any(len(row) != len(names) for row in rows):
        raise library_failure(module, "All rows must have same number of elements")
    if len(rows) * len(names) > _MOST_CELLS:
        raise ModuleFailed(module, "0138", "MemoryQuotaViolation", "Memory has been exhausted.")
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in names]
    return from_cells(names, columns)


def write_csv(table: Table, *, header: bool = True, separator: str = ",") -> bytes:
    """The table with a header row, as the service writes results; lines end with CR LF."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator="\r\n")
    if header:
        writer.writerow(table.names)
    shown = [[show(value) for value in column.tolist()] for column in table.columns]
    writer.writerows(zip(*shown, strict=True))
    return text.getvalue().encode()


def as_table(value: Any, module: str) -> Table:
    """The value of a dataset port.

    Raises:
        ModuleFailed: nothing is connected, or something that is no dataset.
    """
    if isinstance(value, Table):
        return value
    if value is None:
        raise ModuleFailed(module, "0003", "NullOrEmpty", "One or more of inputs are null or empty.")
    raise ModuleFailed(module, "0018", "InvalidDataset", "Input dataset is not valid.")
