"""Changing single values of a YAML file and adding list items, every other byte as it was: the only door to `ruamel`.

ruamel.yaml finds the exact place of every node; the text itself is changed by hand, because writing it anew would lay
out the whole file in another way. Whoever edits reads the result again and compares (`manifest.edit`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from retrainctl.fastclass import dataclass
from retrainctl.manifest.scalars import DATE, Trap, plain

_DOCUMENT = re.compile(r"^(?:---|\.\.\.)(?=\s|$)", re.MULTILINE)
_PLAIN = re.compile(r"[A-Za-z0-9_/.][A-Za-z0-9_/.:+()-]*(?: [A-Za-z0-9_/.(][A-Za-z0-9_/.:+()-]*)*")
_WIDTH: Final = 116
_BLOCK_INDENT: Final = 2

Place = tuple[int, int]
"""Line and column, from 1, as a `Span` has them."""


@dataclass
class YamlEdit:
    """The text of a YAML file (without byte order mark) that `yamlfile.read` accepts, and what shall change in it."""

    text: str
    _changes: dict[tuple[int, int], str] = field(default_factory=dict)
    _parsed: dict[int, dict[Place, Any]] = field(default_factory=dict)

    def scalar(self, place: Place) -> str:
        """The scalar that begins there, as it stands in the text."""
        start, end = self._extent(place)
        return self.text[start:end]

    def change_tail(self, place: Place, old: str, new: str) -> None:
        """Replaces the end of the scalar that begins there; it stays in its quotes."""
        start, end = self._extent(place)
        raw = self.text[start:end]
        at = raw.rfind(old)
        if at < 0:
            raise ValueError(f"the scalar does not hold {old!r}")
        self._changes[start + at, start + at + len(old)] = new

    def append(self, place: Place, key_column: int, item: Mapping[str, Any]) -> None:
        """Adds a mapping to the list that begins there, laid out as the last item is.

        key_column: of the key that the list belongs to, from 1: an empty list is indented by it.
        """
        node = self._node(place)
        newline = "\r\n" if "\r\n" in self.text else "\n"
        base = self._base(place)
        if node.flow_style and node.value:
            at = base + node.value[-1].end_mark.index
            self._insert(at, f", {_flow(item)}")
        elif node.flow_style:
            start, end = base + node.start_mark.index, base + node.end_mark.index
            if self._in_flow(place):
                self._changes[start, end] = f"[{_flow(item)}]"
                return
            indent = " " * (key_column - 1 + _BLOCK_INDENT)
            lead = start - len(self.text[:start]) + len(self.text[:start].rstrip(" "))
            self._changes[lead, end] = newline + newline.join(_block(item, indent)).rstrip()
        else:
            last = node.value[-1]
            at = self._line_end(base + _last_end(last))
            indent = " " * node.start_mark.column
            lead = " " * (last.start_mark.column - node.start_mark.column - 1)
            if last.flow_style:
                lines = _wrapped(f"{indent}-{lead}{_flow(item)}", len(indent) + 1 + len(lead) + 1)
            else:
                lines = _block(item, indent, lead)
            self._insert(at, newline + newline.join(lines))

    def result(self) -> str:
        """The new text."""
        parts: list[str] = []
        done = 0
        for (start, end), replacement in sorted(self._changes.items()):
            parts += (self.text[done:start], replacement)
            done = end
        return "".join((*parts, self.text[done:]))

    def _insert(self, at: int, text: str) -> None:
        self._changes[at, at] = self._changes.get((at, at), "") + text

    def _line_end(self, at: int) -> int:
        """Where the line ends that `at` is in, a comment behind the item included."""
        end = self.text.find("\n", at)
        if end < 0:
            return len(self.text)
        return end - 1 if self.text[end - 1 : end] == "\r" else end

    def _extent(self, place: Place) -> tuple[int, int]:
        node, base = self._node(place), self._base(place)
        return base + node.start_mark.index, base + node.end_mark.index

    def _node(self, place: Place) -> Any:
        return self._nodes(place)[place][0]

    def _in_flow(self, place: Place) -> bool:
        return bool(self._nodes(place)[place][1])

    def _base(self, place: Place) -> int:
        return self._documents[self._document(place)][1]

    def _nodes(self, place: Place) -> dict[Place, Any]:
        """Every node of the place's document by where it begins, and whether it stands inside flow style."""
        number = self._document(place)
        if number not in self._parsed:
            first, start, end = self._documents[number]
            nodes: dict[Place, Any] = {}
            for node, in_flow in _walk(_composed(self.text[start:end]), False):
                at = (first + node.start_mark.line, node.start_mark.column + 1)
                nodes.setdefault(at, (node, in_flow))
            self._parsed[number] = nodes
        return self._parsed[number]

    def _document(self, place: Place) -> int:
        number = 0
        for position, (first, _, _) in enumerate(self._documents):
            if first <= place[0]:
                number = position
        return number

    @cached_property
    def _documents(self) -> list[tuple[int, int, int]]:
        """First line (from 1), start and end of each part that holds at most one document."""
        starts = [0, *(match.start() for match in _DOCUMENT.finditer(self.text) if match.start())]
        ends = [*starts[1:], len(self.text)]
        lines = [1]
        for start, end in zip(starts, ends, strict=True):
            lines.append(lines[-1] + self.text.count("\n", start, end))
        return list(zip(lines[:-1], starts, ends, strict=True))


