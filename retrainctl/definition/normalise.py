"""One form for every spelling of a definition, so that plain equality decides.

The rules (`rules.RULES`) are compiled once into visitors along the shape of a definition. Whatever no rule touches
is shared with the document, and columns, of which a service has dozens alike, are normalised once and shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Final, TypeAlias

from retrainctl.definition.document import properties_of
from retrainctl.definition.encoding import canonical
from retrainctl.definition.moment import utc
from retrainctl.definition.parameters import ENCRYPTED, is_masked, lift, masked
from retrainctl.definition.rules import RULES, Effect, Reason, Rule
from retrainctl.definition.shape import COLUMN, PROPERTIES, TABLE, WEB_SERVICE, Leaf, ListOf, MapOf, Record, Type
from retrainctl.model.redaction import without_query
from retrainctl.model.resource import Normalised
from retrainctl.model.values import Path

COLUMN_ORDER: Final = "columnOrder"
"""Member that the normalised form of a table has beside `properties`: example rows are positional, so the order of
columns is meaning, which a map does not compare."""

_Fired: TypeAlias = dict[Normalised, None]
_Visit: TypeAlias = Callable[[Any, _Fired], Any]
_Rules: TypeAlias = tuple[tuple[Path, Rule], ...]

_GONE: Final = object()
_NULL: Final = Normalised(path=(), reason=Reason.NULL_DROPPED)
_PLACED: Final = frozenset({Reason.ENCRYPTED_VALUE, Reason.SAS_QUERY, Reason.SECRET})
_KNOWN_COLUMNS: Final = 4096


def normalise(document: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Normalised, ...]]:
    """The comparable fields of a definition, and what was done to get them.

    Args:
        document: in proper form (`document.read`, `document.proper`).

    Returns:
        `{location, tags, **properties}` without read-only and secret members, parameters in the 2017 form,
        encrypted ones as `ENCRYPTED`, tables with `COLUMN_ORDER`; and one note per rule that applied. A note's path
        has `*` where it stands for many members; notes on encrypted values, SAS queries and credentials name each.
    """
    flat: dict[str, Any] = {name: item for name, item in document.items() if name != "properties"}
    for name, item in properties_of(document).items():
        flat.setdefault(name, item)
    fired: _Fired = {}
    fields: dict[str, Any] = _FIELDS(flat, fired)
    return (flat.copy() if fields is flat else fields), tuple(_placed(fired, flat))


def fingerprint(fields: Mapping[str, Any]) -> str:
    """SHA-256 of normalised fields, as `sha256:HEX`: equal for an export in either form, a snapshot and a GET.

    The order of columns and edges counts, the order of members does not. Server defaults count as absent; what GET
    never shows (`commitmentPlan`) does not count.
    """
    compared = _COMPARED(fields if type(fields) is dict else dict(fields), {})
    return "sha256:" + sha256(canonical(compared)).hexdigest()


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


def _apply(rules: tuple[Rule, ...]) -> _Visit | None:
    """The rules of one place, in order, as one visitor."""
    if not rules:
        return None
    steps = tuple((_effect(rule), Normalised(path=rule.path, reason=rule.reason)) for rule in rules)
    lifted = {reason: Normalised(path=rules[0].path, reason=reason) for reason in _LIFTED}
    lifts = rules[0].effect is Effect.LIFT

    def visit(item: Any, fired: _Fired) -> Any:
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


_LIFTED: Final = (Reason.ENCRYPTED_VALUE, Reason.SECRET, Reason.PARAMETER_FORM, Reason.EMPTY_EQUALS_ABSENT)


def _lift_reason(before: Any, after: Any) -> Reason:
    """What made a parameter look different in the comparable form; the gravest reason counts."""
    if after is ENCRYPTED:
        return Reason.ENCRYPTED_VALUE
    if is_masked(after.get("value")):
        return Reason.SECRET
    return Reason.EMPTY_EQUALS_ABSENT if isinstance(before, Mapping) else Reason.PARAMETER_FORM


def _then(first: _Visit | None, second: _Visit | None) -> _Visit | None:
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
        self._plain: dict[int, _Visit | None] = {}

    def visitor(self, kind: Type, rules: _Rules) -> _Visit | None:
        if not rules and id(kind) in self._plain:
            return self._plain[id(kind)]
        if not rules and not isinstance(kind, Leaf):
            key = id(kind)
            self._plain[key] = lambda item, fired: visit(item, fired)  # type: ignore[misc]
            visit = self._build(kind, rules)
            self._plain[key] = visit
            return visit
        return self._build(kind, rules)

    def _build(self, kind: Type, rules: _Rules) -> _Visit | None:
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

    def _entry(self, of: Type, rules: _Rules) -> _Visit | None:
        inside, own = _below(rules, "*")
        return _then(self.visitor(of, inside), _apply(own))

    def _record(self, shape: Record, rules: _Rules) -> _Visit:
        acts: list[tuple[str, _Visit]] = []
        for name in dict.fromkeys((*shape.members, *(path[0] for path, _ in rules))):
            inside, own = _below(rules, name)
            act = _then(self.visitor(shape.members.get(name, Leaf.ANY), inside), _apply(own))
            if act is not None:
                acts.append((name, act))
        return _members(tuple(acts))


def _members(acts: tuple[tuple[str, _Visit], ...]) -> _Visit:
    def visit(value: Any, fired: _Fired) -> Any:
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
            fired[_NULL] = None
            return {name: item for name, item in out.items() if item is not None}
        return out

    return visit


def _each(act: _Visit | None) -> _Visit | None:
    if act is None:
        return None

    def visit(value: Any, fired: _Fired) -> Any:
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


def _every(act: _Visit) -> _Visit:
    def visit(value: Any, fired: _Fired) -> Any:
        if type(value) is not list:
            return value
        out = [act(item, fired) for item in value]
        return value if all(a is b for a, b in zip(out, value, strict=True)) else out

    return visit


def _columns(act: _Visit | None) -> _Visit:
    """Columns, each distinct one normalised once: a service has dozens alike, a workspace thousands."""
    assert act is not None
    known: dict[tuple[Any, ...], tuple[Any, _Fired]] = {}
    plain = COLUMN.members.keys() - {"enum"}

    def visit(value: Any, fired: _Fired) -> Any:
        if type(value) is not dict:
            return value
        out = {}
        last: _Fired | None = None
        for name, column in value.items():
            # Members of known type only: in a key, 1 and True would be the same.
            if type(column) is not dict or not plain >= column.keys():
                out[name] = act(column, fired)
                continue
            key = tuple(column.items())
            found = known.get(key)
            if found is None:
                own: _Fired = {}
                found = (act(column, own), own)
                if len(known) < _KNOWN_COLUMNS:
                    known[key] = found
            out[name] = found[0]
            if found[1] is not last:
                last = found[1]
                fired.update(last)
        return out

    return visit


def _ordered(act: _Visit) -> _Visit:
    def visit(value: Any, fired: _Fired) -> Any:
        out = act(value, fired)
        columns = out.get("properties") if type(out) is dict else None
        return {**out, COLUMN_ORDER: list(columns)} if type(columns) is dict and len(columns) > 1 else out

    return visit


_FLAT: Final = Record({**{n: t for n, t in WEB_SERVICE.members.items() if n != "properties"}, **PROPERTIES.members})


def _compile(rules: tuple[Rule, ...], shape: Record) -> _Visit:
    visit = _Compiler().visitor(shape, tuple((rule.path, rule) for rule in rules))
    assert visit is not None
    return visit


_FIELDS: Final = _compile(tuple(rule for rule in RULES if not rule.compared_only), _FLAT)
_COMPARED: Final = _compile(tuple(rule for rule in RULES if rule.compared_only), Record({}))


def _placed(fired: _Fired, flat: dict[str, Any]) -> Iterator[Normalised]:
    """The notes; those that a reader wants to follow up get the place of each member."""
    for note in fired:
        if note is _NULL:
            yield from (Normalised(path=path, reason=note.reason) for path in _nulls(flat, _FLAT, ()))
        elif note.reason not in _PLACED:
            yield note
        else:
            for path, item in _expand(flat, note.path, ()):
                if _concerns(note.reason, item):
                    yield Normalised(path=path, reason=note.reason)


def _nulls(tree: Any, kind: Type, path: Path) -> Iterator[Path]:
    """Where fixed members are null."""
    match kind:
        case Record(members) if isinstance(tree, dict):
            for name, item in tree.items():
                if item is None:
                    yield (*path, name)
                else:
                    yield from _nulls(item, members.get(name, Leaf.ANY), (*path, name))
        case MapOf(of) if isinstance(tree, dict):
            for name, item in tree.items():
                yield from _nulls(item, of, (*path, name))
        case ListOf(of) if isinstance(tree, list):
            for at, item in enumerate(tree):
                yield from _nulls(item, of, (*path, str(at)))
        case _:
            return


def _expand(tree: Any, pattern: Path, done: Path) -> Iterator[tuple[Path, Any]]:
    if not pattern:
        yield done, tree
        return
    if not isinstance(tree, dict):
        return
    for name in list(tree) if pattern[0] == "*" else [pattern[0]]:
        if name in tree:
            yield from _expand(tree[name], pattern[1:], (*done, name))


def _concerns(reason: str, item: Any) -> bool:
    match reason:
        case Reason.ENCRYPTED_VALUE:
            return lift(item) is ENCRYPTED
        case Reason.SAS_QUERY:
            return isinstance(item, str) and without_query(item) != item
        case _ if isinstance(item, str):
            return not credential or is_masked(masked(item))
        case _:
            return isinstance(item, Mapping) and is_masked(lift(item).get("value"))
