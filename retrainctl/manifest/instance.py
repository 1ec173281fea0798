"""One resource of a document: its finished data, the item that it was made for, and where each part came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from retrainctl.diagnostics import Span
from retrainctl.fastclass import dataclass
from retrainctl.manifest.csvfile import Table
from retrainctl.manifest.document import Document, Step, children
from retrainctl.manifest.tree import Tree
from retrainctl.model.address import Address
from retrainctl.model.values import Path


@dataclass(slots=True)
class Item:
    """One item of a `forEach`: a CSV row (`table` and `row`), or a value with its place in the manifest."""

    given: Any
    span: Span | None = None
    table: Table | None = None
    row: int = 0

    @property
    def value(self) -> Any:
        """What `item` stands for. A row is made into a mapping when it is asked for: projects have many."""
        return self.given if self.table is None else self.table.mapping(self.row)

    def place(self, column: str | None) -> Span | None:
        """Where the item stands, or its cell in that column."""
        return self.span if self.table is None else self.table.span(self.row, column)


@dataclass(slots=True)
class Instance:
    """A manifest with all expressions evaluated.

    address, spec: of data that satisfies the schema, else unset.
    """

    document: Document
    filled: Any
    tree: Tree | None = None
    item: Item | None = None
    address: Address = field(init=False)
    spec: Mapping[str, Any] = field(init=False)
    _origin: Span | None = None

    @property
    def data(self) -> Any:
        """`{apiVersion, kind, metadata, spec}`."""
        if self.filled is not None:
            return self.filled
        if self.tree is None:
            return self.document.data
        return self.tree.fill(self.item.value if self.item is not None else None)[0]

    def forget(self) -> None:
        """Lets go of what can be made again: in a large project of one `forEach`, a third of its memory."""
        self.filled = None

    def checked(self, kind: str, data: Any) -> Address:
        """Takes address and spec from the data, which satisfies the schema."""
        self.spec = data["spec"]
        self.address = address = Address(kind, data["metadata"]["name"])
        return address

    @property
    def origin(self) -> Span:
        """The CSV row or list item that made it, else the document."""
        if self._origin is None:
            item = self.item
            if item is not None and (table := item.table) is not None:
                self._origin = Span(table.file, table.lines[item.row], 1)
            else:
                self._origin = (item.span if item is not None else None) or self.document.start
        return self._origin

    def span(self, path: Sequence[Step], *, key: bool = True) -> Span:
        """Where a member's name (else its value) stands; a value that came from an item is where the item is.

        Of a path that does not exist, the innermost part that does.
        """
        at_key, at_value, depth = self.find(path)
        if self.item is not None and self.tree is not None and depth == len(path):
            template = self.tree.items.get(at_value)
            if template is not None and (made := self.item.place(template.column)) is not None:
                return made
        return self.document.span_at(at_key if key else at_value)

    def span_at(self, index: int) -> Span:
        """The same for a reading position of the document."""
        if self.item is not None and self.tree is not None and (template := self.tree.items.get(index)) is not None:
            made = self.item.place(template.column)
            if made is not None:
                return made
        return self.document.span_at(index)

    def find(self, path: Sequence[Step]) -> tuple[int, int, int]:
        """Reading positions of key and value at a path of the finished data, and how many steps of it there are."""
        if self.tree is None or not self.document.templated:
            return self.document.find(path)
        if self.tree.fixed_keys:
            return self.tree.find(tuple(path))
        node, key, value = self.document.data, 0, 0
        item = self.item.value if self.item is not None else None
        for depth, step in enumerate(path):
            for child_key, child_value, name, child in children(node, value):
                if name == step or (isinstance(name, str) and "{{" in name and self.tree.name(name, item) == step):
                    node, key, value = child, child_key, child_value
                    break
            else:
                return key, value, depth
        return key, value, len(path)


@dataclass(slots=True, eq=False)
class Spans(Mapping[Path, Span]):
    """The places of a resource's fields, found when asked for.

    A field stands at `spec.FIELD`; one that `spec` does not name comes from the file that `fallback` names.
    """

    instance: Instance
    fallback: str | None = None

    def __getitem__(self, path: Path) -> Span:
        if path and path[0] not in self.instance.spec and self.fallback is not None:
            path = (self.fallback,)
        return self.instance.span(("spec", *path))

    def __iter__(self) -> Iterator[Path]:
        return ((name,) for name in self.instance.spec)

    def __len__(self) -> int:
        return len(self.instance.spec)
