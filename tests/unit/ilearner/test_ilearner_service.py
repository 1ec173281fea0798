"""A model against the web service that is to use it."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any

import pytest

from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.fit import fit
from retrainctl.ilearner.inspection import inspect_bytes
from retrainctl.ilearner.scorer import load_scorer
from retrainctl.ilearner.service import positional_row, read_service
from retrainctl.ilearner.serving import score_service
from tests.support.ilearner_writer import ModelFile

Json = dict[str, Any]


def columns(**types: str) -> Json:
    return {name: {"type": kind, "format": "", "x-ms-isnullable": False} for name, kind in types.items()}


def table(described: Json) -> Json:
    return {"type": "object", "properties": described}


def definition(
    inputs: Json,
    *steps: tuple[str, Json],
    outputs: Json | None = None,
    files: Json | None = None,
    example: list[object] | None = None,
) -> Json:
    """A service whose input goes through the steps into Score Model; `files` are resources by step name."""
    nodes: Json = {"in": {"inputId": "input1"}, "score": {"assetId": "score"}, "out": {"outputId": "output1"}}
    assets: Json = {"score": {"name": "Score Model", "type": "Module"}}
    edges = []
    last = "in"
    for index, (module, parameters) in enumerate(steps):
        node = f"step{index}"
        nodes[node] = {"assetId": node, "parameters": parameters}
        assets[node] = {"name": module, "type": "Module"}
        edges.append({"sourceNodeId": last, "targetNodeId": node})
        last = node
        for name in (files or {}).get(module, ()):
            nodes[name] = {"assetId": name}
            assets[name] = {
                "name": name,
                "type": "Resource",
                "locationInfo": {"uri": f"https://x.example/c/{name}?sig=s"},
            }
            edges.append({"sourceNodeId": name, "targetNodeId": node})
    edges += [{"sourceNodeId": last, "targetNodeId": "score"}, {"sourceNodeId": "score", "targetNodeId": "out"}]
    properties: Json = {
        "input": {"type": "object", "properties": {"input1": table(inputs)}},
        "output": {"type": "object", "properties": {"output1": table(outputs or {})}},
        "package": {"nodes": nodes, "edges": edges},
        "assets": assets,
    }
    if example is not None:
        properties["exampleRequest"] = {"inputs": {"input1": example}}
    return {"properties": properties}


def chosen(*rules: Json) -> str:
    return urllib.parse.quote(json.dumps({"isFilter": True, "rules": list(rules)}))


def rename(names: str, *rules: Json, data_type: str = "Unchanged") -> tuple[str, Json]:
    return "Edit Metadata", {"Column": chosen(*rules), "Data Type": data_type, "New Column Name": names}


MODEL = ModelFile()
TEXTS = ModelFile(features=[("colour", ["blue", "red"]), ("shape", ["round"])])
GOOD = columns(colour="String", size="Number")


def messages(file: ModelFile, service: Json) -> list[str]:
    return [finding.message for finding in fit(inspect_bytes(file.bytes()), service)]


def test_a_model_that_fits_has_no_findings() -> None:
    scored = {**GOOD, **columns(**{"Scored Labels": "String"})}
    assert messages(MODEL, definition(GOOD, outputs=scored)) == []


@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: d["properties"], lambda d: d["properties"]["input"]])
def test_definition_properties_and_bare_schema_are_taken(wrap: Any) -> None:
    service = wrap(definition(columns(colour="String", size="String")))
    assert messages(MODEL, service) == ["1 column numeric in the model, String in the service: size"]


def test_every_misfit_is_found_once_per_kind() -> None:
    inputs = columns(colour="Integer", other="String")
    outputs = columns(**{"colour": "Integer", "Scored Labels": "Number"})
    found = fit(inspect_bytes(MODEL.bytes()), definition(inputs, outputs=outputs))
    assert [(f.code, f.message, f.columns) for f in found] == [
        ("RC751", "1 column of the model is not in the service: size", ("size",)),
        ("RC750", "1 column text categories in the model, Integer in the service: colour", ("colour",)),
        ("RC753", "the label is String in the model, Scored Labels is Number in the service", ("outcome",)),
    ]
    assert all(finding.hint for finding in found)
    assert json.loads(json.dumps(found[0].to_json()))["columns"] == ["size"]


def test_values_that_the_service_allows_but_training_never_met() -> None:
    inputs = {**GOOD, "colour": {"type": "String", "enum": ["red", "green", "mauve"]}}
    assert messages(MODEL, definition(inputs)) == [
        "2 values that the service allows in colour were never seen in training"
    ]


def test_numeric_labels_fit_numeric_results() -> None:
    outputs = columns(**{"Scored Labels": "Integer"})
    assert messages(ModelFile(label_values=(0, 1)), definition(GOOD, outputs=outputs)) == []


@pytest.mark.parametrize(
    "step",
    [
        rename("colour,size", {"ruleType": "ColumnIndexes", "columns": ["1-2"]}),
        rename("colour,size", {"ruleType": "AllColumns"}),
        rename("size,colour", {"ruleType": "ColumnNames", "columns": ["B", "A"]}),
        rename(
            "colour,size", {"ruleType": "AllColumns"}, {"ruleType": "ColumnNames", "columns": ["C"], "exclude": True}
        ),
        rename("colour,size", {"ruleType": "ColumnIndexes", "columns": ["1", 2]}),
    ],
)
def test_names_are_compared_after_renaming(step: tuple[str, Json]) -> None:
    inputs = (
        columns(A="String", B="Number")
        if "C" not in urllib.parse.unquote(step[1]["Column"]).split('"')
        else columns(A="String", B="Number", C="String")
    )
    service = read_service(definition(inputs, step))
    assert messages(MODEL, definition(inputs, step)) == []
    assert service.steps == () and [column.name for column in service.columns][:2] == ["colour", "size"]
    assert service.renamed({"A": "red", "B": 1, "C": ""})["size"] == 1


def test_a_changed_data_type_is_followed() -> None:
    step = rename("", {"ruleType": "ColumnNames", "columns": ["size"]}, data_type="Floating point")
    assert messages(MODEL, definition(columns(colour="String", size="String"), step)) == []
    unknown = rename("", {"ruleType": "ColumnNames", "columns": ["size"]}, data_type="TimeSpan")
    assert messages(MODEL, definition(columns(colour="String", size="String"), unknown)) == []


def test_the_scored_table_tells_types_behind_all_modules() -> None:
    outputs = columns(**{"size": "Number", "Scored Labels": "String"})
    step = ("Execute Python Script", {})
    assert messages(MODEL, definition(columns(colour="String", size="String"), step, outputs=outputs)) == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"Column": "not json", "New Column Name": "x"},
        {"Column": chosen({"ruleType": "ColumnTypes"}), "New Column Name": "x"},
        {"Column": chosen({"ruleType": "AllColumns"}), "New Column Name": "only one"},
        {"Column": chosen({"ruleType": "ColumnIndexes", "columns": ["2-9"]})},
        {"Column": chosen({"ruleType": "ColumnIndexes", "columns": ["x"]})},
    ],
)
def test_a_column_choice_of_another_form_is_a_step_that_is_not_run(parameters: Json) -> None:
    service = read_service(definition(GOOD, ("Edit Metadata", parameters)))
    assert [step.module for step in service.steps] == ["Edit Metadata"]
    assert [column.name for column in service.columns] == ["colour", "size"]


@pytest.mark.parametrize("wrapped", [False, True], ids=["2016", "2017"])
@pytest.mark.parametrize(
    "choice",
    [
        chosen({"ruleType": "ColumnNames", "columns": ["size", "colour"]}),
        json.dumps([{"KeepInputDataOrder": True, "ColumnNames": ["size", "colour"]}]),
    ],
)
def test_columns_that_a_module_only_chooses_reach_the_model_as_they_are(choice: str, wrapped: bool) -> None:
    value: Json = {"value": choice, "certificateThumbprint": ""} if wrapped else choice
    inputs = columns(colour="String", other="String", size="Number")
    service = read_service(definition(inputs, ("Select Columns in Dataset", {"Select columns": value})))
    assert {column.name for column in service.columns} == {"colour", "size"} and service.steps == ()


def test_member_names_in_another_case_are_found() -> None:
    """As in the recorded `Nodes` and `Edges` (arm/testdata/GraphWebServiceDefinition_Dogfood.json)."""
    step = rename("colour,size", {"ruleType": "AllColumns"})
    service = definition(columns(A="String", B="Number"), step)
    package = service["properties"]["package"]
    service["properties"]["package"] = {"Nodes": package["nodes"], "Edges": package["edges"]}
    assert messages(MODEL, service) == []


def test_the_input_that_leads_to_the_model_is_chosen() -> None:
    service = definition(GOOD)
    ports = service["properties"]["input"]["properties"]
    service["properties"]["input"]["properties"] = {"globals": table(columns(x="String")), **ports}
    assert read_service(service).port == "input1"
    assert read_service(service, port="globals").columns[0].name == "x"
    with pytest.raises(IlearnerError, match="no input 'nope'; it has: globals, input1") as caught:
        read_service(service, port="nope")
    assert caught.value.code == "RC723"


def test_a_service_without_a_graph_compares_by_input_names() -> None:
    found = messages(MODEL, {"properties": {"input": {"properties": {"i": table(columns(a="String"))}}}})
    assert found == [
        "2 columns of the model are not in the service: colour, size "
        "(names are those of the input: the service may rename its columns)"
    ]


@pytest.mark.parametrize(
    "service", [{}, {"properties": {"input": {"properties": {}}}}, {"input": {"properties": {"a": {}}}}]
)
def test_a_definition_without_a_table_is_an_error(service: Json) -> None:
    with pytest.raises(IlearnerError) as caught:
        read_service(service)
    assert caught.value.code == "RC723"


def test_the_example_request_is_scored_under_the_model_names() -> None:
    step = rename("colour,shape", {"ruleType": "AllColumns"})
    service = read_service(
        definition(columns(A="String", B="String"), step, example=[["red", "round"], ["mauve", "round"]])
    )
    result = score_service(service, load_scorer(TEXTS.bytes()))
    assert [row["colour"] for row in result.rows] == ["red", "mauve"]
    assert all(row["Scored Labels"] in ("no", "yes") for row in result.rows)
    assert result.notes == ("values that training never met, scored as unknown, by column (rows): colour (1)",)


def transformed_service(example: list[object]) -> Any:
    return read_service(
        definition(
            columns(colour="String", size="Number", shape="String"),
            ("Execute R Script", {}),
            ("Apply Transformation", {}),
            files={"Apply Transformation": ["norm.itransform"]},
            example=example,
        )
    )


def test_a_transform_before_text_columns_is_said() -> None:
    service = transformed_service([["red", 1, "round"]])
    assert [(step.module, step.files) for step in service.steps] == [
        ("Execute R Script", ()),
        ("Apply Transformation", ("norm.itransform (.itransform)",)),
    ]
    result = score_service(service, load_scorer(TEXTS.bytes()))
    assert result.notes[0] == "Execute R Script was not run: the service itself may score other rows or values"
    assert result.notes[1].startswith("Apply Transformation with norm.itransform (.itransform) cannot be read")


def test_a_transform_before_numbers_gives_no_wrong_number() -> None:
    service = transformed_service([["red", 1, "round"]])
    with pytest.raises(IlearnerError, match="a score of the raw values would be wrong") as caught:
        score_service(service, load_scorer(MODEL.bytes()))
    assert caught.value.code == "RC724" and "1 numeric column (size)" in caught.value.message
    result = score_service(service, load_scorer(MODEL.bytes()), [{"colour": "red", "size": 0.5}], transformed=True)
    assert result.notes == ("rows taken as they leave the service's own modules",)
    assert result.rows[0]["Scored Labels"] in ("no", "yes")


def test_a_way_that_cannot_be_followed_is_said() -> None:
    service = definition(columns(colour="String", shape="String"), example=[["red", "round"]])
    service["properties"]["package"]["edges"] = []
    result = score_service(read_service(service), load_scorer(TEXTS.bytes()))
    assert result.notes == (
        "the way from the input to the model could not be followed: columns are taken by their input names",
    )


def test_rows_must_have_the_length_and_names_of_the_input() -> None:
    service = read_service(definition(GOOD))
    assert positional_row(service, ["red", 2]) == {"colour": "red", "size": 2}
    with pytest.raises(IlearnerError, match="a row of 2 values expected, found 1"):
        positional_row(service, ["red"])
    with pytest.raises(IlearnerError, match="a row of 2 values expected, found 3"):
        read_service(definition(GOOD, example=[["a", "b", "c"]]))
    with pytest.raises(IlearnerError, match="the row lacks the input columns size"):
        service.renamed({"colour": "red"})
    with pytest.raises(IlearnerError, match="no example request"):
        score_service(service, load_scorer(MODEL.bytes()))


def test_an_example_with_named_columns_is_read() -> None:
    service = read_service(definition(GOOD, example=[{"colour": "red", "size": 2}]))
    assert service.example == ({"colour": "red", "size": 2},)


def test_a_graph_that_goes_in_circles_ends() -> None:
    service = definition(GOOD)
    service["properties"]["package"]["edges"] = [
        {"sourceNodeId": "in", "targetNodeId": "out"},
        {"sourceNodeId": "out", "targetNodeId": "in"},
    ]
    assert not read_service(service).traced
