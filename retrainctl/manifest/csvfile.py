"""CSV tables whose rows know their line: for `forEach` and for versions of models."""

from __future__ import annotations

import csv
import io
from array import array
from collections.abc import Mapping
from typing import Final

from retrainctl.diagnostics import Diagnostics, Span
from retrainctl.fastclass import dataclass
from retrainctl.manifest.source import MAX_CSV, Sources

MAX_ROWS: Final = 1_000_000
MAX_REPORTED: Final = 20
"""So many bad rows are reported per file."""


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file with a header. lines: the first line of each row. exact: no cell is quoted, so columns can be told."""

    file: str
    header: tuple[str, ...]
    rows: list[list[str]]
    lines: array[int]
    exact: bool

    def span(self, row: int, column: str | None = None) -> Span:
        """The place of a row, or of one of its cells where that can be told."""
        if column is None:
            return Span(self.file, self.lines[row], 1)
        at = 1
        if self.exact and column in self.header:
            at += sum(len(cell) + 1 for cell in self.rows[row][: self.header.index(column)])
        return Span(self.file, self.lines[row], at)

    def mapping(self, row: int) -> Mapping[str, str]:
        """A row as column name to text."""
        return dict(zip(self.header, self.rows[row], strict=True))


def load(sources: Sources, file: str, named_at: Span | None) -> Table | None:
    """Reads a table; None, with everything reported, when it cannot be used."""
    text = sources.text(file, named_at, MAX_CSV)
    return None if text is None else parse(text, file, sources.found)


def parse(text: str, file: str, found: Diagnostics) -> Table | None:
    """The table in a text: comma-separated, RFC 4180 quotes, empty lines passed over."""
    return _plain(text, file) or _careful(text, file, found)


def _plain(text: str, file: str) -> Table | None:
    """The table where every line is a row of as many cells as the header has, which is how nearly all files are."""
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if '"' in text or "\r" in text:
        return None
    lines = text.removesuffix("\n").split("\n")
    if not 1 < len(lines) <= MAX_ROWS or "" in lines or max(map(len, lines)) > csv.field_size_limit():
        return None
    rows = [line.split(",") for line in lines]
    if len(set(map(len, rows))) != 1:
        return None
    wrong = Diagnostics()
    header = _header(rows.pop(0), Span(file, 1, 1), wrong)
    return None if wrong else Table(file, header, rows, array("L", range(2, len(rows) + 2)), True)


def _careful(text: str, file: str, found: Diagnostics) -> Table | None:
    """The same row by row, with the line of each, and everything that is wrong reported."""
    before = len(found)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    lines = array("L")
    header: tuple[str, ...] = ()
    began = 1
    try:
        for row in reader:
            if not row:
                pass
            elif not header:
                header = _header(row, Span(file, began, 1), found)
            elif len(row) == len(header):
                rows.append(row)
                lines.append(began)
            else:
                message = f"this row has {len(row)} cells, the header has {len(header)} columns"
                found.error("RC126", message, Span(file, began, 1), "Mend the row; put a cell with a comma in quotes.")
                if len(found) - before >= MAX_REPORTED:
                    break
            if len(rows) > MAX_ROWS:
                found.error("RC103", f"more than {MAX_ROWS:,} rows", Span(file, began, 1), "Split the file.")
                break
            began = reader.line_num + 1
    except csv.Error as error:
        hint = "Quotes stand around a whole cell, and are doubled inside."
        found.error("RC126", f"the CSV cannot be read here: {error}", Span(file, began, 1), hint)
    if not header and len(found) == before:
        found.error("RC126", "the file has no header line", Span(file, 1, 1), "Begin with a line of column names.")
    if len(found) > before:
        return None
    return Table(file, header, rows, lines, '"' not in text)


def _header(row: list[str], span: Span, found: Diagnostics) -> tuple[str, ...]:
    names = tuple(name.strip() for name in row)
    if len(names) == 1 and ";" in names[0]:
        found.error("RC126", "the columns are parted by semicolons", span, "Save the file with commas between columns.")
    for position, name in enumerate(names, start=1):
        if not name:
            found.error("RC126", f"column {position} has no name", span, "Name every column.")
        elif name in names[: position - 1]:
            found.error("RC126", f'the column "{name}" stands twice', span, "Keep one of the two.")
    return names
