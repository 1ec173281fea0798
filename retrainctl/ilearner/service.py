"""A web service's definition as far as a model cares: what columns reach it, under which names, past which modules.

Works on the exported JSON of a New service (arm-webservices.md 4.5, 4.6; ilearner-format.md section 7). Nothing of the
graph is run but the renaming of columns; every other module on the way is named, so that the caller can say so.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.model import printable
from retrainctl.ilearner.rows import LABELS

Plain: TypeAlias = Mapping[str, object]

_MOST_COLUMNS: Final = 100_000
_RANGE: Final = re.compile(r"\s*(\d{1,9})(?:\s*-\s*(\d{1,9}))?\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceColumn:
    """One column of the service's input. `name` is what the model sees, `source` what the caller sends.

    `type` is Boolean, Integer, Number, String, or None where the service does not tell. `allowed` is the schema's enum.
    """

    name: str
    source: str
    type: str | None
    allowed: tuple[str, ...] = ()

    @property
    def is_numeric(self) -> bool:
        return self.type in ("Number", "Integer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A module between the input and the model that is not run here. `files` are the resources it reads."""

    module: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What one input of a service gives to its model.

    `traced` is false when the way from input to model could not be followed: then names are those of the input.
    `outputs` maps output columns to their types; a scored table repeats the columns as the model saw them.
    `example` has the example request's rows by input column, empty when there is none.
    """

    port: str
    columns: tuple[ServiceColumn, ...]
    steps: tuple[Step, ...]
    traced: bool
    outputs: Mapping[str, str | None]
    example: tuple[Mapping[str, object], ...]

    @property
    def label_type(self) -> str | None:
        return self.outputs.get(LABELS)

    def renamed(self, row: Plain) -> dict[str, object]:
        """A row by input column as a row by the names that the model knows.

        Raises:
            IlearnerError: the row lacks columns of the input.
        """
        lacking = [column.source for column in self.columns if column.source not in row]
        if lacking:
            shown = ", ".join(map(printable, lacking[:8]))
            raise IlearnerError(f"the row lacks the input columns {shown}", code="RC721")
        return {column.name: row[column.source] for column in self.columns}


def read_service(definition: Plain, *, port: str | None = None) -> Service:
    """Read a definition, its `properties`, or a bare input schema (then nothing is known of graph and output).

    `port` names the input; by default the one that leads to the model, or the only one.

    Raises:
        IlearnerError: RC723 when there is no such input or its schema is no table.
    """
    properties = _mapping(_get(definition, "properties"))
    if _get(properties, "input") is None:
        properties = definition if _get(definition, "input") is not None else {"input": definition}
    ports = _mapping(_get(_mapping(_get(properties, "input")), "properties"))
    graph = _Graph(properties)
    name = port or _model_port(graph, ports)
    if name not in ports:
        known = ", ".join(map(printable, ports)) or "none"
        raise IlearnerError(f"the service has no input {printable(name or '')!r}; it has: {known}", code="RC723")
    columns = _columns(_mapping(ports[name]))
    path = graph.path(name)
    steps: list[Step] = []
    for node in path or ():
        columns = _through(graph, node, columns, steps)
    outputs = _outputs(properties)
    return Service(
        port=name,
        columns=tuple(replace(column, type=outputs.get(column.name, column.type)) for column in columns),
        steps=tuple(steps),
        traced=path is not None,
        outputs=outputs,
        example=_example(properties, name, [column.source for column in columns]),
    )


def positional_row(service: Service, values: Sequence[object]) -> dict[str, object]:
    """A row whose values stand in the order of the input schema, as a row by input column.

    Raises:
        IlearnerError: RC723 when the number of values is another.
    """
    return _by_column([column.source for column in service.columns], values)


def _by_column(names: Sequence[str], values: object) -> dict[str, object]:
    if isinstance(values, Mapping):
        return {str(name): value for name, value in values.items()}
    if not isinstance(values, (list, tuple)) or len(values) != len(names):
        found = len(values) if isinstance(values, (list, tuple)) else "none"
        raise IlearnerError(f"a row of {len(names)} values expected, found {found}", code="RC723")
    return dict(zip(names, values, strict=True))


def _get(value: Plain, name: str) -> object:
    """A member whatever its case: recorded definitions have `nodes` and `Nodes` (arm-webservices.md)."""
    if name in value:
        return value[name]
    low = name.lower()
    return next((found for key, found in value.items() if isinstance(key, str) and key.lower() == low), None)


def _mapping(value: object) -> Plain:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


class _Graph:
    """The package's nodes and edges."""

    def __init__(self, properties: Plain) -> None:
        package = _mapping(_get(properties, "package"))
        self.nodes = _mapping(_get(package, "nodes"))
        self.assets = _mapping(_get(properties, "assets"))
        self._next: dict[str, list[str]] = {}
        self._before: dict[str, list[str]] = {}
        edges = _get(package, "edges")
        for edge in edges if isinstance(edges, list) else ():
            source = _text(_get(_mapping(edge), "sourceNodeId"))
            target = _text(_get(_mapping(edge), "targetNodeId"))
            self._next.setdefault(source, []).append(target)
            self._before.setdefault(target, []).append(source)

    def asset(self, node: str) -> Plain:
        return _mapping(_get(self.assets, _text(_get(_mapping(self.nodes.get(node)), "assetId"))))

    def module(self, node: str) -> str:
        """The module's name, "" for an input, an output or a resource."""
        asset = self.asset(node)
        return _text(_get(asset, "name")) if _get(asset, "type") == "Module" else ""

    def parameters(self, node: str) -> Plain:
        """Values by name: plain texts in 2016, objects with a `value` in 2017 (arm-webservices.md section 4)."""
        given = _mapping(_get(_mapping(self.nodes.get(node)), "parameters"))
        return {name: _get(one, "value") if isinstance(one, Mapping) else one for name, one in given.items()}

    def files(self, node: str) -> tuple[str, ...]:
        """The names of the resources that feed a module."""
        feeding = (self.asset(source) for source in self._before.get(node, ()))
        return tuple(
            f"{_text(_get(asset, 'name'))} ({_suffix(asset)})" for asset in feeding if _get(asset, "type") == "Resource"
        )

    def path(self, port: str) -> tuple[str, ...] | None:
        """The modules from an input to the first Score Model, without it; None when there is no such way."""
        start = next((name for name, node in self.nodes.items() if _get(_mapping(node), "inputId") == port), None)
        if start is None:
            return None
        queue: deque[tuple[str, ...]] = deque([(start,)])
        seen = {start}
        while queue:
            way = queue.popleft()
            if self.module(way[-1]) == "Score Model":
                return way[1:-1]
            for following in self._next.get(way[-1], ()):
                if following not in seen:
                    seen.add(following)
                    queue.append((*way, following))
        return None


