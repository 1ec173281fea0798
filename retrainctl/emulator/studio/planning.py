"""What of an experiment can be run: which nodes, in which order, with which data; and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any, Final

from retrainctl.emulator.blob.address import parse_uri
from retrainctl.emulator.scoring.sources import Sources
from retrainctl.emulator.studio.compiling import Compiler, Saved
from retrainctl.emulator.studio.ports import DATASET, KNOWN, type_of
from retrainctl.emulator.training.failure import ModuleFailed
from retrainctl.emulator.training.graph import Graph, GraphInvalid, Node, import_address, read_graph

NOT_EXECUTED: Final = "Not executed: "


@dataclass(slots=True, kw_only=True)
class Plan:
    """`nodes` are keys of the definition, as in `reasons`: node to why it is not run.

    Attributes:
        request: what the worker is asked (`training.experiment.perform`), without `folder`.
        failed: (node, details) of one whose data cannot be read; nodes after it are not in `nodes`.
        invalid: why the graph as a whole cannot be run; "" if it can.
        ids: key to the node's id in the experiment.
        reads: whether any node has data; without any there is nothing for a worker to do.
    """

    request: dict[str, Any]
    nodes: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    failed: tuple[str, str] | None = None
    invalid: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    reads: bool = False


class Planner:
    """Callers hold the transaction: promised contents are made."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def plan(self, compiler: Compiler, experiment: Mapping[str, Any], run: str, *, strict: bool) -> Plan:
        """strict: data that an Import Data module cannot read is a failure, as in Studio, not a reason not to run."""
        nodes = (experiment.get("Graph") or {}).get("ModuleNodes") or []
        ids = {compiler.key(node["Id"]): node["Id"] for node in nodes if node.get("Id")}
        plan = Plan(request={}, ids=ids)
        if not ids:
            return plan
        try:
            properties = compiler.running()
            graph = read_graph(properties)
        except GraphInvalid as error:
            plan.invalid = f"{error}."
            return plan
        plan.request = {
            "id": run,
            "definition": properties,
            "nodes": plan.nodes,
            "imports": {},
            "models": {},
            "datasets": {},
        }
        for key in TopologicalSorter(
            {name: [source.node for source in node.feeds.values()] for name, node in graph.nodes.items()}
        ).static_order():
            node = graph.nodes[key]
            if node.module is not None and not self._take(graph, node, compiler, plan, run, strict=strict):
                break
        return plan

    def _take(self, graph: Graph, node: Node, compiler: Compiler, plan: Plan, run: str, *, strict: bool) -> bool:
        """Add a node or the reason why not; False where the run fails."""
        reason = self._unfit(graph, node, plan)
        if not reason and node.module == "Import Data":
            try:
                plan.request["imports"][node.id] = self._sources.imported(import_address(node))
                plan.reads = True
            except ModuleFailed as error:
                if strict:
                    plan.failed = (node.id, error.details(run))
                    return False
                reason = error.message
        if not reason:
            reason = self._saved(graph, node, compiler, plan)
        if reason:
            plan.reasons[node.id] = NOT_EXECUTED + reason
        else:
            plan.nodes.append(node.id)
        return True

    def _unfit(self, graph: Graph, node: Node, plan: Plan) -> str:
        known = KNOWN.get(node.module or "")
        if known is None:
            return f"the emulator has no module {node.module!r}."
        fed = {port.lower() for port in node.feeds}
        for port in known.inputs:
            if port not in known.optional and port.lower() not in fed:
                return f"nothing is connected to the port {port!r}."
        for source in node.feeds.values():
            if source.node in plan.reasons:
                return f"{graph.nodes[source.node].module!r} before it was not."
        return ""

    def _saved(self, graph: Graph, node: Node, compiler: Compiler, plan: Plan) -> str:
        """Fetch the saved assets that the node reads."""
        for port, source in node.feeds.items():
            identifier = graph.nodes[source.node].resource
            if identifier is None:
                continue
            kind = "dataset" if type_of(port) == DATASET else "model"
            saved = compiler.asset(kind, identifier)
            place = None if saved is None else self._read(saved)
            if saved is None or place is None:
                return f"the {kind} at the port {port!r} is not in the emulator."
            plan.request[f"{kind}s"][identifier] = {**place, "title": saved.name}
            plan.reads = plan.reads or kind == "dataset"
        return ""

    def _read(self, saved: Saved) -> dict[str, Any] | None:
        address = parse_uri(saved.uri)
        if address is None:
            return None
        try:
            return self._sources.read(address)
        except ModuleFailed:
            return None
