"""Rows to score as people have them, and what comes back."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from retrainctl.errors import RetrainctlError
from retrainctl.operations.model_reports import compared, inspected, scored
from retrainctl.operations.row_files import read_definition, read_rows
from tests.support.ilearner_writer import ModelFile

ROWS = [{"colour": "blue", "size": 1.5}, {"colour": "red", "size": 2}]


def read(folder: Path, text: str | bytes, name: str = "rows.json", **more):
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_rows(path, **more)


@pytest.mark.parametrize(
    "document",
    [
        ROWS,
        {"Inputs": {"input1": ROWS}},
        {"inputs": {"input1": ROWS}, "GlobalParameters": {}},
        {"Inputs": {"input1": {"ColumnNames": ["colour", "size"], "Values": [["blue", 1.5], ["red", 2]]}}},
        {"columns": ["colour", "size"], "data": [["blue", 1.5], ["red", 2]]},
    ],
)
def test_json_in_the_forms_of_scoring_requests(tmp_path: Path, document):
    assert read(tmp_path, json.dumps(document)) == ROWS


def test_one_row_by_itself_and_rows_without_names(tmp_path: Path):
    assert read(tmp_path, '{"colour": "blue", "size": 1.5}') == ROWS[:1]
    assert read(tmp_path, '[["blue", 1.5]]', columns=["colour", "size"]) == ROWS[:1]
    assert read(tmp_path, '{"Inputs": {"a": [{"x": 1}], "b": [{"x": 2}]}}', port="b") == [{"x": 2}]


def test_csv_with_a_header(tmp_path: Path):
    assert read(tmp_path, "colour,size\nblue,1.5\n\nred,2\n", "rows.csv") == [
        {"colour": "blue", "size": "1.5"},
        {"colour": "red", "size": "2"},
    ]
    bom = "\ufeff".encode()
    assert read(tmp_path, "a,b\nx\u2028y,1\n", "rows.csv") == [{"a": "x\u2028y", "b": "1"}]
    assert read(tmp_path, bom + b'colour;size\r\n"a;b\r\nc";1\r\n', "rows.csv") == [{"colour": "a;b\r\nc", "size": "1"}]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("rows.csv", "", "empty"),
        ("rows.csv", "a,b\n", "nothing below its header"),
        ("rows.csv", "a,a\n1,2\n", "same name"),
        ("rows.csv", "a,b\n1,2\n1\n", "line 3 has 1 cells"),
        ("rows.csv", 'a,b\n"1,2\n', "line"),
        ("rows.csv", b"a,b\n\xff,2\n", "not UTF-8"),
        ("rows.json", "{", "not JSON"),
        ("rows.json", "[" * 100_000, "not JSON"),
        ("rows.json", "3", "list of rows"),
        ("rows.json", "[]", "list of rows"),
        ("rows.json", "[[1, 2]]", "row 1 names no columns"),
        ("rows.json", '{"Inputs": {}}', "hold nothing"),
        ("rows.json", '{"Inputs": {"a": [], "b": []}}', "several inputs: a, b"),
    ],
)
def test_what_is_no_table_of_rows_says_why(tmp_path: Path, name: str, text: str | bytes, words: str):
    with pytest.raises(RetrainctlError) as refused:
        read(tmp_path, text, name)
    assert refused.value.code == "RC661"
    assert words in refused.value.message


def test_a_wrong_number_of_values_names_the_row(tmp_path: Path):
    with pytest.raises(RetrainctlError, match="row 2 has 1 values, there are 2 columns"):
        read(tmp_path, "[[1, 2], [1]]", columns=["a", "b"])


def test_a_file_that_is_not_there(tmp_path: Path):
    for call in (read_rows, read_definition):
        with pytest.raises(RetrainctlError) as refused:
            call(tmp_path / "gone.csv")
        assert refused.value.code == "RC005"


def test_a_definition_is_a_json_object(tmp_path: Path):
    for text in ("[]", "{", "null"):
        (tmp_path / "d.json").write_text(text)
        with pytest.raises(RetrainctlError) as refused:
            read_definition(tmp_path / "d.json")
        assert refused.value.code == "RC662"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.ilearner"
    path.write_bytes(ModelFile().bytes())
    return path


def test_rows_get_scores_beside_their_own_columns(tmp_path: Path, model: Path):
    (tmp_path / "rows.csv").write_text("colour,size,id\nblue,1.5,a\ngreen,2,b\n")
    document = scored(model, rows=tmp_path / "rows.csv", definition=None, transformed=False)
    assert document["scores"] == ["Scored Labels", "Scored Probabilities"]
    first, second = document["rows"]
    assert (first["id"], first["Scored Labels"] in ("no", "yes")) == ("a", True)
    assert 0 < second["Scored Probabilities"] < 1
    assert "never met" in document["notes"][0]


def definition(steps: bool) -> dict:
    nodes = {"in": {"inputId": "input1"}, "score": {"assetId": "score"}, "scale": {"assetId": "scale"}}
    way = ["in", "scale", "score"] if steps else ["in", "score"]
    return {
        "properties": {
            "input": {
                "properties": {"input1": {"properties": {"colour": {"type": "String"}, "size": {"type": "Number"}}}}
            },
            "output": {"properties": {}},
            "assets": {
                "score": {"name": "Score Model", "type": "Module"},
                "scale": {"name": "Apply Transformation", "type": "Module"},
            },
            "package": {
                "nodes": nodes,
                "edges": [{"sourceNodeId": a, "targetNodeId": b} for a, b in pairwise(way)],
            },
            "exampleRequest": {"inputs": {"input1": [["red", 2]]}},
        }
    }


def test_a_service_gives_rows_and_says_what_it_does_to_them(tmp_path: Path, model: Path):
    service = tmp_path / "service.json"
    service.write_text(json.dumps(definition(steps=False)))
    document = scored(model, rows=None, definition=service, transformed=False)
    assert [row["colour"] for row in document["rows"]] == ["red"]
    assert document["scores"] == ["Scored Labels", "Scored Probabilities"]
    (tmp_path / "rows.json").write_text('{"Inputs": {"input1": [["blue", 3]]}}')
    given = scored(model, rows=tmp_path / "rows.json", definition=service, transformed=False)
    assert [row["colour"] for row in given["rows"]] == ["blue"]

    service.write_text(json.dumps(definition(steps=True)))
    with pytest.raises(RetrainctlError) as refused:
        scored(model, rows=None, definition=service, transformed=False)
    assert refused.value.code == "RC724"
    (tmp_path / "rows.json").write_text('[{"colour": "red", "size": 0.9, "id": 4}]')
    taken = scored(model, rows=tmp_path / "rows.json", definition=service, transformed=True)
    assert taken["scores"] == ["Scored Labels", "Scored Probabilities"]


def test_a_comparison_knows_weights_of_studio_models_only(tmp_path: Path, model: Path):
    from retrainctl.ilearner.conversion import convert
    from retrainctl.ilearner.reader import read_model_file

    other = tmp_path / "other.ilearner"
    other.write_bytes(ModelFile(weights=[1, 2, 3, 4], label="result").bytes())
    document = json.loads(json.dumps(compared(("a", "b"), model, other)))
    assert (document["before"]["name"], document["after"]["name"]) == ("a", "b")
    assert document["weights"]
    assert "the label changes" in document["findings"][0]["message"]
    onnx = tmp_path / "model.onnx"
    onnx.write_bytes(convert(read_model_file(model)))
    same = compared(("a", "b"), model, onnx)
    assert (same["weights"], same["columns"]["retyped"], same["findings"]) == ([], [], [])
    assert inspected("x", onnx)["name"] == "x"