def _suffix(asset: Plain) -> str:
    uri = _text(_get(_mapping(_get(asset, "locationInfo")), "uri"))
    name = urllib.parse.urlsplit(uri).path.rpartition("/")[2] if "://" in uri else uri
    return "." + name.rpartition(".")[2] if "." in name else "file"


def _model_port(graph: _Graph, ports: Plain) -> str:
    leading = [name for name in ports if graph.path(name) is not None]
    return leading[0] if leading else next(iter(ports), "")


def _columns(table: Plain) -> tuple[ServiceColumn, ...]:
    described = _mapping(_get(table, "properties"))
    if not described or len(described) > _MOST_COLUMNS:
        raise IlearnerError(f"an input schema of 1 to {_MOST_COLUMNS} columns expected", code="RC723")
    return tuple(
        ServiceColumn(name=name, source=name, type=_type(column), allowed=_allowed(column))
        for name, column in described.items()
    )


def _type(column: object) -> str | None:
    """The schema's type in the spelling of the service: some exports write it in lower case."""
    return _text(_get(_mapping(column), "type")).capitalize() or None


def _allowed(column: object) -> tuple[str, ...]:
    listed = _get(_mapping(column), "enum")
    return tuple(str(value) for value in listed) if isinstance(listed, list) else ()


