"""Azure Machine Learning v2 in the emulator, held against what was recorded (azureml-v2.md section 4)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from retrainctl.ilearner.scorer import load_scorer
from tests.support.emulator_process import Emulator

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
WS = f"{SUBSCRIPTION}/resourceGroups/local/providers/Microsoft.MachineLearningServices/workspaces/local"
ENDPOINT = f"{WS}/onlineEndpoints/churn"
NEW = {"api-version": "2026-07-01"}
MANAGED = {"endpointComputeType": "Managed", "instanceType": "Standard_DS3_v2"}


def ended(emulator: Emulator, answer: Any) -> dict[str, Any]:
    """The document of an operation that has ended, polled as the headers say."""
    address = answer.headers.get("Azure-AsyncOperation") or answer.headers["Location"]
    for _ in range(5):
        body = emulator.http.get(address).json()
        if body["status"] != "Updating":
            return dict(body)
    raise AssertionError(body)


def put(emulator: Emulator, path: str, body: Any) -> Any:
    answer = emulator.http.put(path, params=NEW, json=body)
    assert answer.status_code == 201, answer.text
    return answer


def get(emulator: Emulator, path: str) -> Any:
    return emulator.http.get(path, params=NEW).json()


@pytest.fixture
def seeded(emulator: Emulator, repo: Path) -> Emulator:
    """The example's workspace: `churn` with `blue`, which serves version 1."""
    emulator.seed(repo / "manifests" / "azureml-blue-green" / "seed")
    return emulator


def test_an_endpoint_is_made_as_recorded(emulator: Emulator, shared: Path) -> None:
    recorded = json.loads((shared / "azureml" / "online-endpoint-put.json").read_text(encoding="utf-8"))
    exchanges = recorded["exchanges"]
    body = {"location": "southcentralus", "properties": {"authMode": "AADToken"}}
    first = put(emulator, ENDPOINT, body)
    wanted = exchanges[0]["response"]["body"]["properties"]
    shown = first.json()["properties"]
    assert set(wanted) <= set(shown)
    for name in ("provisioningState", "scoringUri", "swaggerUri", "traffic", "mirrorTraffic", "authMode"):
        assert shown[name] == wanted[name]
    assert "Retry-After" not in first.headers and first.headers["x-ms-async-operation-timeout"] == "PT30M"
    assert ended(emulator, first)["status"] == "Succeeded"
    after = get(emulator, ENDPOINT)
    assert set(exchanges[2]["response"]["body"]["properties"]) <= set(after["properties"])
    assert after["properties"]["scoringUri"] == "https://churn.southcentralus.inference.ml.azure.com/score"
    assert after["properties"]["properties"]["azureml.onlineendpointid"] == ENDPOINT.lower()
    assert after["kind"] == "Managed"


def test_a_deployment_gets_its_defaults_and_the_services_variables(seeded: Emulator) -> None:
    model = f"{WS}/models/churn/versions/1"
    first = put(seeded, f"{ENDPOINT}/deployments/green", {"properties": {**MANAGED, "model": model}})
    shown = first.json()["properties"]
    assert (shown["provisioningState"], shown["environmentVariables"]) == ("Creating", {})
    assert shown["requestSettings"]["maxQueueWait"] == "PT0S" and first.json()["sku"]["tier"] == "Standard"
    assert ended(seeded, first)["status"] == "Succeeded"
    after = get(seeded, f"{ENDPOINT}/deployments/green")["properties"]
    assert after["environmentVariables"] == {"AZUREML_MODEL_DIR": "/var/azureml-app/azureml-models/churn/1"}


def test_an_update_shows_the_old_traffic_until_it_has_ended(seeded: Emulator) -> None:
    model = f"{WS}/models/churn/versions/1"
    ended(seeded, put(seeded, f"{ENDPOINT}/deployments/green", {"properties": {**MANAGED, "model": model}}))
    body = get(seeded, ENDPOINT)
    body["properties"]["traffic"] = {"blue": 90, "green": 10}
    answer = put(seeded, ENDPOINT, body)
    assert answer.json()["properties"]["traffic"] == {"blue": 100}
    assert answer.json()["properties"]["provisioningState"] == "Updating"
    assert ended(seeded, answer)["status"] == "Succeeded"
    assert get(seeded, ENDPOINT)["properties"]["traffic"] == {"blue": 90, "green": 10}


