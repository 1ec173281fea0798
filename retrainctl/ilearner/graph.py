"""Picks the members of a learner out of its object graph (ilearner-format.md section 3)."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.limits import Limits
from retrainctl.ilearner.model import Label, Scalar, Setting
from retrainctl.ilearner.nrbf import (
    PRIMITIVE_NAMES,
    PRIMITIVES,
    Instance,
    PrimitiveArray,
    Reference,
    ReferenceArray,
    Stream,
    Target,
    Value,
)
from retrainctl.ilearner.source import Source

_BYTE: Final = 2
_LABEL_TYPES: Final = {1: "Numeric", 4: "String"}
_BACKING: Final = ">k__BackingField"
# The form of a weight column: six bytes, the length of a name and the name in UTF-16, 0, 11 (Double), rank 1, count.
_PROXY_HEAD: Final = (
    b"\x01\0\0\0\0\0" + struct.pack("<i", 14) + "ExieDenseArray".encode("utf-16-le") + struct.pack("<3i", 0, 11, 1)
)
_PROXY_TAIL: Final = bytes(8)


class Table(NamedTuple):
    """The learner's own table of a linear model: slot names and weights, each with the bias first."""

    names: tuple[str, ...]
    weights: tuple[float, ...]
    offset: int


class Graph:
    """A stream with the file behind it, for arrays that were left there."""

    __slots__ = ("limits", "source", "stream")

    def __init__(self, stream: Stream, source: Source, limits: Limits) -> None:
        self.stream = stream
        self.source = source
        self.limits = limits

    def follow(self, value: Value) -> Value | Target:
        return self.stream.objects[value.object_id] if isinstance(value, Reference) else value

    def members(self, instance: Instance) -> Iterator[tuple[str, Value | Target]]:
        """Members by their plain names: without the base class's name, without the compiler's decoration."""
        for name, value in zip(instance.layout.names, instance.values, strict=True):
            plain = name.rpartition("+")[2]
            if plain.startswith("<") and plain.endswith(_BACKING):
                plain = plain[1 : -len(_BACKING)]
            yield plain, self.follow(value)

    def member(self, instance: Instance, name: str) -> Value | Target:
        """The member of this plain name, None when there is none."""
        return next((value for plain, value in self.members(instance) if plain == name), None)

    def root_bytes(self, name: str) -> PrimitiveArray | None:
        """A byte array of the root, still in the file."""
        value = self.member(self.stream.root, name)
        return value if isinstance(value, PrimitiveArray) and value.primitive == _BYTE else None

    def numbers(self, array: PrimitiveArray) -> tuple[bool | int | float, ...]:
        if array.length > self.limits.elements:
            raise IlearnerError(
                f"{array.length} numbers, the limit is {self.limits.elements}", offset=array.offset, code="RC706"
            )
        code = PRIMITIVES[array.primitive].format
        data = self.source.read_at(array.start, array.size)
        return struct.unpack(f"<{array.length}{code[1:]}", data)

    def items(self, value: Value | Target) -> tuple[Value | Target, ...] | None:
        """The members of an array or of a `List<T>`, whose array may be longer than the list."""
        if isinstance(value, ReferenceArray):
            return tuple(self.follow(item) for item in value.items)
        if isinstance(value, PrimitiveArray):
            return self.numbers(value)
        if not isinstance(value, Instance):
            return None
        held, size = self.items_of_list(value)
        if held is None or not isinstance(size, int):
            return None
        if not 0 <= size <= len(held):
            raise IlearnerError(f"a list of 0 to {len(held)} items expected, found {size}", offset=value.offset)
        return held[:size]

    def items_of_list(self, instance: Instance) -> tuple[tuple[Value | Target, ...] | None, Value | Target]:
        array = self.member(instance, "_items")
        if isinstance(array, Instance):
            return None, None
        return self.items(array), self.member(instance, "_size")


def describe(graph: Graph, value: Value | Target) -> str:
    """The .NET type of a value as far as the stream says it."""
    match value:
        case None:
            return "null"
        case Instance():
            return value.layout.name
        case PrimitiveArray():
            return f"{PRIMITIVE_NAMES[value.primitive]}[{value.length}]"
        case ReferenceArray():
            return f"Object[{len(value.items)}]"
        case bool():
            return "Boolean"
        case int():
            return "Int"
        case float():
            return "Double"
    return "String"


