"""Models as deployment packages: what is in them, that they score alike, that equal models give equal bytes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.onnx_scoring import score_onnx
from retrainctl.ilearner.packaging import Column, Form, input_data, package
from retrainctl.ilearner.scorer import load_scorer
from retrainctl.ilearner.service import read_service
from tests.support.ilearner_writer import ModelFile

onnx = pytest.importorskip("onnx")
helper = onnx.helper
types = onnx.TensorProto
FOLDER = {"MLmodel", "model.onnx", "conda.yaml", "python_env.yaml", "requirements.txt"}


def value(name: str, kind: int, *shape: object) -> Any:
    return helper.make_tensor_value_info(name, kind, list(shape))


def model(nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: list[Any] = [], **metadata: str) -> bytes:  # noqa: B006
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializer=constants)
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 2)]
    made = helper.make_model(graph, ir_version=7, opset_imports=opsets)
    helper.set_model_props(made, {key.replace("__", "."): text for key, text in metadata.items()})
    return bytes(made.SerializeToString())


def shapes(data: bytes) -> tuple[dict[str, int], dict[str, int]]:
    graph = onnx.load_model_from_string(data).graph
    return tuple(
        {item.name: len(item.type.tensor_type.shape.dim) for item in part} for part in (graph.input, graph.output)
    )  # type: ignore[return-value]


ADD = [helper.make_node("Add", ["a", "b"], ["variable"])]
PAIR = model(
    ADD,
    [value("a", types.FLOAT, None, 1), value("b", types.FLOAT, None, 1)],
    [value("variable", types.FLOAT, None, 1)],
)
ONE = model(
    [helper.make_node("Neg", ["a"], ["variable"])],
    [value("a", types.DOUBLE, None)],
    [value("variable", types.DOUBLE, None)],
)


def classes(count: int) -> bytes:
    weights = helper.make_tensor("w", types.DOUBLE, [2, count], [float(i + 1) for i in range(2 * count)])
    return model(
        [helper.make_node("MatMul", ["x", "w"], ["probabilities"])],
        [value("x", types.DOUBLE, None, 2)],
        [value("probabilities", types.DOUBLE, None, count)],
        [weights],
        retrainctl__columns=json.dumps(["p", "q"]),
        retrainctl__classes=json.dumps([f"c{i}" for i in range(count)]),
    )


def test_columns_become_inputs_of_rank_one_and_the_scores_stay() -> None:
    made = package(PAIR).files["model.onnx"]
    assert shapes(made) == ({"a": 1, "b": 1}, {"Scored Labels": 2})
    rows = [{"a": 1, "b": "2.5"}, {"a": -1.0, "b": 1}]
    assert score_onnx(made, rows) == score_onnx(PAIR, rows) == [{"Scored Labels": 3.5}, {"Scored Labels": 0.0}]


def test_a_single_column_takes_a_table_of_one_column() -> None:
    made = package(ONE).files["model.onnx"]
    assert shapes(made) == ({"a": 2}, {"Scored Labels": 1})
    assert score_onnx(made, [{"a": 2}, {"a": 3}]) == [{"Scored Labels": -2.0}, {"Scored Labels": -3.0}]


@pytest.mark.parametrize("count", [2, 3])
def test_probabilities_become_one_output_per_class(count: int) -> None:
    data = classes(count)
    made = package(data).files["model.onnx"]
    names = ["Scored Probabilities"] if count == 2 else [f'Scored Probabilities for Class "c{i}"' for i in range(count)]
    assert shapes(made) == ({"x": 2}, dict.fromkeys(names, 1))
    rows = [{"p": 1, "q": 2}, {"p": 0, "q": 1}]
    assert score_onnx(made, rows) == score_onnx(data, rows)
    assert package(data).inputs == (Column(name="p", type="double"), Column(name="q", type="double"))


def test_a_mapping_per_row_is_refused_without_code_and_taken_with_it() -> None:
    made = helper.make_value_info(
        "output_probability",
        helper.make_sequence_type_proto(
            helper.make_map_type_proto(types.INT64, helper.make_tensor_type_proto(types.FLOAT, []))
        ),
    )
    data = model(
        [helper.make_node("ZipMap", ["x"], ["output_probability"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])],
        [value("x", types.FLOAT, None, 2)],
        [made],
        retrainctl__columns=json.dumps(["p", "q"]),
    )
    with pytest.raises(IlearnerError, match="'output_probability' is no tensor") as refused:
        package(data)
    assert refused.value.code == "RC713"
    assert package(data, form=Form.SCRIPT).model_type == "custom_model"


@pytest.mark.parametrize("data", [b"\x80\x04cbuiltins\n", b"{}", b"PK\x03\x04aaaa", b"text"])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(IlearnerError):
        package(data)


def test_a_studio_model_becomes_a_folder_for_mlflow() -> None:
    data = ModelFile().bytes()
    made = package(data)
    assert set(made.files) == FOLDER and made.model_type == "mlflow_model"
    assert made.source_sha256 == hashlib.sha256(data).hexdigest()
    assert (package(data).files, package(data).sha256) == (made.files, made.sha256)
    said = yaml.safe_load(made.files["MLmodel"])
    assert said["flavors"]["python_function"]["loader_module"] == "mlflow.onnx"
    assert said["flavors"]["onnx"]["data"] == "model.onnx"
    signature = [(one["name"], one["type"]) for one in json.loads(said["signature"]["inputs"])]
    scorer = load_scorer(data)
    assert signature == [(one.name, "double" if one.numeric else "string") for one in scorer.input_columns]
    assert [one["name"] for one in json.loads(said["signature"]["outputs"])] == [
        "Scored Labels",
        "Scored Probabilities",
    ]
    conda = yaml.safe_load(made.files["conda.yaml"])
    assert conda["dependencies"][-1]["pip"] == made.files["requirements.txt"].decode().split()
    assert any(one.startswith("mlflow==") for one in conda["dependencies"][-1]["pip"])


def test_the_script_scores_as_the_service_of_the_package_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = package(PAIR, form=Form.SCRIPT)
    assert set(made.files) == {"model/model.onnx", "code/score.py", "environment/conda.yaml"}
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(made.files["model/model.onnx"])
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(folder))
    script: dict[str, Any] = {}
    exec(compile(made.files["code/score.py"], "score.py", "exec"), script)
    script["init"]()
    request = input_data(made.inputs, [{"b": 2, "a": 1}, {"a": 5, "b": 6}])
    assert request["input_data"] == {"columns": ["a", "b"], "index": [0, 1], "data": [[1, 2], [5, 6]]}
    assert script["run"](json.dumps(request)) == [{"variable": 3.0}, {"variable": 11.0}]


def test_a_request_needs_every_column() -> None:
    with pytest.raises(IlearnerError, match="row 2 lacks the columns b"):
        input_data(package(PAIR).inputs, [{"a": 1, "b": 2}, {"a": 1}])


def test_the_golden_model_scores_in_its_package_as_its_reader_does(shared: Path) -> None:
    exports = shared / "arm" / "exports"
    data = (exports / "CreditRisk.ilearner").read_bytes()
    service = read_service(json.loads((exports / "CreditRisk.after-retraining.json").read_text(encoding="utf-8")))
    made = package(data)
    rows = [service.renamed(row) for row in service.example]
    assert load_scorer(made.files["model.onnx"]).score(rows) == load_scorer(data).score(rows)
    assert {one.type for one in made.inputs} == {"string"}
