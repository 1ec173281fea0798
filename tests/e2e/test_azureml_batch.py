"""`retrainctl batch` of a batch endpoint: data there, a job, predictions back."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrainctl.ilearner.scorer import load_scorer
from retrainctl.wiring import emulator
from tests.support.command import environment
from tests.support.inside import Inside

MANIFEST = """\
apiVersion: retrainctl/v1
kind: BatchEndpoint
metadata: {name: nightly}
spec: {auth_mode: aad_token, defaults: {deployment_name: one}}
---
apiVersion: retrainctl/v1
kind: BatchDeployment
metadata: {name: one}
spec:
  endpoint_name: nightly
  model: churn@1
  compute: azureml:cpu-cluster
  output_file_name: scores.csv
  error_threshold: 0
"""


class Project(Inside):
    """The example project with a batch endpoint beside its online one."""

    @property
    def sample(self) -> tuple[list[str], list[list[object]]]:
        table = json.loads((self.folder / "sample.json").read_text())["input_data"]
        return table["columns"], table["data"]

    def data(self, name: str) -> None:
        columns, rows = self.sample
        with (self.folder / name).open("w", newline="") as file:
            csv.writer(file).writerows([columns, *rows])

    def expected(self) -> list[list[str]]:
        columns, rows = self.sample
        scorer = load_scorer((self.folder / "seed/models/churn-1.onnx").read_bytes())
        scores = scorer.score([dict(zip(columns, row, strict=True)) for row in rows])
        return [[str(number), *map(str, one.values())] for number, one in enumerate(scores)]

    def faults(self, **knobs: str) -> None:
        handle = emulator.ensure_running(self.folder / ".retrainctl" / "emulator")
        emulator.control(handle, "PUT", "faults", {name.replace("_", "-"): value for name, value in knobs.items()})


@pytest.fixture
def project(tmp_path: Path, repo: Path) -> Iterator[Project]:
    folder = tmp_path / "batch"
    shutil.copytree(repo / "manifests" / "azureml-blue-green", folder)
    (folder / "manifests" / "nightly.yaml").write_text(MANIFEST)
    state = folder / ".retrainctl" / "emulator"
    try:
        emulator.ensure_running(state, seeds=[folder / "seed"])
        found = Project(folder, {**environment(), "RETRAINCTL_ENV": "local"})
        found("apply", "--yes")
        assert "No changes" in found("plan", "--detailed-exitcode").out
        yield found
    finally:
        emulator.stop(state)


def test_a_file_is_scored_by_a_job_and_its_predictions_come_back(project: Project) -> None:
    project.data("people.csv")
    ran = project("batch", "BatchEndpoint/nightly", "--input", "people.csv", "--out", "scored.csv")
    assert "scores.csv" in ran.err
    lines = list(csv.reader((project.folder / "scored.csv").read_text().splitlines()))
    assert [line[:-1] for line in lines] == project.expected()
    # The file is uploaded under a name of its own.
    assert all(line[-1].endswith(".csv") for line in lines)
    shown = project("batch", "BatchDeployment/one", "--input", "people.csv", "--output", "json").out
    table = json.loads(shown)["Results"]["score"]["value"]
    assert (table["ColumnNames"][0], table["ColumnNames"][-1]) == ("row", "file")
    assert [row[:-1] for row in table["Values"]] == project.expected()
    place = "https://local.blob.core.windows.net/results/today.csv"
    told = project(
        "batch", "BatchEndpoint/nightly", "--input", "people.csv", "--to", f"score={place}", "--out", "b.csv"
    )
    assert f"score: {place}" in told.err
    assert [line[:-1] for line in csv.reader((project.folder / "b.csv").read_text().splitlines())] == project.expected()
    assert "prediction 1" in project("batch", "BatchEndpoint/nightly", "--input", "people.csv").out


def test_a_job_is_started_left_taken_up_and_canceled(project: Project) -> None:
    project.data("people.csv")
    job = project("batch", "BatchEndpoint/nightly", "--input", "people.csv", "--no-wait").out.strip()
    assert job.startswith("batchjob-")
    project("batch", "BatchEndpoint/nightly", "--job", job, "--out", "scored.csv")
    assert len((project.folder / "scored.csv").read_text().splitlines()) == len(project.sample[1])
    project.faults(op_hang="always")
    job = project("batch", "BatchEndpoint/nightly", "--input", "people.csv", "--no-wait").out.strip()
    project("batch", "BatchEndpoint/nightly", "--job", job, "--cancel")
    assert "ended cancelled" in project("batch", "BatchEndpoint/nightly", "--job", job, code=5).err


def test_what_a_batch_endpoint_does_not_do_is_said(project: Project) -> None:
    (project.folder / "wrong.csv").write_text("a,b\n1,2\n")
    assert "failed" in project("batch", "BatchEndpoint/nightly", "--input", "wrong.csv", code=5).err
    project.data("people.csv")
    said = project("batch", "BatchEndpoint/nightly", "--input", "people.csv", "--parameter", "a=1", code=None)
    assert said.code and "takes no parameters" in said.err
    signed = "https://local.blob.core.windows.net/retrainctl/x.csv?sv=1&sig=secret0123456789"
    said = project("batch", "BatchEndpoint/nightly", "--input", signed, code=None)
    assert said.code and "reads and writes as itself" in said.err and "secret0123456789" not in said.err
    assert (
        "there is no batch endpoint" in project("batch", "BatchEndpoint/nobody", "--input", "people.csv", code=None).err
    )
    score = project("score", "BatchEndpoint/nightly", "--input", "sample.json", code=None)
    assert score.code and "retrainctl batch" in score.err
