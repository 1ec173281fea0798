"""From an experiment's graph back to a definition: what a run executes, and what a deployment serves.

Graphs are edited between two runs (another asset, another setting, another module), so both are made from the graph as
it was saved. What a graph does not hold - schemas, title, limits - comes from the definition that it was drawn from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from retrainctl.emulator.studio.catalogue import module_name
from retrainctl.emulator.studio.drawing import draw, is_graph, module_names, node_id, saved_assets
from retrainctl.emulator.training.graph import GraphInvalid, text_of

_SAVED: Final = (("DataSourceId", "dataset"), ("TrainedModelId", "model"), ("TransformModuleId", "transform"))
Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A saved asset that a graph names: its id, what it is called, and the URI of its bytes ("" for none)."""

    id: str
    name: str
    uri: str


Finder = Callable[[str, str], Saved | None]
"""(kind, id) -> the asset of the workspace; kinds are `dataset`, `model`, `transform` and `module`."""


class Unconnected(Exception):
    """The graph names something that is not there; the message is one plain sentence."""


class Compiler:
    """Compiles one experiment.

    Args:
        experiment: a document as 6.2 describes it.
        base: the definition's properties that it was drawn from; None for a graph from elsewhere.
        find: what the workspace has under an id.
    """

    def __init__(self, experiment: Mapping[str, Any], base: Mapping[str, Any] | None, find: Finder) -> None:
        self._experiment = experiment
        self._graph = experiment.get("Graph") or {}
        self._service = experiment.get("WebService") or {}
        self._base = base
        self._find = find
        self._names: dict[str, str] = {}
        self._assets: dict[str, tuple[str, str, str]] = {}
        self._keys: dict[str, str] = {}
        if base is not None and is_graph(base):
            self._names = module_names(base)
            self._assets = saved_assets(base)
            self._keys = {node_id(base, key): key for key in base["package"]["nodes"]}
        self._nodes: list[Mapping[str, Any]] = [one for one in self._graph.get("ModuleNodes") or [] if one.get("Id")]

    def key(self, node: str) -> str:
        """What a node of the experiment is called in the definition."""
        return self._keys.get(node, node)

    def running(self) -> Document:
        """What a run executes: ports that a saved asset feeds read that, web service inputs do not count.

        A saved asset that the workspace does not have is left out; its port stays empty.
        """
        return self._package(deployed=False)

    def deployed(self) -> Document:
        """The properties of the service.

        Raises:
            Unconnected: a module or an asset is not known.
        """
        base = self._base
        if base is not None and not self._nodes:
            return dict(base)
        made = self._package(deployed=True)
        if base is None:
            title = text_of(self._experiment.get("Description"))
            ports = {"title": title, "description": "", "type": "object", "properties": {}}
            return {
                "packageType": "Graph",
                "title": title,
                "description": text_of(self._experiment.get("Summary")),
                "input": ports,
                "output": ports,
                **made,
            }
        if not is_graph(base):
            return {**base, **made}
        graph, service = draw(base)
        drawn = Compiler({"Graph": graph, "WebService": service}, base, self._find)
        return dict(base) if made == drawn._package(deployed=True) else {**base, **made}

    def _package(self, *, deployed: bool) -> Document:
        assets: Document = {}
        nodes: Document = {}
        edges: list[Document] = []
        fed = self._inputs(nodes, edges) if deployed else set()
        owners = {port: (self.key(node["Id"]), name) for node in self._nodes for port, name in _outputs(node)}
        for node in self._nodes:
            asset = f"asset{len(assets) + 1}"
            assets[asset] = self._module(text_of(node.get("ModuleId")), strict=deployed)
            key = self.key(node["Id"])
            nodes[key] = {"assetId": asset, "parameters": _settings(node, deployed=deployed)}
            for port in node.get("InputPortsInternal") or []:
                if f"{node['Id']}:{port.get('Name')}" not in fed:
                    self._saved(port, key, nodes, assets, edges, strict=deployed)
        for edge in self._graph.get("EdgesInternal") or []:
            self._edge(edge, owners, fed, edges)
        for output in self._service.get("Outputs") or []:
            name, source = text_of(output.get("Name")), owners.get(text_of(output.get("PortId")))
            if source is not None:
                nodes[f"output/{name}"] = {"outputId": name}
                edges.append(_line(*source, f"output/{name}", ""))
        package = {"nodes": nodes, "edges": edges, "graphParameters": self._parameters()}
        return {"package": package, "assets": assets, "parameters": self._defaults()}

    def _inputs(self, nodes: Document, edges: list[Document]) -> set[str]:
        """Ports that the service's caller feeds."""
        ports = set()
        known = {f"{node['Id']}:{port.get('Name')}": node["Id"] for node in self._nodes for port in _ports(node)}
        for given in self._service.get("Inputs") or []:
            name, port = text_of(given.get("Name")), text_of(given.get("PortId"))
            if port in known:
                nodes[f"input/{name}"] = {"inputId": name}
                edges.append(_line(f"input/{name}", "", self.key(known[port]), port.removeprefix(f"{known[port]}:")))
                ports.add(port)
        return ports

    def _module(self, identifier: str, *, strict: bool) -> Document:
        own = None if identifier in self._names else self._find("module", identifier)
        name = self._names.get(identifier) or module_name(identifier) or (None if own is None else own.name)
        if name is None and strict:
            raise Unconnected(f"the module {identifier} is not known")
        place = {"uri": f"aml://module/{identifier}", "credentials": ""}
        return {"name": name or identifier or "(no module)", "type": "Module", "locationInfo": place}

    def _saved(
        self,
        port: Mapping[str, Any],
        key: str,
        nodes: Document,
        assets: Document,
        edges: list[Document],
        *,
        strict: bool,
    ) -> None:
        for member, kind in _SAVED:
            identifier = port.get(member)
            if not identifier:
                continue
            saved = self.asset(kind, identifier)
            if saved is None and strict:
                raise Unconnected(f"the {kind} {identifier} is not in the workspace")
            if saved is None:
                continue
            asset = f"asset{len(assets) + 1}"
            name = saved.name if strict else identifier  # two versions of one name may meet in a run
            assets[asset] = {"name": name, "type": "Resource", "locationInfo": {"uri": saved.uri}}
            nodes[f"saved/{identifier}"] = {"assetId": asset}
            edges.append(_line(f"saved/{identifier}", "", key, text_of(port.get("Name"))))

    def asset(self, kind: str, identifier: str) -> Saved | None:
        """A saved asset by id: one of the workspace, else one that the definition names."""
        found = self._find(kind, identifier)
        if found is not None and found.uri:
            return found
        named = self._assets.get(identifier)
        return found if named is None else Saved(id=identifier, name=named[1], uri=named[2])

    def _edge(
        self, edge: Mapping[str, Any], owners: Mapping[str, tuple[str, str]], fed: set[str], edges: list[Document]
    ) -> None:
        source = owners.get(text_of(edge.get("SourceOutputPortId")))
        port = text_of(edge.get("DestinationInputPortId"))
        target = next((node["Id"] for node in self._nodes if port.startswith(f"{node['Id']}:")), None)
        if source is None or target is None:
            raise GraphInvalid(f"an edge leads to the port {port!r} from one that does not exist, or into nowhere")
        if port not in fed:
            edges.append(_line(*source, self.key(target), port.removeprefix(f"{target}:")))

    def _parameters(self) -> Document:
        links: dict[str, list[Document]] = {}
        for node in self._nodes:
            for setting in node.get("ModuleParameters") or []:
                if setting.get("LinkedGlobalParameter"):
                    link = {"nodeId": self.key(node["Id"]), "parameterKey": text_of(setting.get("Name"))}
                    links.setdefault(text_of(setting["LinkedGlobalParameter"]), []).append(link)
        return {
            text_of(one.get("Name")): {
                "description": text_of(_defined(one).get("Description")),
                "type": text_of(_defined(one).get("ParameterType")) or "String",
                "links": links.get(text_of(one.get("Name")), []),
            }
            for one in self._service.get("Parameters") or []
        }

    def _defaults(self) -> Document:
        return {
            text_of(one.get("Name")): {"value": _defined(one).get("DefaultValue")}
            for one in self._service.get("Parameters") or []
            if _defined(one).get("HasDefaultValue")
        }


def _settings(node: Mapping[str, Any], *, deployed: bool) -> Document:
    """Of a service, a setting that is linked to a parameter has no value of its own."""
    return {
        text_of(one.get("Name")): {
            "value": "" if deployed and one.get("LinkedGlobalParameter") else text_of(one.get("Value")),
            "certificateThumbprint": "",
        }
        for one in node.get("ModuleParameters") or []
    }


def _ports(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return node.get("InputPortsInternal") or []


def _outputs(node: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(port id, port name)"""
    return [
        (f"{node['Id']}:{port.get('Name')}", text_of(port.get("Name")))
        for port in node.get("OutputPortsInternal") or []
    ]


def _defined(parameter: Mapping[str, Any]) -> Mapping[str, Any]:
    return parameter.get("ParameterDefinition") or {}


def _line(source: str, source_port: str, target: str, target_port: str) -> Document:
    return {
        "sourceNodeId": source,
        "sourcePortId": source_port,
        "targetNodeId": target,
        "targetPortId": target_port,
    }
