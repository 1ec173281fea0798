"""ONNX models of other makers: one input per column, one wide input, classifiers and regressions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.inspection import inspect_file
from retrainctl.ilearner.limits import Limits
from retrainctl.ilearner.model import Label
from retrainctl.ilearner.onnx_scoring import inspect_onnx, score_onnx
from retrainctl.ilearner.scorer import load_scorer, load_scorer_file

onnx = pytest.importorskip("onnx")
helper = onnx.helper
types = onnx.TensorProto


def model(nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: list[Any] = [], **metadata: str) -> bytes:  # noqa: B006
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializer=constants)
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 2)]
    made = helper.make_model(graph, ir_version=7, opset_imports=opsets)
    helper.set_model_props(made, {key.replace("__", "."): value for key, value in metadata.items()})
    return bytes(made.SerializeToString())


def value(name: str, kind: int, *shape: object) -> Any:
    return helper.make_tensor_value_info(name, kind, list(shape))


SUM = model(
    [helper.make_node("Add", ["a", "b"], ["variable"])],
    [value("a", types.FLOAT, None, 1), value("b", types.FLOAT, None, 1)],
    [value("variable", types.FLOAT, None, 1)],
)


def wide(classes: int = 3, **metadata: str) -> bytes:
    """[rows, 2] numbers as probabilities of so many classes, and the first column as label."""
    weights = helper.make_tensor("w", types.FLOAT, [2, classes], [float(i + 1) for i in range(2 * classes)])
    nodes = [helper.make_node("MatMul", ["x", "w"], ["probabilities"]), helper.make_node("Identity", ["x"], ["copy"])]
    return model(
        nodes,
        [value("x", types.FLOAT, None, 2)],
        [value("probabilities", types.FLOAT, None, classes)],
        [weights],
        **metadata,
    )


def test_a_regression_with_one_input_per_column_is_scored() -> None:
    assert score_onnx(SUM, [{"a": 1, "b": "2.5"}, {"a": -1.0, "b": 1, "more": "x"}]) == [
        {"Scored Labels": 3.5},
        {"Scored Labels": 0.0},
    ]


def test_a_missing_value_has_no_score() -> None:
    evaluated = load_scorer(SUM).evaluate([{"a": None, "b": 1}, {"a": 1, "b": 1}])
    assert evaluated.rows == ({"Scored Labels": None}, {"Scored Labels": 2.0})
    assert evaluated.notes == ("1 of 2 rows have a missing value and no score",)


def test_a_wide_input_takes_the_columns_that_the_metadata_names() -> None:
    data = wide(2, retrainctl__columns=json.dumps(["p", "q"]))
    assert score_onnx(data, [{"q": 1, "p": 0}]) == [{"Scored Probabilities": 4.0}]


def test_many_classes_give_one_column_each_under_studio_names() -> None:
    data = wide(3, retrainctl__columns=json.dumps(["p", "q"]), retrainctl__classes=json.dumps(["x", "y", "z"]))
    assert list(score_onnx(data, [{"q": 1, "p": 0}])[0].items()) == [
        ('Scored Probabilities for Class "x"', 4.0),
        ('Scored Probabilities for Class "y"', 5.0),
        ('Scored Probabilities for Class "z"', 6.0),
    ]


def test_a_mapping_of_classes_is_read_as_columns() -> None:
    nodes = [
        helper.make_node("Concat", ["a", "a"], ["both"], axis=1),
        helper.make_node(
            "ZipMap", ["both"], ["output_probability"], domain="ai.onnx.ml", classlabels_strings=["n", "y"]
        ),
        helper.make_node("Identity", ["a"], ["output_label"]),
    ]
    sequence = helper.make_sequence_type_proto(
        helper.make_map_type_proto(types.STRING, helper.make_tensor_type_proto(types.FLOAT, None))
    )
    data = model(
        nodes,
        [value("a", types.FLOAT, None, 1)],
        [value("output_label", types.FLOAT, None, 1), helper.make_value_info("output_probability", sequence)],
    )
    assert score_onnx(data, [{"a": 0.5}]) == [{"Scored Labels": 0.5, "Scored Probabilities": 0.5}]


def test_text_and_integer_inputs_are_taken(tmp_path: Path) -> None:
    nodes = [helper.make_node("Identity", ["t"], ["label"]), helper.make_node("Identity", ["i"], ["twice"])]
    data = model(
        nodes,
        [value("t", types.STRING, None), value("i", types.INT64, None)],
        [value("label", types.STRING, None), value("twice", types.INT64, None)],
    )
    assert score_onnx(data, [{"t": 5, "i": "7"}]) == [{"Scored Labels": "5", "twice": 7}]
    with pytest.raises(IlearnerError, match=r"column 'i': a whole number expected, found 7\.5"):
        score_onnx(data, [{"t": "x", "i": 7.5}])
    path = tmp_path / "m.ilearner"
    path.write_bytes(data)
    summary = inspect_file(path)
    assert [(c.name, c.type) for c in summary.columns] == [("t", "Categorical"), ("i", "Numeric")]
    assert summary.label is not None and summary.label.value_type == "String"
    assert [column.name for column in load_scorer_file(path).input_columns] == ["t", "i"]
    with pytest.raises(IlearnerError, match="the limit is 10"):
        load_scorer_file(path, limits=Limits(onnx_bytes=10))


def test_no_rows_give_no_scores_and_lacking_columns_are_named() -> None:
    assert score_onnx(SUM, []) == []
    with pytest.raises(IlearnerError, match="row 1 lacks 1 of 2 columns: b"):
        score_onnx(SUM, [{"a": 1}])


def external() -> bytes:
    tensor = helper.make_tensor("w", types.FLOAT, [1], [1.0])
    tensor.ClearField("float_data")
    tensor.data_location = types.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=tensor)], "inner", [], [value("c", types.FLOAT, 1)]
    )
    node = helper.make_node("If", ["yes"], ["label"], then_branch=inner, else_branch=inner)
    yes = value("yes", types.BOOL, 1)
    return model([node], [yes], [value("label", types.FLOAT, 1)])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (external(), "keeps its weights in other files"),
        (SUM[: len(SUM) // 2], "ONNX"),
        (SUM.replace(b"Add", b"Xyz"), "cannot load this model"),
        (wide(), "metadata key retrainctl.columns does not name them"),
        (wide(retrainctl__columns='["p"]'), "does not name them"),
        (wide(retrainctl__columns="[[["), "does not name them"),
        (
            model(
                [helper.make_node("Identity", ["x"], ["y"])],
                [value("x", types.FLOAT, None, 2, 2)],
                [value("y", types.FLOAT, None, 2, 2)],
            ),
            "input 'x' is not one column",
        ),
        (
            model(
                [helper.make_node("Identity", ["x"], ["y"])],
                [value("x", types.BOOL, None)],
                [value("y", types.BOOL, None)],
            ),
            r"input 'x' has type tensor\(bool\)",
        ),
    ],
)
def test_a_model_that_cannot_be_used_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(IlearnerError, match=words) as caught:
        load_scorer(data)
    assert caught.value.code == "RC712"


def test_an_output_of_another_length_is_refused() -> None:
    data = model(
        [helper.make_node("ReduceSum", ["a"], ["y"], keepdims=1)],
        [value("a", types.FLOAT, None)],
        [value("y", types.FLOAT, 1)],
    )
    with pytest.raises(IlearnerError, match="not one value per row"):
        score_onnx(data, [{"a": 1}, {"a": 2}])


def test_a_model_over_the_limit_is_not_loaded() -> None:
    with pytest.raises(IlearnerError, match="the limit is 10"):
        load_scorer(SUM, limits=Limits(onnx_bytes=10))


def test_sparse_weights_are_looked_at_and_outputs_need_no_label() -> None:
    values = helper.make_tensor("s", types.FLOAT, [1], [2.0])
    sparse = helper.make_sparse_tensor(values, helper.make_tensor("i", types.INT64, [1], [0]), [1])
    nodes = [helper.make_node("Add", ["a", "s"], ["sum"])]
    graph = helper.make_graph(
        nodes, "g", [value("a", types.FLOAT, None)], [value("sum", types.FLOAT, None)], sparse_initializer=[sparse]
    )
    made = helper.make_model(graph, ir_version=7, opset_imports=[helper.make_opsetid("", 13)])
    data = bytes(made.SerializeToString())
    assert score_onnx(data, [{"a": 1}]) == [{"sum": 3.0}]
    assert inspect_onnx(data).label is None


def test_a_model_of_the_emulator_says_what_it_was_trained_for() -> None:
    training = {
        "algorithm": "Two-Class Boosted Decision Tree",
        "label": "income",
        "labelValues": ["low", "high"],
        "rows": 9,
    }
    data = model(
        [helper.make_node("Identity", ["a"], ["Scored Labels"])],
        [value("a", types.STRING, None, 1)],
        [value("Scored Labels", types.STRING, None, 1)],
        retrainctl__training=json.dumps(training),
    )
    summary = inspect_onnx(data)
    assert summary.algorithm == "Two-Class Boosted Decision Tree"
    assert summary.label == Label(name="income", type="String", value_type="String", values=("low", "high"))
    assert summary.positive_value == "high"


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 100_000, '{"label": 3, "labelValues": 4}'])
def test_broken_metadata_is_no_reason_to_fail(text: str) -> None:
    data = model(
        [helper.make_node("Identity", ["a"], ["label"])],
        [value("a", types.FLOAT, None)],
        [value("label", types.FLOAT, None)],
        retrainctl__training=text,
        retrainctl__model=text,
    )
    label = inspect_onnx(data).label
    assert label is not None and label.values == ()


def test_a_studio_file_is_no_onnx() -> None:
    with pytest.raises(IlearnerError, match="an ONNX model expected"):
        inspect_onnx(b"\x00\x01")
