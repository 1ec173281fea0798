"""YAML files of `az ml` as manifests: what they make, and where their mistakes are."""

from __future__ import annotations

from pathlib import Path

from tests.support.project_files import loaded

PROJECT = (
    "apiVersion: retrainctl/v1\nkind: Project\nmetadata: {name: t}\nspec: {environments: {local: {emulator: {}}}}\n"
)
SCHEMA = "$schema: https://azuremlschemas.azureedge.net/latest/{}.schema.json\n"
ENDPOINT = SCHEMA.format("managedOnlineEndpoint") + "name: shop\nauth_mode: aad_token\ntraffic: {blue: 100}\n"
DEPLOYMENT = (
    SCHEMA.format("managedOnlineDeployment")
    + """name: blue
endpoint_name: shop
model: azureml:churn:3
code_configuration:
  code: azureml:code:1
  scoring_script: score.py
environment: azureml:env:2
instance_type: Standard_DS3_v2
instance_count: 1
request_settings:
  request_timeout_ms: 90000
liveness_probe: {initial_delay: 10, period: 90}
"""
)
BATCH = (
    SCHEMA.format("modelBatchDeployment")
    + """name: late
endpoint_name: nights
type: model
model: azureml:churn:3
compute: azureml:cluster
settings:
  mini_batch_size: 5
  output_action: append_row
  retry_settings: {max_retries: 2, timeout: 30}
resources: {instance_count: 1}
"""
)


def test_they_are_manifests(tmp_path: Path) -> None:
    files = {
        "retrainctl.yaml": PROJECT,
        "manifests/endpoint.yml": ENDPOINT,
        "manifests/blue.yml": DEPLOYMENT,
        "manifests/late.yml": BATCH,
        "manifests/model.yml": SCHEMA.format("model") + "name: churn\nversion: 3\n",
    }
    result = loaded(tmp_path, files, "local")
    assert result.diagnostics == ()
    found = {str(one.address): one for one in result.desired}
    assert set(found) == {
        *("OnlineEndpoint/shop", "OnlineDeployment/shop.blue", "OnlineTraffic/shop", "BatchDeployment/nights.late"),
    }
    assert found["OnlineEndpoint/shop"].fields == {"authMode": "AADToken"}
    assert found["OnlineTraffic/shop"].fields == {"traffic": {"blue": 100}}
    blue = found["OnlineDeployment/shop.blue"]
    assert blue.place["name"] == "blue"
    assert blue.fields["requestSettings"] == {"requestTimeout": "PT1M30S"}
    assert blue.fields["livenessProbe"] == {"initialDelay": "PT10S", "period": "PT1M30S"}
    assert blue.fields["sku"] == {"capacity": 1}
    assert str(blue.fields["environmentId"]).endswith("/workspaces/local/environments/env/versions/2")
    assert blue.slots["model"].label == "churn@3"
    assert str(blue.slots["model"].uri).endswith("/workspaces/local/models/churn/versions/3")
    late = found["BatchDeployment/nights.late"].fields
    assert late["miniBatchSize"] == 5
    assert late["outputAction"] == "AppendRow"
    assert late["retrySettings"] == {"maxRetries": 2, "timeout": "PT30S"}


def test_a_mistake_is_told_where_it_stands(tmp_path: Path) -> None:
    wrong = DEPLOYMENT.replace("  request_timeout_ms: 90000", "  request_timeout: 90000")
    result = loaded(tmp_path, {"retrainctl.yaml": PROJECT, "manifests/blue.yml": wrong}, "local")
    (finding,) = result.diagnostics
    assert (finding.code, str(finding.span)) == ("RC113", "manifests/blue.yml:12:3")
    assert "request_timeout" in finding.message


def test_what_would_be_uploaded_at_every_apply_is_refused(tmp_path: Path) -> None:
    wrong = DEPLOYMENT.replace("code: azureml:code:1", "code: ../src").replace(
        "model: azureml:churn:3", "model: {path: ../model.pkl}"
    )
    result = loaded(tmp_path, {"retrainctl.yaml": PROJECT, "manifests/blue.yml": wrong}, "local")
    assert [(one.code, one.span.line if one.span else 0) for one in result.diagnostics] == [("RC194", 4), ("RC194", 5)]


def test_latest_is_refused(tmp_path: Path) -> None:
    wrong = DEPLOYMENT.replace("azureml:churn:3", "azureml:churn@latest")
    result = loaded(tmp_path, {"retrainctl.yaml": PROJECT, "manifests/blue.yml": wrong}, "local")
    assert [one.code for one in result.diagnostics] == ["RC190"]
