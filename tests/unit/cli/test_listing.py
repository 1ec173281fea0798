"""`--output` and `--query`: what `az` users expect, and nothing that could act on a terminal."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import yaml

from retrainctl.cli.console import Console
from retrainctl.cli.listing import Output, check_query, show
from retrainctl.errors import UsageError

PLANS = [
    {"name": "s1", "location": "southcentralus", "sku": {"name": "S1", "capacity": 1}, "free": False, "tags": {}},
    {"name": "s2", "location": None, "sku": {"name": "S2", "capacity": 3}, "free": True, "tags": {"a": "b"}},
]
COLUMNS = {"Name": "name", "Sku": "sku.name", "Capacity": "sku.capacity"}


def shown(value: Any, output: Output, query: str | None = None, columns: dict[str, str] | None = None) -> str:
    out = io.StringIO()
    console = Console(stdin=io.StringIO(), stdout=out, stderr=io.StringIO(), environ={"COLUMNS": "80"})
    show(console, value, output=output, query=query, columns=columns)
    return out.getvalue()


def test_a_table_has_the_named_columns() -> None:
    assert [line.split() for line in shown(PLANS, Output.TABLE, columns=COLUMNS).splitlines()] == [
        ["Name", "Sku", "Capacity"],
        ["s1", "S1", "1"],
        ["s2", "S2", "3"],
    ]


def test_a_query_makes_the_columns_of_its_own() -> None:
    lines = shown(PLANS, Output.TABLE, "[].{plan: name, size: sku.name}", COLUMNS).splitlines()
    assert [line.split() for line in lines] == [["Plan", "Size"], ["s1", "S1"], ["s2", "S2"]]


def test_without_columns_every_plain_member_is_one() -> None:
    header, _, last = shown(PLANS, Output.TABLE).splitlines()
    assert header.split() == ["Name", "Location", "Free"]
    assert last.split() == ["s2", "true"]


def test_one_object_is_a_table_of_one_row() -> None:
    assert shown(PLANS[0], Output.TABLE, columns=COLUMNS).splitlines()[1].split() == ["s1", "S1", "1"]


@pytest.mark.parametrize("nothing", [[], None])
def test_nothing_is_said(nothing: Any) -> None:
    assert shown(nothing, Output.TABLE, columns=COLUMNS) == "Nothing found.\n"


def test_json_and_yaml_hold_the_whole_object() -> None:
    assert json.loads(shown(PLANS, Output.JSON)) == PLANS
    assert yaml.safe_load(shown(PLANS, Output.YAML)) == PLANS


def test_tsv_has_values_only() -> None:
    assert shown(PLANS, Output.TSV, "[].[name, sku.capacity, free, location]") == (
        "s1\t1\tfalse\tsouthcentralus\ns2\t3\ttrue\tNone\n"
    )
    assert shown(PLANS, Output.TSV, "[].name") == "s1\ns2\n"
    assert shown(PLANS, Output.TSV, "[?name=='none']") == ""


@pytest.mark.parametrize("query", ["[", "name ==", "[?"])
def test_a_query_that_is_none_is_a_usage_error(query: str) -> None:
    with pytest.raises(UsageError, match="--query"):
        shown(PLANS, Output.JSON, query)
    with pytest.raises(UsageError, match="--query"):
        check_query(query)


@pytest.mark.parametrize("output", list(Output))
def test_foreign_text_cannot_act(output: Output) -> None:
    text = shown([{"name": "\x1b[31mred\n::error::x\t##vso[a]"}], output)
    assert "\x1b" not in text
    assert "\n::error::" not in text
    assert "##vso" not in text
