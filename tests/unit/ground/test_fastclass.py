"""Our quick dataclasses behave as the standard ones do."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from retrainctl import fastclass

MAKERS = [dataclasses.dataclass, fastclass.dataclass]


@fastclass.dataclass(frozen=True, slots=True, kw_only=True)
class Travels:
    name: str
    seen: tuple[str, ...] = ()


def value(make: Callable[..., Any]) -> Any:
    @make(frozen=True, slots=True, kw_only=True)
    class Value:
        """A value."""

        kind: ClassVar[str] = "value"
        name: str
        note: str | None = None
        tags: dict[str, str] = dataclasses.field(default_factory=dict, compare=False)
        secret: str = dataclasses.field(default="s", repr=False)

        @property
        def loud(self) -> str:
            return self.name.upper()

    return Value


@pytest.mark.parametrize("make", MAKERS)
def test_a_frozen_value(make: Callable[..., Any]) -> None:
    kind = value(make)
    one = kind(name="a", tags={"x": "1"})
    assert (one.name, one.note, one.tags, one.secret, one.loud, one.kind) == ("a", None, {"x": "1"}, "s", "A", "value")
    assert one == kind(name="a") != kind(name="b")
    assert one != "a"
    assert hash(one) == hash(kind(name="a"))
    assert repr(one).endswith("Value(name='a', note=None, tags={'x': '1'})")
    assert kind(name="c").tags is not kind(name="c").tags
    assert dataclasses.replace(one, note="n").note == "n"
    assert [f.name for f in dataclasses.fields(one)] == ["name", "note", "tags", "secret"]
    assert copy.deepcopy(one) == one
    assert not hasattr(one, "__dict__")
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError):
        del one.name
    with pytest.raises(TypeError, match="name"):
        kind()
    with pytest.raises(TypeError, match="colour"):
        kind(name="a", colour="red")
    with pytest.raises(TypeError):
        kind("a")


@pytest.mark.parametrize("make", MAKERS)
def test_a_changeable_one_with_a_base_and_a_hook(make: Callable[..., Any]) -> None:
    @make(slots=True)
    class Base:
        count: int
        items: list[int] = dataclasses.field(default_factory=list)

        def __post_init__(self) -> None:
            self.count += 1

    @make(slots=True)
    class Derived(Base):
        more: int = 5

    one = Derived(1, more=7)
    assert (one.count, one.items, one.more) == (2, [], 7)
    one.count = 9
    assert one == Derived(8, [], 7)
    assert Base(8) != Derived(8)
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


@pytest.mark.parametrize("make", MAKERS)
def test_own_methods_stay(make: Callable[..., Any]) -> None:
    @make(frozen=True, slots=True, eq=False)
    class Own:
        name: str = dataclasses.field(default="x", init=False)

        def __repr__(self) -> str:
            return "own"

    assert repr(Own()) == "own"
    assert Own() != Own()
    assert Own().name == "x"
    assert isinstance(hash(Own()), int)


def test_it_travels_between_processes() -> None:
    one = Travels(name="a", seen=("b",))
    assert pickle.loads(pickle.dumps(one)) == one


MANY = 30
"""More than are made before `__init__` is compiled."""


@pytest.mark.parametrize("make", MAKERS)
def test_the_first_value_and_a_later_one_are_alike(make: Callable[..., Any]) -> None:
    @make(frozen=True, slots=True)
    class Mixed:
        name: str
        count: int = 1
        tags: list[str] = dataclasses.field(default_factory=list, kw_only=True)
        size: int = dataclasses.field(init=False, default=7)

    for _ in range(MANY):
        one = Mixed("a", tags=["x"])
        assert (one.name, one.count, one.tags, one.size) == ("a", 1, ["x"], 7)
        assert Mixed("a", 2).count == Mixed(name="a", count=2).count == 2
        assert Mixed("a").tags is not Mixed("a").tags
        for values, named in (((), {}), (("a", 1, 2), {}), (("a",), {"name": "b"}), (("a",), {"size": 1})):
            with pytest.raises(TypeError):
                Mixed(*values, **named)
    assert Mixed.__match_args__ == ("name", "count")
    assert dataclasses.is_dataclass(Mixed)
    assert dataclasses.asdict(Mixed("a")) == {"name": "a", "count": 1, "tags": [], "size": 7}


@pytest.mark.parametrize("make", MAKERS)
def test_the_hook_runs_for_each_value(make: Callable[..., Any]) -> None:
    @make(slots=True, kw_only=True)
    class Hooked:
        text: str
        length: int = dataclasses.field(init=False)

        def __post_init__(self) -> None:
            self.length = len(self.text)

    assert [Hooked(text="x" * size).length for size in range(MANY)] == list(range(MANY))


@pytest.mark.parametrize("make", MAKERS)
def test_a_derived_class_may_have_a_property_in_a_fields_place(make: Callable[..., Any]) -> None:
    @make(frozen=True, slots=True, kw_only=True)
    class Plain:
        name: str
        mark: str = ""

    class Lazy(Plain):
        __slots__ = ()

        @property
        def mark(self) -> str:
            return f"of {self.name}"

        @mark.setter
        def mark(self, _: str) -> None: ...

    for _ in range(MANY):
        assert (Lazy(name="a").mark, Plain(name="a").mark) == ("of a", "")


@pytest.mark.parametrize("make", MAKERS)
def test_what_cannot_be_a_default_is_refused(make: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="mutable default"):

        @make(slots=True)
        class Shared:
            items: list[str] = []  # noqa: RUF012 - the very mistake


def test_a_standard_dataclass_may_derive_from_a_quick_one() -> None:
    @fastclass.dataclass(frozen=True, slots=True)
    class Quick:
        name: str

    @dataclasses.dataclass(frozen=True, slots=True)
    class Standard(Quick):
        size: int = 1

    one = Standard("a", 2)
    assert (one.name, one.size, [field.name for field in dataclasses.fields(one)]) == ("a", 2, ["name", "size"])
    assert dataclasses.replace(one, name="b") == Standard("b", 2)
    assert not hasattr(one, "__dict__")
    with pytest.raises(TypeError, match="frozen"):

        @dataclasses.dataclass
        class Loose(Quick):
            size: int = 1
