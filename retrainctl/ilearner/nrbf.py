"""The .NET binary stream as plain records: the subset of [MS-NRBF] that Studio wrote (ilearner-format.md section 2).

Nothing is instantiated and no type name is resolved: a class is its name and the values of its members. References
stay references, so cycles cost nothing; they are checked after the last record. Records are named tuples: they are
inner values, and a dataclass costs ten times as much to define, which every command would pay.
"""

from __future__ import annotations

import itertools
import struct
from typing import Final, NamedTuple, TypeAlias

from retrainctl.ilearner.limits import Limits
from retrainctl.ilearner.source import Cursor


class Reference(NamedTuple):
    """Points at the object with this id, which may stand later in the stream."""

    object_id: int


class MemberKind(NamedTuple):
    """How a member or an element is written: `binary_type`, and `primitive` where that is 0 or 7."""

    binary_type: int
    primitive: int = 0


class Layout(NamedTuple):
    """A class as the stream describes it. `names` and `kinds` run in parallel."""

    name: str
    names: tuple[str, ...]
    kinds: tuple[MemberKind, ...]


class Instance(NamedTuple):
    """One object: its class, its members in the layout's order, and where its record starts in the file."""

    object_id: int
    layout: Layout
    values: tuple[Value, ...]
    offset: int


class ReferenceArray(NamedTuple):
    """An array of strings, objects or boxed values."""

    object_id: int
    items: tuple[Value, ...]
    offset: int


class PrimitiveArray(NamedTuple):
    """An array of numbers, left in the file: `size` bytes at `start`. `offset` is where the record starts."""

    object_id: int
    primitive: int
    length: int
    start: int
    size: int
    offset: int


Value: TypeAlias = bool | int | float | str | Reference | Instance | ReferenceArray | PrimitiveArray | None
Target: TypeAlias = str | Instance | ReferenceArray | PrimitiveArray


class Stream(NamedTuple):
    """A whole stream. Every reference in it leads to a member of `objects`. `end` is the offset after MessageEnd."""

    root: Instance
    objects: dict[int, Target]
    libraries: tuple[str, ...]
    end: int


# Record types ([MS-NRBF] 2.1.2.1; ilearner-format.md 2.2).
_CLASS_WITH_ID: Final = 1
_SYSTEM_CLASS: Final = 4
_CLASS: Final = 5
_STRING: Final = 6
_BINARY_ARRAY: Final = 7
_BOXED: Final = 8
_REFERENCE: Final = 9
_NULL: Final = 10
_END: Final = 11
_LIBRARY: Final = 12
_NULLS_256: Final = 13
_NULLS: Final = 14
_PRIMITIVE_ARRAY: Final = 15
_OBJECT_ARRAY: Final = 16
_STRING_ARRAY: Final = 17
_REFUSED: Final = {
    2: "a system class without member types",
    3: "a class without member types",
    21: "a remote method call",
    22: "a remote method return",
}
_OBJECT_RECORDS: Final = frozenset(
    (_CLASS_WITH_ID, _SYSTEM_CLASS, _CLASS, _STRING, _BINARY_ARRAY, _PRIMITIVE_ARRAY, _OBJECT_ARRAY, _STRING_ARRAY)
)

# Binary types, and fixed-width primitive codes with their struct format. Char and Decimal vary in width.
_PRIMITIVE: Final = 0
_SYSTEM_TYPE: Final = 3
_CLASS_TYPE: Final = 4
_PRIMITIVE_ARRAY_TYPE: Final = 7
_CHAR: Final = 3
_DECIMAL: Final = 5
PRIMITIVES: Final[dict[int, struct.Struct]] = {
    1: struct.Struct("<?"),
    2: struct.Struct("<B"),
    6: struct.Struct("<d"),
    7: struct.Struct("<h"),
    8: struct.Struct("<i"),
    9: struct.Struct("<q"),
    10: struct.Struct("<b"),
    11: struct.Struct("<f"),
    12: struct.Struct("<q"),
    13: struct.Struct("<Q"),
    14: struct.Struct("<H"),
    15: struct.Struct("<I"),
    16: struct.Struct("<Q"),
}
PRIMITIVE_NAMES: Final = {
    1: "Boolean",
    2: "Byte",
    3: "Char",
    5: "Decimal",
    6: "Double",
    7: "Int16",
    8: "Int32",
    9: "Int64",
    10: "SByte",
    11: "Single",
    12: "TimeSpan",
    13: "DateTime",
    14: "UInt16",
    15: "UInt32",
    16: "UInt64",
}


def read_stream(cursor: Cursor, limits: Limits) -> Stream:
    """Read one stream up to and including its MessageEnd record.

    Raises:
        IlearnerError: with the offset, for anything that is not a well-formed stream within the limits.
    """
    return _Reader(cursor, limits).stream()


