"""One form for every spelling of a definition, so that plain equality decides.

Whatever no rule touches is shared with the document; columns, of which a service has dozens alike, are normalised once
and shared by all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from retrainctl.definition.document import properties_of
from retrainctl.definition.parts import PARTS, SHARED, digest
from retrainctl.definition.rules import RULES, Reason
from retrainctl.definition.shape import PROPERTIES, WEB_SERVICE, Leaf, ListOf, MapOf, Record, Type
from retrainctl.definition.visit import NULL, Fired, at_place, compile_rules
from retrainctl.model.resource import Normalised
from retrainctl.model.values import Path

_PLACED: Final = frozenset({Reason.ENCRYPTED_VALUE, Reason.SAS_QUERY, Reason.SECRET})

_FLAT: Final = Record({**{n: t for n, t in WEB_SERVICE.members.items() if n != "properties"}, **PROPERTIES.members})
_FIELDS: Final = compile_rules(tuple(rule for rule in RULES if not rule.compared_only), _FLAT)
_COMPARED: Final = compile_rules(tuple(rule for rule in RULES if rule.compared_only), Record({}))


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
    fired: Fired = {}
    known = {name: part for name in SHARED if (part := PARTS.of(flat.get(name))) is not None}
    rest = {name: item for name, item in flat.items() if name not in known} if known else flat.copy()
    fields: dict[str, Any] = _FIELDS(rest, fired)
    for name, part in known.items():
        if part.fields is None:
            notes: Fired = {}
            PARTS.finish(part, _FIELDS({name: part.value}, notes)[name], tuple(notes))
        fields[name] = part.fields
        fired.update(dict.fromkeys(part.notes))
    return fields, tuple(_placed(fired, flat))


def fingerprint(fields: Mapping[str, Any]) -> str:
    """SHA-256 of normalised fields, as `sha256:HEX`: equal for an export in either form, a snapshot and a GET.

    The order of columns and edges counts, the order of members does not. Server defaults count as absent; what GET
    never shows (`commitmentPlan`) does not count.
    """
    compared = dict(_COMPARED(dict(fields), {}))
    for name in SHARED:
        if name in compared:
            compared[name] = PARTS.digest_of(compared[name])
    return "sha256:" + digest(compared)


def _placed(fired: Fired, flat: dict[str, Any]) -> Iterator[Normalised]:
    """The notes; those that a reader wants to follow up get the place of each member."""
    for note in fired:
        if note is NULL:
            yield from (Normalised(path=path, reason=note.reason) for path in _nulls(flat, _FLAT, ()))
        elif note.reason not in _PLACED:
            yield note
        else:
            again = at_place(tuple(rule for rule in RULES if rule.path == note.path and not rule.compared_only))
            for path, item in _expand(flat, note.path, ()):
                here: Fired = {}
                if again is not None and again(item, here) is not item and note in here:
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
