"""Dataclasses that cost little to define: a command defines some two hundred of them before it does anything.

The standard decorator compiles six methods for every class, about a millisecond each; that was half the start of
`retrainctl plan`. It also sets them one by one on a class that exists, and each time Python looks anew for all the
operators of that class; then it makes the class once more, for its slots. Here the fields and methods are collected
first and the class with slots is made of them at once. Comparing, hashing and showing are shared code over
`operator.attrgetter`, and `__init__` is compiled only for a class of which many values are made. `fields`, `replace`
and `is_dataclass` of the standard library work as ever.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from types import MemberDescriptorType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

__all__ = ["dataclass"]

_KNOWN: Final = frozenset({"frozen", "slots", "kw_only", "eq"})
_FEW: Final = 8
"""Values of a class that are made without a compiled `__init__`: compiling one takes as long as making dozens."""
_MANY: Final = 4
"""With so many fields, a frozen value is filled in as an unlocked one."""
_ORDINARY: Final[Any] = getattr(dataclasses, "_FIELD")  # noqa: B009 - by it `dataclasses.fields` knows a field
_Field = dataclasses.Field[Any]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> Any:
        """As `dataclasses.dataclass`; what it has no short way for takes the long one."""
        if cls is None:
            return lambda made: dataclass(made, **options)
        if options.keys() - _KNOWN or not options.get("slots") or _has_pseudo_fields(cls):
            return dataclasses.dataclass(cls, **options)
        return _make(cls, **options)


def _has_pseudo_fields(cls: type) -> bool:
    kinds = map(str, cls.__annotations__.values())
    return any("ClassVar" in kind or "InitVar" in kind or "KW_ONLY" in kind for kind in kinds)


def _make(cls: Any, *, slots: bool, frozen: bool = False, kw_only: bool = False, eq: bool = True) -> Any:
    """The class again, with slots and methods. slots: true; the standard library makes those without."""
    names = dict(cls.__dict__)
    names["__qualname__"] = cls.__qualname__
    for one in ("__dict__", "__weakref__"):
        names.pop(one, None)  # made anew, or not at all
    own = _own_fields(names, cls.__annotations__, kw_only)
    known: dict[str, _Field] = {}
    taken: set[str] = set()
    for base in reversed(cls.__mro__[1:-1]):
        known.update(getattr(base, "__dataclass_fields__", {}))
        taken.update(_slots_of(base))
    known.update(own)
    fields = list(known.values())
    owner: list[type] = []  # filled below: the methods are made before the class
    _add_methods(names, fields, owner, frozen, eq)
    names.update(
        __slots__=tuple(name for name in known if name not in taken),
        __match_args__=tuple(one.name for one in fields if one.init and not one.kw_only),
        __dataclass_fields__=known,
        # A standard dataclass that derives from this one looks whether both are frozen.
        __dataclass_params__=SimpleNamespace(frozen=frozen, eq=eq, init=True, repr=True, order=False),
    )
    made: type = type(cls)(cls.__name__, cls.__bases__, names)
    owner.append(made)
    return made


def _own_fields(names: dict[str, Any], written: Mapping[str, Any], kw_only: bool) -> dict[str, _Field]:
    """The fields that a class body declares; their defaults leave it, for slots stand in their places."""
    found: dict[str, _Field] = {}
    for name, kind in written.items():
        default = names.pop(name, dataclasses.MISSING)
        one: Any = default if isinstance(default, dataclasses.Field) else dataclasses.field(default=default)
        if one.default.__class__.__hash__ is None:
            raise ValueError(f"mutable default {type(one.default)} for field {name}: use default_factory")
        one.name, one.type = name, kind
        if one.kw_only is dataclasses.MISSING:
            one.kw_only = kw_only
        one._field_type = _ORDINARY
        found[name] = one
    return found


def _slots_of(cls: type) -> Sequence[str]:
    slots = cls.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _add_methods(names: dict[str, Any], fields: list[_Field], owner: list[type], frozen: bool, eq: bool) -> None:
    """Those that the class body does not have itself."""
    if names.get("__doc__") is None:
        names["__doc__"] = names["__qualname__"]
    names.setdefault("__init__", _first_init(owner, fields, frozen))
    names.setdefault("__repr__", _repr_of(fields))
    if eq and "__eq__" not in names:
        names["__eq__"] = _eq_of(fields)
        names["__hash__"] = names.get("__hash__") or (_hash_of(fields) if frozen else None)
    if frozen:
        names["__setattr__"], names["__delattr__"] = _no_set, _no_delete
        names["__getstate__"], names["__setstate__"] = _get_state, _set_state


def _first_init(owner: list[type], fields: list[_Field], frozen: bool) -> Callable[..., None]:
    """An `__init__` that makes a few values by hand, then compiles the real one and puts it in its place."""
    made = 0

    def init_(self: Any, *values: Any, **named: Any) -> None:
        nonlocal made
        made += 1
        (cls,) = owner
        put = object.__setattr__ if frozen else setattr
        # A class that derives from this one may have a property in a field's place: the real one knows the slot.
        if made > _FEW or type(self) is not cls or not _filled(self, fields, values, named, put):
            real = _init_of(cls, fields, frozen)
            type.__setattr__(cls, "__init__", real)
            real(self, *values, **named)
        elif hasattr(self, "__post_init__"):
            self.__post_init__()

    return init_


def _filled(
    self: Any,
    fields: Sequence[_Field],
    values: Sequence[Any],
    named: Mapping[str, Any],
    put: Callable[[Any, str, Any], None],
) -> bool:
    """Puts a value into every field; false, with nothing put, where the arguments do not fit: the compiled `__init__`
    says why."""
    unused = len(values) + len(named)
    rest = iter(values)
    found: list[tuple[str, Any]] = []
    for one in fields:
        value: Any = dataclasses.MISSING
        if one.init:
            if not one.kw_only:
                value = next(rest, dataclasses.MISSING)
            if value is dataclasses.MISSING:
                value = named.get(one.name, dataclasses.MISSING)
            unused -= value is not dataclasses.MISSING
        if value is dataclasses.MISSING:
            make: Any = one.default_factory
            value = one.default if make is dataclasses.MISSING else make()
        if value is not dataclasses.MISSING:
            found.append((one.name, value))
        elif one.init:
            return False
    if unused:
        return False
    for name, value in found:
        put(self, name, value)
    return True


def _init_of(cls: type, fields: list[_Field], frozen: bool) -> Any:
    names: dict[str, Any] = {"_set": object.__setattr__, "_unset": dataclasses.MISSING}
    plain: list[str] = []
    keyword: list[str] = []
    values: dict[str, str] = {}
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
        values[one.name] = value
    if not frozen:
        body = [f"self.{name} = {value}" for name, value in values.items()]
    elif len(values) >= _MANY and cls.__bases__ == (object,) and set(values) <= set(_slots_of(cls)):
        names["_turn"], names["_open"] = object.__dict__["__class__"].__set__, _unlocked(cls)
        body = ["_kind = self.__class__", "_turn(self, _open)"]
        body += [f"self.{name} = {value}" for name, value in values.items()]
        body.append("self.__class__ = _kind")
    else:
        body = [_put(cls, name, value, names) for name, value in values.items()]
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    parameters = ", ".join(["self", *plain, *(["*", *keyword] if keyword else [])])
    # The text is made of field names, as the standard library does it.
    exec(f"def __init__({parameters}):\n " + "\n ".join(body or ["pass"]), names)  # noqa: S102
    return names["__init__"]


def _put(cls: type, name: str, value: str, names: dict[str, Any]) -> str:
    """The line that sets one field of a frozen value."""
    slot = getattr(cls, name, None)
    if not isinstance(slot, MemberDescriptorType):
        return f"_set(self, {name!r}, {value})"
    names[f"_set_{name}"] = slot.__set__
    return f"_set_{name}(self, {value})"


def _unlocked(cls: type) -> type:
    """A class of the same slots that lets them be set. A value is one of these while `__init__` fills it in: a plain
    assignment takes a third of the time of a call, and plans make ten thousands of values.
    """
    return type(cls.__name__, (), {"__slots__": cls.__dict__["__slots__"]})


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
