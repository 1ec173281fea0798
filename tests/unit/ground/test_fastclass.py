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
