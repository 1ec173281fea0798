"""Ports and parameters of a web service, from its swagger (classic-api.md 5.6) or from a definition. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retrainctl.model.values import JsonObject
from retrainctl.ports import ServicePorts


def from_swagger(document: JsonObject) -> ServicePorts:
    """What a swagger of one endpoint or service says; members that it lacks count as empty."""
    definitions = _mapping(document.get("definitions"))
    tables = {port: _columns(definitions, port) for kind in ("Inputs", "Outputs") for port in _ports(definitions, kind)}
    request = _mapping(definitions.get("ExecutionRequest"))
    example = request.get("example")
    return ServicePorts(
        inputs={port: tables[port] for port in _ports(definitions, "Inputs")},
        outputs={port: tables[port] for port in _ports(definitions, "Outputs")},
        parameters=tuple(_properties(definitions.get("GlobalParameters"))),
        example=_request(example, tables) if isinstance(example, Mapping) and _rows_in(example) else None,
    )


def example_request(properties: JsonObject, ports: ServicePorts) -> JsonObject | None:
    """The scoring request in a definition's `exampleRequest`: rows of values in the order of the port's columns."""
    example = _mapping(properties.get("exampleRequest"))
    inputs = _mapping(example.get("inputs"))
    columns = {**ports.inputs, **_declared(properties)}
    tables: dict[str, Any] = {}
    for port, rows in inputs.items():
        if not isinstance(rows, list) or not rows:
            continue
        names = list(columns.get(port, ()))
        if any(not isinstance(row, list) or len(row) != len(names) for row in rows):
            return None
        tables[port] = {"ColumnNames": names, "Values": [list(row) for row in rows]}
    if not tables:
        return None
    given = _mapping(example.get("globalParameters"))
    parameters = {name: value for name, value in given.items() if not isinstance(value, Mapping)}
    return {"Inputs": tables, "GlobalParameters": parameters}


def _declared(properties: JsonObject) -> dict[str, tuple[str, ...]]:
    ports = _properties(properties.get("input"))
    return {port: tuple(_properties(schema)) for port, schema in ports.items() if _properties(schema)}


def _ports(definitions: Mapping[str, Any], kind: str) -> list[str]:
    """Ports of batch jobs, which are all of them (a model's port is no output of scoring), then of scoring."""
    batch, scoring = (_properties(definitions.get(f"{way}{kind}")) for way in ("Batch", "Execution"))
    return list(dict.fromkeys([*batch, *scoring]))


def _columns(definitions: Mapping[str, Any], port: str) -> tuple[str, ...]:
    return tuple(_properties(definitions.get(f"{port}Item")))


def _properties(schema: Any) -> Mapping[str, Any]:
    return _mapping(_mapping(schema).get("properties"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _rows_in(example: Mapping[str, Any]) -> bool:
    return any(isinstance(rows, list) and rows for rows in _mapping(example.get("Inputs")).values())


def _request(example: Mapping[str, Any], tables: Mapping[str, tuple[str, ...]]) -> JsonObject:
    """Records as the swagger shows them, in the form that every service takes."""
    inputs: dict[str, Any] = {}
    for port, rows in _mapping(example.get("Inputs")).items():
        names = list(tables.get(port) or dict.fromkeys(name for row in rows for name in row))
        inputs[port] = {"ColumnNames": names, "Values": [[row.get(name) for name in names] for row in rows]}
    return {"Inputs": inputs, "GlobalParameters": dict(_mapping(example.get("GlobalParameters")))}
