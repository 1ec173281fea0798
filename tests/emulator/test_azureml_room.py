"""Azure Machine Learning v2 in the emulator, held against what was recorded (azureml-v2.md section 4)."""

from __future__ import annotations

import csv
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


def deploy(emulator: Emulator, name: str, version: int = 1) -> None:
    model = f"{WS}/models/churn/versions/{version}"
    properties = {**MANAGED, "model": model}
    assert ended(emulator, put(emulator, f"{ENDPOINT}/deployments/{name}", {"properties": properties}))


def share(emulator: Emulator, traffic: dict[str, int], mirror: dict[str, int]) -> None:
    body = get(emulator, ENDPOINT)
    body["properties"] |= {"traffic": traffic, "mirrorTraffic": mirror}
    assert ended(emulator, put(emulator, ENDPOINT, body))["status"] == "Succeeded"


def counted(emulator: Emulator, verb: str, deployment: str) -> dict[str, int]:
    """Requests that reached a deployment, and how many of them its model answered."""
    paths: dict[str, dict[str, int]] = emulator.control("GET", "counters")["paths"]
    return paths.get(f"{verb} /inference/churn/deployments/{deployment}", {"requests": 0, "writes": 0})


def log(emulator: Emulator, deployment: str, **wish: Any) -> list[str]:
    answer = emulator.http.post(f"{ENDPOINT}/deployments/{deployment}/getLogs", params=NEW, json=wish)
    text: str = answer.json()["content"]
    return [line for line in text.splitlines() if "POST /score" in line]


@pytest.fixture
def key(seeded: Emulator) -> dict[str, str]:
    keys = seeded.http.post(f"{ENDPOINT}/listKeys", params=NEW).json()
    return {"Authorization": f"Bearer {keys['primaryKey']}"}


@pytest.fixture
def request_body(repo: Path) -> Any:
    return json.loads((repo / "manifests" / "azureml-blue-green" / "sample.json").read_text())


def test_mirrored_requests_reach_the_deployment_and_are_answered_by_the_other(
    seeded: Emulator, key: dict[str, str], request_body: Any
) -> None:
    deploy(seeded, "green")
    share(seeded, {"blue": 100}, {"green": 25})
    seen = {seeded.bare.post("/inference/churn/score", json=request_body, headers=key) for _ in range(20)}
    assert {answer.headers["azureml-model-deployment"] for answer in seen} == {"blue"}
    assert counted(seeded, "SCORE", "blue") == {"requests": 20, "writes": 20}
    assert counted(seeded, "MIRROR", "green") == {"requests": 5, "writes": 5}
    assert counted(seeded, "SCORE", "green")["requests"] == 0
    assert len(log(seeded, "green")) == 5 and all(line.endswith("200 (mirrored)") for line in log(seeded, "green"))
    assert len(log(seeded, "blue")) == 20 and len(log(seeded, "blue", tail=3)) == 3
    assert log(seeded, "blue", containerType="StorageInitializer") == []
    named = {**key, "azureml-model-deployment": "blue"}
    for _ in range(8):
        assert seeded.bare.post("/inference/churn/score", json=request_body, headers=named).status_code == 200
    assert counted(seeded, "MIRROR", "green")["requests"] == 5
    share(seeded, {"blue": 100}, {})
    for _ in range(8):
        assert seeded.bare.post("/inference/churn/score", json=request_body, headers=key).status_code == 200
    assert counted(seeded, "MIRROR", "green")["requests"] == 5


def test_what_the_mirrored_deployment_answers_is_ignored(
    seeded: Emulator, key: dict[str, str], request_body: Any
) -> None:
    nothing = {"modelUri": "azureml://datastores/workspaceblobstore/paths/nothing", "modelType": "mlflow_model"}
    seeded.http.put(f"{WS}/models/churn/versions/7", params=NEW, json={"properties": nothing})
    deploy(seeded, "green", version=7)
    share(seeded, {"blue": 100}, {"green": 50})
    for _ in range(4):
        assert seeded.bare.post("/inference/churn/score", json=request_body, headers=key).status_code == 200
    assert counted(seeded, "MIRROR", "green") == {"requests": 2, "writes": 0}
    assert [line.partition('" ')[2] for line in log(seeded, "green")] == ["424 (mirrored)"] * 2


