"""Dataclasses that cost little to define: a command defines some two hundred of them before it does anything.

The standard decorator compiles six methods for every class, about a millisecond each; that was half the start of
`retrainctl plan`. Here comparing, hashing and showing are shared code over `operator.attrgetter`, and `__init__` is
compiled when the first value is made: most classes of a run never have one. Fields, slots and `replace` are the
standard library's own work.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, Final

__all__ = ["dataclass"]

_KNOWN: Final = frozenset({"frozen", "slots", "kw_only", "eq"})
_Field = dataclasses.Field[Any]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> Any:
        """As `dataclasses.dataclass`; options that it has no short way for take the long one."""
        if options.keys() - _KNOWN:
            return dataclasses.dataclass(cls, **options)
        return _make(cls, **options) if cls is not None else lambda made: _make(made, **options)


def _make(cls: Any, *, frozen: bool = False, slots: bool = False, kw_only: bool = False, eq: bool = True) -> Any:
    if cls.__doc__ is None:
        cls.__doc__ = cls.__name__  # else one is written, from a signature that is dear to find
    own = cls.__dict__
    fields: list[_Field] = []  # both are filled below: the methods are made before the class is ready
    owner: list[type] = []
    if "__init__" not in own:
        cls.__init__ = _first_init(owner, fields, frozen)
    if "__repr__" not in own:
        cls.__repr__ = _repr_of(fields)
    if eq and "__eq__" not in own:
        hashing = own.get("__hash__")
        cls.__eq__ = _eq_of(fields)
        cls.__hash__ = hashing or (_hash_of(fields) if frozen else None)
    if frozen:
        cls.__setattr__, cls.__delattr__ = _no_set, _no_delete
        if slots:
            cls.__getstate__, cls.__setstate__ = _get_state, _set_state
    written = own.get("__annotations__", {})
    if not any("ClassVar" in str(kind) or "InitVar" in str(kind) for kind in written.values()):
        # Of annotations that are texts the library finds out by patterns whether they are one of those: half its time.
        cls.__annotations__ = dict.fromkeys(written, object)
    made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
    made.__annotations__ = written
    fields += dataclasses.fields(made)
    for one in fields:
        one.type = written.get(one.name, one.type)
    owner.append(made)
    return made


def _first_init(owner: list[type], fields: list[_Field], frozen: bool) -> Callable[..., None]:
    """An `__init__` that compiles the real one, puts it in its place and calls it."""

    def init_(self: Any, *values: Any, **named: Any) -> None:
        real = _init_of(owner[0], fields, frozen)
        type.__setattr__(owner[0], "__init__", real)
        real(self, *values, **named)

    return init_


def _init_of(cls: type, fields: list[_Field], frozen: bool) -> Any:
    names: dict[str, Any] = {"_set": object.__setattr__, "_unset": dataclasses.MISSING}
    plain: list[str] = []
    keyword: list[str] = []
    body: list[str] = []
    for one in fields:
        value = one.name
        default = ""
        if one.default_factory is not dataclasses.MISSING:
            names[f"_make_{one.name}"] = one.default_factory
            default, value = "=_unset", f"_make_{one.name}() if {one.name} is _unset else {one.name}"
        elif one.default is not dataclasses.MISSING:
            names[f"_default_{one.name}"] = one.default
            default = f"=_default_{one.name}"
        if one.init:
            (keyword if one.kw_only else plain).append(one.name + default)
        elif default:
            value = f"_make_{one.name}()" if "_make_" in value else f"_default_{one.name}"
        else:
            continue
        slot = getattr(cls, one.name, None)
        if not frozen:
            body.append(f"self.{one.name} = {value}")
        elif isinstance(slot, MemberDescriptorType):
            names[f"_set_{one.name}"] = slot.__set__
            body.append(f"_set_{one.name}(self, {value})")
        else:
            body.append(f"_set(self, {one.name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    parameters = ", ".join(["self", *plain, *(["*", *keyword] if keyword else [])])
    # The text is made of field names, as the standard library does it.
    exec(f"def __init__({parameters}):\n " + "\n ".join(body or ["pass"]), names)  # noqa: S102
    return names["__init__"]


def _getter(fields: list[_Field]) -> Callable[[Any], Any]:
    """All values as one tuple, or as the one value that there is."""
    chosen = [one.name for one in fields if one.compare]
    return attrgetter(*chosen) if chosen else lambda _: ()


def _eq_of(fields: list[_Field]) -> Any:
    values: Callable[[Any], Any] | None = None

    def eq_(self: Any, other: object) -> Any:
        nonlocal values
        if other.__class__ is not self.__class__:
            return NotImplemented
        values = values or _getter(fields)
        return values(self) == values(other)

    return eq_


def _hash_of(fields: list[_Field]) -> Any:
    values: Callable[[Any], Any] | None = None

    def hash_(self: Any) -> int:
        nonlocal values
        values = values or _getter(fields)
        return hash(values(self))

    return hash_


def _repr_of(fields: list[_Field]) -> Any:
    def repr_(self: Any) -> str:
        shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields if one.repr)
        return f"{type(self).__qualname__}({shown})"

    return repr_


def _no_set(self: Any, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _no_delete(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _get_state(self: Any) -> list[Any]:
    return [getattr(self, one.name) for one in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for one, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)
