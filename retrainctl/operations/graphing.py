"""What hangs together: training services, models, versions, the slots that serve them, and what these belong to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from enum import IntEnum
from typing import Any, Final

from retrainctl.fastclass import dataclass
from retrainctl.manifest.load import Loaded
from retrainctl.model.address import Address
from retrainctl.model.resource import Desired
from retrainctl.plan.guard import matching

_DIGITS: Final = re.compile(r"[0-9]+")


class Rank(IntEnum):
    """The columns of a picture, from left to right."""

    TRAINING = 0
    MODEL = 1
    VERSION = 2
    RESOURCE = 3
    BELONGS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One thing. label: its name, raw. kind: in words. status: an action of the plan, `danger`, or empty.

    number: how many things it stands for. detail: one more line, or empty.
    """

    id: str
    rank: Rank
    kind: str
    label: str
    status: str = ""
    detail: str = ""
    number: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A relation. status: `new` and `old` for what a plan moves, else empty."""

    source: str
    target: str
    label: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """nodes in the order of their ranks and names; edges in that of their nodes."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    title: str = ""


def graph(
    loaded: Loaded, *, plan: Mapping[str, Any] | None = None, only: Sequence[str] = (), most: int | None = None
) -> Graph:
    """The picture of one environment's manifests.

    Args:
        plan: a plan document whose changes are marked.
        only: address patterns; with them, only these resources and what leads to them.
        most: with more nodes than this, those that differ in numbers of their names only become one.
    """
    builder = _Builder()
    changes = {str(entry["address"]): entry for entry in (plan or {}).get("resource_changes", ())}
    wanted = [one for one in loaded.desired if not only or matching(one.address, tuple(only)) is not None]
    shown = {str(one.address) for one in wanted}
    builder.services = {
        one.place["webService"]: str(one.address) for one in loaded.desired if one.address.kind == "ClassicWebService"
    }
    for one in wanted:
        builder.resource(one, changes.get(str(one.address)))
    for address, entry in changes.items():
        if address not in shown and (not only or matching(Address.parse(address), tuple(only)) is not None):
            builder.gone(address, entry)
    for name, line in loaded.models.items():
        if f"Model/{name}" in builder.nodes or not only:
            builder.model(name, len(line.versions))
    for raw in loaded.retrainings:
        produced = str(raw.spec.get("produces", ""))
        if f"Model/{produced}" in builder.nodes:
            builder.training(raw.spec.get("trainingService"), raw.name, produced)
    made = _sorted(
        Graph(nodes=tuple(builder.nodes.values()), edges=tuple(builder.edges), title=loaded.environment.name)
    )
    return made if most is None or len(made.nodes) <= most else folded(made)


def folded(whole: Graph) -> Graph:
    """The graph with nodes that differ only in numbers as one. Those that a plan changes stay apart from the others."""
    members: dict[tuple[Rank, str, str, str], list[Node]] = {}
    for node in whole.nodes:
        members.setdefault((node.rank, node.kind, _pattern(node), node.status), []).append(node)
    ids: dict[str, str] = {}
    nodes: list[Node] = []
    for (_, _, pattern, _), alike in members.items():
        first = alike[0]
        ids.update((node.id, first.id) for node in alike)
        nodes.append(first if len(alike) == 1 else replace(first, label=pattern, number=len(alike), detail=""))
    edges: dict[tuple[str, str, str], Counter[str]] = {}
    for edge in whole.edges:
        labels = edges.setdefault((ids[edge.source], ids[edge.target], edge.status), Counter())
        labels[_DIGITS.sub("*", edge.label)] += 1
    merged = [
        Edge(source=source, target=target, status=status, label=next(iter(labels)) if len(labels) == 1 else "")
        for (source, target, status), labels in edges.items()
    ]
    return _sorted(Graph(nodes=tuple(nodes), edges=tuple(merged), title=whole.title))


def _pattern(node: Node) -> str:
    """A label with its numbers open; that of a version keeps the version."""
    if node.rank is not Rank.VERSION:
        return _DIGITS.sub("*", node.label)
    model, at, version = node.label.rpartition("@")
    return f"{_DIGITS.sub('*', model)}{at}{version}"


def _sorted(made: Graph) -> Graph:
    nodes = sorted(made.nodes, key=lambda node: (node.rank, node.kind, node.label))
    place = {node.id: at for at, node in enumerate(nodes)}
    edges = sorted(made.edges, key=lambda edge: (place[edge.source], place[edge.target], edge.label, edge.status))
    return replace(made, nodes=tuple(nodes), edges=tuple(edges))


