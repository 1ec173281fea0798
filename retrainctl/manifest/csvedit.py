"""Changing single cells of a CSV file and adding rows, every other byte as it was."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import Final

from retrainctl.fastclass import dataclass

_CELL = re.compile(r'"(?:[^"]|"")*"|[^,\r\n]*')
_END = re.compile(r"\r\n|\n|\r")
_NEEDS_QUOTES: Final = frozenset(',"\r\n')

Cell = tuple[int, int]
"""Where a cell begins and ends in the text, its quotes included."""


@dataclass(slots=True)
class _Row:
    line: int
    cells: list[Cell]
    end: int
    """Where the row ends, its line end not included."""


@dataclass
class CsvEdit:
    """The text of a CSV file that `csvfile.parse` accepts, and what shall change in it."""

    text: str
    _changes: dict[tuple[int, int], str] = field(default_factory=dict)
    _added: dict[int, list[Mapping[str, str]]] = field(default_factory=dict)
    _columns: list[str] = field(default_factory=list)

    @cached_property
    def header(self) -> tuple[str, ...]:
        """The column names, blanks at their ends removed."""
        return tuple(_value(self.text[start:end]).strip() for start, end in self._rows[0].cells)

    @property
    def columns(self) -> tuple[str, ...]:
        """The header with the columns that are added."""
        return (*self.header, *self._columns)

    def cell(self, line: int, column: str) -> str:
        """The text of a cell of the row that begins in that line (from 1)."""
        start, end = self._cell(line, column)
        return _value(self.text[start:end])

    def change(self, line: int, column: str, value: str) -> None:
        """Gives a cell another text; it stays in quotes where it is."""
        start, end = self._cell(line, column)
        quoted = self.text[start : start + 1] == '"'
        self._changes[start, end] = _written(value, quoted=quoted)

    def add(self, after: int | None, cells: Mapping[str, str]) -> None:
        """A new row below the one that begins in line `after`, or at the end; columns that are not named stay empty."""
        row = len(self._rows) - 1 if after is None else self._by_line[after]
        self._added.setdefault(row, []).append(cells)

    def widen(self, names: Sequence[str]) -> list[str]:
        """Adds columns that are not there, at the right; gives those that were added."""
        new = [name for name in names if name not in self.columns]
        self._columns += new
        return new

    def result(self) -> str:
        """The new text."""
        edits = dict(self._changes)
        if self._columns:
            names = "".join(f",{_written(name)}" for name in self._columns)
            blank = "," * len(self._columns)
            for number, row in enumerate(self._rows):
                edits[row.end, row.end] = blank if number else names
        for number, added in self._added.items():
            at = self._rows[number].end
            lines = "".join(
                self._newline + ",".join(_written(cells.get(name, "")) for name in self.columns) for cells in added
            )
            edits[at, at] = edits.get((at, at), "") + lines
        parts: list[str] = []
        done = 0
        for (start, end), replacement in sorted(edits.items()):
            parts += (self.text[done:start], replacement)
            done = end
        return "".join((*parts, self.text[done:]))

    def _cell(self, line: int, column: str) -> Cell:
        return self._rows[self._by_line[line]].cells[self.header.index(column)]

    @cached_property
    def _by_line(self) -> dict[int, int]:
        return {row.line: number for number, row in enumerate(self._rows)}

    @cached_property
    def _newline(self) -> str:
        found = _END.search(self.text)
        return found[0] if found else "\n"

    @cached_property
    def _rows(self) -> list[_Row]:
        """Every row that is not empty, the header first."""
        text, at, line = self.text, 0, 1
        rows: list[_Row] = []
        while at < len(text):
            cells: list[Cell] = []
            while True:
                match = _CELL.match(text, at)
                assert match is not None, "the pattern matches nothing too"
                cells.append(match.span())
                at = match.end()
                if text[at : at + 1] != ",":
                    break
                at += 1
            if cells[0][0] != cells[-1][1]:
                rows.append(_Row(line, cells, at))
            line += text.count("\n", cells[0][0], at)
            found = _END.match(text, at)
            if found is None:
                break
            at, line = found.end(), line + 1
        return rows


def _value(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if cell[:1] == '"' else cell


def _written(value: str, *, quoted: bool = False) -> str:
    if quoted or value != value.strip() or not _NEEDS_QUOTES.isdisjoint(value):
        return '"' + value.replace('"', '""') + '"'
    return value
