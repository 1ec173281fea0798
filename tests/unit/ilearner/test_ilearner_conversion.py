"""The ONNX model: exact, complete, honest about what is not verified."""

from __future__ import annotations

import json
from typing import Any

import pytest

from retrainctl.ilearner.conversion import NO_LABEL, convert, generated_rows, verify
from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.inspection import inspect_bytes
from retrainctl.ilearner.onnx_scoring import OnnxModel, score_onnx
from retrainctl.ilearner.reader import read_model
from retrainctl.ilearner.scorer import load_scorer
from retrainctl.ilearner.scoring import score_rows
from retrainctl.ilearner.sniff import FileKind
from tests.support.ilearner_writer import ModelFile

onnx = pytest.importorskip("onnx")

WIDE = ModelFile(
    features=[("score", None), ("axis", ["a", "b"]), ("a/b \n€", None), ("weights", ["ä", " ", ""])],
    scales=[3.0, 1.0, 1.0, 0.0, 1491.0, 1.0, 1.0, 1.0, 0.0],
    offsets=[0.25, 0.0, 0.0, 0.0, 0.999, 0.0, 0.0, 0.0, 0.0],
)


@pytest.mark.parametrize(
    "file",
    [ModelFile(), WIDE, ModelFile(label_values=(1, 2)), ModelFile(normalizer=False), ModelFile(features=[("n", None)])],
)
def test_onnx_scores_as_the_reference_on_a_thousand_rows(file: ModelFile) -> None:
    model = read_model(file.bytes())
    data = convert(model)
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    deviation = verify(model, data, rows=1000)
    assert deviation.rows == 1000
    assert deviation.largest_probability <= 1e-7
    assert deviation.different_labels == 0


def test_verification_notices_another_model() -> None:
    other = convert(read_model(ModelFile(bias=9.0).bytes()))
    deviation = verify(read_model(ModelFile().bytes()), other, rows=50)
    assert deviation.largest_probability > 0.01 and deviation.different_labels > 0


def test_verification_notices_a_model_without_probabilities() -> None:
    model = read_model(ModelFile().bytes())
    opened = onnx.load_model_from_string(convert(model))
    del opened.graph.output[1]
    deviation = verify(model, opened.SerializeToString(), rows=5)
    assert (deviation.largest_probability, deviation.different_labels) == (float("inf"), 0)


def test_generated_rows_visit_every_category_and_the_unknown() -> None:
    rows = generated_rows(read_model(ModelFile().bytes()), 200)
    assert {row["colour"] for row in rows} == {"blue", "red", "value never seen"}
    assert rows == generated_rows(read_model(ModelFile().bytes()), 200)


def test_weights_are_kept_to_the_last_bit() -> None:
    file = ModelFile(bias=0.1)
    graph = onnx.load_model_from_string(convert(read_model(file.bytes()))).graph
    held = {constant.name: onnx.numpy_helper.to_array(constant) for constant in graph.initializer}
    assert held["weights"].dtype == "float64" and held["weights"].tolist() == file.dense_weights()
    assert held["bias"].tolist() == pytest.approx(0.1, abs=1e-8)


def test_inputs_are_the_raw_columns_and_every_output_is_one_column() -> None:
    graph = onnx.load_model_from_string(convert(read_model(WIDE.bytes()))).graph
    assert [value.name for value in graph.input] == ["score", "axis", "a/b \n€", "weights"]
    assert [value.name for value in graph.output] == ["Scored Labels", "Scored Probabilities"]
    assert {len(value.type.tensor_type.shape.dim) for value in (*graph.input, *graph.output)} == {1}


def test_the_same_file_gives_the_same_bytes() -> None:
    data = ModelFile().bytes()
    assert convert(read_model(data)) == convert(read_model(data))


def test_origin_and_doubts_travel_with_the_model() -> None:
    model = read_model(ModelFile().bytes())
    metadata = OnnxModel(convert(model)).metadata
    assert metadata["retrainctl.source_sha256"] == model.sha256
    assert "not shown" in metadata["retrainctl.unverified"]
    described = json.loads(metadata["retrainctl.model"])
    assert described["label"]["values"] == ["no", "yes"] and described["settings"]["lambda"] == 0.001
    assert [part["signature"] for part in described["parts"]] == ["PLATTCAL", "PMIXCALP", "LINEAR2C", "AFF NORM"]


def test_a_converted_model_is_inspected_with_its_origin() -> None:
    model = read_model(ModelFile().bytes())
    summary = inspect_bytes(convert(model))
    assert (summary.kind, summary.algorithm) == (FileKind.ONNX, "Two-Class Support Vector Machine")
    assert summary.label == model.label
    assert [(c.name, c.type, c.categories) for c in summary.columns] == [
        ("colour", "Categorical", ("blue", "red")),
        ("size", "Numeric", ()),
    ]
    assert model.sha256 in summary.notes[0]


def test_a_converted_model_says_what_the_original_says() -> None:
    rows = [{"colour": "mauve", "size": 1e6}, {"colour": None, "size": 1}, {"colour": "red", "size": "2"}]
    original, converted = load_scorer(ModelFile().bytes()), load_scorer(convert(read_model(ModelFile().bytes())))
    assert converted.input_columns == original.input_columns
    assert converted.evaluate(rows) == original.evaluate(rows)
    assert converted.kind is FileKind.ONNX


@pytest.mark.parametrize(("labels", "none"), [(("no", "yes"), ""), ((1, 2), NO_LABEL)])
def test_a_missing_number_is_no_label_in_any_runtime(labels: Any, none: object) -> None:
    """Whoever runs the file without us gets NaN and a label that cannot be mistaken."""
    import numpy
    import onnxruntime

    session = onnxruntime.InferenceSession(convert(read_model(ModelFile(label_values=labels).bytes())))
    label, probability = session.run(
        None, {"colour": numpy.array(["red"], dtype=object), "size": numpy.array([numpy.nan])}
    )
    assert numpy.isnan(probability[0]) and label[0] == none


@pytest.mark.parametrize("name", ["Scored Labels", "Scored Probabilities"])
def test_a_column_called_like_an_output_is_refused(name: str) -> None:
    with pytest.raises(IlearnerError, match="cannot be an input") as caught:
        convert(read_model(ModelFile(features=[(name, None)]).bytes()))
    assert caught.value.code == "RC711"


def test_a_model_that_is_not_understood_is_not_converted() -> None:
    with pytest.raises(IlearnerError, match="can be inspected, but not scored or converted") as caught:
        convert(read_model(ModelFile(root="A.Unknown").bytes()))
    assert caught.value.code == "RC710"


def test_scores_of_onnx_and_reference_are_the_same_numbers() -> None:
    model = read_model(ModelFile().bytes())
    rows = [{"colour": "red", "size": 0.3}]
    (reference,) = score_rows(model, rows)
    assert score_onnx(convert(model), rows) == [
        {"Scored Labels": reference.label, "Scored Probabilities": reference.probability}
    ]