@dataclass(slots=True)
class _Builder:
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    services: dict[str, str] = field(default_factory=dict)
    _seen: set[tuple[str, str, str]] = field(default_factory=set)

    def resource(self, one: Desired, entry: Mapping[str, Any] | None) -> None:
        """A declared resource, the versions in its slots, and what it belongs to."""
        address = str(one.address)
        self._node(
            Node(
                id=address,
                rank=_rank(one.address.kind),
                kind=one.address.kind,
                label=one.address.name,
                status=_status(entry),
            )
        )
        moves = {str(move.get("slot")): move for move in (entry or {}).get("model_changes", ())}
        for slot, version in one.slots.items():
            move = moves.get(slot)
            self._serve(version.label, address, slot, "new" if move is not None else "")
            if move is not None and move.get("from"):
                self._serve(str(move["from"]), address, slot, "old")
        if one.address.kind == "Endpoint" and (service := one.place.get("webService")):
            declared = self.services.get(service, f"ClassicWebService/{service}")
            self._belongs(address, declared, "ClassicWebService", declared.partition("/")[2], "endpoint of")
        if one.address.kind == "WebService":
            for plan in one.after:
                if plan.kind == "CommitmentPlan":
                    self._belongs(address, str(plan), "CommitmentPlan", plan.name, "billed to")

    def gone(self, address: str, entry: Mapping[str, Any]) -> None:
        """A resource of the plan that no manifest declares any more."""
        known = Address.parse(address)
        self._node(Node(id=address, rank=_rank(known.kind), kind=known.kind, label=known.name, status=_status(entry)))
        for move in entry.get("model_changes", ()):
            if move.get("from"):
                self._serve(str(move["from"]), address, str(move.get("slot", "")), "old")

    def model(self, name: str, versions: int) -> None:
        detail = f"{versions:,} version{'' if versions == 1 else 's'}"
        self._node(Node(id=f"Model/{name}", rank=Rank.MODEL, kind="Model", label=name, detail=detail), anew=True)

    def training(self, service: Any, name: str, model: str) -> None:
        """A training service, given as `{arm: NAME}` or `{classic: NAME}`."""
        target, called = next(iter(service.items())) if isinstance(service, Mapping) and service else ("", str(service))
        identity = f"training:{target}/{called}"
        kind = f"training service ({target})" if target else "training service"
        self._node(Node(id=identity, rank=Rank.TRAINING, kind=kind, label=str(called)))
        self._edge(Edge(source=identity, target=f"Model/{model}", label=f"Retraining/{name}"))

    def _serve(self, label: str, address: str, slot: str, status: str) -> None:
        model = label.rpartition("@")[0]
        self._node(Node(id=f"Model/{model}", rank=Rank.MODEL, kind="Model", label=model))
        self._node(Node(id=f"version:{label}", rank=Rank.VERSION, kind="version", label=label))
        self._edge(Edge(source=f"Model/{model}", target=f"version:{label}"))
        self._edge(Edge(source=f"version:{label}", target=address, label=slot, status=status))

    def _belongs(self, address: str, identity: str, kind: str, label: str, why: str) -> None:
        self._node(Node(id=identity, rank=Rank.BELONGS, kind=kind, label=label))
        self._edge(Edge(source=address, target=identity, label=why))

    def _node(self, node: Node, *, anew: bool = False) -> None:
        if anew or node.id not in self.nodes:
            self.nodes[node.id] = node

    def _edge(self, edge: Edge) -> None:
        key = (edge.source, edge.target, edge.label)
        if key not in self._seen:
            self._seen.add(key)
            self.edges.append(edge)


def _rank(kind: str) -> Rank:
    return Rank.BELONGS if kind in ("ClassicWebService", "CommitmentPlan") else Rank.RESOURCE


def _status(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return ""
    if any(risk.get("severity") == "danger" for risk in entry.get("risks", ())):
        return "danger"
    actions = list(entry["change"]["actions"])
    return "replace" if {"delete", "create"} <= set(actions) else str(actions[0])


def data(made: Graph) -> dict[str, Any]:
    """The graph as plain data, as renderers take it."""
    return {
        "title": made.title,
        "nodes": [
            {
                "id": n.id,
                "rank": int(n.rank),
                "kind": n.kind,
                "label": n.label,
                "status": n.status,
                "detail": n.detail,
                "number": n.number,
            }
            for n in made.nodes
        ],
        "edges": [{"source": e.source, "target": e.target, "label": e.label, "status": e.status} for e in made.edges],
    }