def test_a_key_is_made_anew_and_the_old_one_opens_nothing(
    seeded: Emulator, key: dict[str, str], request_body: Any
) -> None:
    def keys() -> dict[str, str]:
        return dict(seeded.http.post(f"{ENDPOINT}/listKeys", params=NEW).json())

    def regenerated(**wish: str) -> Any:
        return seeded.http.post(f"{ENDPOINT}/regenerateKeys", params=NEW, json=wish)

    def scored(value: str) -> int:
        sent = {"Authorization": f"Bearer {value}"}
        return seeded.bare.post("/inference/churn/score", json=request_body, headers=sent).status_code

    first = keys()
    seeded.faults(regenerate_keys_poll="told")
    assert ended(seeded, regenerated(keyType="Primary"))["status"] == "Succeeded"
    second = keys()
    assert second["primaryKey"] != first["primaryKey"] and second["secondaryKey"] == first["secondaryKey"]
    assert (scored(first["primaryKey"]), scored(second["primaryKey"]), scored(first["secondaryKey"])) == (401, 200, 200)
    assert ended(seeded, regenerated(keyType="Secondary", keyValue="chosen-0123456789"))["status"] == "Succeeded"
    assert keys() == {**second, "secondaryKey": "chosen-0123456789"}
    share(seeded, {"blue": 100}, {})
    assert keys()["secondaryKey"] == "chosen-0123456789"
    seeded.faults(op_fail="first:1,POST")
    assert ended(seeded, regenerated(keyType="Primary"))["status"] == "Failed"
    assert keys()["primaryKey"] == second["primaryKey"]
    assert regenerated(keyType="Tertiary").status_code == 400


def test_keys_given_at_creation_open_the_endpoint_and_are_never_shown(seeded: Emulator) -> None:
    given = {"primaryKey": "first-0123456789", "secondaryKey": "second-0123456789"}
    other = f"{WS}/onlineEndpoints/other"
    first = put(seeded, other, {"properties": {"authMode": "Key", "keys": given}})
    assert ended(seeded, first)["status"] == "Succeeded"
    assert seeded.http.post(f"{other}/listKeys", params=NEW).json() == given
    assert "0123456789" not in first.text + seeded.http.get(other, params=NEW).text


def test_batch_deployments_are_updating_from_the_start(seeded: Emulator) -> None:
    endpoint = f"{WS}/batchEndpoints/nightly"
    ended(seeded, put(seeded, endpoint, {"properties": {"authMode": "AADToken"}}))
    assert get(seeded, endpoint)["properties"]["scoringUri"].endswith("/jobs")
    model = {"referenceType": "Id", "assetId": f"{WS}/models/churn/versions/1"}
    first = put(seeded, f"{endpoint}/deployments/one", {"properties": {"model": model}})
    shown = first.json()["properties"]
    assert (shown["provisioningState"], shown["miniBatchSize"]) == ("Updating", 10)
    assert ended(seeded, first)["status"] == "Succeeded"


