"""The feature columns: JSON in a gzip member, and the slots that they fill (ilearner-format.md sections 4 and 6)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from retrainctl.ilearner.archive import inflate
from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.limits import Limits
from retrainctl.ilearner.model import Feature, printable

PART: Final = "serializedFeatureAttributes"
_GZIP: Final = 16 + zlib.MAX_WBITS
_SMALL: Final = 1 << 16
_KEYS: Final = frozenset(("name", "type", "isFeature", "elementType"))
_ELEMENT_KEYS: Final = frozenset(("typeName", "isNullable"))
_DOMAIN_KEYS: Final = frozenset(("categoryType", "isNullable", "categories"))
_READ_TYPES: Final = frozenset((("Numeric", "double"), ("Categorical", "string")))


def read_attributes(packed: bytes, offset: int, limits: Limits) -> tuple[tuple[Feature, ...], tuple[str, ...]]:
    """The feature columns in slot order, and in sentences what of them is not understood.

    `offset` is where the gzip member starts in the file.

    Raises:
        IlearnerError: not one gzip member of a JSON list of columns, or over the limits.
    """
    limit = min(limits.attribute_bytes, max(_SMALL, limits.attribute_ratio * len(packed)))
    if packed[:3] != b"\x1f\x8b\x08":
        raise IlearnerError("a gzip member (1F 8B 08) expected", offset=offset, code="RC707")
    text = inflate(packed, _GZIP, limit, PART, 0)
    rows = _parse(text, limits)
    missing: list[str] = []
    features = tuple(_feature(row, index, missing) for index, row in enumerate(rows))
    if len({feature.name for feature in features}) != len(features):
        raise _fail("two columns have one name", code="RC708")
    return features, tuple(missing)


def _fail(message: str, *, offset: int | None = None, code: str = "RC707") -> IlearnerError:
    return IlearnerError(message, offset=offset, part=PART, code=code)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _number(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def _parse(data: bytes, limits: Limits) -> list[Mapping[str, Any]]:
    try:
        rows = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_number)
    except json.JSONDecodeError as error:
        raise _fail(f"JSON expected: {error.msg}", offset=error.pos) from None
    except RecursionError:
        raise _fail(f"more than {limits.attribute_depth} levels of JSON", code="RC706") from None
    except ValueError as error:  # bad UTF-8, a duplicate key, NaN, a number of 5,000 digits
        raise _fail(f"JSON expected: {error}") from None
    if _depth(rows) > limits.attribute_depth:
        raise _fail(f"more than {limits.attribute_depth} levels of JSON", code="RC706")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _fail("a JSON list of columns expected")
    return rows


def _depth(value: object) -> int:
    """Levels of nesting, level by level: the value may be deeper than a recursion would dare."""
    levels, layer = 0, [value]
    while layer:
        levels += 1
        layer = [
            child
            for item in layer
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, (dict, list))
        ]
    return levels


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise _fail(f"{where}: a text {key!r} expected")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise _fail(f"{where}: half a character in {key!r}") from None
    return value


def _object(row: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = row.get(key)
    if not isinstance(value, dict):
        raise _fail(f"{where}: an object {key!r} expected")
    return value


def _feature(row: Mapping[str, Any], index: int, missing: list[str]) -> Feature:
    where = f"column {index}"
    name = _text(row, "name", where)
    kind = _text(row, "type", where)
    element = _object(row, "elementType", where)
    element_type = _text(element, "typeName", where)
    nullable = element.get("isNullable")
    if row.get("isFeature") is not True or not isinstance(nullable, bool):
        raise _fail(f"{where}: isFeature true and elementType.isNullable expected")
    odd = set(row) - _KEYS - {"domain"} or set(element) - _ELEMENT_KEYS
    categories: tuple[str, ...] = ()
    if kind == "Categorical":
        domain = _object(row, "domain", where)
        categories = _categories(domain, where)
        odd = odd or set(domain) - _DOMAIN_KEYS
        if domain.get("categoryType") != "string" or domain.get("isNullable") is not False or not categories:
            odd = odd or {"domain"}
    elif "domain" in row:
        odd = odd or {"domain"}
    if (kind, element_type) not in _READ_TYPES or nullable or odd:
        detail = f", with {', '.join(sorted(map(printable, odd)))} of an unknown form" if odd else ""
        words = f"{'nullable ' if nullable else ''}{printable(kind)} of {printable(element_type)}{detail}"
        missing.append(f"column {printable(name)!r} is {words}: no sample shows how its slots are laid out")
    return Feature(name=name, type=kind, element_type=element_type, nullable=nullable, categories=categories)


def _categories(domain: Mapping[str, Any], where: str) -> tuple[str, ...]:
    listed = domain.get("categories")
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise _fail(f"{where}: a list of texts 'categories' expected")
    try:
        "".join(listed).encode("utf-8")
    except UnicodeEncodeError:
        raise _fail(f"{where}: half a character in a category") from None
    if len(set(listed)) != len(listed):
        raise _fail(f"{where}: a category stands twice")
    return tuple(listed)


def lay_out(features: Sequence[Feature]) -> tuple[tuple[Feature, ...], tuple[str, ...]]:
    """Give each column its run of slots, and name the slots as Studio does.

    A number is one slot. A categorical column has one per category and one more for every value not seen in training,
    whose printed number is one higher than its place (ilearner-format.md section 6).
    """
    placed: list[Feature] = []
    names: list[str] = []
    for feature in features:
        first = len(names)
        if feature.is_numeric:
            names.append(feature.name)
        else:
            names.extend(f"{feature.name}_{category}_{index}" for index, category in enumerate(feature.categories))
            names.append(f"{feature.name}#unknown__{len(feature.categories) + 1}")
        placed.append(replace(feature, slots=(first, len(names))))
    return tuple(placed), tuple(names)
