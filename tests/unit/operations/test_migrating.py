"""The project of a Studio service's successor on Azure Machine Learning v2."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from retrainctl.errors import RetrainctlError
from retrainctl.ilearner.packaging import package
from retrainctl.ilearner.scorer import load_scorer, load_scorer_file
from retrainctl.ilearner.service import read_service
from retrainctl.ilearner.serving import score_service
from retrainctl.operations.migrating import endpoint_name, successor, write_project
from tests.support.ilearner_writer import ModelFile

DATA = ModelFile().bytes()


def definition(*, example: bool = True, size: str = "Number") -> dict[str, Any]:
    """A service whose columns are renamed before the model, as Studio's Edit Metadata does."""
    columns = {"c1": {"type": "String", "enum": ["blue", "red"]}, "c2": {"type": size}, "c3": {"type": "String"}}
    choice = json.dumps({"isFilter": True, "rules": [{"ruleType": "AllColumns", "exclude": False}]})
    properties: dict[str, Any] = {
        "title": "Colours {{ and }} sizes",
        "input": {"type": "object", "properties": {"input1": {"type": "object", "properties": columns}}},
        "assets": {
            "edit": {"name": "Edit Metadata", "type": "Module"},
            "score": {"name": "Score Model", "type": "Module"},
        },
        "package": {
            "nodes": {
                "in": {"inputId": "input1"},
                "n1": {
                    "assetId": "edit",
                    "parameters": {"Column": choice, "New Column Name": "colour,size,outcome"},
                },
                "n2": {"assetId": "score"},
            },
            "edges": [
                {"sourceNodeId": "in", "targetNodeId": "n1"},
                {"sourceNodeId": "n1", "targetNodeId": "n2"},
            ],
        },
    }
    if example:
        properties["exampleRequest"] = {"inputs": {"input1": [["red", "2.5", "no"], ["blue", 1, "yes"]]}}
    return {"name": "Colour Service.2016", "properties": properties}


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    path = tmp_path / "exported.json"
    path.write_text(json.dumps(definition()))
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "Model.ilearner"
    path.write_bytes(DATA)
    return path


def test_the_example_is_in_the_new_form_with_the_models_own_columns(exported: Path, model: Path) -> None:
    made = successor(exported, model)
    assert made.endpoint == "colour-service-2016"
    example = json.loads(made.files["examples/colour-service-2016.json"])
    assert example == {
        "input_data": {"columns": ["colour", "size"], "index": [0, 1], "data": [["red", 2.5], ["blue", 1.0]]}
    }


def test_the_example_fits_the_input_schema_and_the_schema_knows_the_values(exported: Path, model: Path) -> None:
    made = successor(exported, model)
    example = json.loads(made.files["examples/colour-service-2016.json"])
    validator = Draft202012Validator(json.loads(made.files["schemas/colour-service-2016.json"]))
    validator.validate(example)
    example["input_data"]["data"][0] = ["green", "2.5"]
    wrong = [error.message for error in validator.iter_errors(example)]
    assert wrong == ["'green' is not one of ['blue', 'red']", "'2.5' is not of type 'number'"]


def test_the_manifests_declare_model_endpoint_and_deployment(exported: Path, model: Path) -> None:
    made = successor(exported, model, name="colours")
    documents = list(yaml.safe_load_all(made.files["manifests/colours.yaml"]))
    assert [one["kind"] for one in documents] == ["Model", "OnlineEndpoint", "OnlineDeployment"]
    (version,) = documents[0]["spec"]["versions"]
    assert version["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert made.files[version["file"].removeprefix("../")] == DATA
    assert documents[2]["spec"]["model"] == "colours@1"


def test_without_an_example_there_is_none_and_the_manifest_names_none(exported: Path, model: Path) -> None:
    exported.write_text(json.dumps(definition(example=False)))
    made = successor(exported, model)
    assert not any(path.startswith("examples/") for path in made.files)
    assert "example:" not in made.files["manifests/colour-service-2016.yaml"].decode()


def test_a_model_that_does_not_fit_is_refused(exported: Path, model: Path) -> None:
    exported.write_text(json.dumps(definition(size="String")))
    with pytest.raises(RetrainctlError, match="1 column numeric in the model, String in the service: size") as refused:
        successor(exported, model)
    assert refused.value.code == "RC670"


def test_nothing_is_written_where_something_is(exported: Path, model: Path, tmp_path: Path) -> None:
    made = successor(exported, model)
    folder = tmp_path / "new"
    assert len(write_project(folder, made.files)) == len(made.files)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(RetrainctlError, match="is already there"):
        write_project(folder, {"more": b"", **made.files})
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CreditRiskPrediction", "credit-risk-prediction"),
        ("Retrain Samp.le.2016.8.17.0.3.51.237", "retrain-samp-le-2016-8-17-0-3-51"),
        ("2016", "model"),
        ("7a", "model-a"),
        ("ab", "model-ab"),
    ],
)
def test_names_are_as_the_service_takes_them(name: str, expected: str) -> None:
    assert endpoint_name(name) == expected


def test_the_golden_service_scores_as_its_model_reader_does(shared: Path) -> None:
    exports = shared / "arm" / "exports"
    made = successor(exports / "CreditRisk.after-retraining.json", exports / "CreditRisk.ilearner")
    example = json.loads(made.files[f"examples/{made.endpoint}.json"])["input_data"]
    rows = [dict(zip(example["columns"], row, strict=True)) for row in example["data"]]
    deployed = package(made.files[f"models/{made.endpoint}-1.ilearner"]).files["model.onnx"]
    service = read_service(json.loads((exports / "CreditRisk.after-retraining.json").read_text(encoding="utf-8")))
    expected = score_service(service, load_scorer_file(exports / "CreditRisk.ilearner"))
    names = ("Scored Labels", "Scored Probabilities")
    assert load_scorer(deployed).score(rows) == [{name: row[name] for name in names} for row in expected.rows]
    assert made.notes == expected.notes