@pytest.mark.parametrize(
    "maps",
    [
        {"traffic": {"blue": 90}},
        {"traffic": {"nobody": 100}},
        {"traffic": {"blue": 100}, "mirrorTraffic": {"blue": 10}},
        {"traffic": {}, "mirrorTraffic": {"blue": 60}},
    ],
)
def test_traffic_that_breaks_the_rules_is_refused(seeded: Emulator, maps: dict[str, Any]) -> None:
    answer = seeded.http.put(ENDPOINT, params=NEW, json={"properties": {"authMode": "Key", **maps}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "UserError")
    assert answer.headers["x-ms-response-type"] == "error"
    assert get(seeded, ENDPOINT)["properties"]["traffic"] == {"blue": 100}


def test_a_deployment_under_traffic_stays_and_an_absent_one_is_gone_already(seeded: Emulator) -> None:
    assert seeded.http.delete(f"{ENDPOINT}/deployments/blue", params=NEW).status_code == 400
    assert seeded.http.delete(f"{ENDPOINT}/deployments/nobody", params=NEW).status_code == 204
    body = get(seeded, ENDPOINT)
    body["properties"]["traffic"] = {}
    ended(seeded, put(seeded, ENDPOINT, body))
    gone = seeded.http.delete(f"{ENDPOINT}/deployments/blue", params=NEW)
    assert gone.status_code == 202 and gone.headers["Azure-AsyncOperation"] != gone.headers["Location"]
    ended(seeded, gone)
    assert get(seeded, f"{ENDPOINT}/deployments")["value"] == []


def test_a_failed_deployment_stays_and_says_so(seeded: Emulator) -> None:
    green = f"{ENDPOINT}/deployments/green"
    missing = {"properties": {**MANAGED, "model": f"{WS}/models/churn/versions/9"}}
    outcome = ended(seeded, put(seeded, green, missing))
    assert (outcome["status"], outcome["error"]["details"][0]["code"]) == ("Failed", "ResourceNotFound")
    assert get(seeded, green)["properties"]["provisioningState"] == "Failed"


def test_models_are_never_moved_to_other_files(seeded: Emulator) -> None:
    version = f"{WS}/models/churn/versions/1"
    live = get(seeded, version)["properties"]
    assert set(live["flavors"]) == {"onnx", "python_function"} and live["stage"] == "Development"
    again = seeded.http.put(version, params=NEW, json={"properties": {**live, "description": "first"}})
    assert (again.status_code, again.json()["properties"]["description"]) == (200, "first")
    moved = seeded.http.put(
        version, params=NEW, json={"properties": {**live, "modelUri": "azureml://datastores/x/paths/y"}}
    )
    assert moved.json()["error"]["message"] == "Asset paths cannot be updated."
    assert get(seeded, f"{WS}/models/churn")["properties"]["nextVersion"] == "2"


def test_scores_are_those_of_the_model_of_the_named_deployment(seeded: Emulator, repo: Path) -> None:
    example = repo / "manifests" / "azureml-blue-green"
    request = json.loads((example / "sample.json").read_text())
    keys = seeded.http.post(f"{ENDPOINT}/listKeys", params=NEW).json()
    sent = {"Authorization": f"Bearer {keys['primaryKey']}"}
    answer = seeded.http.post("/inference/churn/score", json=request, headers=sent)
    rows = [dict(zip(request["input_data"]["columns"], row, strict=True)) for row in request["input_data"]["data"]]
    assert answer.json() == load_scorer((example / "seed/models/churn-1.onnx").read_bytes()).score(rows)
    assert answer.headers["azureml-model-deployment"] == "blue"
    named = {**sent, "azureml-model-deployment": "green"}
    assert seeded.http.post("/inference/churn/score", json=request, headers=named).status_code == 404
    wrong = seeded.http.post("/inference/churn/score", json=request, headers={"Authorization": "Bearer x"})
    assert wrong.status_code == 401
    assert seeded.http.post("/inference/churn/score", json={"data": [[1]]}, headers=sent).status_code == 424
    del request["input_data"]["columns"][0]
    assert seeded.http.post("/inference/churn/score", json=request, headers=sent).status_code == 424


def test_batch_deployments_are_updating_from_the_start(seeded: Emulator) -> None:
    endpoint = f"{WS}/batchEndpoints/nightly"
    ended(seeded, put(seeded, endpoint, {"properties": {"authMode": "AADToken"}}))
    assert get(seeded, endpoint)["properties"]["scoringUri"].endswith("/jobs")
    model = {"referenceType": "Id", "assetId": f"{WS}/models/churn/versions/1"}
    first = put(seeded, f"{endpoint}/deployments/one", {"properties": {"model": model}})
    shown = first.json()["properties"]
    assert (shown["provisioningState"], shown["miniBatchSize"]) == ("Updating", 10)
    assert ended(seeded, first)["status"] == "Succeeded"


def test_seeding_twice_changes_nothing(seeded: Emulator, repo: Path) -> None:
    before = get(seeded, ENDPOINT)
    seeded.seed(repo / "manifests" / "azureml-blue-green" / "seed")
    assert get(seeded, ENDPOINT) == before
