"""The graph of an environment as text, Mermaid, DOT and SVG; every foreign name inert in each.

It takes plain data: `title`, `nodes` of `{id, rank, kind, label, status, detail, number}`, `edges` of
`{source, target, label, status}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from retrainctl.render.escape import clip, visible
from retrainctl.render.style import SYMBOLS, Style

Data = Mapping[str, Any]

COLOURS: Final = {
    "create": ("#dafbe1", "#1a7f37"),
    "update": ("#ddf4ff", "#0969da"),
    "replace": ("#fbefff", "#8250df"),
    "delete": ("#ffebe9", "#cf222e"),
    "danger": ("#cf222e", "#82071e"),
}
"""Fill and line of a node that a plan changes; dark writing stands on all but the last."""

_LONGEST: Final = 60
_EDGE_LONGEST: Final = 40


def graph_text(data: Data, style: Style) -> str:
    """A tree per source; what was told before is only named again."""
    below: dict[str, list[Data]] = {}
    for edge in data["edges"]:
        below.setdefault(edge["source"], []).append(edge)
    nodes = {node["id"]: node for node in data["nodes"]}
    reached = {edge["target"] for edge in data["edges"]}
    told: set[str] = set()
    lines: list[str] = []
    for node in data["nodes"]:
        if node["id"] not in reached:
            lines += _branch(node, "", 0, below, nodes, told, style)
    return "\n".join(lines or ["Nothing is declared."]) + "\n"


def _branch(
    node: Data,
    how: str,
    depth: int,
    below: Mapping[str, Sequence[Data]],
    nodes: Mapping[str, Data],
    told: set[str],
    style: Style,
) -> Iterator[str]:
    again = node["id"] in told and bool(below.get(node["id"]))
    mark = f"{SYMBOLS.get(node['status'], '!')} {node['status']}: " if node["status"] else ""
    line = f"{'  ' * depth}{how}{mark}{_named(node)}{' (see above)' if again else ''}"
    yield style.paint(node["status"], line)
    if again:
        return
    told.add(node["id"])
    for edge in below.get(node["id"], ()):
        label = f"[{visible(edge['label'])}] " if edge["label"] else ""
        moved = f"({edge['status']}) " if edge["status"] else ""
        yield from _branch(nodes[edge["target"]], f"{style.arrow} {moved}{label}", depth + 1, below, nodes, told, style)


def _named(node: Data) -> str:
    many = f" ({node['number']:,} of them)" if node["number"] > 1 else ""
    detail = f", {node['detail']}" if node["detail"] else ""
    return f"{node['kind']} {visible(node['label'])}{many}{detail}"


def _lines(node: Data, limit: int = _LONGEST) -> list[str]:
    """What stands in a box: the kind, with what the plan does; the name; the detail."""
    mark = f"{SYMBOLS.get(node['status'], '!')} {node['status']} · " if node["status"] else ""
    many = f"{node['number']:,} × " if node["number"] > 1 else ""
    return [f"{mark}{node['kind']}", f"{many}{clip(visible(node['label']), limit)}", *filter(None, [node["detail"]])]


def graph_mermaid(data: Data) -> str:
    """A flow chart that GitHub shows inside a Markdown code block of the language `mermaid`."""
    ids = _numbers(data)
    lines = ["flowchart LR"]
    for node in data["nodes"]:
        label = "<br/>".join(_mermaid(line) for line in _lines(node))
        kind = f":::{node['status']}" if node["status"] in COLOURS else ""
        lines.append(f'  {ids[node["id"]]}["{label}"]{kind}')
    for edge in data["edges"]:
        arrow = "-.->" if edge["status"] == "old" else "==>" if edge["status"] == "new" else "-->"
        text = _edge_text(edge)
        label = f'|"{_mermaid(text)}"|' if text else ""
        lines.append(f"  {ids[edge['source']]} {arrow}{label} {ids[edge['target']]}")
    used = {node["status"] for node in data["nodes"]}
    for status, (fill, stroke) in COLOURS.items():
        if status in used:
            ink = "#ffffff" if status == "danger" else "#1f2328"
            lines.append(f"  classDef {status} fill:{fill},stroke:{stroke},color:{ink};")
    return "\n".join(lines) + "\n"


def _edge_text(edge: Data) -> str:
    moved = f"{edge['status']}: " if edge["status"] else ""
    return f"{moved}{clip(visible(edge['label']), _EDGE_LONGEST)}" if edge["label"] or moved else ""


def _mermaid(text: str) -> str:
    """Text in a quoted label: all that is no letter, digit or blank stands as an entity code, which it shows again."""
    return "".join(c if c.isalnum() or c in " -_.," else f"#{ord(c)};" for c in visible(text))


def graph_dot(data: Data) -> str:
    """A directed graph for Graphviz."""
    ids = _numbers(data)
    lines = ["digraph retrainctl {", "  rankdir=LR;", '  node [shape=box, style="rounded,filled", fillcolor=white];']
    for node in data["nodes"]:
        fill, stroke = COLOURS.get(node["status"], ("white", "black"))
        ink = ', fontcolor="white"' if node["status"] == "danger" else ""
        label = "\\n".join(_dot(line) for line in _lines(node))
        lines.append(f'  {ids[node["id"]]} [label="{label}", fillcolor="{fill}", color="{stroke}"{ink}];')
    for edge in data["edges"]:
        look = {"old": ", style=dashed", "new": ", style=bold"}.get(edge["status"], "")
        label = _dot(_edge_text(edge))
        lines.append(f'  {ids[edge["source"]]} -> {ids[edge["target"]]} [label="{label}"{look}];')
    for rank in sorted({node["rank"] for node in data["nodes"]}):
        same = "; ".join(ids[node["id"]] for node in data["nodes"] if node["rank"] == rank)
        lines.append(f"  {{ rank=same; {same}; }}")
    return "\n".join([*lines, "}"]) + "\n"


def _dot(text: str) -> str:
    """Text in a quoted string: no escape sequence of its own, no end of the string, no entity."""
    return visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")


def _numbers(data: Data) -> dict[str, str]:
    """Ids that no name can reach into."""
    return {node["id"]: f"n{at}" for at, node in enumerate(data["nodes"])}


def graph_svg(data: Data) -> str:
    """A picture without scripts or anything from elsewhere, for light and dark."""
    from retrainctl.render.graph_svg import picture

    return picture(data, [_lines(node, 34) for node in data["nodes"]], [_edge_text(edge) for edge in data["edges"]])


def graph_json(data: Data) -> str:
    from retrainctl.render.escape import json_text

    return json_text(data) + "\n"
