"""How a manifest says which model version a slot serves, and where that can be changed.

A pin ends in a version, `MODEL@VERSION`: written out, or from a variable, or from a cell of the `forEach` table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from retrainctl.diagnostics import Diagnostics, Span
from retrainctl.fastclass import dataclass
from retrainctl.manifest import yamlfile
from retrainctl.manifest.expressions import Expression, compile_text
from retrainctl.manifest.instance import Instance
from retrainctl.manifest.scope import ExpressionError
from retrainctl.model.environment import Environment, Project
from retrainctl.model.resource import Desired

_VARIABLE: Final = re.compile(r"\s*vars\.([A-Za-z_][A-Za-z0-9_]*)\s*", re.ASCII)


class Source(StrEnum):
    """Where a version comes from."""

    LITERAL = "literal"
    VARIABLE = "variable"
    CELL = "cell"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """The pin of one slot. text: as written. place: where that stands; for a cell the cell, of a table with quotes
    its row. name: of the variable, or of the column.
    """

    slot: str
    text: str
    source: Source
    place: Span | None = None
    name: str = ""


def instance_of(desired: Desired) -> Instance | None:
    """The manifest that a resource came from, filled in; None for one that no manifest made."""
    found = getattr(desired.spans, "instance", None)
    return found if isinstance(found, Instance) else None


def written(instance: Instance, path: tuple[str | int, ...]) -> Any:
    """The value at a path of the finished data as the file has it, expressions and all; None where it is not there."""
    _, at, depth = instance.find(path)
    if depth < len(path):
        return None
    node: Any = instance.document.data
    for step in instance.document.path_at(at):
        node = node[step]
    return node


def pins(desired: Desired) -> dict[str, Pin]:
    """Slot -> its pin."""
    instance = instance_of(desired)
    if instance is None:
        return {}
    return {slot: _pin(instance, slot) for slot in desired.slots}


def _pin(instance: Instance, slot: str) -> Pin:
    path = ("spec", "models", slot)
    text = str(written(instance, path) or "")
    place = instance.document.span(path, key=False) if "{{" not in slot else None
    try:
        template = compile_text(text) if "{{" in text else None
    except ExpressionError:
        return Pin(slot=slot, text=text, source=Source.OTHER, place=place)
    last = template.parts[-1] if template is not None else ""
    if not isinstance(last, Expression):
        literal = "@" in last if template is not None else "@" in text
        return Pin(slot=slot, text=text, source=Source.LITERAL if literal else Source.OTHER, place=place)
    if (variable := _VARIABLE.fullmatch(last.source)) is not None:
        return Pin(slot=slot, text=text, source=Source.VARIABLE, place=place, name=variable[1])
    if last.column is not None and instance.item is not None and instance.item.table is not None:
        table = instance.item.table
        cell = table.span(instance.item.row, last.column)
        return Pin(slot=slot, text=text, source=Source.CELL, place=cell, name=last.column)
    return Pin(slot=slot, text=text, source=Source.OTHER, place=place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A variable where the project file declares it: `project` or `environment`, its value, and the value's place."""

    level: str
    value: Any
    place: Span


def variable_places(project: Project, environment: Environment, name: str) -> list[Declared]:
    """Where the project file declares a variable for an environment, the weaker place first."""
    text = (project.root / project.file.name).read_text(encoding="utf-8-sig")
    found: list[Declared] = []
    for document in yamlfile.read(text, project.file.name, Diagnostics()):
        if not isinstance(document.data, Mapping) or document.data.get("kind") != "Project":
            continue
        for level, path in (
            ("project", ("spec", "vars", name)),
            ("environment", ("spec", "environments", environment.name, "vars", name)),
        ):
            node: Any = document.data
            for step in path:
                node = node.get(step) if isinstance(node, Mapping) else None
            if node is not None:
                found.append(Declared(level=level, value=node, place=document.span(path, key=False)))
    return found
