"""Edits of an experiment's graph: every place of an id, nothing but these places."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from retrainctl.targets.studio import graph

MEMBERS = ("DataSourceId", "TrainedModelId", "TransformModuleId")
HEX = st.text("0123456789abcdef", min_size=32, max_size=32)
WORKSPACE = "333533ce0e6e44b38365410aec94d7f2"
# Few families and batches where one begins the other: ids meet again, and some are the beginning of others.
IDS = st.builds(
    "{}.{}.v1-default-{}".format,
    st.just(WORKSPACE),
    st.sampled_from(["70b9e82bfdc044d496eeff5b2db0ecb7", "fe4a64ab3ddf417bba194d849745fddc"]),
    st.sampled_from([3, 33, 331, 4]),
)
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | IDS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=6), below, max_size=3),
    max_leaves=6,
)
PORTS = st.fixed_dictionaries(
    {"Name": st.text(max_size=8), "NodeId": st.text(max_size=8), "More": JUNK},
    optional={member: st.none() | st.just("") | IDS for member in MEMBERS},
)
NODES = st.fixed_dictionaries(
    {"Id": st.text(max_size=8), "ModuleParameters": JUNK},
    optional={"ModuleId": st.none() | IDS, "InputPortsInternal": st.none() | st.lists(PORTS | JUNK, max_size=4)},
)
GAPS = st.sampled_from(["<NodePosition Node='", "' Position='1,2,3,4'/>", "\n", " ", ":", "ü", '"'])
CLIENT_DATA = st.lists(IDS | GAPS | st.text(max_size=5), max_size=8).map("|".join)
EXPERIMENTS = st.fixed_dictionaries(
    {
        "Description": st.text(max_size=8),
        "Graph": st.fixed_dictionaries(
            {
                "ModuleNodes": st.lists(NODES | JUNK, max_size=4),
                "EdgesInternal": JUNK,
                "SerializedClientData": CLIENT_DATA,
            }
        ),
        "WebService": st.none() | st.fixed_dictionaries({"Inputs": JUNK, "SerializedClientData": CLIENT_DATA}),
        "NodeStatuses": JUNK,
    }
)
SWAPS = st.dictionaries(st.sampled_from(MEMBERS), st.dictionaries(IDS, IDS, max_size=3), max_size=3)


def _consistent(swaps: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """An id belongs to one kind: what it becomes does not depend on the member."""
    everything = {old: new for ids in swaps.values() for old, new in ids.items()}
    return {member: {old: everything[old] for old in ids} for member, ids in swaps.items()}


def _expected(experiment: dict[str, Any], swaps: dict[str, dict[str, str]]) -> dict[str, Any]:
    """The same the slow way: a deep copy, changed place by place, word by word."""
    wanted = copy.deepcopy(experiment)
    for node in wanted["Graph"]["ModuleNodes"]:
        for port in (node.get("InputPortsInternal") or []) if isinstance(node, dict) else []:
            for member, ids in swaps.items():
                if isinstance(port, dict) and isinstance(port.get(member), str):
                    port[member] = ids.get(port[member], port[member])
    everything = {old: new for ids in swaps.values() for old, new in ids.items()}
    for part in (wanted["Graph"], wanted["WebService"]):
        if part is not None:
            words = re.split(r"([^\w.-]+)", part["SerializedClientData"])
            part["SerializedClientData"] = "".join(everything.get(word, word) for word in words)
    return wanted


def _bytes(tree: Any) -> bytes:
    return json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass")


@given(EXPERIMENTS, SWAPS)
def test_an_edit_is_exactly_the_places_of_the_ids(experiment: dict[str, Any], swaps: dict[str, dict[str, str]]) -> None:
    swaps = _consistent(swaps)
    before = _bytes(experiment)
    changed = graph.swap_assets(experiment, swaps)
    assert _bytes(changed) == _bytes(_expected(experiment, swaps)), "also the order of the members"
    assert _bytes(experiment) == before, "the document that was read is left as it was"


@given(EXPERIMENTS, SWAPS)
def test_an_edit_of_ids_that_are_not_there_changes_no_byte(
    experiment: dict[str, Any], swaps: dict[str, dict[str, str]]
) -> None:
    strange = {member: {old.replace("v1", "v2"): new for old, new in ids.items()} for member, ids in swaps.items()}
    assert graph.swap_assets(experiment, strange) is experiment
    assert graph.swap_modules(experiment, {"nothing": "like it"}) is experiment


@given(EXPERIMENTS, st.dictionaries(IDS, IDS, max_size=4))
def test_modules_change_in_their_nodes_and_nowhere_else(experiment: dict[str, Any], ids: dict[str, str]) -> None:
    wanted = copy.deepcopy(experiment)
    for node in wanted["Graph"]["ModuleNodes"]:
        if isinstance(node, dict) and isinstance(node.get("ModuleId"), str):
            node["ModuleId"] = ids.get(node["ModuleId"], node["ModuleId"])
    assert _bytes(graph.swap_modules(experiment, ids)) == _bytes(wanted)


@given(EXPERIMENTS, IDS, HEX)
def test_there_and_back_is_the_same_document(experiment: dict[str, Any], old: str, family: str) -> None:
    new = f"{WORKSPACE}.{family}.v1-default-900"
    there = graph.swap_assets(experiment, {member: {old: new} for member in MEMBERS})
    back = graph.swap_assets(there, {member: {new: old} for member in MEMBERS})
    assert _bytes(back) == _bytes(experiment)


@given(EXPERIMENTS)
def test_uses_are_what_the_ports_say(experiment: dict[str, Any]) -> None:
    for member in MEMBERS:
        used = [use.identifier for use in graph.assets_used(experiment, member)]
        ports = [
            port[member]
            for node in experiment["Graph"]["ModuleNodes"]
            if isinstance(node, dict) and isinstance(node.get("InputPortsInternal"), list)
            for port in node["InputPortsInternal"]
            if isinstance(port, dict) and isinstance(port.get(member), str) and port[member]
        ]
        assert used == ports
