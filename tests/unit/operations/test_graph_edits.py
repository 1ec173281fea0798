"""What a command changes in an experiment's graph; the cmdlets' bugs of classic-api.md section 9 are not there."""

from __future__ import annotations

from typing import Any

import pytest

from retrainctl.errors import InvalidInput, RetrainctlError
from retrainctl.operations.graph_edits import newest_assets, newest_modules, replacement
from retrainctl.targets.studio.assets import DATASET, MODEL, TRANSFORM

WS = "333533ce0e6e44b38365410aec94d7f2"
GLOBAL = "506153734175476c4f62416c57734963"
DATA, MODELS, CLEANING, OTHER, TRAIN, SCORE = (character * 32 for character in "abcdef")


def _id(family: str, batch: int, workspace: str = WS) -> str:
    return f"{workspace}.{family}.v1-default-{batch}"


def _item(name: str, family: str, batch: int, **more: Any) -> dict[str, Any]:
    return {"Name": name, "FamilyId": family, "Id": _id(family, batch), "Batch": batch, "IsLatest": True, **more}


def _port(name: str, **ids: str) -> dict[str, Any]:
    empty = {"DataSourceId": None, "TrainedModelId": None, "TransformModuleId": None}
    return {"Name": name, **empty, **ids, "NodeId": "n"}


def _node(number: int, module: str, *ports: dict[str, Any]) -> dict[str, Any]:
    return {"Id": f"n-{number}", "ModuleId": module, "Comment": f"Step {number}", "InputPortsInternal": list(ports)}


def _experiment() -> dict[str, Any]:
    nodes = [
        _node(1, _id(TRAIN, 30), _port("Data", DataSourceId=_id(DATA, 3)), _port("Right")),
        _node(
            2,
            _id(SCORE, 30),
            _port("Model", TrainedModelId=_id(MODELS, 5)),
            _port("Transform", TransformModuleId=_id(CLEANING, 7)),
            _port("Data", DataSourceId=_id(DATA, 3)),
        ),
        _node(3, _id(SCORE, 30), _port("Data", DataSourceId=_id(DATA, 33))),
    ]
    ids = (_id(DATA, 3), _id(MODELS, 5), _id(CLEANING, 7), _id(DATA, 33), _id(DATA, 3))
    drawn = "".join(f"<NodePosition Node='{one}' Position='1,2,3,4'/>" for one in ids)
    return {
        "ExperimentId": f"{WS}.f-id.{'0' * 32}",
        "Description": "Scoring",
        "Graph": {"ModuleNodes": nodes, "EdgesInternal": [], "SerializedClientData": drawn},
        "WebService": {"Inputs": [], "SerializedClientData": drawn},
    }


def _listed() -> list[Any]:
    return [
        (DATASET, [_item("Rentals", DATA, 34), _item("Weather", OTHER, 8)]),
        (MODEL, [_item("Bike [trained model]", MODELS, 6)]),
        (TRANSFORM, [_item("Cleaning", CLEANING, 9)]),
    ]


def _places(experiment: Any, member: str) -> list[str]:
    ports = [port for node in experiment["Graph"]["ModuleNodes"] for port in node["InputPortsInternal"]]
    return [port[member] for port in ports if port[member]]


def test_each_asset_gets_its_own_port_and_its_own_id_everywhere() -> None:
    edit = newest_assets(_experiment(), _listed())
    assert _places(edit.experiment, "DataSourceId") == [_id(DATA, 34)] * 3
    assert _places(edit.experiment, "TrainedModelId") == [_id(MODELS, 6)]
    assert _places(edit.experiment, "TransformModuleId") == [_id(CLEANING, 9)]
    for part in ("Graph", "WebService"):
        drawn = edit.experiment[part]["SerializedClientData"]
        assert drawn.count(_id(DATA, 34) + "'") == 3
        assert all(drawn.count(one + "'") == 1 for one in (_id(MODELS, 6), _id(CLEANING, 9)))
    assert [str(swap) for swap in edit.swaps] == [
        'dataset "Rentals" v1-default-3 -> v1-default-34 (2 ports)',
        'dataset "Rentals" v1-default-33 -> v1-default-34 (1 port)',
        'trained model "Bike [trained model]" v1-default-5 -> v1-default-6 (1 port)',
        'transform "Cleaning" v1-default-7 -> v1-default-9 (1 port)',
    ]


