"""Several environments side by side, as text, Markdown and JSON.

It takes plain data, so that it stands beside what makes it: `columns` of `{environment, document, failure}`, `rows` of
`{address, cells}`, each cell None or `{declared, change}`, and `same`, how many resources are alike and unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from retrainctl.render.budget import PRESETS, UNLIMITED, Section, fitted
from retrainctl.render.escape import json_text, markdown_code, visible
from retrainctl.render.read import plan_view
from retrainctl.render.style import SYMBOLS, Style, count
from retrainctl.render.table import table
from retrainctl.render.view import ChangeView, PlanView

_ABSENT: Final = "not declared"
_SAME: Final = "as declared"

Data = Mapping[str, Any]
_Changes = Mapping[str, ChangeView]


def matrix_text(data: Data, style: Style) -> str:
    """A table with a row per resource and a column per environment, then a line per environment."""
    views = _views(data)
    shown = _changes(views)
    lines = [*_verdicts(data, views), ""]
    if data["rows"]:
        header = ["resource", *(visible(column["environment"]) for column in data["columns"])]
        rows = [[visible(row["address"]), *_cells(row, views, shown, style.arrow)] for row in data["rows"]]
        lines += [*table(header, rows, style), ""]
    lines.append(_same(data))
    return "\n".join(lines) + "\n"


def matrix_markdown(data: Data, preset: str | None = None) -> str:
    """The same as Markdown; rows are dropped from the end, and counted, where the preset is too small."""
    views = _views(data)
    shown = _changes(views)
    names = [markdown_code(column["environment"], 60) for column in data["columns"]]
    head = ["## retrainctl plan · " + " · ".join(names), ""]
    head += [f"- {line}" for line in _verdicts(data, views, mark=True)]
    rows = []
    for row in data["rows"]:
        cells = [_marked(cell) for cell in _cells(row, views, shown, "→")]
        rows.append(f"| {markdown_code(row['address'], 200)} | {' | '.join(cells)} |\n")
    title = f"\n| resource | {' | '.join(names)} |\n|---|{'---|' * len(names)}\n"

    def omitted(shown: int) -> str:
        return f"\n{count(len(rows) - shown, 'more resource')} omitted.\n"

    section = Section(rank=0, head=title, rows=rows, tail="", omitted=omitted, standing=False)
    limit = (PRESETS[preset] if preset else UNLIMITED).limit
    return fitted("\n".join(head) + "\n", [section] if rows else [], f"\n{_same(data)}\n", limit)


def matrix_json(data: Data) -> str:
    """`environments`: name -> the plan document, or `{failure}`; `resources`: the rows by environment; `same`."""
    names = [column["environment"] for column in data["columns"]]
    resources = [
        {
            "address": row["address"],
            "environments": {
                name: None if cell is None else {"declared": cell["declared"], "action": _action(cell["change"])}
                for name, cell in zip(names, row["cells"], strict=True)
            },
        }
        for row in data["rows"]
    ]
    plans = {
        column["environment"]: column["document"] if column["document"] is not None else {"failure": column["failure"]}
        for column in data["columns"]
    }
    return json_text({"environments": plans, "resources": resources, "same": data["same"]}) + "\n"


def _action(change: Mapping[str, Any] | None) -> list[str]:
    return ["no-op"] if change is None else list(change["change"]["actions"])


def _views(data: Data) -> list[PlanView | None]:
    return [None if column["document"] is None else plan_view(column["document"]) for column in data["columns"]]


def _changes(views: Sequence[PlanView | None]) -> list[_Changes]:
    """Per environment its changes by address."""
    return [{change.address: change for change in view.changes} if view is not None else {} for view in views]


def _verdicts(data: Data, views: Sequence[PlanView | None], *, mark: bool = False) -> Iterator[str]:
    for column, view in zip(data["columns"], views, strict=True):
        name = column["environment"]
        shown = markdown_code(name, 60) if mark else visible(name)
        if view is None:
            why = markdown_code(column["failure"]) if mark else visible(column["failure"])
            yield f"{shown}: not planned: {why}"
            continue
        stop = "blocked, " if not view.applyable else ""
        what = f"{count(len(view.changes), 'change')} ({view.actions})" if view.changes else "no changes"
        digest = markdown_code(view.digest, 80) if mark else view.digest
        yield f"{shown}: {stop}{what}; needs attention: {view.concerns or 'nothing'}; {digest}"


def _same(data: Data) -> str:
    if not data["same"]:
        return "Every resource is listed."
    verb = "is" if data["same"] == 1 else "are"
    return f"{count(data['same'], 'more resource')} {verb} declared alike and unchanged everywhere."


def _cells(row: Data, views: Sequence[PlanView | None], shown: Sequence[_Changes], arrow: str) -> list[str]:
    cells = []
    for at, cell in enumerate(row["cells"]):
        view = views[at]
        if view is None:
            cells.append("?")
        elif cell is None:
            cells.append(_ABSENT)
        elif cell["change"] is None:
            labels = sorted({visible(label) for label in cell["declared"].values()})
            cells.append(", ".join(labels) if labels else _SAME)
        else:
            cells.append(_change(shown[at][visible(row["address"])], arrow))
    return cells


def _change(change: ChangeView, arrow: str) -> str:
    flag = f" ({change.flag})" if change.flag else ""
    return f"{SYMBOLS.get(change.action, '')} {change.action} {change.summary(arrow)}".strip() + flag


def _marked(cell: str) -> str:
    return cell if cell in (_ABSENT, _SAME, "?") else markdown_code(cell, 200)
