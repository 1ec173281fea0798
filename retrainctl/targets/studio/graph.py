"""Edits of an experiment's graph, as values: which assets and modules it uses, and others in their place.

Nothing here reads or sends. An edit gives a new document; whatever it does not touch is the old one's, unchanged
(classic-api.md sections 1, 6.2, 9).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from retrainctl.fastclass import dataclass
from retrainctl.model.values import JsonObject

_CLIENT_DATA: Final = "SerializedClientData"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One place that names an asset or a module. port: empty for a module, which is the node's own."""

    node: str
    comment: str
    identifier: str
    port: str = ""

    def __str__(self) -> str:
        """`node "Score" (57e2...-32), port "Trained model"`."""
        called = f'node "{self.comment}" ({self.node})' if self.comment else f"node {self.node}"
        return f'{called}, port "{self.port}"' if self.port else called


def family_of(identifier: str) -> str:
    """What all versions share, in small letters: the family in `{workspace}.{family}.v1-default-{batch}`.

    An id of another form is a family of its own.
    """
    parts = identifier.casefold().split(".")
    return parts[1] if len(parts) > 2 else identifier.casefold()


def same(one: str, other: str) -> bool:
    """Whether two ids are one: azuremlps compares without case."""
    return one.casefold() == other.casefold()


def assets_used(experiment: JsonObject, member: str) -> list[Use]:
    """Every port that takes an asset in place of an edge, in the graph's order.

    member: which of a port's members has the asset's id: `DataSourceId`, `TrainedModelId` or `TransformModuleId`.
    """
    return [
        Use(node=_text(node, "Id"), comment=_text(node, "Comment"), identifier=used, port=_text(port, "Name"))
        for node in _nodes(experiment)
        for port in _objects(node.get("InputPortsInternal"))
        if (used := _text(port, member))
    ]


def modules_used(experiment: JsonObject) -> list[Use]:
    """Every node that is a module, in the graph's order."""
    return [
        Use(node=_text(node, "Id"), comment=_text(node, "Comment"), identifier=used)
        for node in _nodes(experiment)
        if (used := _text(node, "ModuleId"))
    ]


def swap_assets(experiment: JsonObject, swaps: Mapping[str, Mapping[str, str]]) -> JsonObject:
    """The experiment with other assets: in every port of theirs, and in the client data of graph and web service.

    The client data places the assets on Studio's canvas. All ids go at once, so that none is replaced twice, and an
    id that begins another one (`...v1-default-3` and `...-33`) is left where it does.

    swaps: member of the port -> old id, as the graph spells it -> new id.
    """

    def port_with(port: JsonObject) -> JsonObject:
        new = {name: ids[old] for name, ids in swaps.items() if (old := _text(port, name)) in ids}
        return {**port, **new} if new else port

    def node_with(node: JsonObject) -> JsonObject:
        return _with(node, "InputPortsInternal", port_with)

    everything = {old: new for ids in swaps.values() for old, new in ids.items()}
    drawn = _inside(_inside(experiment, "Graph", everything), "WebService", everything)
    return _nodes_with(drawn, node_with)


def swap_modules(experiment: JsonObject, swaps: Mapping[str, str]) -> JsonObject:
    """The experiment with other modules in its nodes. swaps: old id, as the graph spells it -> new id."""

    def node_with(node: JsonObject) -> JsonObject:
        module = _text(node, "ModuleId")
        return {**node, "ModuleId": swaps[module]} if module in swaps else node

    return _nodes_with(experiment, node_with)


def _inside(experiment: JsonObject, name: str, swaps: Mapping[str, str]) -> JsonObject:
    """The experiment with other ids in the client data of its graph or web service."""
    part = _object(experiment.get(name))
    drawn = _text(part, _CLIENT_DATA)
    if not drawn or not swaps:
        return experiment
    some = "|".join(re.escape(old) for old in sorted(swaps, key=len, reverse=True))
    text = re.sub(rf"(?<![\w.-])(?:{some})(?![\w-])", lambda match: swaps[match[0]], drawn)
    return experiment if text == drawn else {**experiment, name: {**part, _CLIENT_DATA: text}}


def _nodes_with(experiment: JsonObject, change: Callable[[JsonObject], JsonObject]) -> JsonObject:
    part = _object(experiment.get("Graph"))
    changed = _with(part, "ModuleNodes", change)
    return experiment if changed is part else {**experiment, "Graph": changed}


def _with(parent: JsonObject, name: str, change: Callable[[JsonObject], JsonObject]) -> JsonObject:
    """The object with every object of one of its lists changed; itself where nothing changes."""
    items = parent.get(name)
    if not isinstance(items, list):
        return parent
    changed = [change(item) if isinstance(item, dict) else item for item in items]
    unchanged = all(new is old for new, old in zip(changed, items, strict=True))
    return parent if unchanged else {**parent, name: changed}


def _nodes(experiment: JsonObject) -> Iterator[JsonObject]:
    return _objects(_object(experiment.get("Graph")).get("ModuleNodes"))


def _objects(value: Any) -> Iterator[JsonObject]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _text(parent: JsonObject, name: str) -> str:
    value = parent.get(name)
    return value if isinstance(value, str) else ""