class Nightly:
    """A batch endpoint with the deployment `one`, and data for it in the datastore."""

    def __init__(self, emulator: Emulator, sample: Any) -> None:
        self.emulator = emulator
        self.columns, self.rows = sample["input_data"]["columns"], sample["input_data"]["data"]
        endpoint = f"{WS}/batchEndpoints/nightly"
        ended(emulator, put(emulator, endpoint, {"properties": {"authMode": "AADToken"}}))
        model = {"referenceType": "Id", "assetId": f"{WS}/models/churn/versions/1"}
        first = put(emulator, f"{endpoint}/deployments/one", {"properties": {"model": model, "errorThreshold": 0}})
        assert ended(emulator, first)["status"] == "Succeeded"
        defaults = {"authMode": "AADToken", "defaults": {"deploymentName": "one"}}
        ended(emulator, put(emulator, endpoint, {"properties": defaults}))

    def upload(self, name: str, text: str) -> None:
        path = f"/local/azureml-blobstore-local/{name}"
        headers = {"x-ms-blob-type": "BlockBlob", "x-ms-version": "2021-12-02"}
        answer = self.emulator.http.put(path, content=text.encode(), headers=headers)
        assert answer.status_code == 201, answer.text

    def blob(self, name: str) -> str:
        headers = {"x-ms-version": "2021-12-02"}
        answer = self.emulator.http.get(f"/local/azureml-blobstore-local/{name}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.text

    def table(self, rows: list[list[Any]]) -> str:
        return "\n".join(",".join(map(str, line)) for line in (self.columns, *rows)) + "\n"

    def run(self, folder: str = "days", **more: Any) -> dict[str, Any]:
        """A job over a folder of the datastore, to its end; its properties."""
        uri = f"azureml://datastores/workspaceblobstore/paths/{folder}"
        wish = {"inputData": {"days": {"jobInputType": "UriFolder", "uri": uri}}, **more}
        answer = self.emulator.http.post("/inference/nightly/jobs", json={"properties": wish})
        assert (answer.status_code, answer.json()["properties"]["status"]) == (201, "Preparing"), answer.text
        assert answer.headers["azureml-model-deployment"] == "one"
        place = f"/inference/nightly/jobs/{answer.json()['name'].removeprefix('batchjob-')}"
        for _ in range(500):
            found: dict[str, Any] = self.emulator.http.get(place).json()["properties"]
            if found["status"] not in ("Preparing", "Running"):
                return found
        raise AssertionError(found)


@pytest.fixture
def nightly(seeded: Emulator, request_body: Any) -> Nightly:
    seeded.faults(op_seconds=0)
    return Nightly(seeded, request_body)


def test_a_batch_job_scores_every_file_of_a_folder(nightly: Nightly, repo: Path) -> None:
    nightly.upload("days/a.csv", nightly.table(nightly.rows))
    nightly.upload("days/b.csv", nightly.table(nightly.rows[:1]))
    done = nightly.run()
    assert done["status"] == "Completed"
    place = done["outputData"]["score"]["uri"].partition("/paths/")[2]
    lines = list(csv.reader(nightly.blob(f"{place}predictions.csv").splitlines()))
    model = load_scorer((repo / "manifests/azureml-blue-green/seed/models/churn-1.onnx").read_bytes())
    expected = model.score([dict(zip(nightly.columns, row, strict=True)) for row in nightly.rows])
    wanted = [[str(number), *map(str, row.values()), "a.csv"] for number, row in enumerate(expected)]
    assert lines == [*wanted, [*wanted[0][:-1], "b.csv"]]


def test_a_batch_job_writes_where_it_is_told(nightly: Nightly) -> None:
    nightly.upload("days/a.csv", nightly.table(nightly.rows))
    uri = "https://local.blob.core.windows.net/results/today"
    done = nightly.run(outputData={"x": {"jobOutputType": "UriFolder", "uri": uri}}, outputFileName="scores.csv")
    assert (done["status"], done["outputData"]["x"]["uri"]) == ("Completed", uri)
    headers = {"x-ms-version": "2021-12-02"}
    answer = nightly.emulator.http.get("/local/results/today/scores.csv", headers=headers)
    assert len(answer.text.splitlines()) == len(nightly.rows)


def test_a_batch_job_fails_by_its_data_and_by_a_fault(nightly: Nightly) -> None:
    assert nightly.run("nowhere")["status"] == "Failed"
    nightly.upload("days/a.csv", "x,y\n1,2\n")
    assert nightly.run()["status"] == "Failed"
    assert nightly.run(errorThreshold=-1)["status"] == "Completed"
    nightly.upload("days/a.csv", nightly.table(nightly.rows))
    nightly.emulator.faults(op_fail="first:1,POST,/jobs")
    assert [nightly.run()["status"], nightly.run()["status"]] == ["Failed", "Completed"]


def test_a_batch_job_is_canceled(nightly: Nightly) -> None:
    nightly.upload("days/a.csv", nightly.table(nightly.rows))
    nightly.emulator.faults(op_hang="always")
    uri = "azureml://datastores/workspaceblobstore/paths/days"
    wish = {"inputData": {"days": {"jobInputType": "UriFolder", "uri": uri}}}
    job = nightly.emulator.http.post("/inference/nightly/jobs", json={"properties": wish}).json()
    place = f"/inference/nightly/jobs/{job['name']}"
    assert nightly.emulator.http.get(place).json()["properties"]["status"] == "Running"
    run = job["properties"]["name"]
    assert nightly.emulator.http.post(f"{WS}/jobs/{run}/cancel", params=NEW).status_code == 200
    assert nightly.emulator.http.get(place).json()["properties"]["status"] == "Canceled"
    assert nightly.emulator.http.post(f"{WS}/jobs/nobody/cancel", params=NEW).status_code == 404


def test_seeding_twice_changes_nothing(seeded: Emulator, repo: Path) -> None:
    before = get(seeded, ENDPOINT)
    seeded.seed(repo / "manifests" / "azureml-blue-green" / "seed")
    assert get(seeded, ENDPOINT) == before
