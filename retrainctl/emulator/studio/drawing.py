"""Experiment graphs as Studio shows them (classic-api.md 6.2), drawn from the definition that they were deployed as.

What Studio has and a definition has not - node ids, comments, positions - is made up from the names in the definition,
the same on every machine. Saved assets are no nodes here: the input port that one feeds carries its id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from retrainctl.emulator.identity import WORKSPACE
from retrainctl.emulator.studio.catalogue import MICROSOFT, module_id
from retrainctl.emulator.studio.ports import DATASET, MODEL, TRANSFORM, Ports, ports_of, type_of
from retrainctl.emulator.training.graph import Graph, GraphInvalid, Node, Parameter, read_graph, text_of

_ASSET_MEMBER: Final = {DATASET: "DataSourceId", MODEL: "TrainedModelId", TRANSFORM: "TransformModuleId"}
_ASSET_KIND: Final = {DATASET: "dataset", MODEL: "model", TRANSFORM: "transform"}
_MODULE: Final = re.compile(r"[0-9a-f]{32}\.[0-9a-f]{32}\.v1-default-\d+", re.IGNORECASE)
_LANGUAGE: Final = {"Language": None, "Version": None}
Document = dict[str, Any]


def draw(properties: Mapping[str, Any], values: Mapping[str, str] | None = None) -> tuple[Document, Document]:
    """`Graph` and `WebService` of an experiment.

    Args:
        properties: of a definition whose package is a graph.
        values: of web service parameters, as they stand in the experiment.

    Raises:
        GraphInvalid: the package is no graph.
    """
    drawn = _Drawing(properties, values or {})
    return drawn.graph(), drawn.web_service()


def is_graph(properties: Mapping[str, Any]) -> bool:
    """Whether a definition's package is a graph that can be drawn."""
    try:
        read_graph(properties)
    except GraphInvalid:
        return False
    return True


def node_id(properties: Mapping[str, Any], name: str) -> str:
    """The id of a definition's node in the experiment: a GUID and a number, as in a recorded one."""
    nodes = list((properties.get("package") or {}).get("nodes") or {})
    number = nodes.index(name) + 1 if name in nodes else 0
    title = properties.get("title")
    return f"{uuid5(NAMESPACE_URL, f'studio/node/{title}/{name}')}-{number}"


def saved_id(kind: str, name: str) -> str:
    """The id of a definition's saved asset; `kind` is `dataset`, `model` or `transform`."""
    return f"{WORKSPACE}.{uuid5(NAMESPACE_URL, f'studio/{kind}/{name}').hex}.v1-default-1"


def identifier_of(name: str, uri: str) -> str:
    """A module's full id (section 1): that of its address, else of the catalogue, else made from its name."""
    tail = uri.rpartition("/")[2]
    if _MODULE.fullmatch(tail):
        return tail
    family = next((family for family, (known, _, _) in MICROSOFT.items() if known == name), None)
    if family is not None:
        return module_id(family)
    return f"{WORKSPACE}.{uuid5(NAMESPACE_URL, f'studio/module/{name}').hex}.v1-default-1"


def module_names(properties: Mapping[str, Any]) -> dict[str, str]:
    """`ModuleId` to the name, of all modules of a definition."""
    return {
        identifier_of(text_of(asset.get("name")), _uri(asset)): text_of(asset.get("name"))
        for asset in (properties.get("assets") or {}).values()
        if isinstance(asset, Mapping) and text_of(asset.get("type")).lower() != "resource"
    }


def saved_assets(properties: Mapping[str, Any]) -> dict[str, tuple[str, str, str]]:
    """Id to (kind, name, URI), of the saved assets that feed ports of a definition's graph."""
    graph = read_graph(properties)
    found: dict[str, tuple[str, str, str]] = {}
    for node in graph.nodes.values():
        for port, source in node.feeds.items():
            feeder = graph.nodes[source.node]
            if feeder.resource is not None and node.module is not None:
                kind = _ASSET_KIND[_saved_type(port)]
                found[saved_id(kind, feeder.resource)] = (kind, feeder.resource, feeder.uri)
    return found


