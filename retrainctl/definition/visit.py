"""The rules, compiled along the shape of a definition into functions that share what they do not change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from retrainctl.definition.moment import utc
from retrainctl.definition.parameters import ENCRYPTED, is_masked, lift, masked
from retrainctl.definition.rules import Effect, Reason, Rule
from retrainctl.definition.shape import COLUMN, TABLE, Leaf, ListOf, MapOf, Record, Type
from retrainctl.model.redaction import without_query
from retrainctl.model.resource import Normalised
from retrainctl.model.values import Path

Fired: TypeAlias = dict[Normalised, None]
"""The rules that applied, in order, by the note that each leaves."""

Visit: TypeAlias = Callable[[Any, Fired], Any]
"""From a value to its comparable form: the same object where nothing applies."""

NULL: Final = Normalised(path=(), reason=Reason.NULL_DROPPED)
"""Stands for all nulls that were dropped; the visitors do not know their places."""

COLUMN_ORDER: Final = "columnOrder"
"""Member that the comparable form of a table has beside `properties`: example rows are positional, so the order of
columns is meaning, which a map does not compare."""

_Rules: TypeAlias = tuple[tuple[Path, Rule], ...]

_GONE: Final = object()
_KNOWN_COLUMNS: Final = 4096
_LIFTED: Final = (Reason.ENCRYPTED_VALUE, Reason.SECRET, Reason.PARAMETER_FORM, Reason.EMPTY_EQUALS_ABSENT)


def compile_rules(rules: tuple[Rule, ...], shape: Record) -> Visit:
    """One function that applies these rules to an object of this shape."""
    visit = _Compiler().visitor(shape, tuple((rule.path, rule) for rule in rules))
    assert visit is not None
    return visit


def at_place(rules: tuple[Rule, ...]) -> Visit | None:
    """The rules of one place, in order, as one function on the value there."""
    if not rules:
        return None
    steps = tuple((_effect(rule), Normalised(path=rule.path, reason=rule.reason)) for rule in rules)
    lifted = {reason: Normalised(path=rules[0].path, reason=reason) for reason in _LIFTED}
    lifts = rules[0].effect is Effect.LIFT

    def visit(item: Any, fired: Fired) -> Any:
        for effect, note in steps:
            new = effect(item)
            if new is item:
                continue
            fired[lifted[_lift_reason(item, new)] if lifts else note] = None
            if new is _GONE:
                return new
            item = new
        return item

    return visit


def _lift_reason(before: Any, after: Any) -> Reason:
    """What made a parameter look different in the comparable form; the gravest reason counts."""
    if after is ENCRYPTED:
        return Reason.ENCRYPTED_VALUE
    if is_masked(after.get("value")):
        return Reason.SECRET
    return Reason.EMPTY_EQUALS_ABSENT if isinstance(before, Mapping) else Reason.PARAMETER_FORM


def _effect(rule: Rule) -> Callable[[Any], Any]:
    """What the rule makes of a value: the value itself where it does not apply, `_GONE` for leaving it out."""
    value = rule.value
    match rule.effect:
        case Effect.DROP:
            return lambda item: _GONE
        case Effect.DROP_IF:
            return lambda item: _GONE if item == value and type(item) is type(value) else item
        case Effect.CUT_QUERY:
            return lambda item: without_query(item) if isinstance(item, str) and ("?" in item or "#" in item) else item
        case Effect.LIFT:
            return lift
        case Effect.MASK:
            return masked
        case Effect.FOLD:
            return lambda item: item.replace(" ", "").casefold() if isinstance(item, str) else item
        case Effect.UTC:
            return lambda item: utc(item) if isinstance(item, str) else item


def _then(first: Visit | None, second: Visit | None) -> Visit | None:
    if first is None or second is None:
        return first or second
    inner, outer = first, second
    return lambda item, fired: outer(inner(item, fired), fired)


def _below(rules: _Rules, name: str) -> tuple[_Rules, tuple[Rule, ...]]:
    """The rules inside a member, and those of the member itself."""
    here = [(path[1:], rule) for path, rule in rules if path[0] == name]
    return tuple((path, rule) for path, rule in here if path), tuple(rule for path, rule in here if not path)


class _Compiler:
    """Builds the visitors along a shape; recursive shapes are bound late."""

    def __init__(self) -> None:
        self._plain: dict[int, Visit | None] = {}

    def visitor(self, kind: Type, rules: _Rules) -> Visit | None:
        if not rules and id(kind) in self._plain:
            return self._plain[id(kind)]
        if not rules and not isinstance(kind, Leaf):
            key = id(kind)
            self._plain[key] = lambda item, fired: visit(item, fired)  # type: ignore[misc]
            visit = self._build(kind, rules)
            self._plain[key] = visit
            return visit
        return self._build(kind, rules)

    def _build(self, kind: Type, rules: _Rules) -> Visit | None:
        match kind:
            case Record():
                return _ordered(self._record(kind, rules)) if kind is TABLE else self._record(kind, rules)
            case MapOf(of):
                if of is COLUMN:
                    return _columns(self._entry(of, rules))
                return _each(self._entry(of, rules))
            case ListOf(of):
                inner = self.visitor(of, ())
                return None if inner is None else _every(inner)
            case _:
                return None

    def _entry(self, of: Type, rules: _Rules) -> Visit | None:
        inside, own = _below(rules, "*")
        return _then(self.visitor(of, inside), at_place(own))

    def _record(self, shape: Record, rules: _Rules) -> Visit:
        acts: list[tuple[str, Visit]] = []
        for name in dict.fromkeys((*shape.members, *(path[0] for path, _ in rules))):
            inside, own = _below(rules, name)
            act = _then(self.visitor(shape.members.get(name, Leaf.ANY), inside), at_place(own))
            if act is not None:
                acts.append((name, act))
        return _members(tuple(acts))


def _members(acts: tuple[tuple[str, Visit], ...]) -> Visit:
    def visit(value: Any, fired: Fired) -> Any:
        if type(value) is not dict:
            return value
        out = value
        for name, act in acts:
            item = value.get(name)
            if item is None:
                continue
            new = act(item, fired)
            if new is item:
                continue
            if out is value:
                out = value.copy()
            if new is _GONE:
                del out[name]
            else:
                out[name] = new
        if None in out.values():
            fired[NULL] = None
            return {name: item for name, item in out.items() if item is not None}
        return out

    return visit


def _each(act: Visit | None) -> Visit | None:
    if act is None:
        return None

    def visit(value: Any, fired: Fired) -> Any:
        if type(value) is not dict:
            return value
        out = value
        for name, item in value.items():
            new = act(item, fired)
            if new is item:
                continue
            if out is value:
                out = value.copy()
            if new is _GONE:
                del out[name]
            else:
                out[name] = new
        return out

    return visit


def _every(act: Visit) -> Visit:
    def visit(value: Any, fired: Fired) -> Any:
        if type(value) is not list:
            return value
        out = [act(item, fired) for item in value]
        return value if all(a is b for a, b in zip(out, value, strict=True)) else out

    return visit


def _columns(act: Visit | None) -> Visit:
    """Columns, each distinct one normalised once: a service has dozens alike, a workspace thousands."""
    assert act is not None
    known: dict[tuple[Any, ...], tuple[Any, Fired]] = {}
    plain = COLUMN.members.keys() - {"enum"}

    def visit(value: Any, fired: Fired) -> Any:
        if type(value) is not dict:
            return value
        out = {}
        last: Fired | None = None
        for name, column in value.items():
            # Members of known type only: in a key, 1 and True would be the same.
            if type(column) is not dict or not plain >= column.keys():
                out[name] = act(column, fired)
                continue
            key = tuple(column.items())
            found = known.get(key)
            if found is None:
                own: Fired = {}
                found = (act(column, own), own)
                if len(known) < _KNOWN_COLUMNS:
                    known[key] = found
            out[name] = found[0]
            if found[1] is not last:
                last = found[1]
                fired.update(last)
        return out

    return visit


def _ordered(act: Visit) -> Visit:
    def visit(value: Any, fired: Fired) -> Any:
        out = act(value, fired)
        columns = out.get("properties") if type(out) is dict else None
        return {**out, COLUMN_ORDER: list(columns)} if type(columns) is dict and len(columns) > 1 else out

    return visit
