"""The module graph of a definition: nodes, what they are, and what flows into their ports.

Reads every spelling that definitions have (arm-webservices.md 4.4): members in any case, parameters as texts (2016) or
as objects with a `value` (2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final, TypeAlias

Plain: TypeAlias = Mapping[str, Any]

_ALIASES: Final = {
    "reader": "Import Data",
    "project columns": "Select Columns in Dataset",
    "metadata editor": "Edit Metadata",
    "missing values scrubber": "Clean Missing Data",
    "split": "Split Data",
}
"""Names that the modules had before Studio renamed them, in lower case."""


class GraphInvalid(Exception):
    """The package is no graph that can be run; the message is one plain sentence."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a port's value comes from."""

    node: str
    port: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Exactly one of `input`, `output`, `module`, `resource` is set.

    Attributes:
        input, output: the name of a web service port.
        module: a module by its present name.
        resource: a trained model or another saved asset, by name; `uri` is where the definition says it lies.
        settings: the module's own parameters.
        feeds: input port to source, in the order of the edges.
    """

    id: str
    input: str | None = None
    output: str | None = None
    module: str | None = None
    resource: str | None = None
    uri: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    feeds: Mapping[str, Source] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A web service parameter. `default` None: the caller must give it. `links` are (node, setting)."""

    name: str
    kind: str
    default: str | None
    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A package as nodes by id, with its parameters by name."""

    nodes: Mapping[str, Node]
    parameters: Mapping[str, Parameter]

    @property
    def inputs(self) -> dict[str, str]:
        """Web service input to its node."""
        return {node.input: node.id for node in self.nodes.values() if node.input is not None}

    @property
    def outputs(self) -> dict[str, str]:
        """Web service output to its node."""
        return {node.output: node.id for node in self.nodes.values() if node.output is not None}

    def models(self) -> dict[str, str]:
        """The trained models that the graph scores with or hands out: resource name to URI.

        Other saved assets - transforms, datasets - are read by modules that the engine does not have.
        """
        users = [node for node in self.nodes.values() if node.module == "Score Model" or node.output is not None]
        sources = [self.nodes[source.node] for user in users for source in user.feeds.values()]
        return {node.resource: node.uri for node in sources if node.resource is not None}

    def source_of(self, output: str) -> Node | None:
        """The node whose value an output delivers."""
        feeds = list(self.nodes[self.outputs[output]].feeds.values())
        return self.nodes.get(feeds[0].node) if feeds else None

    def delivers_model(self, output: str) -> bool:
        """Whether an output is a trained model, not a dataset."""
        node = self.source_of(output)
        return node is not None and (node.module == "Train Model" or node.resource is not None)

    def bound(self, given: Plain) -> Graph:
        """The graph with web service parameters put into the settings they are linked to.

        Args:
            given: values by exact name; names that are no parameter are left to the caller to refuse.
        """
        settings: dict[str, dict[str, str]] = {}
        for name, parameter in self.parameters.items():
            value = text_of(given[name]) if given.get(name) is not None else parameter.default
            if value is not None:
                for node, key in parameter.links:
                    settings.setdefault(node, {})[key] = value
        nodes = dict(self.nodes)
        for identifier, values in settings.items():
            if (linked := nodes.get(identifier)) is not None:
                nodes[identifier] = replace(linked, settings={**linked.settings, **values})
        return Graph(nodes=nodes, parameters=self.parameters)

    def imports(self) -> dict[str, str]:
        """Node id of every Import Data to the address it reads; "" where none is set."""
        return {node.id: import_address(node) for node in self.nodes.values() if node.module == "Import Data"}


def import_address(node: Node) -> str:
    """The address that an Import Data module reads: its URL setting, or account and path put together."""
    for name, value in node.settings.items():
        if "://" in value and name.lower().rpartition(" ")[2] in ("url", "uri", "source"):
            return value
    account, path = (
        node.settings.get("Account Name", ""),
        node.settings.get(
            "Path to container or directory or blob", node.settings.get("Path to container, directory or blob", "")
        ),
    )
    if account and path:
        return f"https://{account}.blob.core.windows.net/{path.lstrip('/')}"
    return next((value for value in node.settings.values() if "://" in value), "")


def read_graph(properties: Plain) -> Graph:
    """The graph of a definition's `properties`.

    Raises:
        GraphInvalid: no nodes, an edge into nowhere, or a circle.
    """
    package = _mapping(_get(properties, "package"))
    assets = _mapping(_get(properties, "assets"))
    listed = _mapping(_get(package, "nodes"))
    if not listed:
        raise GraphInvalid("the definition has no graph")
    feeds = _feeds(package, listed)
    nodes = {name: _node(name, _mapping(node), assets, feeds.get(name, {})) for name, node in listed.items()}
    _refuse_circles(nodes)
    return Graph(nodes=nodes, parameters=_parameters(package, properties))


def _feeds(package: Plain, nodes: Plain) -> dict[str, dict[str, Source]]:
    feeds: dict[str, dict[str, Source]] = {}
    edges = _get(package, "edges")
    for edge in edges if isinstance(edges, list) else ():
        source, target = text_of(_get(edge, "sourceNodeId")), text_of(_get(edge, "targetNodeId"))
        if source not in nodes or target not in nodes:
            raise GraphInvalid(f"an edge leads from {source!r} to {target!r}, of which one is no node")
        port = text_of(_get(edge, "targetPortId"))
        feeds.setdefault(target, {})[port] = Source(source, text_of(_get(edge, "sourcePortId")))
    return feeds


def _node(name: str, node: Plain, assets: Plain, feeds: dict[str, Source]) -> Node:
    if (port := _get(node, "inputId")) is not None:
        return Node(id=name, input=text_of(port), feeds=feeds)
    if (port := _get(node, "outputId")) is not None:
        return Node(id=name, output=text_of(port), feeds=feeds)
    identifier = text_of(_get(node, "assetId"))
    asset = _mapping(assets.get(identifier))
    if not asset:
        raise GraphInvalid(f"the node {name!r} names the asset {identifier!r}, which does not exist")
    title = text_of(_get(asset, "name"))
    if text_of(_get(asset, "type")).lower() == "resource":
        return Node(id=name, resource=title, uri=text_of(_get(_mapping(_get(asset, "locationInfo")), "uri")))
    settings = {key: text_of(value) for key, value in _mapping(_get(node, "parameters")).items()}
    return Node(id=name, module=_ALIASES.get(title.lower(), title), settings=settings, feeds=feeds)


def _parameters(package: Plain, properties: Plain) -> dict[str, Parameter]:
    """Graph parameters, with the defaults of `properties.parameters`: names pair, but not always by case (R16)."""
    defaults = {name.lower(): value for name, value in _mapping(_get(properties, "parameters")).items()}
    found: dict[str, Parameter] = {}
    for name, described in _mapping(_get(package, "graphParameters")).items():
        links = _get(_mapping(described), "links")
        default = defaults.get(name.lower())
        found[name] = Parameter(
            name=name,
            kind=text_of(_get(_mapping(described), "type")) or "String",
            default=None if default is None or _value(default) is None else text_of(default),
            links=tuple(
                (text_of(_get(link, "nodeId")), text_of(_get(link, "parameterKey")))
                for link in (links if isinstance(links, list) else ())
            ),
        )
    return found


def _refuse_circles(nodes: Mapping[str, Node]) -> None:
    order = TopologicalSorter({name: [source.node for source in node.feeds.values()] for name, node in nodes.items()})
    try:
        order.prepare()
    except CycleError as error:
        raise GraphInvalid(f"the graph runs in a circle through {error.args[1][0]!r}") from None


def _value(parameter: Any) -> Any:
    return _get(parameter, "value") if isinstance(parameter, Mapping) else parameter


def text_of(parameter: Any) -> str:
    """A parameter or member as text: `{"value": true}`, `true` and `"True"` are the same."""
    value = _value(parameter)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    return value if isinstance(value, str) else str(value)


def _mapping(value: Any) -> Plain:
    return value if isinstance(value, Mapping) else {}


def _get(value: Any, name: str) -> Any:
    """A member whatever its case."""
    if not isinstance(value, Mapping):
        return None
    if name in value:
        return value[name]
    low = name.lower()
    return next((found for key, found in value.items() if isinstance(key, str) and key.lower() == low), None)