class _Drawing:
    def __init__(self, properties: Mapping[str, Any], values: Mapping[str, str]) -> None:
        self._properties = properties
        self._graph: Graph = read_graph(properties)
        self._values = {**{p.name: p.default for p in self._graph.parameters.values() if p.default}, **values}
        self._modules = [node for node in self._graph.nodes.values() if node.module is not None]
        self._ids = {node.id: node_id(properties, node.id) for node in self._modules}
        self._ports = {node.id: self._ports_of(node) for node in self._modules}
        self._links = {(node, key.lower()): p for p in self._graph.parameters.values() for node, key in p.links}

    def graph(self) -> Document:
        return {
            "ModuleNodes": [self._module(node) for node in self._modules],
            "EdgesInternal": self._edges(),
            "SerializedClientData": self._client_data(),
            "PublishInfo": None,
            "Parameters": [],
        }

    def web_service(self) -> Document:
        return {
            "IsWebServiceExperiment": bool(self._graph.inputs or self._graph.outputs),
            "Inputs": self._inputs(),
            "Outputs": self._outputs(),
            "Parameters": [self._parameter(one) for one in self._graph.parameters.values()],
            "WebServiceGroupId": None,
            "ModelPackageId": None,
            "RunId": None,
            "ArmWebServiceId": None,
        }

    def _ports_of(self, node: Node) -> Ports:
        read = [s.port for other in self._graph.nodes.values() for s in other.feeds.values() if s.node == node.id]
        return ports_of(node.module or "", fed=node.feeds, read=filter(None, read))

    def _module(self, node: Node) -> Document:
        own = self._ids[node.id]
        ports = self._ports[node.id]
        return {
            "Id": own,
            "ModuleId": self._module_id(node),
            "Comment": node.id,
            "CommentCollapsed": True,
            **_LANGUAGE,
            "UsePreviousResults": True,
            "IsPartOfPartialRun": None,
            "ModuleParameters": [self._setting(node, name, value) for name, value in node.settings.items()],
            "InputPortsInternal": [self._input(node, index, port) for index, port in enumerate(ports.inputs)],
            "OutputPortsInternal": [
                {"Name": port, "NodeId": own, "OutputType": type_of(port)} for port in ports.outputs
            ],
        }

    def _module_id(self, node: Node) -> str:
        listed = (self._properties["package"]["nodes"][node.id] or {}).get("assetId")
        asset = self._properties["assets"][text_of(listed)]
        return identifier_of(text_of(asset.get("name")), _uri(asset))

    def _setting(self, node: Node, name: str, value: str) -> Document:
        linked = self._links.get((node.id, name.lower()))
        shown = value if linked is None else self._values.get(linked.name, value)
        return {
            "ValueType": "Literal",
            "LinkedGlobalParameter": None if linked is None else linked.name,
            "Name": name,
            "Value": shown,
        }

    def _input(self, node: Node, index: int, port: str) -> Document:
        saved: dict[str, str | None] = dict.fromkeys(_ASSET_MEMBER.values())
        source = _feed(node, port)
        feeder = None if source is None else self._graph.nodes[source[0]]
        if feeder is not None and feeder.resource is not None:
            kind = _saved_type(port)
            saved[_ASSET_MEMBER[kind]] = saved_id(_ASSET_KIND[kind], feeder.resource)
        return {"Name": port, **saved, **_LANGUAGE, "PortIndex": index, "NodeId": self._ids[node.id]}

    def _edges(self) -> list[Document]:
        edges = []
        for node in self._modules:
            for index, port in enumerate(self._ports[node.id].inputs):
                source = _feed(node, port)
                if source is not None and source[0] in self._ids:
                    edges.append(
                        {
                            "SourceOutputPortId": self._output_port(*source),
                            "DestinationInputPortId": f"{self._ids[node.id]}:{port}",
                            "DestinationInputPortIndex": index,
                        }
                    )
        return edges

    def _output_port(self, node: str, port: str) -> str:
        """An edge that names no port, or a strange one, means the first."""
        outputs = self._ports[node].outputs
        exact = next((name for name in outputs if name.lower() == port.lower()), None)
        return f"{self._ids[node]}:{exact or (outputs[0] if outputs else port)}"

    def _inputs(self) -> list[Document]:
        ends = [
            (feeder.input, f"{self._ids[node.id]}:{port}")
            for node in self._modules
            for port, source in node.feeds.items()
            if (feeder := self._graph.nodes[source.node]).input is not None
        ]
        return [_end(f"input/{name}", name, port) for name, port in ends]

    def _outputs(self) -> list[Document]:
        found = []
        for name, end in self._graph.outputs.items():
            for source in self._graph.nodes[end].feeds.values():
                if source.node in self._ids:
                    found.append(_end(f"output/{name}", name, self._output_port(source.node, source.port)))
        return found

    def _parameter(self, parameter: Parameter) -> Document:
        described = _described(self._properties, parameter.name)
        return {
            "Name": parameter.name,
            "Value": self._values.get(parameter.name),
            "ParameterDefinition": {
                "Name": parameter.name,
                "FriendlyName": parameter.name,
                "Description": described,
                "ParameterType": parameter.kind,
                "IsOptional": parameter.default is not None,
                "HasDefaultValue": parameter.default is not None,
                "DefaultValue": parameter.default,
                "HasRules": False,
                "ParameterRules": [],
            },
        }

    def _client_data(self) -> str:
        """Positions, with the ids of nodes and of saved assets; names of the elements are a guess."""
        saved = [
            asset["DataSourceId"] or asset["TrainedModelId"] or asset["TransformModuleId"]
            for node in self._modules
            for asset in self._module(node)["InputPortsInternal"]
        ]
        placed = [*self._ids.values(), *dict.fromkeys(filter(None, saved))]
        positions = "".join(
            f"<NodePosition Node='{escape(name)}' Position='300,{100 * row},200,200'/>"
            for row, name in enumerate(placed)
        )
        return f"<?xml version='1.0' encoding='utf-16'?><DataV1><NodePositions>{positions}</NodePositions></DataV1>"


def _feed(node: Node, port: str) -> tuple[str, str] | None:
    found = next((source for name, source in node.feeds.items() if name.lower() == port.lower()), None)
    return None if found is None else (found.node, found.port)


def _saved_type(port: str) -> str:
    kind = type_of(port)
    return kind if kind in _ASSET_MEMBER else DATASET


def _end(seed: str, name: str, port: str) -> Document:
    return {"Id": uuid5(NAMESPACE_URL, f"studio/{seed}/{port}").hex, "PortId": port, "Name": name}


def _described(properties: Mapping[str, Any], name: str) -> str:
    described = (properties["package"].get("graphParameters") or {}).get(name)
    return text_of(described.get("description")) if isinstance(described, Mapping) else ""


def _uri(asset: Mapping[str, Any]) -> str:
    place = asset.get("locationInfo")
    return text_of(place.get("uri")) if isinstance(place, Mapping) else ""
