"""Evaluate Model's CSV, and everything that may stand in its place."""

from __future__ import annotations

import math

import pytest

from retrainctl.retrain.evaluation import LARGEST, EvaluationUnreadable, read_evaluation

TWO_CLASS = (
    b"Accuracy,Precision,Recall,F-Score,AUC,Average Log Loss,Training Log Loss\n0.91,0.7,0.6,0.65,0.93,0.2,48.1\n"
)
REGRESSION = (
    b"Mean Absolute Error,Root Mean Squared Error,Relative Absolute Error,Relative Squared Error,"
    b"Coefficient of Determination\r\n12.4,15.9,0.36,0.14,0.86\r\n"
)


def test_studio_columns_are_metrics_by_their_names() -> None:
    assert read_evaluation(TWO_CLASS).metrics["AUC"] == 0.93
    assert read_evaluation(REGRESSION).metrics == {
        "Mean Absolute Error": 12.4,
        "Root Mean Squared Error": 15.9,
        "Relative Absolute Error": 0.36,
        "Relative Squared Error": 0.14,
        "Coefficient of Determination": 0.86,
    }


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"auc\n0.9\n", 0.9),
        (b"\xef\xbb\xbfAUC\n0.9\n", 0.9),
        ("AUC\n0.9\n".encode("utf-16"), 0.9),
        (b'"AUC","Who"\n"0.9","me, myself"\n', 0.9),
        (b"AUC;Accuracy\n0,9;0,8\n", 0.9),
        (b"AUC\tAccuracy\n0,9\t0,8\n", 0.9),
        (b'AUC,Accuracy\n"0,9","0,85"\n', 0.9),
        (b"AUC\n9e-1\n\n\n", 0.9),
        (b"Extra,AUC,More\nx,0.9,\n", 0.9),
        (b"AUC\n\xe2\x88\x920.9\n", -0.9),
        (b" AUC \n +.9 \n", 0.9),
    ],
)
def test_other_forms_say_the_same(data: bytes, value: float) -> None:
    assert read_evaluation(data).find("AUC") == value


def test_names_are_recorded_as_studio_spells_them_and_found_in_any_case() -> None:
    found = read_evaluation(b"root  mean squared ERROR,My Metric\n1.5,2\n")
    assert found.metrics == {"Root Mean Squared Error": 1.5, "My Metric": 2.0}
    assert found.find("ROOT MEAN SQUARED ERROR") == 1.5


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("", "empty"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("n/a", "no number"),
        ("1e999", "beyond"),
        ("1,234", "thousands"),
        ("1.234,5", "no number"),
        ("0x1F", "no number"),
        ("1_000", "no number"),
    ],
)
def test_a_cell_without_a_number_is_no_metric_and_says_why(cell: str, why: str) -> None:
    found = read_evaluation(f'AUC,Accuracy\n"{cell}",0.5\n'.encode())
    assert found.metrics == {"Accuracy": 0.5}
    assert found.find("AUC") is None
    assert why in found.why_missing("auc")


def test_thousands_and_decimals_are_told_apart_where_semicolons_part_columns() -> None:
    assert read_evaluation(b"RMSE;AUC\n1,234;0,9\n").find("RMSE") == 1.234


def test_two_columns_of_one_name_are_none() -> None:
    found = read_evaluation(b"AUC,auc,Accuracy\n0.9,0.1,0.5\n")
    assert "several columns" in found.why_missing("AUC")
    assert found.metrics == {"Accuracy": 0.5}


def test_a_metric_that_is_not_there_is_told_with_those_that_are() -> None:
    assert "Accuracy" in read_evaluation(b"Accuracy\n0.5\n").why_missing("AUC")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"AUC,Accuracy\n", "no row"),
        (b"0.9,0.5\n", "no header"),
        (b"AUC\n0.9\n0.8\n", "2 rows"),
        (b'AUC\n"0.9\n', "no CSV"),
        (b"\xff\xfe\x00", "no text"),
        (b"\x93\x00AUC\n0.9\n", "no text"),
        (b"x" * (LARGEST + 1), "bytes"),
    ],
)
def test_what_is_no_evaluation_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(EvaluationUnreadable, match=why) as caught:
        read_evaluation(data)
    assert caught.value.code == "RC620"


def test_a_row_can_be_chosen() -> None:
    data = b"AUC\n0.9\n0.8\n"
    assert read_evaluation(data, 2).find("AUC") == 0.8
    with pytest.raises(EvaluationUnreadable, match="row 3"):
        read_evaluation(data, 3)


def test_a_row_that_is_too_short_misses_its_last_metrics() -> None:
    found = read_evaluation(b"AUC,Accuracy\n0.9\n")
    assert found.metrics == {"AUC": 0.9}
    assert "empty" in found.why_missing("Accuracy")
    assert all(map(math.isfinite, found.metrics.values()))
