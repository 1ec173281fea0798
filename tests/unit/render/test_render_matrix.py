"""Several environments side by side, in every form, hostile names included."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from retrainctl.render.budget import PRESETS
from retrainctl.render.matrix import matrix_json, matrix_markdown, matrix_text
from retrainctl.render.style import Style

EVIL = "a|b`c` @team #1 <b>x</b>\n::set-env name=x::y ##vso[a]b \x1b[31m"


def change(address: str) -> dict[str, Any]:
    move = {"slot": "S [trained model]", "from": "m@1", "to": "m@2", "knowledge": "live"}
    return {"address": address, "kind": "Endpoint", "change": {"actions": ["update"]}, "model_changes": [move]}


def data(rows: int, name: str = "Endpoint/e") -> dict[str, Any]:
    addresses = [f"{name}{at}" for at in range(rows)]
    document = {
        "environment": "prod",
        "digest": "sha256:00",
        "resource_changes": [change(a) for a in addresses],
        "summary": {"no_op": 0},
    }
    declared = {"S [trained model]": "m@2"}
    return {
        "columns": [
            {"environment": "prod", "document": document, "failure": ""},
            {"environment": "test", "document": None, "failure": f"RC308: {name}"},
        ],
        "rows": [
            {"address": address, "cells": ({"declared": declared, "change": change(address)}, None)}
            for address in addresses
        ],
        "same": 3,
    }


def test_text_shows_the_move_and_why_a_column_is_missing() -> None:
    text = matrix_text(data(2), Style(width=120))
    assert "~ update m@1 → @2" in text
    assert "test: not planned: RC308" in text
    assert "3 more resources are declared alike" in text


@pytest.mark.parametrize("preset", PRESETS)
def test_five_thousand_rows_fit_every_preset_and_the_rest_is_counted(preset: str) -> None:
    text = matrix_markdown(data(5_000), preset)
    assert len(text.encode()) <= PRESETS[preset].limit
    shown = len(re.findall(r"^\| `Endpoint/e\d+`", text, re.MULTILINE))
    omitted = re.search(r"^([\d,]+) more resources omitted", text, re.MULTILINE)
    assert shown + (int(omitted[1].replace(",", "")) if omitted else 0) == 5_000


def test_hostile_names_stay_in_their_cell() -> None:
    text = matrix_markdown(data(1, EVIL))
    (row,) = [line for line in text.splitlines() if line.startswith("| <code>")]
    assert row.count("|") == 4
    assert "@team" not in text.replace("<code>", "").replace("&#64;team", "")
    for shown in (text, matrix_text(data(1, EVIL), Style())):
        assert "\x1b" not in shown
        assert "##vso" not in shown
        assert not re.search(r"^::", shown, re.MULTILINE)


def test_json_has_the_plans_and_the_rows() -> None:
    document = json.loads(matrix_json(data(1)))
    assert document["environments"]["prod"]["digest"] == "sha256:00"
    assert document["environments"]["test"] == {"failure": "RC308: Endpoint/e"}
    assert document["resources"][0]["environments"]["prod"]["action"] == ["update"]
    assert document["same"] == 3
