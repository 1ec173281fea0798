"""Scores of an online endpoint: what is sent, and what comes back in the form that all services share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from retrainctl.model.values import Secret
from retrainctl.operations.scoring import request_from, tables_of
from retrainctl.ports import JobRequest, NotFound, Rejected
from retrainctl.targets.azure.credentials import KeyAuth
from retrainctl.targets.azureml.client import AzuremlClient
from retrainctl.targets.services.online import OnlineService
from tests.support.wire import Reply, Wire, wire

SCOPE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
URL = "https://churn.southcentralus.inference.ml.azure.com/score"
ARM = "https://management.azure.com"
DOCUMENT = {
    "id": f"{SCOPE}/onlineEndpoints/churn",
    "name": "churn",
    "properties": {"authMode": "Key", "scoringUri": URL, "provisioningState": "Succeeded"},
}
KEYS = Reply(body={"primaryKey": "endpoint-key-0123456789", "secondaryKey": "other"})
SCORES = [{"Scored Labels": "yes", "Scored Probabilities": 0.75}]


def service(script: list[Any], deployment: str | None = None) -> tuple[OnlineService, Wire]:
    made = wire([Reply(body=DOCUMENT), *script], hosts=(URL, ARM))
    client = AzuremlClient(
        pipeline=made.pipeline,
        endpoint=ARM,
        scope=SCOPE,
        auth=KeyAuth(secret=Secret("arm-token-0123456789")),
        api_version="2026-07-01",
    )
    return OnlineService(client, "churn", deployment), made


@pytest.mark.parametrize("answer", [SCORES, {"predictions": SCORES}, json.dumps(SCORES)])
def test_rows_go_out_as_mlflow_takes_them_and_come_back_as_a_table(answer: Any, tmp_path: Path) -> None:
    online, made = service([KEYS, Reply(body=answer)])
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b\n1,x\n2,y\n")
    found = online.score(request_from(rows, online.ports))
    call = made.calls[-1]
    assert call.url == URL
    assert call.body == {"input_data": {"columns": ["a", "b"], "index": [0, 1], "data": [["1", "x"], ["2", "y"]]}}
    assert call.headers["Authorization"] == "Bearer endpoint-key-0123456789"
    assert "azureml-model-deployment" not in call.headers
    (table,) = tables_of(found)
    assert (table.columns, table.rows) == (("Scored Labels", "Scored Probabilities"), (("yes", 0.75),))


def test_a_body_of_its_own_is_sent_as_it_is_to_the_named_deployment(tmp_path: Path) -> None:
    online, made = service([KEYS, Reply(body=[0.5, 1.5])], "green")
    body = {"data": [[1, 2], [3, 4]]}
    path = tmp_path / "sample.json"
    path.write_text(json.dumps(body))
    (table,) = tables_of(online.score(request_from(path, online.ports)))
    assert made.calls[-1].body == body
    assert made.calls[-1].headers["azureml-model-deployment"] == "green"
    assert table.rows == ((0.5,), (1.5,))


def test_a_refusal_names_the_endpoint() -> None:
    online, _ = service([KEYS, Reply(status=424, body={"message": "model container"})])
    with pytest.raises(Rejected, match="cannot score churn"):
        online.score({"data": []})


def test_an_endpoint_that_is_not_there_is_told() -> None:
    made = wire([Reply(status=404, body={"error": {"code": "NotFound", "message": "no"}})], hosts=(ARM,))
    auth = KeyAuth(secret=Secret("arm-token-0123456789"))
    client = AzuremlClient(pipeline=made.pipeline, endpoint=ARM, scope=SCOPE, auth=auth, api_version="2026-07-01")
    with pytest.raises(NotFound, match='there is no online endpoint "churn"'):
        OnlineService(client, "churn")


def test_it_runs_no_jobs() -> None:
    online, made = service([])
    with pytest.raises(Rejected, match="runs no batch jobs"):
        online.submit(JobRequest(), made.clock.sleep)