def test_an_id_that_begins_another_one_leaves_that_alone() -> None:
    edit = replacement(_experiment(), DATASET, _listed()[0][1], _id(DATA, 3), "Weather")
    assert _places(edit.experiment, "DataSourceId") == [_id(OTHER, 8), _id(OTHER, 8), _id(DATA, 33)]
    assert edit.experiment["Graph"]["SerializedClientData"].count(_id(DATA, 33) + "'") == 1
    assert str(edit.swaps[0]) == f'dataset "Rentals" {_id(DATA, 3)} -> "Weather" {_id(OTHER, 8)} (2 ports)'


@pytest.mark.parametrize("existing", ["Rentals", "rentals ", DATA, DATA.upper()])
@pytest.mark.parametrize("new", ["Weather", "WEATHER", OTHER, _id(OTHER, 8)])
def test_assets_are_named_by_id_family_or_name(existing: str, new: str) -> None:
    edit = replacement(_experiment(), DATASET, _listed()[0][1], existing, new)
    assert _places(edit.experiment, "DataSourceId") == [_id(OTHER, 8)] * 3


def test_an_older_version_may_come_back() -> None:
    edit = replacement(_experiment(), MODEL, _listed()[1][1], "Bike [trained model]", _id(MODELS, 2))
    assert _places(edit.experiment, "TrainedModelId") == [_id(MODELS, 2)]


def test_nothing_to_do_is_no_change() -> None:
    before = newest_assets(_experiment(), _listed()).experiment
    again = newest_assets(before, _listed())
    assert not again.swaps and again.experiment is before
    same = replacement(before, DATASET, _listed()[0][1], "Rentals", "Rentals")
    assert not same.swaps and same.experiment is before
    assert (again.looked_at, same.looked_at) == (5, 3)
    nothing = newest_assets({"Graph": None}, _listed())
    assert (nothing.swaps, nothing.looked_at) == ((), 0)


@pytest.mark.parametrize(
    ("existing", "new", "code", "told"),
    [
        ("Rentals", "Wether", "RC956", "Weather"),
        ("Rentals", _id("9" * 32, 1), "RC956", "9999"),
        ("Rentals", f"{WS}.{OTHER}.newest", "RC956", "newest"),
        ("Rentals", _id(OTHER, 9), "RC956", "dataset list"),
        ("Weather", "Rentals", "RC954", "Rentals"),
        ("nothing like it", "Weather", "RC954", '"Rentals"'),
    ],
)
def test_what_is_not_there_is_named_with_what_is(existing: str, new: str, code: str, told: str) -> None:
    with pytest.raises(RetrainctlError) as caught:
        replacement(_experiment(), DATASET, _listed()[0][1], existing, new)
    assert caught.value.code == code
    assert told in f"{caught.value.message} {caught.value.hint}"


def test_a_name_that_several_in_use_have_is_refused_with_their_ids() -> None:
    experiment = _experiment()
    experiment["Graph"]["ModuleNodes"][2]["InputPortsInternal"][0]["DataSourceId"] = _id(OTHER, 1)
    both = [_item("Rentals", DATA, 34), _item("Rentals", OTHER, 8), _item("Weather", TRAIN, 1)]
    with pytest.raises(RetrainctlError) as caught:
        replacement(experiment, DATASET, both, "Rentals", "Weather")
    assert caught.value.code == "RC941"
    assert _id(DATA, 3) in str(caught.value.hint) and _id(OTHER, 1) in str(caught.value.hint)


