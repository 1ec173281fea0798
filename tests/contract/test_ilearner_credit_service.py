"""The real pair of models against the real service: fit, comparison, example scores, ONNX (sections 7, 10, 11)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from retrainctl.ilearner.compare import changed_findings, compare
from retrainctl.ilearner.conversion import convert, generated_rows, verify
from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.fit import fit
from retrainctl.ilearner.inspection import inspect_bytes, inspect_file
from retrainctl.ilearner.model import Model
from retrainctl.ilearner.reader import read_model_file
from retrainctl.ilearner.scorer import load_scorer, load_scorer_file
from retrainctl.ilearner.scoring import input_columns, score_rows
from retrainctl.ilearner.service import Service, read_service
from retrainctl.ilearner.serving import score_service

B_SCORES = (
    (5.156600, 0.7543095),
    (6.555852, 0.8461004),
    (4.223766, 0.6755345),
    (5.156600, 0.7543095),
    (4.223766, 0.6755345),
)
A_SCORES = (
    (2.722150, 0.5319648),
    (6.671462, 0.8100904),
    (3.330534, 0.5821905),
    (1.771043, 0.4525242),
    (6.124408, 0.7802969),
)


@pytest.fixture(scope="module")
def exports(shared: Path) -> Path:
    return shared / "arm" / "exports"


@pytest.fixture(scope="module")
def a(exports: Path) -> Model:
    return read_model_file(exports / "Credit_risk.ilearner")


@pytest.fixture(scope="module")
def b(exports: Path) -> Model:
    return read_model_file(exports / "CreditRisk.ilearner")


@pytest.fixture(scope="module", params=["before", "after"])
def definition(exports: Path, request: pytest.FixtureRequest) -> Any:
    return json.loads((exports / f"CreditRisk.{request.param}-retraining.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def service(exports: Path) -> Service:
    text = (exports / "CreditRisk.after-retraining.json").read_text(encoding="utf-8")
    return read_service(json.loads(text))


def test_the_retrained_model_fits_the_service(exports: Path, definition: Any) -> None:
    assert fit(inspect_file(exports / "CreditRisk.ilearner"), definition) == ()


def test_the_other_model_does_not(exports: Path, definition: Any) -> None:
    found = fit(inspect_file(exports / "Credit_risk.ilearner"), definition)
    assert [finding.code for finding in found] == ["RC750", "RC753"]
    assert found[0].message.startswith("7 columns numeric in the model, String in the service: Duration in months, ")
    assert len(found[0].columns) == 7
    assert found[1].message == "the label is Int32 in the model, Scored Labels is String in the service"


def test_a_converted_model_fits_or_not_like_its_original(a: Model, b: Model, definition: Any) -> None:
    assert fit(inspect_bytes(convert(b)), definition) == ()
    assert [finding.code for finding in fit(inspect_bytes(convert(a)), definition)] == ["RC750", "RC753"]


def test_what_a_reviewer_should_know(exports: Path) -> None:
    lost_types = inspect_file(exports / "CreditRisk.ilearner")
    assert [c.name for c in lost_types.columns if c.numbers_as_text][:3] == [
        "Duration in months",
        "Credit amount",
        "Installment rate in percentage of disposable income",
    ]
    ignored = inspect_file(exports / "Credit_risk.ilearner")
    assert [c.name for c in ignored.columns if c.ignored] == ["Credit amount", "Age in years"]


def test_the_models_compared(a: Model, b: Model) -> None:
    found = compare(a, b)
    assert (found.gained, found.lost, found.settings) == ((), (), ())
    assert [change.before for change in found.retyped] == ["Numeric"] * 7
    # 13 columns are Categorical in both: all slots of A but its 7 numbers
    assert found.common_slots == 74 - 7
    assert found.weights[0].slot == "Present employment since = A72"
    assert found.weights[0].moved == pytest.approx(-0.9523801803588867)
    assert [finding.code for finding in changed_findings(found)] == ["RC754", "RC754"]


def test_the_service_is_followed_to_its_model(service: Service) -> None:
    assert service.traced and service.label_type == "String"
    assert [column.name for column in service.columns][-1] == "Credit risk"
    assert [step.module for step in service.steps] == ["Execute R Script", "Apply Transformation"]
    assert len(service.example) == 5


@pytest.mark.parametrize("converted", [False, True])
def test_the_example_request_has_the_scores_of_the_dossier(
    exports: Path, service: Service, b: Model, converted: bool
) -> None:
    scorer = load_scorer(convert(b)) if converted else load_scorer_file(exports / "CreditRisk.ilearner")
    result = score_service(service, scorer)
    assert [row["Scored Labels"] for row in result.rows] == ["2"] * 5
    for row, (_, probability) in zip(result.rows, B_SCORES, strict=True):
        assert row["Scored Probabilities"] == pytest.approx(probability, abs=5e-7)
    assert [row["Credit risk"] for row in result.rows] == ["1", "2", "2", "2", "2"]
    said = " ".join(result.notes)
    assert "Execute R Script was not run" in said and "(.itransform) cannot be read" in said
    assert "Credit amount (2), Age in years (1)" in said


def test_raw_scores_of_the_dossier(b: Model, service: Service) -> None:
    rows = [service.renamed(row) for row in service.example]
    for row, (score, _) in zip(score_rows(b, rows), B_SCORES, strict=True):
        assert row.score == pytest.approx(score, abs=5e-6)


def tanh_rows(a: Model, service: Service) -> list[dict[str, object]]:
    """The example as it leaves the service's Normalize Data (tanh of the numbers; section 6)."""
    rows = [service.renamed(row) for row in service.example]
    for column in input_columns(a):
        for row in rows:
            if column.numeric:
                row[column.name] = math.tanh(float(str(row[column.name])))
    return rows


