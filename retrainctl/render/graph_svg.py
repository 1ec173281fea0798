"""A graph as SVG: columns from left to right, boxes in the order of the nodes, curves between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from retrainctl.render.escape import xml
from retrainctl.render.style import Style, cells, shorten

WIDTH: Final = 260
GAP_X: Final = 150
GAP_Y: Final = 18
LINE: Final = 18
MARGIN: Final = 24
_ROOM: Final = 34
"""Cells of text that fit into a box."""
_EDGE_ROOM: Final = 22

_CSS: Final = """
svg { font: 13px system-ui, sans-serif; color-scheme: light dark; }
.back { fill: #ffffff; } text { fill: #1f2328; } .kind { font-size: 11px; opacity: .8; } .name { font-weight: 600; }
rect { fill: #f6f8fa; stroke: #8c959f; } path { fill: none; stroke: #8c959f; stroke-width: 1.5; }
.label { font-size: 11px; fill: #57606a; } .old { stroke-dasharray: 5 4; } .new { stroke-width: 3; stroke: #0969da; }
.create rect { fill: #dafbe1; stroke: #1a7f37; } .update rect { fill: #ddf4ff; stroke: #0969da; }
.replace rect { fill: #fbefff; stroke: #8250df; } .delete rect { fill: #ffebe9; stroke: #cf222e; }
.danger rect { fill: #cf222e; stroke: #82071e; } .danger text { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  .back { fill: #0d1117; } text { fill: #e6edf3; } rect { fill: #161b22; stroke: #6e7681; } path { stroke: #6e7681; }
  .label { fill: #9198a1; } .new { stroke: #4493f8; }
  .create rect { fill: #12381f; stroke: #3fb950; } .update rect { fill: #0c2d6b; stroke: #4493f8; }
  .replace rect { fill: #3c1e70; stroke: #ab7df8; } .delete rect { fill: #5d0f12; stroke: #f85149; }
}
"""


def picture(data: Mapping[str, Any], boxes: Sequence[Sequence[str]], labels: Sequence[str]) -> str:
    """The document. boxes: the lines of each node; labels: the text of each edge."""
    ranks = sorted({node["rank"] for node in data["nodes"]})
    height = max((2 * 8 + LINE * len(lines) for lines in boxes), default=0)
    rows = dict.fromkeys(ranks, 0)
    places: dict[str, tuple[int, int]] = {}
    for node in data["nodes"]:
        x = MARGIN + ranks.index(node["rank"]) * (WIDTH + GAP_X)
        places[node["id"]] = (x, MARGIN + rows[node["rank"]] * (height + GAP_Y))
        rows[node["rank"]] += 1
    wide = 2 * MARGIN + len(ranks) * WIDTH + max(0, len(ranks) - 1) * GAP_X
    tall = 2 * MARGIN + max(rows.values(), default=0) * (height + GAP_Y)
    title = f"Models of environment {data['title']}"
    summary = f"{len(data['nodes'])} nodes, {len(data['edges'])} relations"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{wide}" height="{tall}" '
        f'viewBox="0 0 {wide} {tall}" aria-labelledby="t d">',
        f'<title id="t">{xml(title)}</title><desc id="d">{summary}</desc>',
        f"<style>{_CSS}</style>",
        f'<rect class="back" width="{wide}" height="{tall}" stroke="none"/>',
        *_edges(data, labels, places, height),
        *(_box(node, lines, places[node["id"]], height) for node, lines in zip(data["nodes"], boxes, strict=True)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _edges(
    data: Mapping[str, Any], labels: Sequence[str], places: Mapping[str, tuple[int, int]], height: int
) -> Iterator[str]:
    for edge, label in zip(data["edges"], labels, strict=True):
        (x1, y1), (x2, y2) = places[edge["source"]], places[edge["target"]]
        x1, y1, y2 = x1 + WIDTH, y1 + height // 2, y2 + height // 2
        middle = (x1 + x2) // 2
        kind = f' class="{edge["status"]}"' if edge["status"] in ("old", "new") else ""
        yield f'<path{kind} d="M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}"/>'
        if label:
            shown = shorten(label, _EDGE_ROOM, Style())
            # Near its beginning, where curves that end in one box are apart.
            x, y = x1 + GAP_X // 2, (3 * y1 + y2) // 4 - 4
            inner = f"{xml(shown)}<title>{xml(label)}</title>"
            yield f'<text class="label" x="{x}" y="{y}" text-anchor="middle">{inner}</text>'


def _box(node: Mapping[str, Any], lines: Sequence[str], place: tuple[int, int], height: int) -> str:
    x, y = place
    status = f' class="{node["status"]}"' if node["status"] in _STATUSES else ""
    texts = []
    for at, line in enumerate(lines):
        kind = ("kind", "name", "kind")[min(at, 2)]
        shown = line if cells(line) <= _ROOM else shorten(line, _ROOM, Style())
        texts.append(f'<text class="{kind}" x="{x + 12}" y="{y + 8 + LINE * at + 13}">{xml(shown)}</text>')
    return (
        f"<g{status}><title>{xml(node['label'])}</title>"
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{height}" rx="8"/>{"".join(texts)}</g>'
    )


_STATUSES: Final = ("create", "update", "replace", "delete", "danger")
