"""Which change waits for which."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from retrainctl.model.address import Address
from retrainctl.model.change import Action, ResourceChange
from retrainctl.plan.errors import PlanError


def waves(changes: Sequence[ResourceChange]) -> list[list[ResourceChange]]:
    """Changes in groups, each group after all the earlier ones; a deletion comes before what it waited for.

    Raises `PlanError` on a circle, naming it.
    """
    by_address = {change.address: change for change in changes}
    graph: dict[Address, set[Address]] = {address: set() for address in by_address}
    for change in changes:
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