def read_settings(graph: Graph) -> tuple[Setting, ...]:
    """The hyper-parameters: every plain member of the settings object, as named there."""
    settings = graph.member(graph.stream.root, "Settings")
    if not isinstance(settings, Instance):
        return ()
    return tuple(
        Setting(name=name, value=value)
        for name, value in graph.members(settings)
        if isinstance(value, (bool, int, float, str))
    )


def read_label(graph: Graph) -> tuple[Label | None, tuple[str, ...]]:
    """The label column and its values, and in sentences what of it is not understood."""
    root = graph.stream.root
    attribute = graph.member(root, "LabelAttribute")
    if not isinstance(attribute, Instance):
        return None, ("the file names no label column",)
    name = graph.member(attribute, "Name")
    kind = graph.member(attribute, "Type")
    number = graph.member(kind, "value__") if isinstance(kind, Instance) else None
    if not isinstance(name, str) or not isinstance(number, int):
        raise IlearnerError("a label attribute with a name and a type expected", offset=attribute.offset)
    listed = graph.member(root, "LabelValues")
    values, value_type = _label_values(graph, listed)
    missing: list[str] = []
    if number not in _LABEL_TYPES:
        missing.append(f"the label has attribute type {number}, which no sample explains")
    if values is None:
        missing.append("the label's values are not a list that is understood")
    label = Label(
        name=name,
        type=_LABEL_TYPES.get(number, f"AttributeType {number}"),
        value_type=value_type,
        values=values or (),
    )
    return label, tuple(missing)


def _label_values(graph: Graph, value: Value | Target) -> tuple[tuple[Scalar, ...] | None, str]:
    items = graph.items(value)
    if items is None or not isinstance(value, Instance):
        return None, ""
    array = graph.member(value, "_items")
    kind = PRIMITIVE_NAMES[array.primitive] if isinstance(array, PrimitiveArray) else "String"
    scalars = tuple(item for item in items if isinstance(item, (bool, int, float, str)))
    if len(scalars) != len(items) or any(isinstance(item, float) and not math.isfinite(item) for item in scalars):
        return None, kind
    return scalars, kind


def read_table(graph: Graph) -> tuple[Table | None, str | None]:
    """The `modelTable` of a linear model, or why it is not used."""
    table = graph.member(graph.stream.root, "modelTable")
    if not isinstance(table, Instance):
        return None, None
    columns = graph.member(table, "featureColumns")
    if not isinstance(columns, Instance):
        return None, "the model table has no columns"
    titles = graph.items(graph.member(columns, "indexToName"))
    arrays = graph.items(graph.member(columns, "items"))
    if titles != ("Feature", "Weight") or arrays is None or len(arrays) != 2:
        return None, "the model table is not one of names and weights"
    names, weights = arrays
    if not isinstance(names, Instance) or not isinstance(weights, Instance):
        return None, "the model table's columns are not arrays"
    elements = graph.items(graph.member(names, "elements"))
    numbers = _proxy(graph, graph.member(weights, "serializedArray"))
    if elements is None or numbers is None:
        return None, "the model table's columns have an unknown form"
    texts = tuple(item for item in elements if isinstance(item, str))
    if len(texts) != len(elements) or len(texts) != len(numbers) or texts[:1] != ("Bias",):
        raise IlearnerError(
            "a model table with one name per weight, the bias first, expected", offset=table.offset, code="RC708"
        )
    return Table(names=texts, weights=numbers, offset=table.offset), None


def _proxy(graph: Graph, value: Value | Target) -> tuple[float, ...] | None:
    """The doubles of a serialised dense array (ilearner-format.md 3.1); None when it has another form."""
    head = len(_PROXY_HEAD)
    if not isinstance(value, PrimitiveArray) or value.primitive != _BYTE or value.size < head + 16:
        return None
    if value.size > 8 * graph.limits.slots + head + 24:
        raise IlearnerError("more weights than the limit allows", offset=value.offset, code="RC706")
    data = graph.source.read_at(value.start, value.size)
    (count,) = struct.unpack_from("<q", data, head)
    if data[:head] != _PROXY_HEAD or data[-8:] != _PROXY_TAIL or value.size != head + 16 + 8 * count:
        return None
    numbers: tuple[float, ...] = struct.unpack_from(f"<{count}d", data, head + 8)
    return numbers
