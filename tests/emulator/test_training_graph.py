"""The module graph: reading it, running it, and what its modules do to tables."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrainctl.emulator.training import choice
from retrainctl.emulator.training.evaluation import evaluate
from retrainctl.emulator.training.failure import ModuleFailed
from retrainctl.emulator.training.graph import GraphInvalid, Node, read_graph
from retrainctl.emulator.training.modules import MODULES
from retrainctl.emulator.training.run import UnknownModule, run
from retrainctl.emulator.training.table import Table, from_cells, read_csv, write_csv


def asset(name: str, kind: str = "Module", uri: str = "aml://module/x") -> dict[str, Any]:
    return {"name": name, "type": kind, "locationInfo": {"uri": uri}}


def definition(nodes: dict[str, Any], edges: list[tuple[str, str, str, str]], *names: str, **more: Any) -> Any:
    assets = {f"a{number}": asset(name) for number, name in enumerate(names)}
    listed = [
        dict(zip(("sourceNodeId", "sourcePortId", "targetNodeId", "targetPortId"), edge, strict=True)) for edge in edges
    ]
    return {"package": {"nodes": nodes, "edges": listed, **more.pop("package", {})}, "assets": assets, **more}


def column(table: Table, name: str) -> list[Any]:
    place = table.index(name)
    assert place is not None
    return table.columns[place].tolist()


def module(name: str, settings: dict[str, str], **ports: Any) -> dict[str, Any]:
    return MODULES[name](Node(id="n", module=name, settings=settings), ports)


TABLE = from_cells(["a", "b", "word"], [[1, 2, None, 4], [10, 20, 30, 40], ["x", None, "y", "x"]])


# Reading


def test_a_graph_is_read_in_either_dialect() -> None:
    new = definition(
        {
            "i": {"inputId": "in"},
            "m": {"assetId": "a0", "parameters": {"P": {"value": True}}},
            "o": {"outputId": "out"},
        },
        [("i", "", "m", "Dataset"), ("m", "Results dataset", "o", "")],
        "Select Columns in Dataset",
    )
    old = {
        "Package": {
            "Nodes": {
                "i": {"InputId": "in"},
                "m": {"AssetId": "a0", "Parameters": {"P": "True"}},
                "o": {"OutputId": "out"},
            },
            "Edges": [
                {"SourceNodeId": "i", "TargetNodeId": "m", "TargetPortId": "Dataset"},
                {"SourceNodeId": "m", "SourcePortId": "Results dataset", "TargetNodeId": "o"},
            ],
        },
        "Assets": {"a0": {"Name": "Project Columns", "Type": "Module"}},
    }
    assert read_graph(new) == read_graph(old)
    assert read_graph(new).nodes["m"].settings == {"P": "True"}


def test_parameters_replace_settings_and_have_defaults() -> None:
    graph = read_graph(
        definition(
            {"m": {"assetId": "a0", "parameters": {"Data source URL": "", "Other": "1"}}},
            [],
            "Reader",
            package={
                "graphParameters": {
                    "URI": {"type": "String", "links": [{"nodeId": "m", "parameterKey": "Data source URL"}]},
                    "Count": {"type": "Int", "links": [{"nodeId": "m", "parameterKey": "Other"}]},
                }
            },
            parameters={"count": {"value": 5, "certificateThumbprint": ""}},
        )
    )
    assert graph.parameters["URI"].default is None
    assert graph.parameters["Count"].default == "5"
    bound = graph.bound({"URI": "https://acct.blob.core.windows.net/c/x.csv"})
    assert bound.imports() == {"m": "https://acct.blob.core.windows.net/c/x.csv"}
    assert bound.nodes["m"].settings["Other"] == "5"
    assert graph.imports() == {"m": ""}


def test_import_data_knows_an_account_and_a_path() -> None:
    settings = {"Account Name": "bohurp", "Path to container or directory or blob": "uploadeddata/adult.csv"}
    graph = read_graph(definition({"m": {"assetId": "a0", "parameters": settings}}, [], "Import Data"))
    assert graph.imports() == {"m": "https://bohurp.blob.core.windows.net/uploadeddata/adult.csv"}


@pytest.mark.parametrize(
    ("nodes", "edges", "why"),
    [
        ({}, [], "no graph"),
        ({"m": {"assetId": "nope"}}, [], "does not exist"),
        ({"m": {"assetId": "a0"}}, [("m", "", "gone", "")], "no node"),
        ({"m": {"assetId": "a0"}, "n": {"assetId": "a0"}}, [("m", "", "n", "x"), ("n", "", "m", "x")], "circle"),
    ],
)
def test_what_is_no_graph_is_said(nodes: Any, edges: Any, why: str) -> None:
    with pytest.raises(GraphInvalid, match=why):
        read_graph(definition(nodes, edges, "Score Model"))


def test_only_what_an_output_needs_is_run() -> None:
    graph = read_graph(
        definition(
            {
                "i": {"inputId": "in"},
                "s": {"assetId": "a0", "parameters": {"Select columns": "b"}},
                "odd": {"assetId": "a1"},
                "o": {"outputId": "good"},
                "p": {"outputId": "bad"},
            },
            [("i", "", "s", "Dataset"), ("s", "", "o", ""), ("s", "", "odd", "Dataset"), ("odd", "", "p", "")],
            "Select Columns in Dataset",
            "Execute R Script",
        )
    )
    values = run(graph, ["good"], inputs={"in": TABLE}, imports={}, models={})
    assert values["good"].names == ("b",)
    with pytest.raises(UnknownModule, match="Execute R Script"):
        run(graph, ["good", "bad"], inputs={"in": TABLE}, imports={}, models={})


# Tables


def test_csv_columns_are_numbers_where_all_values_are() -> None:
    data = '﻿n,t,mixed,big\r\n1,"a, ""b""",1,1e3\r\n-2.5,ü,x,\r\n,,"line\nbreak",7\r\n'.encode()
    table = read_csv(data, "test")
    assert [table.numeric(place) for place in range(4)] == [True, False, False, True]
    assert column(table, "n")[:2] == [1.0, -2.5]
    assert math.isnan(column(table, "n")[2])
    assert column(table, "t") == ['a, "b"', "ü", None]
    assert column(table, "mixed") == ["1", "x", "line\nbreak"]
    assert column(table, "big")[0] == 1000.0


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"a,b\n1,2\n3\n", "All rows must have same number of elements"),
        (b"", "null or empty"),
        (b"a,a\n1,2\n", "must be unique"),
        (b"a\n\xff\xfe\n", "not UTF-8"),
    ],
)
def test_bad_data_fails_in_the_words_of_the_service(data: bytes, why: str) -> None:
    with pytest.raises(ModuleFailed, match=why) as error:
        read_csv(data, "Import Data")
    details = error.value.details("0" * 32)
    assert details.startswith("Module: Import Data; ")
    inner = json.loads(details[details.index("{") : details.rindex("}") + 1])
    assert why in inner["Exception"]["Message"]
    assert inner["Exception"]["ErrorCode"] == error.value.number


