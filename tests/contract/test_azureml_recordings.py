"""Recorded traffic of Azure Machine Learning, replayed against the client and read by the target."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from retrainctl.definition.azureml import observe_deployment, observe_endpoint, observe_traffic
from retrainctl.model.address import Address
from retrainctl.model.change import FieldChange
from retrainctl.model.environment import AzuremlSettings
from retrainctl.model.values import MISSING
from retrainctl.ports import JobBlob, JobRequest, JobState, NotFound, Outcome, Performed, Rejected
from retrainctl.targets.azureml.client import AzuremlClient
from retrainctl.targets.azureml.requests import body, endpoint_body
from retrainctl.targets.services.batchendpoint import BatchService
from tests.support.wire import FakeWaiter, Reply, auth, wire

SETTINGS = AzuremlSettings(
    subscription="00000000-0000-0000-0000-000000000000", resource_group="rg", workspace="ws", location="eastus"
)
ENDPOINT = f"{SETTINGS.scope}/onlineEndpoints/online-pwsh01"
DEPLOYMENT = f"{ENDPOINT}/deployments/online-pwsh01-blue01"
HOST = "https://management.azure.com"


def recorded(shared: Path, name: str) -> list[dict[str, Any]]:
    exchanges: list[dict[str, Any]] = json.loads((shared / "azureml" / f"{name}.json").read_text())["exchanges"]
    return exchanges


def replies(exchanges: list[dict[str, Any]]) -> list[Reply | Exception]:
    return [
        Reply(one["response"]["status"], _body(one["response"]["body"]), one["response"]["headers"])
        for one in exchanges
    ]


def _body(given: Any) -> Any:
    return given.encode() if isinstance(given, str) else given


def client(script: list[Reply | Exception]) -> tuple[AzuremlClient, Any]:
    line = wire(script, hosts=(HOST,), suffixes=(".inference.ml.azure.com",))
    made = AzuremlClient(
        pipeline=line.pipeline,
        endpoint=HOST,
        scope=SETTINGS.scope,
        auth=auth(),
        api_version="2024-04-01",
        scoring_auth=auth(),
    )
    return made, line


@pytest.mark.parametrize(
    ("name", "path", "polls"),
    [("online-endpoint-put", ENDPOINT, 1), ("online-deployment-put", DEPLOYMENT, 2)],
)
def test_a_write_is_followed_to_its_end(shared: Path, name: str, path: str, polls: int) -> None:
    put, poll, get = recorded(shared, name)
    ended = {**poll["response"]["body"], "status": "Succeeded"}
    script = [*replies([put, *([poll] * (polls - 1))]), Reply(200, ended), *replies([get])]
    made, line = client(script)
    waiter = FakeWaiter(line.clock)
    start = made.start("PUT", path, put["request"]["body"])
    performed = made.finish(start, path, waiter)
    assert performed.outcome is Outcome.DONE
    assert made.get(path) == get["response"]["body"]
    # The signed query is used for polling and kept nowhere.
    assert "s=SIGNATURE" in line.transport.calls[1].url
    assert waiter.told[0][0] is not None
    assert "SIGNATURE" not in waiter.told[0][0]
    assert performed.operation is not None
    assert "SIGNATURE" not in performed.operation


def test_a_deletion_is_followed_and_an_absent_endpoint_is_gone(shared: Path) -> None:
    deletion, absent = recorded(shared, "online-delete")
    ended = {"status": "Succeeded", "id": "x", "name": "x"}
    made, line = client([*replies([deletion]), Reply(200, ended)])
    start = made.start("DELETE", DEPLOYMENT)
    assert made.finish(start, DEPLOYMENT, FakeWaiter(line.clock)).outcome is Outcome.DONE
    made, line = client([*replies([absent]), Reply(404, {"error": {"code": "NotFound", "message": "gone"}})])
    start = made.start("DELETE", ENDPOINT)
    assert made.finish(start, ENDPOINT, FakeWaiter(line.clock)).outcome is Outcome.DONE


def test_a_failed_operation_says_what_the_service_says(shared: Path) -> None:
    put, poll, _ = recorded(shared, "online-deployment-put")
    error = {
        "code": "BadRequest",
        "message": "The request is invalid.",
        "details": [{"code": "ResourceNotReady", "message": "User container has crashed"}],
    }
    made, line = client([*replies([put]), Reply(200, {**poll["response"]["body"], "status": "Failed", "error": error})])
    performed: Performed = made.finish(made.start("PUT", DEPLOYMENT, {}), DEPLOYMENT, FakeWaiter(line.clock))
    assert performed.outcome is Outcome.FAILED
    assert isinstance(performed.error, Rejected)
    assert "ResourceNotReady" in performed.error.message


def test_the_error_envelope_of_the_provider_is_understood(shared: Path) -> None:
    exchange = recorded(shared, "online-actions-and-errors")[-2]
    made, _ = client(replies([exchange]))
    with pytest.raises(NotFound) as caught:
        made.start("PUT", ENDPOINT, {})
    assert "OperationNotFound" in f"{caught.value.service_code} {caught.value.message}"


def test_scoring_names_the_deployment_and_asks_for_the_key_only_then(shared: Path) -> None:
    traffic = recorded(shared, "online-endpoint-traffic")
    get, score = traffic[3], traffic[4]
    document = {**get["response"]["body"], "id": ENDPOINT}
    made, line = client([Reply(200, {"accessToken": "jwt-0123456789abcdef"}), *replies([score])])
    answer = made.score(document, score["request"]["body"], "blue")
    assert answer == [5215.1981315798685, 3726.995485938578]
    token, call = line.transport.calls
    assert token.path.endswith("/onlineEndpoints/online-pwsh01/token")
    assert call.headers["azureml-model-deployment"] == "blue"
    assert call.headers["Authorization"] == "Bearer jwt-0123456789abcdef"
    assert call.body == score["request"]["body"]


def test_a_batch_job_is_started_at_the_named_deployment_and_told_by_its_id(shared: Path) -> None:
    invoke = recorded(shared, "batch-deployment-and-invoke")[-1]
    uri = invoke["request"]["url"].replace("REGION", "eastus")
    endpoint = {"name": "batch-ept-01", "properties": {"scoringUri": uri}}
    failed = {**invoke["response"]["body"], "properties": {"status": "Failed"}}
    made, line = client([Reply(200, endpoint), *replies([invoke]), *replies([invoke]), Reply(200, failed)])
    service = BatchService(made, "batch-ept-01", "batch-dpm-01")
    given = invoke["request"]["body"]["properties"]["inputData"]["input1"]["uri"]
    pause = FakeWaiter(line.clock).pause
    job = service.submit(JobRequest(inputs={"input1": JobBlob(uri=given)}), pause)
    assert job == invoke["response"]["body"]["name"]
    call = line.transport.calls[1]
    assert call.headers["azureml-model-deployment"] == "batch-dpm-01"
    assert call.body["properties"]["inputData"] == invoke["request"]["body"]["properties"]["inputData"]
    (output,) = call.body["properties"]["outputData"].values()
    assert output["jobOutputType"] == "UriFolder"
    assert output["uri"].startswith("azureml://subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/")
    assert service.status(job, pause).state is JobState.RUNNING
    assert line.transport.calls[2].url.partition("?")[0] == f"{uri}/{job}"
    assert service.status(job, pause).state is JobState.FAILED


def test_what_the_server_fills_in_is_no_field(shared: Path) -> None:
    get = recorded(shared, "online-deployment-put")[2]["response"]["body"]
    seen = observe_deployment(Address("OnlineDeployment", "blue"), DEPLOYMENT, get, SETTINGS.scope)
    assert seen.fields["environmentVariables"] == {}
    assert seen.fields["properties"] == {}
    assert seen.fields["sku"] == {"capacity": 3}
    assert "provisioningState" not in seen.fields
    assert seen.slots["model"].uri == f"{SETTINGS.scope}/models/work-online-model/versions/1"
    endpoint = recorded(shared, "online-endpoint-put")[2]["response"]["body"]
    shown = observe_endpoint(Address("OnlineEndpoint", "x"), ENDPOINT, endpoint, SETTINGS.scope)
    assert shown.fields["identity"] == {"type": "SystemAssigned"}
    assert shown.fields["properties"] == {}
    assert not {"scoringUri", "swaggerUri", "traffic", "keys"} & set(shown.fields)


def test_skeleton_answers_do_not_break_the_reading(shared: Path) -> None:
    skeleton = recorded(shared, "online-endpoint-put")[0]["response"]["body"]
    seen = observe_traffic(Address("OnlineTraffic", "x"), f"{ENDPOINT}#traffic", skeleton)
    assert seen.busy
    assert seen.fields == {"traffic": {}, "mirrorTraffic": {}}


def test_a_body_is_the_last_get_with_the_change_in_it(shared: Path) -> None:
    get = recorded(shared, "online-deployment-put")[2]["response"]["body"]
    entry = FieldChange(path=("sku", "capacity"), before=3, after=5)
    sent = body(get, [entry])
    assert sent["sku"] == {"name": "Default", "tier": "Standard", "capacity": 5}
    assert sent["properties"]["livenessProbe"] == get["properties"]["livenessProbe"]
    assert not {"id", "name", "type", "systemData"} & set(sent)
    assert "provisioningState" not in sent["properties"]
    endpoint = recorded(shared, "online-endpoint-traffic")[3]["response"]["body"]
    tagged = endpoint_body(endpoint, [FieldChange(path=("tags", "a"), before=MISSING, after="b")], None)
    assert tagged["properties"]["traffic"] == {"online-ept-01": 100}
    assert tagged["properties"]["mirrorTraffic"] == {}
    assert tagged["tags"] == {"a": "b"}