def test_all_that_is_gone_is_told_at_once_and_nothing_is_changed() -> None:
    with pytest.raises(InvalidInput) as caught:
        newest_assets(_experiment(), [(DATASET, []), (MODEL, []), (TRANSFORM, _listed()[2][1])])
    told = [finding.message for finding in caught.value.diagnostics]
    assert len(told) == 4, "three ports of datasets, one of a model; the transform is fine"
    assert told[0] == (
        f'node "Step 1" (n-1), port "Data": the workspace has no dataset of the family of {_id(DATA, 3)}'
    )
    assert {finding.code for finding in caught.value.diagnostics} == {"RC953"}


def test_one_asset_alone() -> None:
    edit = newest_assets(_experiment(), [_listed()[1]], "bike [trained model]")
    assert _places(edit.experiment, "TrainedModelId") == [_id(MODELS, 6)]
    assert _places(edit.experiment, "DataSourceId") == [_id(DATA, 3), _id(DATA, 3), _id(DATA, 33)]
    with pytest.raises(RetrainctlError, match='does not use the dataset "Weather"'):
        newest_assets(_experiment(), [_listed()[0]], "Weather")


def _modules() -> list[dict[str, Any]]:
    return [
        _item("Train Model", TRAIN, 31),
        _item("Score Model", SCORE.upper(), 29, IsLatest=False),
        _item("Score Model", SCORE, 40, FamilyId=SCORE.upper()),
    ]


def test_modules_go_to_the_latest_of_their_family() -> None:
    edit = newest_modules(_experiment(), _modules())
    modules = [node["ModuleId"] for node in edit.experiment["Graph"]["ModuleNodes"]]
    assert modules == [_id(TRAIN, 31), _id(SCORE, 40), _id(SCORE, 40)]
    assert [str(swap) for swap in edit.swaps] == [
        'module "Train Model" v1-default-30 -> v1-default-31 (1 node)',
        'module "Score Model" v1-default-30 -> v1-default-40 (2 nodes)',
    ]
    assert not newest_modules(edit.experiment, _modules()).swaps


def test_modules_of_one_name_although_another_one_is_gone() -> None:
    edit = newest_modules(_experiment(), _modules()[:1], "train model")
    modules = [node["ModuleId"] for node in edit.experiment["Graph"]["ModuleNodes"]]
    assert modules == [_id(TRAIN, 31), _id(SCORE, 30), _id(SCORE, 30)]
    with pytest.raises(RetrainctlError, match='does not use the module "Trane Model"') as caught:
        newest_modules(_experiment(), _modules(), "Trane Model")
    assert caught.value.code == "RC954" and "Train Model" in str(caught.value.hint)


def test_modules_that_are_gone_are_all_told() -> None:
    with pytest.raises(InvalidInput) as caught:
        newest_modules(_experiment(), [])
    assert [finding.message.partition(":")[0] for finding in caught.value.diagnostics] == [
        'node "Step 1" (n-1)',
        'node "Step 2" (n-2)',
        'node "Step 3" (n-3)',
    ]


@pytest.mark.parametrize("identifier", [_id(TRAIN, 30, GLOBAL).upper(), _id(TRAIN, 31, WS.upper())])
def test_letter_case_is_no_difference(identifier: str) -> None:
    experiment = _experiment()
    experiment["Graph"]["ModuleNodes"] = [_node(1, identifier)]
    edit = newest_modules(experiment, _modules())
    assert [swap.new for swap in edit.swaps] == ([_id(TRAIN, 31)] if "30" in identifier[-3:] else [])


@pytest.mark.parametrize(
    ("drawn", "goes"),
    [("{}", True), ("'{}'", True), ("{}:Results dataset", True), ("{}0", False), ("x{}", False), ("{}-1", False)],
)
def test_an_id_in_the_client_data_is_a_whole_word(drawn: str, goes: bool) -> None:
    experiment = _experiment()
    experiment["Graph"]["SerializedClientData"] = drawn.format(_id(MODELS, 5))
    edit = newest_assets(experiment, [_listed()[1]])
    expected = drawn.format(_id(MODELS, 6 if goes else 5))
    assert edit.experiment["Graph"]["SerializedClientData"] == expected
