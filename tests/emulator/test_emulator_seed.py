"""Seeds: what is loaded, what is left alone, and where it says a seed is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator_process import PLANS, SERVICES, SUBSCRIPTION, V16, V17, Emulator, definition, get_service


def folder(path: Path, text: str, **files: Any) -> Path:
    path.mkdir(exist_ok=True)
    (path / "seed.yaml").write_text(text)
    for name, content in files.items():
        (path / f"{name}.json").write_text(json.dumps(content))
    return path


def refused(emulator: Emulator, path: Path) -> dict[str, Any]:
    headers = {"x-emulator-token": emulator.ready["control"]}
    response = emulator.bare.post("/_emulator/seed", json={"paths": [str(path)]}, headers=headers)
    assert response.status_code == 400, response.text
    error: dict[str, Any] = response.json()["error"]
    assert error["code"] == "RC807"
    return error


def test_a_folder_makes_plans_and_services(emulator: Emulator, tmp_path: Path) -> None:
    text = """
commitmentPlans:
  - {name: s1, sku: {name: S2, capacity: 2}, tags: {team: growth}}
webServices:
  - {definition: census.json, commitmentPlan: s1, keys: {primary: one}}
  - {definition: census.json, name: copy, resourceGroup: Other, location: westeurope}
"""
    census = definition()
    del census["properties"]["commitmentPlan"]
    seed = folder(tmp_path / "seed", text, census=census)
    loaded = emulator.seed(seed)["seeds"][0]
    assert loaded["new"] == {"commitmentPlans": ["s1"], "webServices": ["census", "copy"]}
    assert get_service(emulator)["location"] == "South Central US"
    keys = emulator.http.get(f"{SERVICES}/census/listKeys", params=V17).json()
    assert keys["primary"] == "one"
    assert keys["secondary"]
    plan = emulator.http.get(f"{PLANS}/s1", params=V16).json()
    assert (plan["sku"], plan["tags"]) == ({"capacity": 2, "name": "S2", "tier": "Standard"}, {"team": "growth"})
    (association,) = emulator.http.get(f"{PLANS}/s1/commitmentAssociations", params=V16).json()["value"]
    assert association["properties"]["associatedResourceId"] == f"{SERVICES}/census"
    copy = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/other/providers/Microsoft.MachineLearning/webServices/copy"
    assert emulator.http.get(copy, params=V17).json()["location"] == "West Europe"


def test_seeding_again_leaves_what_is_there(emulator: Emulator, tmp_path: Path) -> None:
    seed = folder(tmp_path / "seed", "webServices: [{definition: census.json}]", census=definition())
    emulator.seed(seed)
    body = {"properties": {"packageType": "Graph", "title": "changed"}}
    emulator.finished(emulator.http.patch(f"{SERVICES}/census", params=V17, json=body))
    again = emulator.seed(seed)["seeds"][0]
    assert (again["new"]["webServices"], again["present"]["webServices"]) == ([], ["census"])
    assert get_service(emulator)["properties"]["title"] == "changed"


def test_a_service_is_named_by_the_entry_the_definition_its_id_or_the_file(emulator: Emulator, tmp_path: Path) -> None:
    plain = definition()
    text = """
webServices:
  - {definition: a.json, name: entry}
  - definition: b.json
  - definition: c.json
  - definition: d.json
"""
    identifier = {"id": f"{SERVICES}/from-id"}
    seed = folder(tmp_path / "seed", text, a=plain, b=plain | {"name": "own"}, c=plain | identifier, d=plain)
    assert emulator.seed(seed)["seeds"][0]["new"]["webServices"] == ["entry", "own", "from-id", "d"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("webServices:\n  - definition: none.json\n", 2, "there is no file none.json"),
        ("webServices:\n  - {definition: ../outside.json}\n", 2, "lies outside the seed folder"),
        ("webServices:\n  - name: x\n", 2, "the member definition is missing"),
        ("webServices:\n  - definition: good.json\n    nmae: x\n", 3, "there is no member nmae"),
        ("webServices:\n  - definition: list.json\n", 2, "holds no object"),
        ("webServices:\n  - {definition: good.json, commitmentPlan: none}\n", 2, "no commitment plan none"),
        ("webServices: 3\n", 1, "must be a list"),
        ("webServices:\n  - 3\n", 2, "must be a mapping"),
        ("- a\n", 1, "must be a mapping of sections"),
        ("webService: []\n", 1, "there is no section webService"),
        ("webServices: [\n", 2, "cannot be read"),
        ("\twebServices: []\n", 1, "cannot be read"),
    ],
)
def test_a_wrong_seed_names_its_line_and_loads_nothing(
    emulator: Emulator, tmp_path: Path, text: str, line: int, message: str
) -> None:
    good = "commitmentPlans: [{name: p}]\n" if text.startswith("webServices:") and "[" not in text else ""
    (tmp_path / "outside.json").write_text("{}")
    seed = folder(tmp_path / "seed", text + good, good=definition(), list=[1])
    error = refused(emulator, seed)
    assert message in error["message"]
    assert error["diagnostics"][0]["line"] == line
    assert error["diagnostics"][0]["path"].endswith("seed.yaml")
    assert emulator.http.get(PLANS, params=V16).json()["value"] == []


def test_files_that_are_no_definition_are_refused(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "empty.json").write_text("{}")
    assert "is not JSON" in refused(emulator, tmp_path / "broken.json")["message"]
    assert "no member properties" in refused(emulator, tmp_path / "empty.json")["message"]
    assert "there is no seed" in refused(emulator, tmp_path / "none")["message"]
    (tmp_path / "folder").mkdir()
    assert "has no seed.yaml" in refused(emulator, tmp_path / "folder")["message"]


def test_resetting_removes_everything_but_the_group(emulator: Emulator, tmp_path: Path) -> None:
    emulator.seed(folder(tmp_path / "seed", "webServices: [{definition: census.json}]", census=definition()))
    emulator.faults(latency="1ms")
    emulator.control("POST", "reset")
    status = emulator.control("GET", "status")
    assert status["resources"] == {"microsoft.resources/resourcegroups": 1}
    assert status["faults"] == {}
    assert emulator.http.get(f"{SERVICES}/census", params=V17).status_code == 404
