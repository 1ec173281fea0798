"""`import` of a workspace of Azure Machine Learning v2: what is there becomes manifests whose plan is empty."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from retrainctl.wiring import emulator
from tests.support.command import environment
from tests.support.inside import Inside

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
WS = f"{SUBSCRIPTION}/resourceGroups/local/providers/Microsoft.MachineLearningServices/workspaces/local"
MODEL = f"{WS}/models/churn/versions/1"
PROBE = {"initialDelay": "PT1M", "period": "PT10S", "timeout": "PT2S", "successThreshold": 1, "failureThreshold": 5}
GREEN = {
    "endpointComputeType": "Managed",
    "model": MODEL,
    "instanceType": "Standard_DS3_v2",
    "environmentId": f"{WS}/environments/sklearn/versions/4",
    "codeConfiguration": {"codeId": f"{WS}/codes/score/versions/2", "scoringScript": "score.py"},
    "environmentVariables": {"MODE": "fast {{ not an expression }}"},
    "requestSettings": {"requestTimeout": "PT1M30S", "maxConcurrentRequestsPerInstance": 4},
    "livenessProbe": PROBE,
    "appInsightsEnabled": True,
    "description": "the next one",
}
NIGHTLY = {
    "model": {"referenceType": "Id", "assetId": MODEL},
    "compute": f"{WS}/computes/cpu-cluster",
    "miniBatchSize": 20,
    "loggingLevel": "Warning",
    "retrySettings": {"maxRetries": 1, "timeout": "PT2M"},
    "outputFileName": "scores.csv",
}


class Project(Inside):
    """A project folder and the emulator behind its environment `local`."""

    def serve(self, seed: Path) -> None:
        state = self.folder / ".retrainctl" / "emulator"
        self.handle = emulator.ensure_running(state, seeds=[seed])
        emulator.control(self.handle, "PUT", "faults", {"op-seconds": "0"})

    def put(self, path: str, properties: Any, **head: Any) -> None:
        answer = httpx.put(
            f"{self.handle.url.rstrip('/')}{WS}/{path}",
            params={"api-version": "2026-07-01"},
            headers={"Authorization": f"Bearer {self.handle.token}"},
            json={"properties": properties, **head},
        )
        assert answer.status_code == 201, answer.text
        emulator.control(self.handle, "POST", "operations", {"outcome": "succeed"})

    def manifests(self) -> dict[str, dict[str, Any]]:
        found = [
            document
            for file in sorted((self.folder / "manifests").rglob("*.yaml"))
            for document in yaml.safe_load_all(file.read_text())
        ]
        return {f"{one['kind']}/{one['metadata']['name']}": one["spec"] for one in found}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / "import"
    folder.mkdir()
    try:
        yield Project(folder, {**environment(), "RETRAINCTL_ENV": "local"})
    finally:
        emulator.stop(folder / ".retrainctl" / "emulator")


def test_a_workspace_becomes_manifests_whose_plan_is_empty(project: Project, repo: Path) -> None:
    (project.folder / "retrainctl.yaml").write_text(
        "apiVersion: retrainctl/v1\nkind: Project\nmetadata: {name: t}\n"
        "spec: {manifests: [manifests/], environments: {local: {emulator: {}}}}\n"
    )
    (project.folder / "manifests").mkdir()
    project.serve(repo / "manifests" / "azureml-blue-green" / "seed")
    project.put("onlineEndpoints/churn/deployments/green", GREEN, sku={"name": "Default", "capacity": 3})
    shares = {"traffic": {"blue": 100}, "mirrorTraffic": {"green": 10}}
    project.put("onlineEndpoints/churn", {"authMode": "Key", **shares}, tags={"team": "growth"})
    project.put("onlineEndpoints/other", {"authMode": "AADToken"}, identity={"type": "SystemAssigned"})
    project.put("onlineEndpoints/other/deployments/blue", {"endpointComputeType": "Managed", "model": MODEL})
    project.put("batchEndpoints/nightly", {"authMode": "AADToken"})
    project.put("batchEndpoints/nightly/deployments/one", NIGHTLY)
    defaults = {"authMode": "AADToken", "defaults": {"deploymentName": "one"}}
    project.put("batchEndpoints/nightly", defaults)

    project("import")
    found = project.manifests()
    assert sorted(found) == [
        "BatchDeployment/one",
        "BatchEndpoint/nightly",
        "OnlineDeployment/blue",
        "OnlineDeployment/blue-other",
        "OnlineDeployment/green",
        "OnlineEndpoint/churn",
        "OnlineEndpoint/other",
    ]
    assert found["OnlineEndpoint/churn"] == {
        "auth_mode": "key",
        "tags": {"team": "growth"},
        "traffic": {"blue": 100},
        "mirror_traffic": {"green": 10},
    }
    green = found["OnlineDeployment/green"]
    assert (green["model"], green["environment"], green["instance_count"]) == (
        "azureml:churn:1",
        "azureml:sklearn:4",
        3,
    )
    assert green["code_configuration"] == {"code": "azureml:score:2", "scoring_script": "score.py"}
    assert green["request_settings"]["request_timeout_ms"] == 90_000
    assert green["liveness_probe"]["initial_delay"] == 60 and "readiness_probe" not in green
    assert set(green["environment_variables"]) == {"MODE"}, "not what the service adds"
    assert found["OnlineDeployment/blue-other"]["name"] == "blue"
    assert found["BatchEndpoint/nightly"]["defaults"] == {"deployment_name": "one"}
    assert found["BatchDeployment/one"]["retry_settings"] == {"max_retries": 1, "timeout": 120}
    assert "No changes" in project("plan", "--detailed-exitcode").out
    assert "Nothing new" in project("import").out


def test_what_is_not_ready_is_left_out_and_said(project: Project, repo: Path) -> None:
    shutil.copytree(repo / "manifests" / "azureml-blue-green", project.folder, dirs_exist_ok=True)
    project.serve(project.folder / "seed")
    # The blue/green deployment that is declared stands for both.
    assert "Nothing new" in project("import").out
    project.put("onlineEndpoints/late", {"authMode": "Key"})
    missing = {"endpointComputeType": "Managed", "model": f"{WS}/models/churn/versions/99"}
    project.put("onlineEndpoints/late/deployments/blue", missing)
    ran = project("import")
    assert "left out: OnlineDeployment/late/blue: it is failed" in ran.err
    assert "wrote" in ran.out and "OnlineEndpoint/late" in project.manifests()