def _composed(text: str) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="rt", pure=True).compose(text)


def _walk(node: Any, in_flow: bool) -> Iterator[tuple[Any, bool]]:
    """Mappings first, then what begins at the same place: a list is asked for by the place of its bracket or dash."""
    if node is None:
        return
    if node.id == "sequence":
        yield node, in_flow
        for item in node.value:
            yield from _walk(item, in_flow or bool(node.flow_style))
    elif node.id == "mapping":
        for key, value in node.value:
            yield from _walk(key, in_flow or bool(node.flow_style))
            yield from _walk(value, in_flow or bool(node.flow_style))
    else:
        yield node, in_flow


def _last_end(node: Any) -> int:
    """Where the text of a node ends: the mark of a block collection is only where the next token begins."""
    if node.id == "scalar" or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _last_end(last[1] if node.id == "mapping" else last)


def _block(item: Mapping[str, Any], indent: str, lead: str = " ") -> list[str]:
    """A list item as a block mapping: `- name: value`, further members below it. Collections are in flow style."""
    inner = indent + " " + lead
    lines: list[str] = []
    for number, (name, value) in enumerate(item.items()):
        start = f"{indent}-{lead}" if not number else inner
        lines += _wrapped(f"{start}{scalar(name)}: {_flow_value(value)}", len(inner) + _BLOCK_INDENT)
    return lines


def _wrapped(line: str, indent: int) -> list[str]:
    """A line with flow style in it, broken behind commas where it gets too long."""
    lines: list[str] = []
    while len(line) > _WIDTH:
        cut = _cut(line, indent, inside=bool(lines))
        if cut is None:
            break
        lines.append(line[:cut].rstrip())
        line = " " * indent + line[cut:].lstrip()
    return [*lines, line]


def _cut(line: str, indent: int, *, inside: bool) -> int | None:
    """Where the line may be broken: behind the last comma between members that still fits, outside of quotes.

    inside: it goes on with members of the line above.
    """
    best: int | None = None
    depth, quote = int(inside), ""
    for place, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and line[place - 1] in " {[":
            quote = character
        elif character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
        elif character == "," and depth and line[place + 1 : place + 2] == " ":
            if place + 1 > _WIDTH and best is not None:
                return best
            if place > indent + 1:
                best = place + 1
    return best


def _flow(item: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{scalar(name)}: {_flow_value(value)}" for name, value in item.items()) + "}"


def _flow_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return _flow(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow_value(entry) for entry in value) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A value as YAML that every reader takes for the same, also inside flow style."""
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, float):
        # Never with an exponent: that is a number to some readers and text to others.
        text = format(Decimal(repr(value)), "f")
        return text if "." in text else f"{text}.0"
    if _PLAIN.fullmatch(value) and not value.endswith(":") and ": " not in value:
        read = plain(value)
        if read == value or (isinstance(read, Trap) and read.kind == DATE):
            return str(value)
    if value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    if value.isprintable() and "'" not in value:
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False)
