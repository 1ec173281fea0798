"""The graph's renderers: the same relations in each, and no foreign name that acts."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from retrainctl.render.graph import graph_dot, graph_mermaid, graph_svg, graph_text
from retrainctl.render.style import Style

HOSTILE = [
    'a"]; click n0 "javascript:alert(1)"',
    "x\n  n9 --> n8",
    "::set-env name=A::b",
    "##vso[task.setvariable variable=a]b",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "`code` | pipe @team #123 %%{init}%%",
    "\x1b[31mred\x1b[0m \u202eevil\u202c \x00nul",
    'end\\" ; "] subgraph end',
    "&#35;quot;&amp;",
]


def drawing(*names: str) -> dict[str, Any]:
    nodes = [
        {"id": name, "rank": at % 5, "kind": "Model", "label": name, "status": "update", "detail": "", "number": 1}
        for at, name in enumerate(names)
    ]
    edges = [{"source": one, "target": other, "label": one, "status": "new"} for one, other in pairwise(names)]
    return {"title": names[0], "nodes": nodes, "edges": edges}


@pytest.mark.parametrize("render", [lambda d: graph_text(d, Style()), graph_mermaid, graph_dot, graph_svg])
def test_foreign_names_cannot_act(render: Any) -> None:
    text = render(drawing(*HOSTILE))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", text)
    assert "##vso" not in text
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())


def test_mermaid_has_as_many_lines_as_nodes_and_edges() -> None:
    lines = graph_mermaid(drawing(*HOSTILE)).splitlines()
    count = len(HOSTILE)
    assert len(lines) == 1 + count + (count - 1) + 1
    node = re.compile(r'  n\d+\["[^"`<>\[\]]*(?:<br/>[^"`<>\[\]]*)*"\]:::update')
    assert all(node.fullmatch(line) for line in lines[1 : count + 1])
    edge = re.compile(r'  n\d+ ==>\|"[^"|<>\[\]]*"\| n\d+')
    assert all(edge.fullmatch(line) for line in lines[count + 1 : -1])


def test_mermaid_names_stand_as_entities_that_show_them_again() -> None:
    text = graph_mermaid(drawing('a"b', "c"))
    assert "a#34;b" in text


def test_dot_strings_never_end_early() -> None:
    text = graph_dot(drawing(*HOSTILE))
    without = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    assert "javascript" not in without
    assert without.count('"') % 2 == 0
    assert without.count("->") == len(HOSTILE) - 1


def test_svg_is_well_formed_and_holds_no_script() -> None:
    root = ElementTree.fromstring(graph_svg(drawing(*HOSTILE)))
    tags = {element.tag.partition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "rect", "path", "g", "text"}
    assert not any(name.startswith("on") or "href" in name for element in root.iter() for name in element.attrib)
    assert "<script>alert(1)</script>" in "".join(root.itertext())


def test_text_tells_a_shared_node_once() -> None:
    data = drawing("a", "b", "c")
    data["nodes"].append({**data["nodes"][0], "id": "z", "label": "z"})
    data["edges"].append({"source": "z", "target": "b", "label": "", "status": ""})
    text = graph_text(data, Style())
    assert text.count("Model c") == 1
    assert "Model b (see above)" in text


def test_what_a_plan_does_is_told_in_words_and_not_in_colour_only() -> None:
    for render in (lambda d: graph_text(d, Style()), graph_mermaid, graph_dot, graph_svg):
        assert "update" in render(drawing("a", "b"))
