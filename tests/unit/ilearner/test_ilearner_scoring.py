"""Scores of small models, checked against the formula written out by hand."""

from __future__ import annotations

import builtins
import math
import struct

import pytest

from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.reader import read_model
from retrainctl.ilearner.rows import InputColumn
from retrainctl.ilearner.scorer import load_scorer
from retrainctl.ilearner.scoring import ScoredRow, input_columns, score_rows
from tests.support.ilearner_writer import ModelFile, single

FILE = ModelFile(
    bias=0.5,
    weights=[0.25, -0.75, 8.0, 1.5],
    scales=[1.0, 1.0, 0.0, 2.0],
    offsets=[0.0, 0.0, 0.0, 3.0],
    slope=-1.0,
    intercept=0.125,
)


def chance(score: float) -> float:
    return single(1 / (1 + math.exp(-1.0 * score + 0.125)))


def test_scores_follow_the_formula() -> None:
    model = read_model(FILE.bytes())
    rows = [
        {"colour": "blue", "size": 4, "outcome": "no"},
        {"colour": "red", "size": "2.5"},
        {"colour": "mauve", "size": 3.0},
    ]
    # bias + weight of the category + 1.5 * (size - 3) * 2; the unknown slot is scaled to nothing
    expected = [0.5 + 0.25 + 3.0, 0.5 - 0.75 - 1.5, 0.5]
    scored = score_rows(model, rows)
    assert [row.score for row in scored] == expected
    assert [row.probability for row in scored] == [chance(score) for score in expected]
    assert [row.label for row in scored] == ["yes", "no", "yes"]


def test_without_a_normalizer_numbers_are_taken_as_they_are() -> None:
    model = read_model(ModelFile(weights=[0, 0, 0, 2], bias=1, normalizer=False).bytes())
    assert score_rows(model, [{"colour": "x", "size": 3}])[0].score == 7.0


def test_normalising_happens_in_single_precision() -> None:
    """A large scale shows it: in double precision 0.9999 would keep more digits (ilearner-format.md section 11)."""
    model = read_model(
        ModelFile(weights=[0, 0, 0, 1], bias=0, scales=[1, 1, 0, 1491.04296875], offsets=[0, 0, 0, 0.99932933]).bytes()
    )
    offset, scale = single(0.99932933), single(1491.04296875)
    assert score_rows(model, [{"colour": "", "size": 0.9999}])[0].score == single(
        single(single(0.9999) - offset) * scale
    )


def test_a_chance_of_exactly_one_half_is_the_first_label() -> None:
    model = read_model(ModelFile(weights=[0] * 4, bias=0, intercept=0.0).bytes())
    assert score_rows(model, [{"colour": "x", "size": 0}]) == [ScoredRow(label="no", probability=0.5, score=0.0)]


def test_extreme_scores_end_at_nought_and_one() -> None:
    model = read_model(ModelFile(weights=[0, 0, 0, 1], bias=0, slope=-1.0, intercept=0.0).bytes())
    scored = score_rows(model, [{"colour": "x", "size": 1e9}, {"colour": "x", "size": -1e9}])
    assert [(row.probability, row.label) for row in scored] == [(1.0, "yes"), (0.0, "no")]


def test_a_missing_value_leaves_the_row_without_a_score() -> None:
    scorer = load_scorer(FILE.bytes())
    rows = [{"colour": None, "size": 1}, {"colour": "red", "size": ""}, {"colour": "red", "size": 1}]
    evaluated = scorer.evaluate(rows)
    assert [row["Scored Labels"] for row in evaluated.rows] == [None, None, "no"]
    assert evaluated.notes == ("2 of 3 rows have a missing value and no score",)


def test_unseen_values_and_odd_numbers_are_said() -> None:
    evaluated = load_scorer(FILE.bytes()).evaluate([{"colour": "mauve", "size": 100}, {"colour": "pink", "size": 3}])
    assert evaluated.notes == (
        "values that training never met, scored as unknown, by column (rows): colour (2)",
        "the numbers in size lie far outside what the model was trained on: "
        "a transformation in front of the model may be missing",
    )


def test_numbers_become_categories_as_dotnet_writes_them() -> None:
    model = read_model(ModelFile(features=[("n", ["6", "2.5", "True"])], weights=[1, 2, 3, 4], bias=0).bytes())
    scored = score_rows(model, [{"n": 6}, {"n": 6.0}, {"n": 2.5}, {"n": True}, {"n": "06"}])
    assert [row.score for row in scored] == [1.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("value", ["many", "1_000", "0x10", "nan", "inf", "1,5", True, [], 1e39, 10**400, float("inf")])
def test_what_is_no_number_is_refused_with_its_place(value: object) -> None:
    model = read_model(FILE.bytes())
    with pytest.raises(IlearnerError, match="row 2, column 'size'") as caught:
        score_rows(model, [{"colour": "red", "size": 1}, {"colour": "red", "size": value}])
    assert caught.value.code == "RC722"


@pytest.mark.parametrize("value", [[], {}, 1e300, float("nan"), b"red"])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(IlearnerError, match="column 'colour'"):
        score_rows(read_model(FILE.bytes()), [{"colour": value, "size": 1}])


def test_a_missing_column_is_named() -> None:
    with pytest.raises(IlearnerError, match="row 1 lacks 1 of 2 columns: colour") as caught:
        score_rows(read_model(FILE.bytes()), [{"Colour": "red", "size": 1}])
    assert caught.value.code == "RC721"


def test_no_rows_give_no_scores() -> None:
    assert score_rows(read_model(FILE.bytes()), []) == []


def test_the_columns_that_a_model_takes_are_told() -> None:
    expected = (InputColumn(name="colour", numeric=False), InputColumn(name="size", numeric=True))
    assert input_columns(read_model(FILE.bytes())) == load_scorer(FILE.bytes()).input_columns == expected


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (ModelFile(root="A.PoissonRegressor"), "'PoissonRegressor': no public file proves"),
        (ModelFile(label_values=("a", "b", "c")), "a label with two values"),
        (ModelFile(label_values=("a", "a")), "a label with two values"),
        (ModelFile(label_values=(0.0, 1.0)), "label values of type Double were never met"),
        (ModelFile(features=[], weights=[]), "the feature columns or the predictor are not complete"),
    ],
)
def test_a_model_that_is_not_understood_is_not_scored(file: ModelFile, words: str) -> None:
    for attempt in (load_scorer, lambda data: score_rows(read_model(data), [])):
        with pytest.raises(IlearnerError, match=words) as caught:
            attempt(file.bytes())
        assert caught.value.code == "RC710" and "sample" in str(caught.value.hint)


def test_a_missing_library_comes_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_numpy(name: str) -> object:
        if name == "numpy":
            raise ImportError(name)
        return real(name)

    monkeypatch.setattr("importlib.import_module", without_numpy)
    with pytest.raises(IlearnerError, match="numpy, which is not installed") as caught:
        score_rows(read_model(FILE.bytes()), [{"colour": "red", "size": 1}])
    assert (caught.value.code, caught.value.hint) == ("RC720", "pip install 'retrainctl[models]'")


def test_single_precision_is_what_struct_says() -> None:
    assert single(0.1) == struct.unpack("<f", struct.pack("<f", 0.1))[0] != 0.1
