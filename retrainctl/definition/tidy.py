"""Brings a parsed definition into its proper form: right spelling of fixed members, right types.

Nearly every document is proper already: a quick check finds that out and hands it back as it is. Only the others are
walked with their paths, mended and reported on. Unknown members stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from functools import cache
from typing import Any, Final, TypeAlias

from retrainctl.definition.parts import PARTS, SHARED
from retrainctl.definition.shape import PARAMETER, PROPERTIES, WEB_SERVICE, Leaf, ListOf, MapOf, Record, Type
from retrainctl.fastclass import dataclass
from retrainctl.model.values import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A member that cannot be understood; `path` in proper spelling."""

    code: str
    path: Path
    message: str
    hint: str


def tidy(value: Any, shape: Record = WEB_SERVICE) -> tuple[Any, tuple[Problem, ...]]:
    """The document in proper form, and all that is wrong with it. Fixed names in any capitalisation, text such as
    `"false"` or `"20"` for booleans and numbers and the other way round are mended (arm-webservices.md 13.3)."""
    new: list[tuple[bytes, Any]] = []
    if shape is WEB_SERVICE:
        value, new = PARTS.share(value)
    if _proper(shape)(value):
        PARTS.keep(new)
        return value, ()
    walk = _Walk()
    return walk.record(value, shape), tuple(walk.problems)


_Check: TypeAlias = Callable[[Any], bool]
_PYTHON: Final = {Leaf.TEXT: str, Leaf.MOMENT: str, Leaf.FLAG: bool, Leaf.COUNT: int, Leaf.ANY: object}


@cache
def _proper(shape: Record) -> _Check:
    """Whether an object and all below it is spelled and typed as it should be. Compiled: this is on the hot path."""
    spelled = shape.spelled
    wanted: dict[str, type | _Check] = {}

    def check(value: Any) -> bool:
        if type(value) is not dict:
            return False
        if not wanted:  # bound on first use: shapes may hold themselves
            wanted.update((name, _check(kind)) for name, kind in shape.members.items())
            if shape is PROPERTIES:
                wanted.update((name, _unless_known(wanted[name])) for name in SHARED)
        for name, item in value.items():
            want = wanted.get(name)
            if type(item) is want:
                continue
            if want is None:
                if name.lower() in spelled:
                    return False
            elif item is not None and want is not object and (isinstance(want, type) or not want(item)):
                return False
        return True

    return check


def _check(kind: Type) -> type | _Check:
    """The exact Python type of a leaf, or a check for everything else."""
    match kind:
        case Record():
            return _proper(kind)
        case MapOf(Leaf.ANY):
            return dict
        case ListOf(Leaf.ANY):
            return list
        case MapOf(of):
            return _all(dict, _check(of))
        case ListOf(of):
            return _all(list, _check(of))
        case Leaf.PARAMETER:
            whole = _proper(PARAMETER)
            return lambda item: type(item) is str or (type(item) is dict and whole(item))
        case _:
            return _PYTHON[kind]


def _unless_known(check: type | _Check) -> _Check:
    assert not isinstance(check, type)
    return lambda item: PARTS.of(item) is not None or check(item)


def _all(container: type[Any], inner: type | _Check) -> _Check:
    def check(value: Any) -> bool:
        if not isinstance(value, container):
            return False
        for item in value.values() if container is dict else value:
            if type(item) is inner or item is None:
                continue
            if isinstance(inner, type) or not inner(item):
                return False
        return True

    return check


@dataclass(slots=True)
class _Walk:
    problems: list[Problem] = field(default_factory=list)
    path: list[str] = field(default_factory=list)

    def record(self, value: Any, shape: Record) -> Any:
        if value.__class__ is not dict:
            return self._wrong(value, "an object")
        members = shape.members
        if not members.keys() >= value.keys():
            value = self._spelling(value, shape)
        out = value
        for name, item in value.items():
            kind = members.get(name)
            if kind is Leaf.TEXT and item.__class__ is str:
                continue
            if kind is None or item is None:
                continue
            new = self._at(name, item, kind)
            if new is not item:
                if out is value:
                    out = value.copy()
                out[name] = new
        return out

    def _at(self, name: str, item: Any, kind: Type) -> Any:
        self.path.append(name)
        new = self._value(item, kind)
        self.path.pop()
        return new

    def _value(self, item: Any, kind: Type) -> Any:
        match kind:
            case Record():
                return self.record(item, kind)
            case MapOf(of):
                return self._map(item, of)
            case ListOf(of):
                return self._list(item, of)
            case Leaf.TEXT | Leaf.MOMENT:
                return item if item.__class__ is str else self._text(item, kind)
            case Leaf.FLAG:
                return item if item.__class__ is bool else self._flag(item)
            case Leaf.COUNT:
                return item if item.__class__ is int else self._count(item)
            case Leaf.PARAMETER:
                return item if item.__class__ is str else self._parameter(item)
            case Leaf.ANY:
                return item

    def _map(self, value: Any, of: Type) -> Any:
        if value.__class__ is not dict:
            return self._wrong(value, "an object")
        if of is Leaf.ANY:
            return value
        out = value
        for name, item in value.items():
            if item is None:
                continue
            new = self._at(name, item, of)
            if new is not item:
                if out is value:
                    out = value.copy()
                out[name] = new
        return out

    def _list(self, value: Any, of: Type) -> Any:
        if value.__class__ is not list:
            return self._wrong(value, "a list")
        if of is Leaf.ANY:
            return value
        new = [item if item is None else self._at(str(at), item, of) for at, item in enumerate(value)]
        return value if all(a is b for a, b in zip(new, value, strict=True)) else new

    def _spelling(self, value: dict[str, Any], shape: Record) -> dict[str, Any]:
        """Fixed members under their right names, in the order in which they came."""
        out: dict[str, Any] = {}
        for name, item in value.items():
            right = name if name in shape.members else shape.spelled.get(name.lower(), name)
            if right in out:
                self.problems.append(
                    Problem(
                        code="RC208",
                        path=(*self.path, name),
                        message=f"`{right}` is given twice, in different capitalisation",
                        hint="keep one of the two",
                    )
                )
            out[right] = item
        return out

    def _text(self, item: Any, kind: Leaf) -> Any:
        if kind is Leaf.MOMENT or isinstance(item, list | dict):
            return self._wrong(item, "a text")
        if item.__class__ is bool:
            return "true" if item else "false"
        return str(item)

    def _flag(self, item: Any) -> Any:
        if item.__class__ is str and (word := item.strip().lower()) in ("true", "false"):
            return word == "true"
        return bool(item) if item in (0, 1) and item.__class__ is int else self._wrong(item, "true or false")

    def _count(self, item: Any) -> Any:
        if item.__class__ is float and item.is_integer():
            return int(item)
        if item.__class__ is str and len(item) < 19 and item.strip().removeprefix("-").isdecimal():
            return int(item)
        return self._wrong(item, "a whole number")

    def _parameter(self, item: Any) -> Any:
        if item.__class__ is dict:
            return self.record(item, PARAMETER)
        return self._wrong(item, "a text or an object with `value`") if item.__class__ is list else item

    def _wrong(self, item: Any, wanted: str) -> Any:
        where = ".".join(self.path) or "the document"
        self.problems.append(
            Problem(
                code="RC206",
                path=tuple(self.path),
                message=f"`{where}` must be {wanted}, not {_kind(item)}",
                hint=f"write {wanted} here",
            )
        )
        return item


def _kind(item: Any) -> str:
    match item:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"
