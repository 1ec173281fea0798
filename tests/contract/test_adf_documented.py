"""What `export adf` writes against the documented Data Factory payloads, and without their known mistakes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrainctl.manifest.load import load
from retrainctl.operations.adf import factory_of
from retrainctl.operations.retraining import choose


@pytest.fixture
def v2(shared: Path) -> Path:
    return shared / "classic/adf/v2"


@pytest.fixture(params=["bike-rental", "census"])
def files(request: pytest.FixtureRequest, repo: Path) -> dict[str, Any]:
    loaded = load(repo / "manifests" / request.param / "retrainctl.yaml", "prod", {}, {})
    assert loaded.diagnostics == ()
    return dict(factory_of(loaded, choose(loaded, ())[:3]).files)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8-sig"))


def activities(files: dict[str, Any]) -> Iterator[Any]:
    for path, data in files.items():
        if path.startswith("pipeline/"):
            for activity in data["properties"]["activities"]:
                yield activity
                yield from activity["typeProperties"].get("ifTrueActivities", ())


def of_type(files: dict[str, Any], kind: str) -> list[Any]:
    return [activity for activity in activities(files) if activity["type"] == kind]


def shape(value: Any) -> Any:
    """Member names and kinds of values; what a user names (ports, parameters) is folded into one."""
    if isinstance(value, dict):
        if set(value) == {"value", "type"} and value["type"] == "Expression":
            return "text"
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return "text" if isinstance(value, str) else type(value).__name__


def test_training_activities_have_the_documented_form(files: dict[str, Any], v2: Path) -> None:
    documented = read(v2 / "activity.AzureMLBatchExecution.template.json")
    (wanted, *_) = documented["typeProperties"]["webServiceOutputs"].values()
    for activity in of_type(files, "AzureMLBatchExecution"):
        assert shape(activity["linkedServiceName"]) == shape(documented["linkedServiceName"])
        assert set(activity["typeProperties"]) <= set(documented["typeProperties"])
        for blob in activity["typeProperties"]["webServiceOutputs"].values():
            assert shape(blob) == shape(wanted)


def test_update_activities_have_the_documented_form(files: dict[str, Any], v2: Path) -> None:
    documented = read(v2 / "activity.AzureMLUpdateResource.json")
    updates = of_type(files, "AzureMLUpdateResource")
    assert updates
    for activity in updates:
        assert shape(activity["typeProperties"]) == shape(documented["typeProperties"])
        assert activity["typeProperties"]["trainedModelName"].endswith("[trained model]")


def test_linked_services_have_the_documented_form(files: dict[str, Any], v2: Path) -> None:
    arm = read(v2 / "linkedservice.AzureMLLinkedService.arm.json")["properties"]["typeProperties"]
    plain = read(v2 / "linkedservice.template.json")["properties"]["typeProperties"]
    services = [d["properties"] for p, d in files.items() if p.startswith("linkedService/")]
    models = [service for service in services if service["type"] == "AzureML"]
    assert len(models) >= 2
    for service in models:
        properties = service["typeProperties"]
        assert set(plain) <= set(properties) <= set(arm)
        assert shape(properties["apiKey"]) == shape(arm["apiKey"])


def test_the_mistakes_of_the_documentation_are_not_repeated(files: dict[str, Any], v2: Path) -> None:
    broken = read(v2 / "pipeline.retrain-and-update.broken-dependsOn.json")["properties"]["activities"]
    assert broken[1]["dependsOn"][0]["activity"] not in {activity["name"] for activity in broken}, "the known mistake"
    for path, data in files.items():
        if not path.startswith("pipeline/"):
            continue
        names = {activity["name"] for activity in data["properties"]["activities"]}
        for activity in data["properties"]["activities"]:
            assert {d["activity"] for d in activity.get("dependsOn", ())} <= names
    for activity in of_type(files, "AzureMLBatchExecution"):
        blobs = activity["typeProperties"]["webServiceOutputs"]
        assert blobs["output1"]["FilePath"]["value"].endswith(".ilearner")
        assert blobs["output2"]["FilePath"]["value"].endswith(".csv")
    for path, data in files.items():
        properties = data["properties"].get("typeProperties", {})
        if "mlEndpoint" in properties:
            assert properties["mlEndpoint"].endswith("/jobs?api-version=2.0")
            assert not path.startswith("linkedService/training") or "updateResourceEndpoint" not in properties
        if "updateResourceEndpoint" in properties:
            endpoint = properties["updateResourceEndpoint"]
            assert not endpoint.endswith(".")
            assert "/services/" not in endpoint
            assert re.search(r"/webservices/.+/endpoints/|/webServices/.+\?api-version=2016-05-01-preview", endpoint)


def test_every_reference_names_something_that_is_written(files: dict[str, Any]) -> None:
    there = {path.partition("/")[0]: set() for path in files}
    for path in files:
        folder, _, name = path.partition("/")
        there[folder].add(name.removesuffix(".json"))
        assert files[path]["name"] == name.removesuffix(".json")
        assert re.fullmatch(r"[A-Za-z0-9_]{1,140}", files[path]["name"])
    folders = {
        "LinkedServiceReference": "linkedService",
        "DatasetReference": "dataset",
        "PipelineReference": "pipeline",
    }

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if node.get("type") in folders and "referenceName" in node:
                assert node["referenceName"] in there[folders[node["type"]]]
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    for data in files.values():
        walk(data)


def test_no_two_runs_write_one_blob(files: dict[str, Any]) -> None:
    for activity in of_type(files, "AzureMLBatchExecution"):
        for blob in activity["typeProperties"]["webServiceOutputs"].values():
            assert "pipeline().TriggerTime" in blob["FilePath"]["value"]
