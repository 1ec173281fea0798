"""The whole way: a blue/green move and back, and a Studio service's successor that scores as its model does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrainctl.ilearner.scorer import load_scorer, load_scorer_file
from retrainctl.ilearner.service import read_service
from retrainctl.ilearner.serving import score_service
from retrainctl.wiring import emulator
from tests.support.command import environment
from tests.support.inside import Inside

FILES = {1: "seed/models/churn-1.onnx", 2: "models/churn-2.onnx"}


@pytest.fixture
def blue_green(tmp_path: Path, repo: Path) -> Iterator[Inside]:
    folder = tmp_path / "azureml-blue-green"
    shutil.copytree(repo / "manifests" / "azureml-blue-green", folder)
    yield Inside(folder, environment())
    for ready in tmp_path.rglob("emulator.json"):
        emulator.stop(ready.parent)


def scores(run: Inside, *arguments: str) -> Any:
    return json.loads(run("score", *arguments, "--output", "json").out)["Results"]["predictions"]


def expected(folder: Path, version: int) -> list[dict[str, object]]:
    table = json.loads((folder / "sample.json").read_text())["input_data"]
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    return load_scorer((folder / FILES[version]).read_bytes()).score(rows)


def test_a_move_by_blue_and_green_and_its_way_back(blue_green: Inside) -> None:
    run, folder = blue_green, blue_green.folder
    run("emulator", "up", "--seed", "seed/")
    run("apply", "--env", "local", "--yes")
    run("plan", "--env", "local", "--detailed-exitcode")
    assert scores(run, "OnlineEndpoint/churn", "--input", "sample.json") == expected(folder, 1)

    manifest = folder / "manifests" / "churn.yaml"
    manifest.write_text(manifest.read_text().replace("model: churn@1", "model: churn@2"))
    explained = run("plan", "--env", "local", "--explain").out
    order = [
        explained.index(step)
        for step in (
            "create-green",
            "smoke-green",
            "mirror-green-10",
            "traffic-green-10",
            "traffic-green-100",
            "retire-blue",
        )
    ]
    assert order == sorted(order)
    assert "models/churn-2.onnx" in explained

    run("apply", "--env", "local", "--yes")
    run("plan", "--env", "local", "--detailed-exitcode")
    assert scores(run, "OnlineEndpoint/churn", "--example") == expected(folder, 2)
    run("rollback", "last", "--yes")
    assert scores(run, "OnlineEndpoint/churn", "--input", "sample.json") == expected(folder, 1)


def test_the_successor_of_a_studio_service_scores_as_its_model_reader(shared: Path, tmp_path: Path) -> None:
    exports = shared / "arm" / "exports"
    definition, model = exports / "CreditRisk.after-retraining.json", exports / "CreditRisk.ilearner"
    start = Inside(tmp_path, environment())
    start(
        "import", "--from-definition", str(definition), "--model", str(model), "--to", "azureml", "--dir", "credit-v2"
    )
    run = Inside(tmp_path / "credit-v2", environment())
    try:
        run("apply", "--env", "local", "--yes")
        run("plan", "--env", "local", "--detailed-exitcode")
        address = "OnlineEndpoint/credit-risk-prediction"
        got = scores(run, address, "--example")
        service = read_service(json.loads(definition.read_text(encoding="utf-8")))
        wanted = score_service(service, load_scorer_file(model)).rows
        assert got == [{name: row[name] for name in ("Scored Labels", "Scored Probabilities")} for row in wanted]
        again = run("apply", "--env", "local", "--yes")
        assert "registered" not in again.out
    finally:
        for ready in tmp_path.rglob("emulator.json"):
            emulator.stop(ready.parent)
