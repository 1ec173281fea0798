"""A document of a `forEach` over a CSV file as one function of a row: what nearly all large projects consist of.

Where every expression is a plain `{{ item.COLUMN }}`, the data of a row is a display of texts and cells, and Python
makes it many times faster than a walk over the document. Anything else is filled in by `retrainctl.manifest.tree`,
with the same meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from retrainctl.manifest.csvfile import Table
from retrainctl.manifest.document import children
from retrainctl.manifest.expressions import Template, plain_column
from retrainctl.manifest.foreach import MEMBER
from retrainctl.manifest.scope import MAX_TEXT
from retrainctl.manifest.tree import Tree

RowFill: TypeAlias = Callable[[list[str]], Any]

_WORTH: Final = 64
"""With fewer rows, compiling costs more than it saves."""


class _TooRich(Exception):
    """The document holds more than cells and texts."""


def row_filler(tree: Tree, table: Table) -> RowFill | None:
    """The function that makes a document's data from the cells of a row; None where `Tree.fill` has to do it."""
    if len(table.rows) < _WORTH:
        return None
    writer = _Writer(tree, table)
    try:
        source = writer.display(tree.document.data, 0, root=True)
        # The text is made of literals, names of this module's own making and numbers of columns.
        exec(f"def fill(row):\n return {source}", writer.values)  # noqa: S102
    except (_TooRich, RecursionError, SyntaxError, MemoryError):  # the last three: nested deeper than Python reads
        return None
    found: RowFill = writer.values["fill"]
    return found


class _Writer:
    def __init__(self, tree: Tree, table: Table) -> None:
        self._tree = tree
        self._table = table
        self._longest: dict[int, int] = {}
        self._cells = 0
        self.values: dict[str, Any] = {}

    def display(self, node: Any, at: int, *, root: bool = False) -> str:
        """The Python text of a value that stands at a reading position. What no row changes is shared by all."""
        before = self._cells
        if type(node) is dict:
            text = "{" + ", ".join(self._members(node, at, root)) + "}"
        elif type(node) is list:
            text = "[" + ", ".join(self.display(child, place) for _, place, _, child in children(node, at)) + "]"
        else:
            return self._text(node, at) if type(node) is str else self._constant(node)
        if self._cells > before:
            return text
        return self._constant(eval(text, self.values))  # noqa: S307 - a display of constants, made above

    def _members(self, node: dict[Any, Any], at: int, root: bool) -> Iterator[str]:
        for _, value_at, name, child in children(node, at):
            if root and name == MEMBER:
                continue
            if type(name) is not str or "{{" in name:
                raise _TooRich
            yield f"{name!r}: {self.display(child, value_at)}"

    def _constant(self, value: Any) -> str:
        if type(value) is str:
            return repr(value)
        name = f"v{len(self.values)}"
        self.values[name] = value
        return name

    def _text(self, text: str, at: int) -> str:
        if "{{" not in text:
            return repr(text)
        template = self._tree.items.get(at)
        if template is None:
            return self._constant(self._tree.settled[at])
        columns = [plain_column(part) for part in template.parts if not isinstance(part, str)]
        if any(column not in self._table.header for column in columns):
            raise _TooRich
        if len(template.parts) > 1:
            self._check_length(template)
        self._cells += len(columns)
        return " + ".join(
            repr(part) if isinstance(part, str) else f"row[{self._table.header.index(plain_column(part) or '')}]"
            for part in template.parts
        )

    def _check_length(self, template: Template) -> None:
        """No row makes a text that is longer than a text may be."""
        length = 0
        for part in template.parts:
            if isinstance(part, str):
                length += len(part)
            else:
                length += self._width(self._table.header.index(plain_column(part) or ""))
        if length > MAX_TEXT:
            raise _TooRich

    def _width(self, column: int) -> int:
        if column not in self._longest:
            self._longest[column] = max(len(cells[column]) for cells in self._table.rows)
        return self._longest[column]
