"""The seed section `classic`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.classic_service import SERVICES, SLOT, ClassicService, scoring_definition, seed_classic
from tests.support.emulator_process import Emulator


def refused_seed(emulator: Emulator, folder: Path) -> dict[str, Any]:
    headers = {"x-emulator-token": emulator.ready["control"]}
    response = emulator.bare.post("/_emulator/seed", json={"paths": [str(folder)]}, headers=headers)
    assert response.status_code == 400, response.text
    error: dict[str, Any] = response.json()["error"]
    assert error["code"] == "RC807"
    return error


def test_services_and_endpoints_come_from_definition_files(emulator: Emulator, tmp_path: Path) -> None:
    text = """
classic:
  - name: Bike Rental Scoring
    definition: scoring.json
    id: AF3E32AD393852F9B30AC9A35B000000
    description: Vélos
    endpoints:
      - {name: default, keys: {primary: one, secondary: two}, throttleLevel: High}
      - rentalloc001
      - name: rentalloc002
        description: the second
        throttleLevel: High
        maxConcurrentCalls: 33
        diagnosticsTraceLevel: All
        preventUpdate: true
        keys: {primary: three, secondary: four}
        models: {"Bike Rental [trained model]": "https://acct.blob.core.windows.net/hai/2.ilearner?sv=1&sig=x"}
  - definition: Census Training.json
"""
    (tmp_path / "seed.yaml").write_text(text)
    (tmp_path / "scoring.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(scoring_definition()).encode())
    training = scoring_definition({})
    del training["properties"]["title"]
    training["Properties"] = training.pop("properties")
    (tmp_path / "Census Training.json").write_text(json.dumps(training))
    loaded = emulator.seed(tmp_path)["seeds"][0]
    assert loaded["new"] == {"classic": ["Bike Rental Scoring", "Census Training"]}
    emulator.faults(classic_echo="echo")
    first, second = emulator.http.get(SERVICES).json()
    assert (first["Id"], first["Description"]) == ("af3e32ad393852f9b30ac9a35b000000", "Vélos")
    assert (second["Name"], second["EndpointCount"]) == ("Census Training", 1)
    default, plain, full = ClassicService(emulator, first["Id"]).list()
    assert (default["PrimaryKey"], default["MaxConcurrentCalls"]) == ("one", 20)
    assert (plain["Name"], plain["ThrottleLevel"], plain["Description"]) == ("rentalloc001", "Low", "")
    assert {name: full[name] for name in ("Description", "MaxConcurrentCalls", "DiagnosticsTraceLevel")} == {
        "Description": "the second",
        "MaxConcurrentCalls": 33,
        "DiagnosticsTraceLevel": "All",
    }
    assert (full["PreventUpdate"], full["SecondaryKey"]) == (True, "four")
    assert full["Resources"][0]["Location"] == {
        "BaseLocation": "https://acct.blob.core.windows.net/",
        "RelativeLocation": "hai/2.ilearner",
        "SasBlobToken": "?sv=1&sig=x",
    }


def test_seeding_again_loads_only_what_is_not_there(emulator: Emulator, tmp_path: Path) -> None:
    item = {"definition": scoring_definition(), "endpoints": ["one", "two"]}
    assert seed_classic(emulator, tmp_path, item, item)["new"] == {"classic": ["Bike Rental Scoring"] * 2}
    first = [ClassicService(emulator, each["Id"]) for each in emulator.http.get(SERVICES).json()]
    first[0].patch("one", Description="changed")
    before = [each.list() for each in first]
    again = seed_classic(emulator, tmp_path, item, item)
    assert (again["new"]["classic"], again["present"]["classic"]) == ([], ["Bike Rental Scoring"] * 2)
    assert [each.list() for each in first] == before
    more = item | {"endpoints": ["one", {"name": "default", "description": "x"}, "three"]}
    added = seed_classic(emulator, tmp_path, more)
    assert added["new"]["classic"] == ["Bike Rental Scoring (1 endpoints)"]
    assert [one["Name"] for one in first[0].list()] == ["default", "one", "two", "three"]
    assert first[0].get("default") == before[0][0]


def test_the_same_seed_gives_the_same_ids(emulator: Emulator, tmp_path: Path) -> None:
    item = {"definition": scoring_definition(), "endpoints": ["one"]}

    def seen() -> list[Any]:
        seed_classic(emulator, tmp_path, item)
        (service,) = emulator.http.get(SERVICES).json()
        endpoints = ClassicService(emulator, service["Id"]).list()
        return [service["Id"], [(one["ApiLocation"], one["ExperimentLocation"]) for one in endpoints]]

    first = seen()
    emulator.control("POST", "reset")
    assert emulator.http.get(SERVICES).status_code == 204
    assert seen() == first


def test_status_tells_what_is_there(emulator: Emulator, tmp_path: Path) -> None:
    seed_classic(emulator, tmp_path, {"definition": scoring_definition(), "endpoints": ["one", "two"]})
    resources = emulator.control("GET", "status")["resources"]
    assert (resources["classic/webservices"], resources["classic/endpoints"]) == (1, 3)


@pytest.mark.parametrize(
    ("item", "message", "hint"),
    [
        ("name: x", "the member definition is missing", None),
        ("definition: none.json", "there is no file none.json", None),
        ("definition: list.json", "no member properties", "export one"),
        ("definition: broken.json", "is not JSON", None),
        ("definition: good.json, endpoint: []", "there is no member endpoint", "endpoints"),
        ("definition: good.json, id: '12'", "not 32 hexadecimal digits", "in quotes"),
        ("definition: good.json, endpoints: 3", "endpoints must be a list", None),
        ("definition: good.json, endpoints: [{description: x}]", "the member name is missing", None),
        ("definition: good.json, endpoints: [Upper]", "'Upper' is invalid", None),
        ("definition: good.json, endpoints: [{name: a, throttleLevel: Some}]", "Low or High", None),
        ("definition: good.json, endpoints: [{name: a, preventUpdate: 3}]", "true or false", None),
        ("definition: good.json, endpoints: [{name: a, keys: {primary: x}}]", "the member secondary is missing", None),
        ("definition: good.json, endpoints: [{name: a, models: {Other: x}}]", "no resource Other", SLOT),
        ("definition: good.json, endpoints: [{name: a, models: [x]}]", "models maps", None),
        ("definition: good.json, endpoints: [{name: default, models: {Other: x}}]", "the default endpoint", None),
    ],
)
def test_a_wrong_seed_names_its_line_and_loads_nothing(
    emulator: Emulator, tmp_path: Path, item: str, message: str, hint: str | None
) -> None:
    (tmp_path / "seed.yaml").write_text(f"classic:\n  - {{definition: good.json, name: first}}\n  - {{{item}}}\n")
    (tmp_path / "good.json").write_text(json.dumps(scoring_definition()))
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "broken.json").write_text("{")
    error = refused_seed(emulator, tmp_path)
    assert message in error["message"]
    assert error["diagnostics"][0]["line"] == 3
    assert hint is None or hint in error["hint"]
    assert emulator.http.get(SERVICES).status_code == 204