class _Reader:
    def __init__(self, cursor: Cursor, limits: Limits) -> None:
        self._in = cursor
        self._limits = limits
        self._objects: dict[int, Target] = {}
        self._layouts: dict[int, Layout] = {}
        self._libraries: dict[int, str] = {}
        self._wanted: dict[int, int] = {}
        self._elements = 0
        self._text_bytes = 0

    def stream(self) -> Stream:
        root_id = self._header()
        while (tag := self._tag("a record")) != _END:
            if tag not in _OBJECT_RECORDS:
                raise self._in.fail(f"an object record expected, found type {tag}", offset=self._in.offset - 1)
            self._value(tag, 0)
        for object_id, offset in self._wanted.items():
            if object_id not in self._objects:
                raise self._in.fail(f"a reference to object {object_id}, which the stream does not hold", offset=offset)
        root = self._objects.get(root_id)
        if not isinstance(root, Instance):
            raise self._in.fail(f"the root object {root_id} must be an object of a class", offset=1)
        return Stream(root=root, objects=self._objects, libraries=tuple(self._libraries.values()), end=self._in.offset)

    def _header(self) -> int:
        if self._in.u8("stream header") != 0:
            raise self._in.fail("a stream header record (type 0) expected", offset=0)
        root_id = self._in.i32("root id")
        found = (self._in.i32("header id"), self._in.i32("major version"), self._in.i32("minor version"))
        if found != (-1, 1, 0):
            raise self._in.fail(f"header id -1 and version 1.0 expected, found {found}", offset=5)
        return root_id

    def _tag(self, what: str) -> int:
        """The type of the next record; libraries may stand before any record and are taken in passing."""
        while (tag := self._in.u8(what)) == _LIBRARY:
            start = self._in.offset - 1
            library = self._in.i32("library id")
            if library in self._libraries:
                raise self._in.fail(f"library {library} is declared twice", offset=start)
            if len(self._libraries) >= self._limits.libraries:
                raise self._over("libraries", self._limits.libraries, start)
            self._libraries[library] = self._in.text("library name", self._limits.class_name_bytes)
        return tag

    def _value(self, tag: int, depth: int) -> Value:
        """One record whose type byte has been read."""
        start = self._in.offset - 1
        if depth > self._limits.depth:
            raise self._over("levels of nesting", self._limits.depth, start)
        match tag:
            case 6:
                return self._string(start)
            case 9:
                target = self._in.i32("reference")
                self._wanted.setdefault(target, start)
                return Reference(target)
            case 10:
                return None
            case 8:
                return self._primitive(self._primitive_code("a boxed value"), "a boxed value")
            case 1:
                return self._class_with_id(start, depth)
            case 4 | 5:
                return self._class(tag, start, depth)
            case 7:
                return self._binary_array(start, depth)
            case 15:
                object_id = self._new_id(start)
                count = self._in.count("array length", item_bytes=0)
                return self._primitives(object_id, count, self._primitive_code("array"), start)
            case 16 | 17:
                object_id = self._new_id(start)
                count = self._in.count("array length", item_bytes=0)
                return self._references(object_id, count, start, depth)
        if tag in _REFUSED:
            raise self._in.fail(f"{_REFUSED[tag]} (record type {tag}) cannot be read", offset=start)
        raise self._in.fail(f"a value expected, found record type {tag}", offset=start)

    def _over(self, what: str, limit: int, offset: int) -> Exception:
        return self._in.fail(f"more than {limit} {what}", offset=offset, code="RC706")

    def _new_id(self, start: int) -> int:
        object_id = self._in.i32("object id")
        if object_id == 0 or object_id in self._objects:
            problem = "the object id 0" if object_id == 0 else f"a second object with id {object_id}"
            raise self._in.fail(problem, offset=start)
        if len(self._objects) >= self._limits.objects:
            raise self._over("objects", self._limits.objects, start)
        # Held from now on, so that an object cannot nest inside one that bears its own id.
        self._objects[object_id] = ""
        return object_id

    def _string(self, start: int) -> str:
        object_id = self._new_id(start)
        text = self._text("string", self._limits.string_bytes)
        self._objects[object_id] = text
        return text

    def _text(self, what: str, limit: int) -> str:
        start = self._in.offset
        text = self._in.text(what, limit)
        self._text_bytes += self._in.offset - start
        if self._text_bytes > self._limits.text_bytes:
            raise self._over("bytes of text", self._limits.text_bytes, start)
        return text

    def _primitive_code(self, what: str) -> int:
        code = self._in.u8(f"primitive type of {what}")
        if code not in PRIMITIVE_NAMES:
            raise self._in.fail(f"{what}: unknown primitive type {code}", offset=self._in.offset - 1)
        return code

    def _primitive(self, code: int, what: str) -> bool | int | float | str:
        if code == _DECIMAL:
            return self._in.text(what, 64)
        if code == _CHAR:
            return self._char(what)
        width = PRIMITIVES[code]
        raw = self._in.take(width.size, what)
        if code == 1 and raw[0] > 1:
            raise self._in.fail(f"{what}: a Boolean of 0 or 1 expected, found {raw[0]}", offset=self._in.offset - 1)
        value: bool | int | float = width.unpack(raw)[0]
        return value

    def _char(self, what: str) -> str:
        start = self._in.offset
        first = self._in.u8(what)
        more = 0 if first < 0x80 else 1 if first < 0xE0 else 2 if first < 0xF0 else 3
        try:
            return (bytes((first,)) + self._in.take(more, what)).decode("utf-8")
        except UnicodeDecodeError:
            raise self._in.fail(f"{what}: one UTF-8 character expected", offset=start) from None

    def _class(self, tag: int, start: int, depth: int) -> Instance:
        object_id = self._new_id(start)
        name = self._text("class name", self._limits.class_name_bytes)
        count = self._in.count("member count", item_bytes=2)
        if count > self._limits.class_members:
            raise self._over(f"members in class {name!r}", self._limits.class_members, start)
        names = tuple(self._text("member name", self._limits.class_name_bytes) for _ in range(count))
        types = self._in.take(count, "member types")
        layout = Layout(name=name, names=names, kinds=tuple(self._kind(binary_type) for binary_type in types))
        if tag == _CLASS:
            self._known_library(self._in.i32("library id"))
        self._layouts[object_id] = layout
        return self._instance(object_id, layout, start, depth)

    def _kind(self, binary_type: int) -> MemberKind:
        """The extra information that follows a binary type code."""
        if binary_type > _PRIMITIVE_ARRAY_TYPE:
            raise self._in.fail(f"a member type of 0 to 7 expected, found {binary_type}")
        if binary_type in (_PRIMITIVE, _PRIMITIVE_ARRAY_TYPE):
            return MemberKind(binary_type, self._primitive_code("a member"))
        if binary_type in (_SYSTEM_TYPE, _CLASS_TYPE):
            self._in.text("type name", self._limits.class_name_bytes)
            if binary_type == _CLASS_TYPE:
                self._known_library(self._in.i32("library id"))
        return MemberKind(binary_type)

    def _known_library(self, library: int) -> None:
        if library not in self._libraries:
            raise self._in.fail(f"library {library} is not declared", offset=self._in.offset - 4)

    def _class_with_id(self, start: int, depth: int) -> Instance:
        object_id = self._new_id(start)
        pattern = self._in.i32("metadata id")
        layout = self._layouts.get(pattern)
        if layout is None:
            raise self._in.fail(f"object {pattern} defines no class layout", offset=start + 5)
        self._layouts[object_id] = layout
        return self._instance(object_id, layout, start, depth)

    def _instance(self, object_id: int, layout: Layout, start: int, depth: int) -> Instance:
        self._spend(len(layout.names), start)
        values = tuple(
            self._primitive(kind.primitive, name)
            if kind.binary_type == _PRIMITIVE
            else self._value(self._tag(name), depth + 1)
            for name, kind in zip(layout.names, layout.kinds, strict=True)
        )
        instance = Instance(object_id=object_id, layout=layout, values=values, offset=start)
        self._objects[object_id] = instance
        return instance

    def _binary_array(self, start: int, depth: int) -> ReferenceArray | PrimitiveArray:
        object_id = self._new_id(start)
        shape = self._in.u8("array shape")
        rank = self._in.i32("array rank")
        if shape > 1 or rank != 1:
            raise self._in.fail(f"an array of one dimension expected, found shape {shape}, rank {rank}", offset=start)
        count = self._in.count("array length", item_bytes=0)
        kind = self._kind(self._in.u8("element type"))
        if kind.binary_type == _PRIMITIVE:
            return self._primitives(object_id, count, kind.primitive, start)
        return self._references(object_id, count, start, depth)

    def _primitives(self, object_id: int, count: int, code: int, start: int) -> ReferenceArray | PrimitiveArray:
        if code not in PRIMITIVES:  # Char and Decimal: each item has its own width, at least one byte
            self._in.need(count, "array items")
            self._spend(count, start)
            items = tuple(self._primitive(code, "array item") for _ in range(count))
            texts = ReferenceArray(object_id=object_id, items=items, offset=start)
            self._objects[object_id] = texts
            return texts
        size = count * PRIMITIVES[code].size
        data = self._in.skip(size, f"{count} array items of type {PRIMITIVE_NAMES[code]}")
        array = PrimitiveArray(object_id=object_id, primitive=code, length=count, start=data, size=size, offset=start)
        self._objects[object_id] = array
        return array

    def _spend(self, count: int, start: int) -> None:
        self._elements += count
        if self._elements > self._limits.elements:
            raise self._over("array elements", self._limits.elements, start)

    def _references(self, object_id: int, count: int, start: int, depth: int) -> ReferenceArray:
        self._spend(count, start)
        items: list[Value] = []
        while len(items) < count:
            tag = self._tag("array item")
            if tag in (_NULLS_256, _NULLS):
                items.extend(itertools.repeat(None, self._null_run(tag, count - len(items))))
            else:
                items.append(self._value(tag, depth + 1))
        array = ReferenceArray(object_id=object_id, items=tuple(items), offset=start)
        self._objects[object_id] = array
        return array

    def _null_run(self, tag: int, room: int) -> int:
        start = self._in.offset - 1
        run = self._in.u8("null count") if tag == _NULLS_256 else self._in.i32("null count")
        if not 0 < run <= room:
            raise self._in.fail(f"a run of 1 to {room} nulls expected, found {run}", offset=start)
        return run
