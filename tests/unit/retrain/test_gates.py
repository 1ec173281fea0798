"""Gates: what passes, what does not, and that nothing passes unseen."""

from __future__ import annotations

import pytest

from retrainctl.model.retraining import LIVE, Gate
from retrainctl.retrain.evaluation import Evaluation, read_evaluation
from retrainctl.retrain.gates import Reference, judge


def passed(gate: Gate, value: float | None, former: float | None = None, *, known: bool = True) -> tuple[bool, str]:
    metrics = {} if value is None else {"AUC": value}
    old = Reference(label="census@1", metrics={} if former is None else {"auc": former})
    (result,) = judge([gate], Evaluation(metrics=metrics), {LIVE: [old] if known else [], 1: [old]})
    return result.passed, result.reason


@pytest.mark.parametrize(("value", "good"), [(0.85, True), (0.8499, False), (0.99, True)])
def test_at_least(value: float, good: bool) -> None:
    assert passed(Gate(metric="auc", minimum=0.85), value)[0] is good


@pytest.mark.parametrize(("value", "good"), [(60, True), (60.1, False), (-5, True)])
def test_at_most(value: float, good: bool) -> None:
    assert passed(Gate(metric="AUC", maximum=60), value)[0] is good


def test_all_that_is_given_must_hold() -> None:
    fine, reason = passed(Gate(metric="AUC", minimum=0.5, maximum=0.8), 0.9)
    assert not fine
    assert "at least 0.5" in reason
    assert "above 0.8" in reason


@pytest.mark.parametrize(
    ("direction", "tolerance", "relative", "value", "good"),
    [
        ("higher", 0.0, False, 0.90, True),
        ("higher", 0.0, False, 0.8999, False),
        ("higher", 0.01, False, 0.89, True),
        ("higher", 0.01, False, 0.8899, False),
        ("higher", 0.02, True, 0.882, True),
        ("higher", 0.02, True, 0.8819, False),
        ("lower", 0.0, False, 0.90, True),
        ("lower", 0.0, False, 0.9001, False),
        ("lower", 0.02, True, 0.918, True),
        ("lower", 0.02, True, 0.9181, False),
    ],
)
def test_not_worse_than(direction: str, tolerance: float, relative: bool, value: float, good: bool) -> None:
    gate = Gate(metric="AUC", reference=LIVE, direction=direction, tolerance=tolerance, relative=relative)
    assert passed(gate, value, 0.90)[0] is good
    assert (
        passed(
            Gate(metric="AUC", reference=1, direction=direction, tolerance=tolerance, relative=relative), value, 0.9
        )[0]
        is good
    )


def test_a_share_of_a_negative_metric_widens_in_the_right_direction() -> None:
    gate = Gate(metric="AUC", reference=LIVE, direction="higher", tolerance=0.1, relative=True)
    assert passed(gate, -0.54, -0.5)[0]
    assert not passed(gate, -0.56, -0.5)[0]


def test_no_metric_never_passes() -> None:
    for gate in (
        Gate(metric="AUC", minimum=-1e9),
        Gate(metric="AUC", reference=LIVE, direction="higher", passes_without_reference=True),
    ):
        assert not passed(gate, None, 0.9)[0]
        for data in (b"AUC\nNaN\n", b"AUC,B\n,1\n", b"B\n1\n"):
            (result,) = judge([gate], read_evaluation(data), {LIVE: [Reference(label="x@1", metrics={"AUC": 0.9})]})
            assert not result.passed
    unreadable = Evaluation(unreadable="the evaluation is empty")
    (result,) = judge([Gate(metric="AUC", minimum=0)], unreadable, {})
    assert (result.passed, result.reason) == (False, "AUC: the evaluation is empty")


def test_no_reference_passes_only_where_that_was_said() -> None:
    strict = Gate(metric="AUC", reference=LIVE, direction="higher")
    lenient = Gate(metric="AUC", reference=LIVE, direction="higher", passes_without_reference=True)
    for known in (True, False):
        assert not passed(strict, 0.9, None, known=known)[0]
        assert passed(lenient, 0.9, None, known=known)[0]


def test_several_live_versions_must_all_be_met() -> None:
    references = {LIVE: [Reference(label="m@1", metrics={"AUC": 0.8}), Reference(label="m@2", metrics={"AUC": 0.95})]}
    (result,) = judge(
        [Gate(metric="AUC", reference=LIVE, direction="higher")], Evaluation(metrics={"AUC": 0.9}), references
    )
    assert not result.passed
    assert "m@2" in result.reason