def _outputs(properties: Plain) -> dict[str, str | None]:
    ports = _mapping(_get(_mapping(_get(properties, "output")), "properties"))
    tables = [_mapping(_get(_mapping(table), "properties")) for table in ports.values()]
    scored = next((table for table in tables if LABELS in table), {})
    return {name: _type(column) for name, column in scored.items()}


def _example(properties: Plain, port: str, names: Sequence[str]) -> tuple[Mapping[str, object], ...]:
    rows = _get(_mapping(_get(_mapping(_get(properties, "exampleRequest")), "inputs")), port)
    return tuple(_by_column(names, row) for row in rows) if isinstance(rows, list) else ()


def _through(
    graph: _Graph, node: str, columns: tuple[ServiceColumn, ...], steps: list[Step]
) -> tuple[ServiceColumn, ...]:
    """The columns behind one module. One that is not understood leaves them as they are and is listed."""
    module = graph.module(node) or "a module without a name"
    if module in ("Edit Metadata", "Metadata Editor"):
        changed = _edit_metadata(graph.parameters(node), columns)
        if changed is not None:
            return changed
    if module in ("Select Columns in Dataset", "Project Columns"):
        chosen = _selected(_text(_get(graph.parameters(node), "Select columns")), columns)
        if chosen is not None:
            return tuple(columns[index] for index in chosen)
    steps.append(Step(module=module, files=graph.files(node)))
    return columns


# What Edit Metadata can make of a type; one that is not listed here leaves the type unknown.
_DATA_TYPES: Final = {
    "Integer": "Integer",
    "Double": "Number",
    "Floating point": "Number",
    "String": "String",
    "Boolean": "Boolean",
}


def _edit_metadata(parameters: Plain, columns: tuple[ServiceColumn, ...]) -> tuple[ServiceColumn, ...] | None:
    """Renamed and retyped columns; None when the module's column choice is of a form that is not understood."""
    chosen = _selected(_text(_get(parameters, "Column")), columns)
    if chosen is None:
        return None
    names = _text(_get(parameters, "New Column Name"))
    new_names = names.split(",") if names else []
    if new_names and len(new_names) != len(chosen):
        return None
    data_type = _text(_get(parameters, "Data Type")) or "Unchanged"
    changed = list(columns)
    for place, index in enumerate(chosen):
        column = changed[index]
        if new_names:
            column = replace(column, name=new_names[place])
        if data_type != "Unchanged":
            column = replace(column, type=_DATA_TYPES.get(data_type))
        changed[index] = column
    return tuple(changed)


def _selected(choice: str, columns: tuple[ServiceColumn, ...]) -> list[int] | None:
    """Which columns a module's column chooser means, in order; None when its rules are of another form."""
    try:
        found = json.loads(urllib.parse.unquote(choice))
    except (ValueError, RecursionError):
        return None
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], Mapping) and "ColumnNames" in found[0]:
        named = _rule({"ruleType": "ColumnNames", "columns": found[0]["ColumnNames"]}, columns)
        return sorted(named) if named is not None and found[0].get("KeepInputDataOrder") else named
    rules = _mapping(found).get("rules")
    chosen: dict[int, None] = {}
    for rule in rules if isinstance(rules, list) else ():
        indices = _rule(_mapping(rule), columns)
        if indices is None:
            return None
        if _get(_mapping(rule), "exclude"):
            chosen = {index: None for index in chosen if index not in set(indices)}
        else:
            chosen.update(dict.fromkeys(indices))
    return list(chosen)


def _rule(rule: Plain, columns: tuple[ServiceColumn, ...]) -> list[int] | None:
    listed = _get(rule, "columns")
    match _get(rule, "ruleType"):
        case "AllColumns":
            return list(range(len(columns)))
        case "ColumnNames" if isinstance(listed, list):
            places = {column.name: index for index, column in enumerate(columns)}
            return [places[name] for name in listed if name in places]
        case "ColumnIndexes" if isinstance(listed, list):
            return _numbered(listed, len(columns))
    return None


def _numbered(listed: Sequence[object], count: int) -> list[int] | None:
    """Ranges such as "1-21", counted from 1."""
    indices: list[int] = []
    for item in listed:
        match = _RANGE.match(str(item))
        if match is None:
            return None
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= count:
            return None
        indices.extend(range(first - 1, last))
    return indices
