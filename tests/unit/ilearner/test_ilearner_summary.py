"""Summaries and comparisons: what a reviewer reads."""

from __future__ import annotations

import json

import pytest

from retrainctl.ilearner.compare import changed_findings, compare
from retrainctl.ilearner.model import printable
from retrainctl.ilearner.reader import read_model
from retrainctl.ilearner.summary import inspect
from tests.support.ilearner_writer import ModelFile, attributes, instance, library, stream

OLD = ModelFile(features=[("colour", ["blue", "red"]), ("size", None), ("age", ["1", "2"])])
NEW = ModelFile(
    features=[("size", None), ("colour", ["green", "red"]), ("age", None), ("shape", ["round"])],
    settings={"numIterations": 5, "allowUnknownLevels": True, "extra": 0.5},
    label_values=(0, 1),
)


def test_a_summary_says_what_the_model_is() -> None:
    file = ModelFile(
        features=[("age", ["1", "22", "-3.5"]), ("size", None)], scales=[1, 1, 1, 0, 0], weights=[1, 0, 2, 0, 3]
    )
    summary = inspect(read_model(file.bytes()))
    data = json.loads(json.dumps(summary.to_json(), allow_nan=False))
    assert data["algorithm"] == "Two-Class Support Vector Machine" and data["scorable"] is True
    assert data["label"] == {
        "name": "outcome",
        "type": "String",
        "value_type": "String",
        "values": ["no", "yes"],
        "positive_value": "yes",
    }
    assert data["columns"] == [
        {
            "name": "age",
            "type": "Categorical",
            "element_type": "string",
            "slots": 4,
            "categories": ["1", "22", "-3.5"],
            "numbers_as_text": True,
        },
        {
            "name": "size",
            "type": "Numeric",
            "element_type": "double",
            "slots": 1,
            "scale": 0.0,
            "offset": 0.0,
            "ignored": True,
        },
    ]
    assert data["weights"] == {"count": 5, "non_zero": 3, "bias": 0.5}
    assert data["calibrator"] == {"kind": "Platt", "a": -1.5, "b": 0.25}
    assert data["settings"] == {"numIterations": 1, "lambda": 0.001, "allowUnknownLevels": True}
    assert data["notes"] == [
        "1 column holds numbers as categories (the training data had lost its types): age",
        "1 numeric column did not vary in training and is ignored: size",
    ]
    assert (data["size"], data["slots"], data["undecoded"]) == (len(file.bytes()), 5, [])


def test_an_unknown_learner_is_summed_up_by_name() -> None:
    summary = inspect(read_model(ModelFile(root="A.B.DecisionForestClassifier").bytes()))
    assert (summary.algorithm, summary.scorable) == ("DecisionForestClassifier", False)
    assert "no public file proves" in summary.undecoded[0]
    assert ("serializedPredictor", "Byte[") in [(name, kind[:5]) for name, kind in summary.members]


def test_settings_that_json_cannot_hold_become_text() -> None:
    file = ModelFile(settings={"tolerance": float("nan")})
    assert inspect(read_model(file.bytes())).to_json()["settings"] == {"tolerance": "nan"}


def test_a_comparison_finds_all_that_changed() -> None:
    found = compare(read_model(OLD.bytes()), read_model(NEW.bytes()))
    assert (found.gained, found.lost, found.reordered) == (("shape",), (), True)
    assert [(c.column, c.before, c.after) for c in found.retyped] == [("age", "Categorical", "Numeric")]
    assert [(c.column, c.gained, c.lost) for c in found.categories] == [("colour", ("green",), ("blue",))]
    assert [(s.name, s.before, s.after) for s in found.settings] == [
        ("numIterations", 1, 5),
        ("lambda", 0.001, None),
        ("extra", None, 0.5),
    ]
    assert not found.same_file
    json.dumps(found.to_json(), allow_nan=False)


def test_weights_are_matched_by_column_and_category() -> None:
    old = ModelFile(features=[("c", ["a", "b"]), ("x_1", None), ("x_2", None)], weights=[1, 2, 3, 4, 5], bias=0.5)
    new = ModelFile(features=[("x_2", None), ("c", ["b"]), ("x_1", None)], weights=[50, 20, 3, 4], bias=0.25)
    found = compare(read_model(old.bytes()), read_model(new.bytes()), most=2)
    assert [(w.slot, w.before, w.after) for w in found.weights] == [("x_2", 5.0, 50.0), ("c = b", 2.0, 20.0)]
    assert found.common_slots == 4
    everything = compare(read_model(old.bytes()), read_model(new.bytes()), most=9)
    assert [w.slot for w in everything.weights] == ["x_2", "c = b", "Bias"]


def test_a_model_is_no_different_from_itself() -> None:
    model = read_model(OLD.bytes())
    found = compare(model, model)
    assert found.same_file and not (found.gained or found.lost or found.retyped or found.categories)
    assert not (found.settings or found.weights or found.reordered) and changed_findings(found) == ()


def test_another_shape_is_a_finding() -> None:
    found = changed_findings(compare(read_model(OLD.bytes()), read_model(NEW.bytes())))
    assert [(f.code, f.message) for f in found] == [
        ("RC754", "the new model needs 1 column: shape"),
        ("RC754", "1 column changes from Categorical to Numeric: age"),
        ("RC754", "the label changes from String outcome ['no', 'yes'] to Int32 outcome [0, 1]"),
    ]
    other = compare(read_model(NEW.bytes()), read_model(ModelFile(root="A.Tree", label_values=(0, 1)).bytes()))
    assert [f.message for f in changed_findings(other)] == [
        "the algorithm changes from Two-Class Support Vector Machine to Tree",
        "the new model no longer uses 2 columns: age, shape",
    ]


def test_a_model_without_a_label_is_compared_too() -> None:
    bare = read_model(stream(library(2), instance(1, "A.Transform", [], 2)))
    found = changed_findings(compare(bare, read_model(ModelFile().bytes())))
    assert found[-1].message == "the label changes from none to String outcome ['no', 'yes']"
    assert compare(bare, bare).to_json()["label"] == {"before": None, "after": None}


def test_a_nullable_column_is_shown_as_such() -> None:
    rows = attributes([("size", None)])
    rows[0]["elementType"] = {"typeName": "double", "isNullable": True}
    summary = inspect(read_model(ModelFile(attributes=rows, table=False).bytes()))
    assert summary.to_json()["columns"] == [
        {"name": "size", "type": "Numeric", "element_type": "double", "nullable": True}
    ]
    assert not summary.scorable


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain ä€", "plain ä€"), ("a\x1b[2J", "a\\x1b[2J"), ("a\nb", "a\\nb"), ("\u202eabc", "\\u202eabc")],
)
def test_text_from_a_file_cannot_move_the_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_messages_show_column_names_harmlessly() -> None:
    file = ModelFile(features=[("a\x1b[2J", ["1"])])
    assert "\x1b" not in "".join(inspect(read_model(file.bytes())).notes)
