"""Many environments side by side, and the graph, in every form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retrainctl.render.graph import graph_dot, graph_mermaid, graph_svg, graph_text
from retrainctl.render.matrix import matrix_json, matrix_markdown, matrix_text
from retrainctl.render.style import Style
from tests.golden.render.plans import HOSTILE, a_plan, an_endpoint_move

HERE = Path(__file__).parent

NAMES = ("dev", "test", "prod")


def environments() -> dict[str, Any]:
    """Three environments: one ahead, one behind, one that cannot be read."""
    move, hostile = an_endpoint_move(1), {**an_endpoint_move(2), "address": f"Endpoint/{HOSTILE}"}
    documents = [a_plan([]), a_plan([move, hostile]), None]
    columns = [
        {"environment": name, "document": document, "failure": "" if document else "RC308: no credentials"}
        for name, document in zip(NAMES, documents, strict=True)
    ]
    ahead: dict[str, Any] = {"declared": {"Slot": "bike-rental@2"}, "change": None}
    rows = [
        {
            "address": change["address"],
            "cells": (ahead, {"declared": {"Slot": "bike-rental@2"}, "change": change}, None),
        }
        for change in (move, hostile)
    ]
    rows.append({"address": "WebService/only-dev", "cells": ({"declared": {}, "change": None}, None, None)})
    return {"columns": columns, "rows": rows, "same": 7}


def drawing() -> dict[str, Any]:
    names = ["training", "model", "model@1", "model@2", HOSTILE]
    ranks, statuses = [0, 1, 2, 2, 3], ["", "", "", "", "update"]
    nodes = [
        {"id": name, "rank": rank, "kind": "thing", "label": name, "status": status, "detail": "", "number": 1}
        for name, rank, status in zip(names, ranks, statuses, strict=True)
    ]
    pairs = [(0, 1, ""), (1, 2, ""), (1, 3, ""), (2, 4, "old"), (3, 4, "new")]
    edges = [
        {"source": names[one], "target": names[other], "label": HOSTILE, "status": status}
        for one, other, status in pairs
    ]
    return {"title": "prod", "nodes": nodes, "edges": edges}


FORMS: dict[str, Callable[[dict[str, Any]], str]] = {
    "txt": lambda data: matrix_text(data, Style(width=100)),
    "md": matrix_markdown,
    "json": matrix_json,
}
PICTURES: dict[str, Callable[[dict[str, Any]], str]] = {
    "txt": lambda data: graph_text(data, Style()),
    "mmd": graph_mermaid,
    "dot": graph_dot,
    "svg": graph_svg,
}


@pytest.mark.parametrize("form", FORMS)
def test_many_environments(golden: Callable[[Path, str], None], form: str) -> None:
    golden(HERE / "environments" / f"expected.{form}", FORMS[form](environments()))


@pytest.mark.parametrize("form", PICTURES)
def test_graph(golden: Callable[[Path, str], None], form: str) -> None:
    golden(HERE / "graph" / f"expected.{form}", PICTURES[form](drawing()))
