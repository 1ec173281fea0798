"""What a retraining costs in the emulator: the whole job, the fit, and the model file built here or by skl2onnx."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from retrainctl.emulator.training import recipe
from retrainctl.emulator.training.features import Sample, sample
from retrainctl.emulator.training.job import perform
from retrainctl.emulator.training.learners import Learner, fit
from retrainctl.emulator.training.onnxmodel import build
from retrainctl.emulator.training.table import read_csv

SETTINGS = {"Total number of trees constructed": "40", "Maximum number of leaves per tree": "8"}
LEARNER = Learner(module="Boosted Decision Tree Regression", settings=SETTINGS)
DATA = {"bikeRental": {"location": "001"}}


@pytest.fixture(scope="module")
def bikes() -> Sample:
    table = read_csv(recipe.make(DATA), "bench")
    return sample(table, len(table.names) - 1, "bench", two_classes=False)


def test_one_location_from_data_to_evaluation(benchmark: BenchmarkFixture, repo: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_bytes(recipe.make(DATA))
    definition = json.loads((repo / "manifests" / "bike-rental" / "seed" / "training.json").read_text())["properties"]
    request: dict[str, Any] = {
        "id": "bench",
        "definition": definition,
        "parameters": {"URI": "https://bikerentals.blob.core.windows.net/data/x.csv"},
        "inputs": {},
        "imports": {"import": {"parts": [str(data)], "name": "data.csv"}},
        "models": {},
        "outputs": {
            "output1": {"file": str(tmp_path / "model"), "name": "m.ilearner"},
            "output2": {"file": str(tmp_path / "evaluation"), "name": "e.csv"},
        },
    }
    assert "outputs" in benchmark(perform, request)


def test_making_the_data_of_one_location(benchmark: BenchmarkFixture) -> None:
    assert benchmark(recipe.make, DATA)


def test_the_model_file_built_here(benchmark: BenchmarkFixture, bikes: Sample) -> None:
    trees = fit(LEARNER, bikes)
    assert benchmark(build, trees, bikes.features, bikes.classes, training={})


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_the_model_file_built_by_skl2onnx(benchmark: BenchmarkFixture, bikes: Sample) -> None:
    from skl2onnx import to_onnx
    from sklearn.ensemble import GradientBoostingRegressor

    model = GradientBoostingRegressor(n_estimators=40, max_leaf_nodes=8, max_depth=None, random_state=0)
    model.fit(bikes.matrix, bikes.target)
    assert benchmark(to_onnx, model, bikes.matrix[:1].astype("float32"))
