"""Trained models: the file says what the fit says, for any row, every time."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from retrainctl.emulator.training.baseline import baseline_model
from retrainctl.emulator.training.datasets import bike_rental, census
from retrainctl.emulator.training.failure import ModuleFailed
from retrainctl.emulator.training.features import Sample, sample
from retrainctl.emulator.training.learners import Learner, fit
from retrainctl.emulator.training.onnxmodel import TRAINING_KEY, build
from retrainctl.emulator.training.table import Table, from_cells, read_csv
from retrainctl.ilearner.scorer import load_scorer

TREES = {"Total number of trees constructed": "12", "Maximum number of leaves per tree": "6"}


def bikes(days: int = 200) -> Table:
    return read_csv(bike_rental("007", days), "test")


def people(rows: int = 400) -> Table:
    return read_csv(census("test", rows), "test")


def trained(module: str, table: Table, **settings: str) -> tuple[bytes, Sample]:
    learner = Learner(module=module, settings={**TREES, **settings})
    one = sample(table, len(table.names) - 1, "Train Model", two_classes=learner.two_class)
    return build(fit(learner, one), one.features, one.classes, training={"rows": len(one.target)}), one


def scores(data: bytes, table: Table, name: str = "Scored Labels") -> list[Any]:
    return [row[name] for row in load_scorer(data).score(table.records())]


def test_boosted_trees_score_as_scikit_learn_predicts() -> None:
    table = bikes()
    data, one = trained("Boosted Decision Tree Regression", table)
    peer = GradientBoostingRegressor(
        n_estimators=12, max_leaf_nodes=6, max_depth=None, min_samples_leaf=10, learning_rate=0.2, random_state=0
    ).fit(one.matrix, one.target)
    assert np.allclose(scores(data, table), peer.predict(one.matrix), rtol=0, atol=1e-9)


def test_boosted_trees_classify_as_scikit_learn_does() -> None:
    table = people()
    data, one = trained("Two-Class Boosted Decision Tree", table)
    peer = GradientBoostingClassifier(
        n_estimators=12, max_leaf_nodes=6, max_depth=None, min_samples_leaf=10, learning_rate=0.2, random_state=0
    ).fit(one.matrix, one.target)
    chances = scores(data, table, "Scored Probabilities")
    assert np.allclose(chances, peer.predict_proba(one.matrix)[:, 1], rtol=0, atol=1e-9)
    assert scores(data, table) == [">50K" if chance > 0.5 else "<=50K" for chance in chances]


def test_least_squares_are_those_of_ridge_regression() -> None:
    table = bikes()
    data, one = trained("Linear Regression", table)
    peer = Ridge(alpha=0.001).fit(one.matrix, one.target)
    assert np.allclose(scores(data, table), peer.predict(one.matrix), rtol=0, atol=1e-6)


def test_logistic_regression_is_that_of_scaled_columns() -> None:
    table = people()
    data, one = trained("Two-Class Logistic Regression", table)
    low, high = one.matrix.min(axis=0), one.matrix.max(axis=0)
    scaled = (one.matrix - low) / np.where(high > low, high - low, 1)
    peer = LogisticRegression(C=1.0, tol=1e-7, max_iter=2000).fit(scaled, one.target)
    assert np.allclose(scores(data, table, "Scored Probabilities"), peer.predict_proba(scaled)[:, 1], rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_the_file_built_here_scores_as_one_that_skl2onnx_builds() -> None:
    import onnxruntime
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    table = bikes()
    data, one = trained("Boosted Decision Tree Regression", table)
    peer = GradientBoostingRegressor(
        n_estimators=12, max_leaf_nodes=6, max_depth=None, min_samples_leaf=10, learning_rate=0.2, random_state=0
    ).fit(one.matrix, one.target)
    converted = to_onnx(peer, initial_types=[("X", FloatTensorType([None, one.matrix.shape[1]]))])
    session = onnxruntime.InferenceSession(converted.SerializeToString(), providers=["CPUExecutionProvider"])
    other = session.run(None, {"X": one.matrix.astype(np.float32)})[0][:, 0]
    assert np.allclose(scores(data, table), other, rtol=1e-5)  # its sums are in single precision


@pytest.mark.parametrize(
    "module",
    [
        "Linear Regression",
        "Boosted Decision Tree Regression",
        "Two-Class Logistic Regression",
        "Two-Class Boosted Decision Tree",
    ],
)
def test_the_same_data_gives_the_same_file(module: str) -> None:
    table = people(120) if module.startswith("Two-Class") else bikes(80)
    data, _ = trained(module, table)
    assert data == trained(module, table)[0]
    model = onnx.load_model_from_string(data)
    onnx.checker.check_model(model)
    assert {prop.key for prop in model.metadata_props} == {TRAINING_KEY}


def test_a_model_takes_raw_columns_by_name() -> None:
    data, _ = trained("Linear Regression", bikes())
    scorer = load_scorer(data)
    assert [(column.name, column.numeric) for column in scorer.input_columns] == [
        ("season", False),
        ("month", True),
        ("weekday", True),
        ("holiday", True),
        ("weather", False),
        ("temperature", True),
        ("humidity", True),
        ("windspeed", True),
    ]


def test_an_unknown_text_counts_for_nothing_and_a_missing_value_has_no_score() -> None:
    table = from_cells(["color", "size", "price"], [["red", "blue"] * 20, list(range(40)), [10.0, 20.0] * 20])
    data, one = trained("Linear Regression", table)
    scorer = load_scorer(data)
    known, unknown, missing = scorer.score(
        [
            {"color": "red", "size": 3, "price": None},
            {"color": "green", "size": 3},
            {"color": "red", "size": None},
        ]
    )
    assert known["Scored Labels"] == pytest.approx(10, abs=0.01)
    # Neither red nor blue: the mean of both, with the same weight of the size.
    assert unknown["Scored Labels"] == pytest.approx(15, abs=0.01)
    assert missing["Scored Labels"] is None
    assert one.classes == ()


def test_column_names_may_be_anything_but_a_score() -> None:
    names = ["/", "/0", "//constant0", "Scored", "y"]
    columns = [[float(i * k % 7) for i in range(30)] for k in range(1, 5)]
    table = from_cells(names, [*columns, [float(i) for i in range(30)]])
    data, _ = trained("Boosted Decision Tree Regression", table)
    assert len(scores(data, table)) == 30
    clash = from_cells(["Scored Labels", "y"], [columns[0], columns[1]])
    with pytest.raises(ModuleFailed, match="Scored Labels"):
        trained("Linear Regression", clash)


def test_numeric_labels_of_two_classes_stay_numbers() -> None:
    table = from_cells(["x", "y"], [[float(i) for i in range(60)], [0.0] * 30 + [1.0] * 30])
    data, one = trained("Two-Class Logistic Regression", table)
    assert one.classes == (0.0, 1.0)
    assert scores(data, table)[0] == 0.0
    assert scores(data, table)[-1] == 1.0


def test_a_constant_label_gives_a_tree_without_a_split() -> None:
    table = from_cells(["x", "y"], [[float(i) for i in range(30)], [5.0] * 30])
    data, _ = trained("Boosted Decision Tree Regression", table)
    assert set(scores(data, table)) == {5.0}


@pytest.mark.parametrize(
    ("module", "cells", "why"),
    [
        ("Two-Class Logistic Regression", ["a", "b", "c"] * 10, "two values, not 3"),
        ("Two-Class Logistic Regression", ["a"] * 30, "two values, not 1"),
        ("Linear Regression", ["a", "b", "c"] * 10, "must be numeric"),
        ("Linear Regression", [None] * 29 + [1.0], "less than the allowed minimum"),
    ],
)
def test_labels_that_do_not_fit_are_refused(module: str, cells: list[Any], why: str) -> None:
    table = from_cells(["x", "y"], [[float(i) for i in range(30)], cells])
    with pytest.raises(ModuleFailed, match=why):
        trained(module, table)


@pytest.mark.parametrize(
    ("setting", "why"), [("many", "cannot be parsed"), ("0", "less than the minimum"), ("inf", "less than the minimum")]
)
def test_settings_are_read_with_care(setting: str, why: str) -> None:
    with pytest.raises(ModuleFailed, match=why):
        trained("Boosted Decision Tree Regression", bikes(60), **{"Total number of trees constructed": setting})


def test_a_baseline_says_the_mean_or_the_share() -> None:
    table = bikes(50)
    data = baseline_model(bike_rental("007", 50), "rentals", rows=20)
    expected = float(np.mean(table.columns[-1][:20]))
    assert scores(data, table) == pytest.approx([expected] * 50)
    chances = scores(baseline_model(census("test", 100), "income"), people(100), "Scored Probabilities")
    share = float(np.mean([value == ">50K" for value in people(100).columns[-1]]))
    assert chances == pytest.approx([share] * 100)
    with pytest.raises(ModuleFailed, match="not found"):
        baseline_model(bike_rental("007", 50), "cnt")