def test_a_file_without_a_header_gets_column_names() -> None:
    assert read_csv(b"1,x\n2,y\n", "test", header=False).names == ("Col1", "Col2")


@given(
    st.lists(
        st.tuples(
            st.floats(allow_nan=False, allow_infinity=False, width=64),
            st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).map(lambda text: "t" + text),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_a_table_survives_csv(rows: list[tuple[float, str]]) -> None:
    table = from_cells(["number", "text"], list(zip(*rows, strict=True)))
    back = read_csv(write_csv(table), "test")
    assert column(back, "number") == [number for number, _ in rows]
    assert column(back, "text") == [text for _, text in rows]
    parsed = list(csv.reader(io.StringIO(write_csv(table).decode(), newline="")))
    assert len(parsed) == len(rows) + 1


# Choosing columns

ALL = {"ruleType": "AllColumns", "exclude": False}


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("b, a", [1, 0]),
        (json.dumps({"isFilter": True, "rules": [{"ruleType": "ColumnNames", "columns": ["b", "a"]}]}), [1, 0]),
        (json.dumps({"rules": [ALL, {"ruleType": "ColumnNames", "columns": ["a"], "exclude": True}]}), [1, 2]),
        (json.dumps({"rules": [{"ruleType": "ColumnNames", "columns": ["a"], "exclude": True}]}), [1, 2]),
        (
            "%7B%22rules%22%3A%5B%7B%22ruleType%22%3A%22ColumnIndexes%22%2C%22columns%22%3A%5B%222-3%22%5D%7D%5D%7D",
            [1, 2],
        ),
        (
            json.dumps({"rules": [{"ruleType": "ColumnTypes", "columnTypes": ["Numeric"], "columnKinds": ["All"]}]}),
            [0, 1],
        ),
        (json.dumps([{"KeepInputDataOrder": True, "ColumnNames": ["word", "a"]}]), [0, 2]),
        (json.dumps([{"KeepInputDataOrder": False, "ColumnNames": ["word", "a"]}]), [2, 0]),
    ],
)
def test_columns_are_chosen_in_every_known_form(text: str, places: list[int]) -> None:
    assert choice.choose(text, TABLE, "test") == places


