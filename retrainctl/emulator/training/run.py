"""Running a graph: only what the wanted outputs need, each node once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from retrainctl.emulator.training.failure import ModuleFailed, library_failure
from retrainctl.emulator.training.graph import Graph, Node
from retrainctl.emulator.training.modules import MODULES, Outputs, TrainedModel
from retrainctl.emulator.training.table import Table


class UnknownModule(ModuleFailed):
    """The graph needs a module that the emulator does not have."""

    def __init__(self, module: str) -> None:
        super().__init__(module, "0039", "OperationFailed", f"The emulator has no module {module!r}.")


def run(
    graph: Graph,
    wanted: Iterable[str],
    *,
    inputs: Mapping[str, Table],
    imports: Mapping[str, Table],
    models: Mapping[str, TrainedModel],
) -> dict[str, Any]:
    """The values of web service outputs.

    Args:
        graph: with its parameters bound.
        wanted: output names.
        inputs: web service input to its data.
        imports: node id of an Import Data module to what it read.
        models: resource name to the trained model behind it.

    Returns:
        output name to `Table` or `TrainedModel`.

    Raises:
        ModuleFailed: a module refused its input, or is not known (`UnknownModule`).
    """
    done: dict[str, Outputs] = {}
    delivered: dict[str, Any] = {}
    for name in wanted:
        node = graph.nodes[graph.outputs[name]]
        for needed in _order(graph, node):
            if needed.id not in done:
                done[needed.id] = values_of(needed, done, inputs=inputs, imports=imports, models=models)
        delivered[name] = _first(node, done)
    return delivered


def _order(graph: Graph, end: Node) -> list[Node]:
    """What must run for the value of one node, sources first."""
    found: dict[str, None] = {}
    way = [end.id]
    while way:
        pending = [s.node for s in graph.nodes[way[-1]].feeds.values() if s.node not in found]
        if pending:
            way.append(pending[0])
        else:
            found[way.pop()] = None
    return [graph.nodes[name] for name in found if name != end.id]


def values_of(
    node: Node,
    done: Mapping[str, Outputs],
    *,
    inputs: Mapping[str, Table],
    imports: Mapping[str, Table],
    models: Mapping[str, TrainedModel],
) -> Outputs:
    """What one node puts out; what feeds it is `done`.

    Raises:
        ModuleFailed: as `run` says.
    """
    if node.input is not None:
        return {"": inputs[node.input]}
    if node.resource is not None:
        return {"": models.get(node.resource)}
    if node.module == "Import Data":
        return {"Results dataset": imports[node.id]}
    known = MODULES.get(node.module or "")
    if known is None:
        raise UnknownModule(node.module or node.id)
    ports = {port: _pick(done[source.node], source.port) for port, source in node.feeds.items()}
    try:
        return known(node, ports)
    except MemoryError:
        raise ModuleFailed(node.module or "", "0138", "MemoryQuotaViolation", "Memory has been exhausted.") from None
    except (ArithmeticError, ValueError) as error:
        raise library_failure(node.module or "", f"{type(error).__name__}: {error}") from error


def _first(node: Node, done: Mapping[str, Outputs]) -> Any:
    """What arrives at a web service output."""
    for source in node.feeds.values():
        return _pick(done[source.node], source.port)
    raise ModuleFailed(node.output or "", "0003", "NullOrEmpty", f"Nothing is connected to the output {node.output!r}.")


def _pick(outputs: Outputs, port: str) -> Any:
    """By name, else the first: recorded edges omit the port of nodes that have only one, or name it freely."""
    if port in outputs:
        return outputs[port]
    low = {name.lower(): value for name, value in outputs.items()}
    return low.get(port.lower(), next(iter(outputs.values())))
