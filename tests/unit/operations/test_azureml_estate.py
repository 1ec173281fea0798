"""What is read of a workspace of Azure Machine Learning v2, as manifests say it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from retrainctl.model.environment import AzuremlSettings
from retrainctl.operations.azureml_estate import from_workspace

SETTINGS = AzuremlSettings(
    subscription="00000000-0000-0000-0000-000000000000", resource_group="rg", workspace="ws", location="East US"
)
SCOPE = SETTINGS.scope
READY = {"provisioningState": "Succeeded"}


def endpoint(name: str = "churn", **properties: Any) -> dict[str, Any]:
    identifier = f"{SCOPE}/onlineEndpoints/{name}"
    return {"id": identifier, "name": name, "properties": {"authMode": "Key", **READY, **properties}}


def one(document: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What a deployment of `churn` becomes."""
    owner = endpoint()
    found, left_out = from_workspace({"onlineEndpoints": [owner]}, {owner["id"]: [document]}, SETTINGS)
    return dict(found[-1].spec), left_out


def test_a_recorded_deployment_declares_only_what_somebody_set(shared: Path) -> None:
    exchanges = json.loads((shared / "azureml" / "online-deployment-put.json").read_text())["exchanges"]
    spec, left_out = one(exchanges[2]["response"]["body"])
    assert left_out == []
    assert spec == {
        "endpoint_name": "churn",
        "model": "azureml:work-online-model:1",
        "environment": "azureml:openmpi4_1_0-ubuntu22_04:1",
        "code_configuration": {"code": "azureml:online-code:1", "scoring_script": "score.py"},
        "instance_type": "Standard_F4s_v2",
        "instance_count": 3,
    }


def test_a_recorded_batch_deployment_declares_only_what_somebody_set(shared: Path) -> None:
    exchanges = json.loads((shared / "azureml" / "batch-deployment-and-invoke.json").read_text())["exchanges"]
    owner: dict[str, Any] = {
        "id": f"{SCOPE}/batchEndpoints/night",
        "name": "night",
        "properties": {"authMode": "AADToken", **READY},
    }
    below = {owner["id"]: [exchanges[3]["response"]["body"]]}
    found, left_out = from_workspace({"batchEndpoints": [owner]}, below, SETTINGS)
    assert [(entry.kind, entry.name, entry.group) for entry in found] == [
        ("BatchEndpoint", "night", "night"),
        ("BatchDeployment", "batch-dpm-01", "night"),
    ]
    assert found[1].spec == {
        "endpoint_name": "night",
        "model": "azureml:88cf3abcb419bc852f17398005a22790:1",
        "location": "centraluseuap",
        "compute": "azureml:cpu-cluster",
        "environment": "azureml:CliV2AnonymousEnvironment:bd15d0992111991fafc49bf8af764bfd",
        "code_configuration": {
            "code": "azureml:2d48ca0c-1196-4169-94c6-1bd7584fbf6c:1",
            "scoring_script": "digit_identification.py",
        },
        "max_concurrency_per_instance": 2,
    }
    assert left_out == []


def test_kubernetes_and_foreign_assets_keep_their_kind_and_ids() -> None:
    registry = "azureml://registries/azureml/models/bert/versions/3"
    collector = {"collections": {"x": {"dataCollectionMode": "Enabled"}}}
    spec, left_out = one(
        {
            "name": "blue",
            "properties": {
                **READY,
                "endpointComputeType": "Kubernetes",
                "model": registry,
                "scaleSettings": {"scaleType": "TargetUtilization", "minInstances": 1, "pollingInterval": "PT1M"},
                "requestSettings": {"requestTimeout": "PT0.5S", "maxQueueWait": "PT0S"},
                "dataCollector": collector,
            },
        }
    )
    assert (spec["type"], spec["model"]) == ("kubernetes", registry)
    assert spec["scale_settings"] == {"type": "target_utilization", "min_instances": 1, "polling_interval": 60}
    assert spec["request_settings"] == {"request_timeout_ms": 500}
    assert left_out == ["OnlineDeployment/churn/blue: its dataCollector, which stays as it is"]


def test_what_is_being_made_or_has_failed_is_left_out() -> None:
    late = endpoint("late", provisioningState="Creating")
    blue: dict[str, Any] = {"name": "blue", "properties": READY}
    owner = endpoint()
    failed: dict[str, Any] = {"name": "green", "properties": {"provisioningState": "Failed"}}
    below = {owner["id"]: [blue, failed], late["id"]: [blue]}
    found, left_out = from_workspace({"onlineEndpoints": [owner, late]}, below, SETTINGS)
    assert [(entry.kind, entry.name) for entry in found] == [("OnlineEndpoint", "churn"), ("OnlineDeployment", "blue")]
    assert left_out == ["OnlineDeployment/churn/green: it is failed", "OnlineEndpoint/late: it is creating"]


def test_who_an_endpoint_is_and_where_it_is_private_are_kept() -> None:
    assigned = {"type": "UserAssigned", "userAssignedIdentities": {"/subscriptions/x/id": {"principalId": "1"}}}
    document = {
        **endpoint(publicNetworkAccess="Disabled", authMode="AMLToken", traffic={"blue": 100, "green": 0}),
        "identity": assigned,
        "location": "eastus",
    }
    ((entry,), _) = from_workspace({"onlineEndpoints": [document]}, {}, SETTINGS)
    assert entry.spec == {
        "auth_mode": "aml_token",
        "public_network_access": "disabled",
        "identity": {"type": "user_assigned", "user_assigned_identities": [{"resource_id": "/subscriptions/x/id"}]},
        "traffic": {"blue": 100},
    }
