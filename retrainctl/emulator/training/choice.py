"""The column chooser of Studio's modules, in the forms that definitions carry."""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import unquote

from retrainctl.emulator.training.failure import ModuleFailed, column_not_found
from retrainctl.emulator.training.table import Table

_RANGE: Final = re.compile(r"\s*(\d{1,9})(?:\s*-\s*(\d{1,9}))?\s*")


def choose(text: str, table: Table, module: str) -> list[int]:
    """The places of the chosen columns.

    Three forms are read: `{"isFilter": true, "rules": [...]}`, often percent-encoded, as Studio's exports have it; the
    list `[{"KeepInputDataOrder": true, "ColumnNames": [...]}]`; and, as a courtesy to people, names with commas.

    Raises:
        ModuleFailed: a column that is not there, or rules of another form.
    """
    plain = text.strip()
    if plain.startswith("%"):
        plain = unquote(plain)
    if not plain.startswith(("{", "[")):
        return [_place(table, name.strip(), module) for name in plain.split(",") if name.strip()]
    try:
        rules = json.loads(plain)
    except ValueError:
        raise _unreadable(module) from None
    if isinstance(rules, dict):
        rules = rules.get("rules")
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise _unreadable(module)
    if rules and "ColumnNames" in rules[0]:
        return _named(rules[0], table, module)
    return _ruled(rules, table, module)


def one(text: str, table: Table, module: str) -> int:
    """The place of the only chosen column.

    Raises:
        ModuleFailed: none, or more than one.
    """
    places = choose(text, table, module)
    if len(places) != 1:
        raise ModuleFailed(
            module, "0005", "UnexpectedNumberOfColumns", f"One column must be chosen, not {len(places)}."
        )
    return places[0]


def _unreadable(module: str) -> ModuleFailed:
    return ModuleFailed(module, "0002", "ParameterParsing", "The column selection cannot be parsed.")


def _place(table: Table, name: str, module: str) -> int:
    place = table.index(name)
    if place is None:
        raise column_not_found(module, name)
    return place


def _named(rule: dict[str, Any], table: Table, module: str) -> list[int]:
    places = [_place(table, str(name), module) for name in rule["ColumnNames"]]
    return sorted(places) if rule.get("KeepInputDataOrder") else places


def _ruled(rules: list[dict[str, Any]], table: Table, module: str) -> list[int]:
    excluded_first = bool(rules) and bool(rules[0].get("exclude"))
    chosen = dict.fromkeys(range(len(table.names)) if excluded_first else ())
    for rule in rules:
        places = _matched(rule, table, module)
        if rule.get("exclude"):
            dropped = set(places)
            chosen = {place: None for place in chosen if place not in dropped}
        else:
            chosen.update(dict.fromkeys(places))
    return list(chosen)


def _matched(rule: dict[str, Any], table: Table, module: str) -> list[int]:
    columns = rule.get("columns", [])
    match rule.get("ruleType"):
        case "AllColumns":
            return list(range(len(table.names)))
        case "ColumnNames":
            return [_place(table, str(name), module) for name in columns]
        case "ColumnIndexes":
            return [place for item in columns for place in _numbered(str(item), table, module)]
        case "ColumnTypes":
            return _typed(rule, table)
    raise _unreadable(module)


def _numbered(item: str, table: Table, module: str) -> list[int]:
    """`3` or `1-21`, counted from 1."""
    match = _RANGE.fullmatch(item)
    if match is None:
        raise _unreadable(module)
    first, last = int(match[1]), int(match[2] or match[1])
    if not 1 <= first <= last <= len(table.names):
        raise column_not_found(module, item)
    return list(range(first - 1, last))


def _typed(rule: dict[str, Any], table: Table) -> list[int]:
    types = {str(kind) for kind in rule.get("columnTypes") or ("All",)}
    kinds = {str(kind) for kind in rule.get("columnKinds") or ("All",)}
    found = []
    for place, name in enumerate(table.names):
        kind = "Numeric" if table.numeric(place) else "String"
        role = "Label" if name == table.label else "Feature"
        if types & {"All", kind, "Categorical" if kind == "String" else "Double"} and kinds & {"All", role}:
            found.append(place)
    return found
