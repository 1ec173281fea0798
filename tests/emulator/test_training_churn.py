"""The models of the blue/green example are what the emulator's trainer makes of its churn data."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from retrainctl.emulator.training import recipe
from retrainctl.emulator.training.datasets import churn
from retrainctl.emulator.training.evaluation import evaluate, scored
from retrainctl.emulator.training.features import sample
from retrainctl.emulator.training.learners import Learner, fit
from retrainctl.emulator.training.modules import model_from
from retrainctl.emulator.training.onnxmodel import build
from retrainctl.emulator.training.table import read_csv
from retrainctl.ilearner.scorer import load_scorer

LABEL = "churned"
LEARNER = "Two-Class Logistic Regression"
TRAINED_ON = {1: ("2025", 150), 2: ("2026", 3000)}
FILES = {1: "seed/models/churn-1.onnx", 2: "models/churn-2.onnx"}


@pytest.fixture
def example(repo: Path) -> Path:
    return repo / "manifests" / "azureml-blue-green"


def trained(seed: str, rows: int) -> bytes:
    table = read_csv(churn(seed, rows), "example")
    place = table.index(LABEL)
    assert place is not None
    data = sample(table, place, "example", two_classes=True)
    origin = {"algorithm": LEARNER, "label": LABEL, "labelValues": list(data.classes), "rows": len(data.target)}
    return build(fit(Learner(module=LEARNER, settings={}), data), data.features, data.classes, training=origin)


def test_the_data_are_what_the_seed_makes_of_them() -> None:
    made = recipe.make({"churn": {"seed": 7, "rows": 20}})
    assert made == churn("7", 20)
    rows = list(csv.DictReader(io.StringIO(made.decode())))
    assert len(rows) == 20 and {row[LABEL] for row in rows} == {"yes", "no"}


@pytest.mark.parametrize("version", [1, 2])
def test_the_files_say_what_training_says_and_are_as_good_as_declared(example: Path, version: int) -> None:
    data = (example / FILES[version]).read_bytes()
    records = read_csv(churn("test", 2000), "example").records()
    ours, again = load_scorer(data).score(records), load_scorer(trained(*TRAINED_ON[version])).score(records)
    for one, other in zip(ours, again, strict=True):
        assert one["Scored Probabilities"] == pytest.approx(other["Scored Probabilities"], abs=1e-6)
    model: Any = next(yaml.safe_load_all((example / "manifests" / "churn.yaml").read_text()))
    declared = model["spec"]["versions"][version - 1]["metrics"]
    found = evaluate(
        scored(
            read_csv(churn("test", 2000), "example"),
            model_from(data, "example").scorer.score(records),
            append=True,
            label=LABEL,
        ),
        None,
    )
    measured = {name: float(values[0]) for name, values in zip(found.names, found.columns, strict=True)}
    assert {name: round(measured[name], 3) for name in declared} == declared


def test_the_sample_has_the_columns_of_the_models(example: Path) -> None:
    table = json.loads((example / "sample.json").read_text())["input_data"]
    data = (example / "models/churn-2.onnx").read_bytes()
    assert [column.name for column in load_scorer(data).input_columns] == table["columns"]
