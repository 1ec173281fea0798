"""Offline plans of Azure Machine Learning v2: `snapshot pull`, then a plan from its files alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrainctl.wiring import emulator
from tests.support.command import environment
from tests.support.inside import Inside

BATCH = """\
apiVersion: retrainctl/v1
kind: BatchEndpoint
metadata: {name: nightly}
spec: {auth_mode: aad_token, defaults: {deployment_name: one}}
---
apiVersion: retrainctl/v1
kind: BatchDeployment
metadata: {name: one}
spec: {endpoint_name: nightly, model: churn@1, compute: "azureml:cpu-cluster"}
"""


@pytest.fixture
def run(tmp_path: Path, repo: Path) -> Iterator[Inside]:
    folder = tmp_path / "offline"
    shutil.copytree(repo / "manifests" / "azureml-blue-green", folder)
    (folder / "manifests" / "nightly.yaml").write_text(BATCH)
    state = folder / ".retrainctl" / "emulator"
    try:
        emulator.ensure_running(state, seeds=[folder / "seed"])
        yield Inside(folder, {**environment(), "RETRAINCTL_ENV": "local"})
    finally:
        emulator.stop(state)


def steps(run: Inside, *source: str, code: int) -> dict[str, list[str]]:
    run("plan", *source, "--json", "p.json", "--detailed-exitcode", code=code)
    changes = json.loads((run.folder / "p.json").read_text())["resource_changes"]
    return {one["address"]: [step["id"] for step in one.get("steps", ())] for one in changes}


def test_a_plan_from_a_snapshot_is_the_plan_of_the_workspace(run: Inside) -> None:
    run("apply", "--yes")
    run("snapshot", "pull", "--out", "snap")
    written = sorted(
        path.relative_to(run.folder / "snap").as_posix() for path in run.folder.glob("snap/azureml/**/*.json")
    )
    assert written == [
        "azureml/local/batchEndpoints/nightly.json",
        "azureml/local/batchEndpoints/nightly/one.json",
        "azureml/local/known.json",
        "azureml/local/onlineEndpoints/churn.json",
        "azureml/local/onlineEndpoints/churn/blue.json",
    ]
    assert not [path for path in run.folder.glob("snap/**/*.json") if "primaryKey" in path.read_text()]
    assert "snap: 1 file changed" in run("snapshot", "pull", "--out", "snap").out, "only its time"
    manifest = run.folder / "manifests" / "churn.yaml"
    manifest.write_text(manifest.read_text().replace("model: churn@1", "model: churn@2"))
    live = steps(run, code=2)
    emulator.stop(run.folder / ".retrainctl" / "emulator")
    assert steps(run, "--snapshot", "snap", code=2) == live
    assert list(live) == ["OnlineDeployment/churn"] and len(live["OnlineDeployment/churn"]) == 7
    manifest.write_text(manifest.read_text().replace("model: churn@2", "model: churn@1"))
    assert steps(run, "--snapshot", "snap", code=0) == {}
