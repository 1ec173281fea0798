"""One YAML document as plain data, with the place of every key and value kept beside it.

Places are packed numbers in the order in which the document is read (each key before its value), so that they cost
eight bytes each and nothing is computed until somebody asks where something is.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Any, Final, TypeAlias

from retrainctl.diagnostics import Span
from retrainctl.fastclass import dataclass
from retrainctl.manifest.scalars import Trap

Step: TypeAlias = "str | int"

LINE_SHIFT: Final = 26
COLUMN_MASK: Final = (1 << LINE_SHIFT) - 1

TWICE: Final = "\x00"
"""Joins a key that stands twice in one mapping with a number; no other key can hold this character."""


@dataclass(slots=True, kw_only=True)
class Document:
    """A parsed document.

    data: plain JSON values; shared, never changed. marks: packed places, one per key and value in reading order.
    traps: plain scalars that readers would take differently: position in `marks`, the scalar, the key it belongs to.
    refused: reading positions of what the reader has reported.
    templated: whether any scalar holds `{{`. broken: whether it has errors that make it unusable.
    """

    file: str
    data: Any
    marks: array[int]
    traps: Sequence[tuple[int, Trap, str | None]] = ()
    refused: frozenset[int] = frozenset()
    templated: bool = False
    broken: bool = False
    _span: Span | None = field(default=None, repr=False)

    @property
    def start(self) -> Span:
        """Where the document begins."""
        if self._span is None:
            self._span = self.span_at(0)
        return self._span

    def span_at(self, index: int) -> Span:
        """The place of the key or value at a reading position."""
        packed = self.marks[index]
        return Span(self.file, (packed >> LINE_SHIFT) + 1, (packed & COLUMN_MASK) + 1)

    def span(self, path: Sequence[Step], *, key: bool = True) -> Span:
        """The place of what `path` leads to, or of the innermost part of it that exists.

        key: the place of the member's name, where the last step is a member; else that of its value.
        """
        at_key, at_value, _ = self.find(path)
        return self.span_at(at_key if key else at_value)

    def find(self, path: Sequence[Step]) -> tuple[int, int, int]:
        """Reading positions of the key and the value at `path`, and how many steps of it there are."""
        node, key, value = self.data, 0, 0
        for depth, step in enumerate(path):
            for child_key, child_value, name, child in children(node, value):
                if name == step:
                    node, key, value = child, child_key, child_value
                    break
            else:
                return key, value, depth
        return key, value, len(path)

    def path_at(self, index: int) -> tuple[Step, ...]:
        """The path of the key or value at a reading position."""
        node, at = self.data, 0
        path: tuple[Step, ...] = ()
        while at != index:
            found = None
            for child_key, child_value, name, child in children(node, at):
                if child_key > index:
                    break
                found = (child_key, child_value, name, child)
            if found is None:
                return path
            path = (*path, found[2])
            if found[0] == index:
                return path
            at, node = found[1], found[3]
        return path


def children(node: Any, at: int) -> Iterator[tuple[int, int, Step, Any]]:
    """The members of a mapping or list at reading position `at`: position of key and value, name, value."""
    at += 1
    if type(node) is dict:
        for name, child in node.items():
            yield at, at + 1, name, child
            at += 1 + size(child)
    elif type(node) is list:
        for position, child in enumerate(node):
            yield at, at, position, child
            at += size(child)


def size(node: Any) -> int:
    """How many reading positions a value takes, itself included."""
    if type(node) is dict:
        return 1 + len(node) + sum(map(size, node.values()))
    if type(node) is list:
        return 1 + sum(map(size, node))
    return 1
