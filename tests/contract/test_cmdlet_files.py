"""Our exports, read and written again by the cmdlets' rules; and those rules against what the cmdlets really sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from retrainctl.definition.document import read
from retrainctl.definition.export import export
from tests.support.cmdlet_file import reimported

SCENARIOS = ("TestCreateGetRemoveWebService", "TestCreateWebServiceFromFile", "TestUpdateWebService")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_rules_give_the_bytes_of_the_recorded_bodies(shared: Path, scenario: str) -> None:
    recording = json.loads((shared / "arm" / "recordings" / f"{scenario}.json").read_text("utf-8-sig"))
    bodies = [
        entry["RequestBody"].encode()
        for entry in recording["Entries"]
        if entry["RequestMethod"] == "PUT" and "/webServices/" in entry["RequestUri"]
    ]
    assert bodies
    for body in bodies:
        assert reimported(body) == body
        assert reimported(export(read(body), newline="\r\n", secrets=True)) == body


@pytest.mark.parametrize(
    "file", ["census/seed/census.json", "bike-rental/seed/scoring.json", "bike-rental/seed/training.json"]
)
def test_an_export_of_ours_imports_and_equals_its_bytes(repo: Path, file: str) -> None:
    document = {**read((repo / "manifests" / file).read_bytes()), "location": "South Central US"}
    ours = export(document, newline="\r\n")
    assert reimported(ours) == ours


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"PackageType": "Graph"}, "discriminator"),
        ({"packageType": "Graph", "assets": {"a": {"name": "x", "type": "Module"}}}, "asset a"),
        ({"packageType": "Graph", "parameters": {"p": "True"}}, "WebServiceParameter"),
        ({"packageType": "Graph", "commitmentPlan": {}}, "commitmentPlan.Id"),
        ({"packageType": "Graph", "realtimeConfiguration": {"maxConcurrentCalls": 3}}, "out of range"),
    ],
)
def test_the_rules_are_strict_where_the_cmdlets_are(members: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        reimported(json.dumps({"properties": members, "location": "x"}).encode())
