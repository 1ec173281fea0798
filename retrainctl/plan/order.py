"""Which change waits for which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from retrainctl.model.address import Address
from retrainctl.model.change import Action, ResourceChange
from retrainctl.model.kind import KINDS
from retrainctl.model.values import Missing, Tree
from retrainctl.plan.errors import PlanError


def waves(changes: Sequence[ResourceChange]) -> list[list[ResourceChange]]:
    """Changes in groups, each group after all the earlier ones; a deletion comes before what it waited for, and after
    the changes that lead away from what it deletes.

    Raises `PlanError` on a circle, naming it.
    """
    by_address = {change.address: change for change in changes}
    graph: dict[Address, set[Address]] = {address: set() for address in by_address}
    deleted = {change.identity.casefold(): change.address for change in changes if change.action is Action.DELETE}
    for change in changes:
        for left in _left(change) if deleted and change.action is not Action.DELETE else ():
            if (gone := deleted.get(left.casefold())) is not None:
                graph[gone].add(change.address)
        for other in change.after:
            if other not in by_address:
                continue
            if change.action is Action.DELETE:
                graph[other].add(change.address)
            else:
                graph[change.address].add(other)
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " -> ".join(str(address) for address in error.args[1])
        raise PlanError(f"these resources wait for each other: {circle}", code="RC404") from error
    groups: list[list[ResourceChange]] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        groups.append([by_address[address] for address in ready])
        sorter.done(*ready)
    return groups


def _left(change: ResourceChange) -> Iterator[str]:
    """Ids that a change's references pointed at before, and do no more."""
    spec = KINDS.get(change.address.kind)
    for entry in change.fields:
        if spec is not None and entry.path[0] in spec.references:
            yield from _texts(entry.before)


def _texts(tree: Tree | Missing) -> Iterator[str]:
    """Every text in a tree."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, Mapping):
        for below in tree.values():
            yield from _texts(below)
