"""Nodes of experiments: found by id or comment, with their states and what they put out (6.2, section 9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from retrainctl.definition.nearest import closest
from retrainctl.errors import RetrainctlError
from retrainctl.model.values import JsonObject


def nodes_of(experiment: JsonObject) -> list[dict[str, Any]]:
    """Every module node as the graph has it, with `Status` and `OutputEndpoints` of its last run."""
    statuses = {str(one.get("NodeId")): one for one in _objects(experiment.get("NodeStatuses"))}
    graph = experiment.get("Graph")
    found = []
    for node in _objects(graph.get("ModuleNodes") if isinstance(graph, Mapping) else None):
        status = statuses.get(str(node.get("Id")), {})
        endpoints = list(_objects(status.get("OutputEndpoints")))
        found.append({**node, "Status": status.get("Status"), "OutputEndpoints": endpoints})
    return found


def called(node: JsonObject) -> str:
    """What people know a node by: its comment, else its id."""
    return str(node.get("Comment") or node.get("Id"))


def with_comment(experiment: JsonObject, comment: str) -> list[dict[str, Any]]:
    """The nodes of this comment. Raises `RetrainctlError` (RC945) when there is none."""
    nodes = nodes_of(experiment)
    found = [one for one in nodes if one.get("Comment") == comment]
    if not found:
        raise _none(comment, nodes)
    return found


def node_called(experiment: JsonObject, reference: str) -> dict[str, Any]:
    """The node of an id, or of a comment that only one has; written in another case where none has it exactly.

    Raises `RetrainctlError`: RC945: there is none; RC941: several have the comment.
    """
    nodes = nodes_of(experiment)
    found: list[dict[str, Any]] = []
    for member, plain in ((m, p) for p in (str, str.casefold) for m in ("Id", "Comment")):
        found = found or [one for one in nodes if plain(str(one.get(member))) == plain(reference)]
    if not found:
        raise _none(reference, nodes)
    if len(found) > 1:
        ids = ", ".join(str(one.get("Id")) for one in found)
        raise RetrainctlError(
            f'{len(found)} nodes have the comment "{reference}"', code="RC941", hint=f"Pass the id of one: {ids}."
        )
    return found[0]


def port_called(node: JsonObject, port: str | None) -> str:
    """An output port as the graph spells it; None stands for the only one.

    Raises `RetrainctlError` (RC946): the node has no such port, or several where none was named.
    """
    ports = _ports(node)
    if port is None and len(ports) != 1:
        names = ", ".join(f'"{name}"' for name in ports) or "none"
        raise RetrainctlError(
            f'node "{called(node)}" has {len(ports)} output ports',
            code="RC946",
            hint=f"Pass --port with one of them: {names}.",
        )
    wanted = ports[0] if port is None else port
    found = _named(wanted, ports)
    if found is None:
        raise _no_output(node, wanted, ports)
    return found


def output_of(node: JsonObject, port: str) -> JsonObject:
    """The endpoint with what a port put out in the last run; the port's name in any case. node: from `nodes_of`.

    Raises `RetrainctlError`: RC946: the node has no such port; RC947: nothing came out of it yet.
    """
    endpoints = {str(one.get("Name")): one for one in _objects(node.get("OutputEndpoints"))}
    found = _named(port, endpoints)
    if found is None or not endpoints[found].get("Location"):
        raise _no_output(node, port, [*_ports(node), *endpoints])
    return endpoints[found]


def visualization_of(experiment: JsonObject, node: JsonObject, port: str) -> JsonObject:
    """The endpoint with the visualization of what a port put out. Raises as `output_of`."""
    status = next((s for s in _objects(experiment.get("NodeStatuses")) if s.get("NodeId") == node.get("Id")), {})
    kept = status.get("MetadataOutputEndpoints")
    kept = kept if isinstance(kept, Mapping) else {}
    found = _named(port, kept)
    for entry in _objects(kept[found] if found is not None else None):
        endpoint = entry.get("Value")
        if str(entry.get("Key")).casefold() == "visualization" and isinstance(endpoint, Mapping):
            return endpoint
    raise _no_output(node, port, [*_ports(node), *kept], "visualization of the output")


def _ports(node: JsonObject) -> list[str]:
    """The output ports that the graph declares."""
    return [str(one.get("Name")) for one in _objects(node.get("OutputPortsInternal"))]


def _objects(items: Any) -> Iterable[Mapping[str, Any]]:
    return [one for one in items if isinstance(one, Mapping)] if isinstance(items, list | tuple) else []


def _named(wanted: str, names: Iterable[str]) -> str | None:
    """The name that is meant, exact before one that differs in case."""
    known = list(names)
    return wanted if wanted in known else next((n for n in known if n.casefold() == wanted.casefold()), None)


def _no_output(node: JsonObject, port: str, ports: Iterable[str], what: str = "output") -> RetrainctlError:
    known = list(dict.fromkeys(ports))
    if _named(port, known) is None:
        listed = ", ".join(f'"{one}"' for one in known) or "none"
        return RetrainctlError(
            f'node "{called(node)}" has no output port "{port}"', code="RC946", hint=f"Its ports: {listed}."
        )
    seen = " Not every port has one." if what != "output" else ""
    return RetrainctlError(
        f'node "{called(node)}" has no {what} at port "{port}"',
        code="RC947",
        hint=f"A run makes it, where it makes one: `retrainctl experiment run`.{seen}",
    )


def _none(reference: str, nodes: list[dict[str, Any]]) -> RetrainctlError:
    near = closest(reference, [called(one) for one in nodes])
    hint = f'Did you mean "{near}"?' if near else "`retrainctl experiment nodes` shows what there is."
    return RetrainctlError(f'the experiment has no node "{reference}"', code="RC945", hint=hint)
