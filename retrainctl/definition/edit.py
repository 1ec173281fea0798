"""Planned changes put into a document: what is not changed stays as it was, whatever form it came in.

Changes name places of the normalised fields; a write needs the document as the service wrote it, with its empty texts,
its credentials and its ciphertext. This is the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from retrainctl.definition.document import properties_of
from retrainctl.definition.parameters import ENCRYPTED, is_masked, lift, masked
from retrainctl.definition.parsing import invalid
from retrainctl.definition.visit import COLUMN_ORDER
from retrainctl.model.values import MISSING, Missing, Path, Tree

_ENVELOPE: Final = frozenset({"location", "tags"})

_Patch: TypeAlias = "dict[str, _Patch | _Leaf]"


class _Leaf:
    """The end of a change's path."""

    __slots__ = ("value",)

    def __init__(self, value: Tree | Missing) -> None:
        self.value = value


def revise(
    document: Mapping[str, Any],
    changes: Iterable[tuple[Path, Tree | Missing]],
    *,
    source: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The document with its fields changed; everything else is shared with it.

    Args:
        document: as read from the service, in proper form; `{"properties": {}}` for a service to be made.
        changes: path and new value of normalised fields, as plans hold them; `MISSING` takes a member out. Values may
            hold `SecretRef`.
        source: where ciphertext and signatures that are new here come from (a definition of the same region);
            `document` itself is asked first.

    Raises:
        InvalidInput: an encrypted or masked value is in neither.
    """
    patch: _Patch = {}
    for path, value in changes:
        node = patch
        for name in path[:-1]:
            child = node.setdefault(name, {})
            if isinstance(child, _Leaf):
                raise ValueError(f"two changes of one field: {'.'.join(path)}")
            node = child
        node[path[-1]] = _Leaf(value)
    editor = _Editor(properties_of(document), properties_of(source or {}))
    envelope = {name: patch.pop(name) for name in _ENVELOPE & patch.keys()}
    out: dict[str, Any] = editor.merge(document, envelope, ())
    out["properties"] = editor.merge(properties_of(document), patch, ())
    return out


class _Editor:
    def __init__(self, document: Mapping[str, Any], source: Mapping[str, Any]) -> None:
        self._places = (document, source)

    def merge(self, raw: Any, patch: _Patch, at: Path) -> dict[str, Any]:
        out = dict(raw) if isinstance(raw, Mapping) else {}
        order: Tree | Missing = MISSING
        for name, change in patch.items():
            here = (*at, name)
            if name == COLUMN_ORDER and isinstance(change, _Leaf) and at[:1] in (("input",), ("output",)):
                order = change.value
            elif _is_parameter(here):
                self._parameter(out, name, change, here)
            elif not isinstance(change, _Leaf):
                out[name] = self.merge(out.get(name), change, here)
            elif change.value is MISSING:
                out.pop(name, None)
            else:
                out[name] = self._raw(change.value, here)
        if isinstance(order, list | tuple) and isinstance(columns := out.get("properties"), Mapping):
            out["properties"] = _in_order(columns, order)
        return out

    def _parameter(self, out: dict[str, Any], name: str, change: _Patch | _Leaf, at: Path) -> None:
        """Parameters change as a whole: a text, an object and a ciphertext have no members in common."""
        if isinstance(change, _Leaf):
            value = change.value
        else:
            value = dict(lift(out[name])) if name in out else {}
            for member, part in change.items():
                if not isinstance(part, _Leaf):
                    value[member] = self.merge(value.get(member), part, (*at, member))
                elif part.value is MISSING:
                    value.pop(member, None)
                else:
                    value[member] = part.value
        if value is MISSING:
            out.pop(name, None)
        else:
            out[name] = self._raw(value, at)

    def _raw(self, value: Any, at: Path) -> Any:
        """A normalised value in the form in which it is written."""
        if _is_parameter(at) and isinstance(value, Mapping):
            if value == ENCRYPTED or is_masked(value.get("value")):
                return self._hidden(at, lambda raw: lift(raw) == value)
            return {**value, "certificateThumbprint": ""}
        if is_masked(value):
            return self._hidden(at, lambda raw: masked(raw) == value)
        if not isinstance(value, Mapping):
            return value
        out = {name: self._raw(item, (*at, name)) for name, item in value.items() if name != COLUMN_ORDER}
        order = value.get(COLUMN_ORDER)
        if isinstance(order, list | tuple) and isinstance(columns := out.get("properties"), Mapping):
            out["properties"] = _in_order(columns, order)
        return out

    def _hidden(self, at: Path, same: Callable[[Any], bool]) -> Any:
        """The value behind ciphertext or a mask, from the first place that has it."""
        for place in self._places:
            found: Any = place
            for name in at:
                found = found.get(name) if isinstance(found, Mapping) else None
            if found is not None and same(found):
                return found
        raise invalid(
            "RC213",
            f"the encrypted or secret value of `{'.'.join(at)}` is not known",
            hint="declare a definition of the same region that holds it, or write the value in clear",
        )


def _is_parameter(at: Path) -> bool:
    """Whether a place holds a parameter: a global one, or one of a node."""
    if len(at) == 2:
        return at[0] == "parameters"
    return len(at) == 5 and at[:2] == ("package", "nodes") and at[3] == "parameters"


def _in_order(columns: Mapping[str, Any], order: Iterable[Any]) -> dict[str, Any]:
    """The columns in this order, those that it does not name behind."""
    return {**{name: columns[name] for name in order if name in columns}, **columns}
