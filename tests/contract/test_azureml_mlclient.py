"""Microsoft's MLClient, unmodified: what it wrote plans as no change, and what we wrote it reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import environment
from tests.support.emulator_process import Emulator, running
from tests.support.inside import Inside

pytest.importorskip("azure.ai.ml")

# In a process of its own: the client takes its address from the environment when it is imported.
HEAD = """
import json, os, sys, time
from azure.ai.ml import MLClient
from azure.ai.ml.entities import ManagedOnlineDeployment, ManagedOnlineEndpoint
from azure.core.credentials import AccessToken

class Token:
    def get_token(self, *scopes, **more):
        return AccessToken(os.environ["EMULATOR_TOKEN"], int(time.time()) + 3600)

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
WS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/local/providers/Microsoft.MachineLearningServices/workspaces/local"
client = MLClient(Token(), SUBSCRIPTION, "local", "local")
endpoints, deployments = client.online_endpoints, client.online_deployments

def told():
    endpoint = endpoints.get("churn")
    found = {one.name: one for one in deployments.list("churn")}
    return {
        "traffic": {name: share for name, share in endpoint.traffic.items() if share},
        "models": {name: one.model.rpartition("/models/")[2] for name, one in sorted(found.items())},
        "states": sorted({one.provisioning_state.lower() for one in found.values()}),
    }
"""
WRITES = """
green = ManagedOnlineDeployment(
    name="green", endpoint_name="churn", model=f"{WS}/models/churn/versions/1",
    instance_type="Standard_DS3_v2", instance_count=1,
)
deployments.begin_create_or_update(green).result()
endpoint = endpoints.get("churn")
endpoint.traffic = {"blue": 90, "green": 10}
endpoints.begin_create_or_update(endpoint).result()
before = endpoints.get_keys("churn")
endpoints.begin_regenerate_keys("churn", key_type="primary").result()
after = endpoints.get_keys("churn")
assert after.primary_key != before.primary_key and after.secondary_key == before.secondary_key
assert set(client.models.get("churn", "1").flavors) == {"onnx", "python_function"}
"""
PROJECT = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {name: churn}
spec:
  manifests: [manifests/]
  environments: {local: {emulator: {state: state}}}
"""
MANIFESTS = """\
apiVersion: retrainctl/v1
kind: Model
metadata: {name: churn}
spec: {versions: [{version: 1, registered: "azureml:churn:1"}, {version: 2, file: churn-2.onnx}]}
---
apiVersion: retrainctl/v1
kind: OnlineEndpoint
metadata: {name: churn}
spec: {auth_mode: key, tags: {team: growth}, traffic: {blue: 90, green: 10}}
---
apiVersion: retrainctl/v1
kind: OnlineDeployment
metadata: {name: blue}
spec: {endpoint_name: churn, model: churn@1, instance_type: Standard_DS3_v2, instance_count: 1}
---
apiVersion: retrainctl/v1
kind: OnlineDeployment
metadata: {name: green}
spec: {endpoint_name: churn, model: churn@1, instance_type: Standard_DS3_v2, instance_count: 1}
"""


@pytest.fixture
def emulator(tmp_path: Path, repo: Path) -> Iterator[Emulator]:
    with running(tmp_path / "state", "--https") as one:
        one.seed(repo / "manifests" / "azureml-blue-green" / "seed")
        # The client would wait 30 s between polls, as it does where no Retry-After is sent.
        # The address that regenerateKeys names was recorded as empty, which the client takes for a failure.
        one.faults(op_seconds=0, retry_after=1, regenerate_keys_poll="told")
        yield one


def asked(emulator: Emulator, script: str) -> Any:
    environ = {
        **os.environ,
        "AZUREML_DEV_URL_MFE": emulator.url.replace("127.0.0.1", "localhost"),
        "REQUESTS_CA_BUNDLE": str(emulator.ready["ca"]),
        "EMULATOR_TOKEN": emulator.ready["token"],
    }
    program = f"{HEAD}{script}\nprint()\nprint(json.dumps(told()))\n"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], env=environ, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_each_understands_what_the_other_wrote(emulator: Emulator, tmp_path: Path, repo: Path) -> None:
    said = asked(emulator, WRITES)
    assert said == {
        "traffic": {"blue": 90, "green": 10},
        "models": {"blue": "churn/versions/1", "green": "churn/versions/1"},
        "states": ["succeeded"],
    }
    (tmp_path / "retrainctl.yaml").write_text(PROJECT)
    (tmp_path / "manifests").mkdir()
    manifest = tmp_path / "manifests" / "churn.yaml"
    manifest.write_text(MANIFESTS)
    model = repo / "manifests" / "azureml-blue-green" / "models" / "churn-2.onnx"
    (tmp_path / "manifests" / "churn-2.onnx").write_bytes(model.read_bytes())
    run = Inside(tmp_path, environment())
    run("plan", "--detailed-exitcode")
    green = MANIFESTS.rindex("churn@1")
    manifest.write_text(
        MANIFESTS[:green].replace("blue: 90, green: 10", "blue: 40, green: 60") + "churn@2" + MANIFESTS[green + 7 :]
    )
    run("apply", "--yes")
    run("plan", "--detailed-exitcode")
    assert asked(emulator, "") == {
        "traffic": {"blue": 40, "green": 60},
        "models": {"blue": "churn/versions/1", "green": "churn/versions/2"},
        "states": ["succeeded"],
    }