@pytest.mark.parametrize(
    "text",
    [
        "nope",
        '{"rules": [{"ruleType": "Odd"}]}',
        "{broken",
        '{"rules": [{"ruleType": "ColumnIndexes", "columns": ["9"]}]}',
    ],
)
def test_a_choice_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ModuleFailed):
        choice.choose(text, TABLE, "test")


# Modules


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("Custom substitution value", [1, 2, 7, 4]),
        ("Replace with mean", [1, 2, 7 / 3, 4]),
        ("Replace with median", [1, 2, 2, 4]),
        ("Replace with mode", [1, 2, 1, 4]),
    ],
)
def test_missing_numbers_are_filled(mode: str, expected: list[float]) -> None:
    settings = {"Cleaning mode": mode, "Columns to be cleaned": "a", "Replacement value": "7"}
    cleaned = module("Clean Missing Data", settings, Dataset=TABLE)["Cleaned dataset"]
    assert column(cleaned, "a") == pytest.approx(expected)
    assert column(cleaned, "word") == ["x", None, "y", "x"]


def test_missing_texts_are_filled_with_the_most_frequent_one() -> None:
    cleaned = module("Clean Missing Data", {"Cleaning mode": "Replace with mode"}, Dataset=TABLE)["Cleaned dataset"]
    assert column(cleaned, "word") == ["x", "x", "y", "x"]


def test_incomplete_rows_or_columns_are_removed() -> None:
    rows = module("Clean Missing Data", {"Cleaning mode": "Remove entire row"}, Dataset=TABLE)["Cleaned dataset"]
    assert column(rows, "b") == [10, 40]
    columns = module("Clean Missing Data", {"Cleaning mode": "Remove entire column"}, Dataset=TABLE)["Cleaned dataset"]
    assert columns.names == ("b",)


def test_columns_get_new_names_and_types() -> None:
    settings = {"Column": "a,b", "New Column Name": "first,second", "Data Type": "String"}
    edited = module("Edit Metadata", settings, Dataset=TABLE)["Results dataset"]
    assert edited.names == ("first", "second", "word")
    assert column(edited, "first") == ["1", "2", None, "4"]
    back = module("Edit Metadata", {"Column": "second", "Data Type": "Integer"}, Dataset=edited)["Results dataset"]
    assert column(back, "second") == [10.0, 20.0, 30.0, 40.0]
    with pytest.raises(ModuleFailed, match="Cannot convert"):
        module("Edit Metadata", {"Column": "word", "Data Type": "Integer"}, Dataset=TABLE)


@given(
    count=st.integers(1, 200),
    fraction=st.floats(0, 1),
    seed=st.integers(0, 10),
    randomized=st.booleans(),
    stratified=st.booleans(),
)
def test_a_split_loses_nothing_and_is_the_same_every_time(
    count: int, fraction: float, seed: int, randomized: bool, stratified: bool
) -> None:
    table = from_cells(["n", "kind"], [list(range(count)), ["x" if n % 3 else "y" for n in range(count)]])
    settings = {
        "Fraction of rows in the first output dataset": repr(fraction),
        "Randomized split": str(randomized),
        "Random seed": str(seed),
        "Stratified split": str(stratified),
        "Stratification key column": "kind",
    }
    parts = module("Split Data", settings, Dataset=table)
    first, second = column(parts["Results dataset1"], "n"), column(parts["Results dataset2"], "n")
    assert sorted(first + second) == list(range(count))
    assert len(first) == round(count * fraction)
    again = module("Split Data", settings, Dataset=table)
    assert column(again["Results dataset1"], "n") == first
    if not randomized and not stratified:
        assert first == list(range(len(first)))