def test_transformed_rows_have_the_scores_of_the_dossier(a: Model, service: Service) -> None:
    rows = tanh_rows(a, service)
    scored = score_rows(a, rows)
    assert [row.label for row in scored] == [2, 2, 2, 1, 2]
    onnx = load_scorer(convert(a)).score(rows)
    for row, theirs, (score, probability) in zip(scored, onnx, A_SCORES, strict=True):
        assert row.score == pytest.approx(score, abs=5e-6)
        assert row.probability == pytest.approx(probability, abs=5e-7)
        assert theirs == {"Scored Labels": row.label, "Scored Probabilities": pytest.approx(probability, abs=5e-7)}


def test_raw_rows_for_a_model_behind_a_transform_are_refused(a: Model, service: Service, exports: Path) -> None:
    scorer = load_scorer_file(exports / "Credit_risk.ilearner")
    with pytest.raises(IlearnerError, match="a score of the raw values would be wrong"):
        score_service(service, scorer)
    result = score_service(service, scorer, tanh_rows(a, service), transformed=True)
    assert [row["Scored Labels"] for row in result.rows] == [2, 2, 2, 1, 2]


def test_without_the_transform_every_chance_is_one_and_a_note_says_why(a: Model, service: Service) -> None:
    evaluated = load_scorer(convert(a)).evaluate([service.renamed(row) for row in service.example])
    assert [row["Scored Probabilities"] for row in evaluated.rows] == [1.0] * 5
    assert "a transformation in front of the model may be missing" in evaluated.notes[-1]


@pytest.mark.parametrize("which", ["a", "b"])
def test_onnx_equals_the_reference_on_a_thousand_rows(which: str, a: Model, b: Model) -> None:
    model = a if which == "a" else b
    deviation = verify(model, convert(model), rows=1000)
    assert (deviation.rows, deviation.different_labels) == (1000, 0)
    assert deviation.largest_probability <= 1e-7


@pytest.mark.parametrize("which", ["a", "b"])
def test_raw_scores_inside_onnx_equal_the_reference(which: str, a: Model, b: Model) -> None:
    """The score before calibration, to 1e-12: only the order of a double sum is left to differ."""
    import numpy
    import onnx
    import onnxruntime

    model = a if which == "a" else b
    rows = generated_rows(model, 1000, seed=7)
    opened = onnx.load_model_from_string(convert(model))
    opened.graph.output.append(onnx.helper.make_tensor_value_info("score", onnx.TensorProto.DOUBLE, ["rows"]))
    session = onnxruntime.InferenceSession(opened.SerializeToString())
    feeds = {
        column.name: numpy.array([row[column.name] for row in rows], dtype=None if column.numeric else object)
        for column in input_columns(model)
    }
    (scores,) = session.run(["score"], feeds)
    expected = [row.score for row in score_rows(model, rows)]
    assert numpy.abs(scores - numpy.array(expected)).max() < 1e-12
