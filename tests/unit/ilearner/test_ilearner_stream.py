"""The binary stream: what is read, and what is refused at which byte."""

from __future__ import annotations

import io
import struct

import pytest

from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.limits import DEFAULT_LIMITS, Limits
from retrainctl.ilearner.nrbf import Instance, PrimitiveArray, Reference, ReferenceArray, Stream, read_stream
from retrainctl.ilearner.source import Cursor, Source
from tests.support import ilearner_writer as w


def parse(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Stream:
    return read_stream(Cursor(Source(io.BytesIO(data), len(data))), limits)


def root(*members: w.Member) -> bytes:
    return w.instance(1, "Root", members)


def refused(data: bytes, limits: Limits = DEFAULT_LIMITS) -> IlearnerError:
    with pytest.raises(IlearnerError) as caught:
        parse(data, limits)
    return caught.value


def test_members_of_every_kind_are_read() -> None:
    nested = w.instance(-5, "Pair", [w.Member.number("key", 3), w.Member.text("value", w.string(30, "three"))])
    again = struct.pack("<Bii", 1, -6, -5) + struct.pack("<i", 4) + w.string(31, "four")
    data = w.stream(
        w.library(2),
        w.instance(
            1,
            "Root",
            [
                w.Member.boolean("flag", True),
                w.Member.number("wide", -(1 << 40), w.INT64),
                w.Member.typed("boxed", "System.Double", w.boxed(0.25)),
                w.Member.object("nothing", w.NULL),
                w.Member.object("later", w.reference(40)),
                w.Member.typed("pair", "Pair", nested, 2),
                w.Member.typed("pair2", "Pair", again, 2),
            ],
            2,
        ),
        w.numbers(40, 6, "d", [1.5, 2.5]),
    )
    found = parse(data)
    flag, wide, boxed, nothing, later, pair, pair2 = found.root.values
    assert (flag, wide, boxed, nothing, later) == (True, -(1 << 40), 0.25, None, Reference(40))
    assert isinstance(pair, Instance) and pair.values == (3, "three")
    assert isinstance(pair2, Instance) and pair2.values == (4, "four") and pair2.layout.name == "Pair"
    array = found.objects[40]
    assert isinstance(array, PrimitiveArray) and data[array.start : array.start + array.size] == struct.pack(
        "<2d", 1.5, 2.5
    )
    assert found.libraries == (w.LIBRARY,) and found.end == len(data)


def test_every_primitive_type_is_read() -> None:
    forms = {1: ("?", True), 2: ("B", 200), 6: ("d", -0.5), 7: ("h", -2), 8: ("i", 5), 9: ("q", 6), 10: ("b", -7)}
    forms |= {11: ("f", 0.5), 12: ("q", 8), 13: ("Q", 9), 14: ("H", 10), 15: ("I", 11), 16: ("Q", 12)}
    members = [
        w.Member(f"m{code}", b"\0", bytes((code,)), struct.pack("<" + form, value))
        for code, (form, value) in forms.items()
    ]
    members.append(w.Member("char", b"\0", b"\x03", "é".encode()))
    members.append(w.Member("decimal", b"\0", b"\x05", w.text("1.25")))
    assert parse(w.stream(root(*members))).root.values == (*(value for _, value in forms.values()), "é", "1.25")


def test_arrays_keep_null_runs_and_inline_objects() -> None:
    array = struct.pack("<BiBiiB", 7, 2, 0, 1, 6, 1) + w.string(3, "a") + struct.pack("<BB", 13, 2)
    array += w.reference(3) + struct.pack("<Bi", 14, 1) + w.NULL
    found = parse(w.stream(root(w.Member.object("a", w.reference(2))), array)).objects[2]
    assert isinstance(found, ReferenceArray)
    assert found.items == ("a", None, None, Reference(3), None, None)


def test_arrays_of_characters_have_items_of_many_widths() -> None:
    array = struct.pack("<BiiB", 15, 2, 3, 3) + "aé€".encode()
    found = parse(w.stream(root(), array)).objects[2]
    assert isinstance(found, ReferenceArray) and found.items == ("a", "é", "€")


def test_arrays_of_numbers_may_be_written_in_the_long_form() -> None:
    array = struct.pack("<BiBiiBB", 7, 2, 0, 1, 2, 0, 8) + struct.pack("<2i", 5, 6)
    found = parse(w.stream(root(), array)).objects[2]
    assert isinstance(found, PrimitiveArray) and (found.primitive, found.length, found.size) == (8, 2, 8)


def test_half_a_character_is_refused() -> None:
    error = refused(w.stream(root(), struct.pack("<BiiB", 15, 2, 2, 3) + b"\xc3\x28"))
    assert "one UTF-8 character" in error.message


def test_a_cycle_is_legal() -> None:
    data = w.stream(root(w.Member.object("self", w.reference(1))))
    assert parse(data).root.values == (Reference(1),)


def test_a_long_name_has_a_length_of_two_bytes() -> None:
    assert parse(w.stream(w.instance(1, "N" * 300, []))).root.layout.name == "N" * 300


END = len(w.HEADER)
NEXT = END + len(root())
"""Where the record after an empty root starts."""


@pytest.mark.parametrize(
    ("data", "offset", "words"),
    [
        (w.HEADER, END, "a record: 1 bytes expected, 0 left"),
        (b"\1" + w.HEADER[1:] + root() + w.END, 0, "header record"),
        (struct.pack("<B4i", 0, 1, -1, 1, 1) + root() + w.END, 5, "version 1.0"),
        (struct.pack("<B4i", 0, 9, -1, 1, 0) + root() + w.END, 1, "root object 9"),
        (w.HEADER + b"\x02", END, "object record expected, found type 2"),
        (w.HEADER + b"\x15", END, "found type 21"),
        (w.stream(w.instance(1, "R", [w.Member.object("a", b"\x03")])), END + 14, "without member types"),
        (w.stream(w.instance(1, "R", [w.Member.object("a", b"\x63")])), END + 14, "found record type 99"),
        (w.HEADER + w.reference(1), END, "object record expected, found type 9"),
        (w.stream(root(), root()), NEXT, "second object with id 1"),
        (w.stream(root(), w.string(0, "x")), NEXT, "object id 0"),
        (w.stream(root(w.Member.object("a", w.reference(7)))), END + 17, "object 7, which the stream does not hold"),
        (w.stream(struct.pack("<Bii", 1, 1, 8)), END + 5, "object 8 defines no class"),
        (w.stream(w.library(2), w.library(2), root()), END + 5 + len(w.text(w.LIBRARY)), "declared twice"),
        (w.stream(w.instance(1, "R", [], 3)), END + 11, "library 3 is not declared"),
        (w.stream(w.instance(1, "R", [w.Member("a", b"\x09", b"", b"")])), END + 14, "member type of 0 to 7"),
        (w.stream(w.instance(1, "R", [w.Member("a", b"\0", b"\x04", b"")])), END + 14, "unknown primitive type 4"),
        (w.stream(w.instance(1, "R", [w.Member("a", b"\0", b"\x01", b"\x02")])), END + 15, "Boolean of 0 or 1"),
        (w.stream(root(), struct.pack("<BiBii", 7, 2, 2, 2, 1)), NEXT, "one dimension"),
        (w.stream(root(), struct.pack("<BiBiii", 7, 2, 3, 1, 1, 0)), NEXT, "one dimension"),
        (w.stream(root(), struct.pack("<BiiB", 15, 2, 1 << 30, 6)), NEXT + 10, "bytes expected"),
        (w.stream(root(), struct.pack("<BiiB", 15, 2, -1, 6)), NEXT + 5, "a count of 0 or more"),
        (w.stream(root(), struct.pack("<BiiBB", 17, 2, 2, 13, 3)), NEXT + 9, "1 to 2 nulls expected, found 3"),
        (w.stream(root(), struct.pack("<BiiBi", 17, 2, 2, 14, 0)), NEXT + 9, "found 0"),
        (w.stream(root(), struct.pack("<Bi", 6, 2) + b"\x02\xc3\x28"), NEXT + 5, "UTF-8"),
        (w.stream(root(), struct.pack("<Bi", 6, 2) + b"\xff\xff\xff\xff\xff\xff"), NEXT + 5, "at most five bytes"),
    ],
)
def test_a_broken_stream_is_refused_at_its_byte(data: bytes, offset: int, words: str) -> None:
    error = refused(data)
    assert words in error.message
    assert error.offset == offset
    assert error.code == "RC705"


@pytest.mark.parametrize(
    ("limits", "data", "words"),
    [
        (Limits(objects=2), w.stream(root(), w.string(2, "a"), w.string(3, "b")), "more than 2 objects"),
        (
            Limits(elements=10),
            w.stream(root(), struct.pack("<BiiBi", 17, 2, 11, 14, 11)),
            "more than 10 array elements",
        ),
        (Limits(elements=1), w.stream(root(*[w.Member.object(n, w.NULL) for n in "ab"])), "more than 1 array"),
        (Limits(string_bytes=4), w.stream(root(), w.string(2, "12345")), "5 bytes of text, the limit is 4"),
        (Limits(text_bytes=12), w.stream(root(), w.string(2, "1234567890")), "more than 12 bytes of text"),
        (Limits(class_name_bytes=3), w.stream(root()), "class name: 4 bytes"),
        (Limits(class_members=1), w.stream(root(*[w.Member.object(n, w.NULL) for n in "ab"])), "more than 1 members"),
        (Limits(libraries=1), w.stream(w.library(2), w.library(3), root()), "more than 1 libraries"),
    ],
)
def test_a_limit_is_kept(limits: Limits, data: bytes, words: str) -> None:
    error = refused(data, limits)
    assert words in error.message
    assert error.code == "RC706"


def test_nesting_is_limited_before_python_is() -> None:
    deep = w.NULL
    for depth in range(200):
        deep = w.instance(depth + 2, "N", [w.Member.object("a", deep)])
    error = refused(w.stream(root(w.Member.object("a", deep))))
    assert "more than 64 levels" in error.message


def test_two_thousand_million_nulls_cost_nothing() -> None:
    error = refused(w.stream(root(), struct.pack("<BiiBi", 17, 2, 0x7FFFFFFF, 14, 0x7FFFFFFF)))
    assert "array elements" in error.message