def test_a_stratified_split_keeps_the_shares() -> None:
    table = from_cells(["kind"], [["x"] * 90 + ["y"] * 10])
    settings = {
        "Fraction of rows in the first output dataset": "0.5",
        "Stratified split": "True",
        "Stratification key column": "kind",
    }
    assert column(module("Split Data", settings, Dataset=table)["Results dataset1"], "kind").count("y") == 5


# Evaluation


def scored_table(label: list[Any], said: list[Any], chances: list[float] | None = None) -> Table:
    names, columns = ["y", "Scored Labels"], [label, said]
    if chances is not None:
        names, columns = [*names, "Scored Probabilities"], [*columns, chances]
    table = from_cells(names, columns)
    return Table(names=table.names, columns=table.columns, label="y")


def metrics(table: Table) -> dict[str, float]:
    found = evaluate(table, None)
    return {name: float(values[0]) for name, values in zip(found.names, found.columns, strict=True)}


def test_a_regression_is_measured_as_the_textbook_does() -> None:
    assert metrics(scored_table([1.0, 2.0, 3.0, 6.0], [2.0, 2.0, 2.0, 2.0])) == pytest.approx(
        {
            "Mean Absolute Error": 1.5,
            "Root Mean Squared Error": math.sqrt(18 / 4),
            "Relative Absolute Error": 6 / 6,
            "Relative Squared Error": 18 / 14,
            "Coefficient of Determination": 1 - 18 / 14,
        }
    )


def test_two_classes_are_measured_as_the_textbook_does() -> None:
    found = metrics(
        scored_table(["no", "no", "yes", "yes", "yes"], ["no", "yes", "yes", "no", "yes"], [0.2, 0.6, 0.9, 0.4, 0.7])
    )
    loss = -(math.log(0.8) + math.log(0.4) + math.log(0.9) + math.log(0.4) + math.log(0.7)) / 5
    entropy = -(3 * math.log(0.6) + 2 * math.log(0.4)) / 5
    assert found == pytest.approx(
        {
            "Accuracy": 3 / 5,
            "Precision": 2 / 3,
            "Recall": 2 / 3,
            "F-Score": 2 / 3,
            "AUC": 5 / 6,
            "Average Log Loss": loss,
            "Training Log Loss": 100 * (entropy - loss) / entropy,
        }
    )


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.2, 0.3, 0.7, 0.9])), min_size=2, max_size=30))
def test_the_area_is_the_share_of_pairs_in_order(rows: list[tuple[bool, float]]) -> None:
    label = ["yes" if truth else "no" for truth, _ in rows]
    said = ["yes" if chance > 0.5 else "no" for _, chance in rows]
    positives = [chance for truth, chance in rows if truth]
    negatives = [chance for truth, chance in rows if not truth]
    found = metrics(scored_table(label, said, [chance for _, chance in rows]))["AUC"]
    if not positives or not negatives:
        assert math.isnan(found)
        return
    pairs = [(high > low) + (high == low) / 2 for high in positives for low in negatives]
    if not any(chance > 0.5 for _, chance in rows):
        return  # which of the two is the positive class cannot be seen then
    assert found == pytest.approx(sum(pairs) / len(pairs))


def test_two_models_are_compared_in_two_rows() -> None:
    first, second = scored_table([1.0, 3.0], [1.0, 3.0]), scored_table([1.0, 3.0], [3.0, 3.0])
    found = evaluate(first, second)
    assert column(found, "Mean Absolute Error") == [0.0, 1.0]


def test_an_evaluation_without_scores_or_label_is_refused() -> None:
    with pytest.raises(ModuleFailed, match="no Scored Labels"):
        evaluate(from_cells(["y"], [[1.0]]), None)
    with pytest.raises(ModuleFailed, match="no label column"):
        evaluate(from_cells(["y", "Scored Labels"], [[1.0], [1.0]]), None)
    empty = from_cells(["y", "Scored Labels"], [[np.nan], [1.0]])
    with pytest.raises(ModuleFailed, match="less than the allowed minimum"):
        evaluate(Table(names=empty.names, columns=empty.columns, label="y"), None)
