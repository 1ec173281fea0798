"""Model files in text: one looked into, two compared, rows scored. Names and values come from strangers' files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from retrainctl.render.escape import visible
from retrainctl.render.style import PLAIN, Style, count, wrapped
from retrainctl.render.table import table

_LEAD = 16
_KINDS = {"studio": "Studio model", "onnx": "ONNX model"}
_MOST_ROWS = 200
_MOST_CATEGORIES = 12


def inspection_text(document: Mapping[str, Any], style: Style = PLAIN) -> str:
    """The document of `models inspect`."""
    return "\n".join(_inspection(document, style)) + "\n"


def _inspection(document: Mapping[str, Any], style: Style) -> Iterator[str]:
    kind = _KINDS.get(document["kind"], document["kind"])
    head = f"{visible(document['name'])}: {visible(document['algorithm'])} ({kind})"
    yield from (style.paint("strong", line) for line in wrapped(head, style, rest="  "))
    yield ""
    for name, value in _facts(document):
        yield from wrapped(value, style, first=f"  {name:<{_LEAD - 2}}", rest=" " * _LEAD)
    if document["columns"]:
        yield from ("", style.paint("strong", f"Columns ({len(document['columns'])})"))
        yield from _columns(document["columns"], style)
    if document["parts"]:
        yield from ("", style.paint("strong", "Inner parts"))
        rows = [
            (
                visible(part["name"]),
                visible(part["signature"]),
                visible(part["loader"]),
                f"{part['size']:,}",
                "" if part["decoded"] else "not decoded",
            )
            for part in document["parts"]
        ]
        yield from table(("PART", "SIGNATURE", "LOADER", "BYTES", ""), rows, style, right={3})
    yield from _listed("Not understood", document["undecoded"], style)
    yield from _listed("Notes", document["notes"], style)


def _facts(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "size", f"{document['size']:,} bytes"
    yield "sha256", document["sha256"]
    if document["written"]:
        yield "written", f"{visible(document['written'])} (the file's own time)"
    if document["root_class"]:
        yield "class", visible(document["root_class"])
    if document["settings"]:
        yield "settings", ", ".join(f"{visible(n)}={visible(_value(v))}" for n, v in document["settings"].items())
    if document["label"] is not None:
        yield "label", _label(document["label"])
    if document["slots"] is not None:
        yield "slots", f"{document['slots']:,} model inputs"
    if (weights := document["weights"]) is not None:
        yield "weights", f"{weights['count']:,}, {weights['non_zero']:,} not zero, bias {_number(weights['bias'])}"
    if document["normalizer"]:
        yield "normalizer", visible(document["normalizer"])
    if (calibrator := document["calibrator"]) is not None:
        numbers = f"a {_number(calibrator['a'])}, b {_number(calibrator['b'])}"
        yield "calibrator", f"{visible(calibrator['kind'])}, {numbers}"
    yield "can be scored", "yes" if document["scorable"] else "no"


def _label(label: Mapping[str, Any]) -> str:
    values = ", ".join(visible(_value(value)) for value in label["values"])
    text = f"{visible(label['name']) or '(no name)'}: {visible(label['value_type'])}"
    text += f", values {values}" if values else ""
    if label.get("positive_value") is not None:
        text += f"; the probability is that of {visible(_value(label['positive_value']))}"
    return text


def _columns(columns: Sequence[Mapping[str, Any]], style: Style) -> Iterator[str]:
    rows = [
        (
            visible(column["name"]),
            visible(column["type"]) + (" (numbers)" if column.get("numbers_as_text") else ""),
            "" if column.get("slots") is None else f"{column['slots']:,}",
            _detail(column),
        )
        for column in columns
    ]
    yield from table(("NAME", "TYPE", "SLOTS", "CATEGORIES OR RANGE"), rows, style, right={2})


def _detail(column: Mapping[str, Any]) -> str:
    if categories := column.get("categories"):
        shown = ", ".join(visible(category) for category in categories[:_MOST_CATEGORIES])
        return f"{len(categories):,}: {shown}" + (" ..." if len(categories) > _MOST_CATEGORIES else "")
    if column.get("ignored"):
        return "ignored: it did not vary in training"
    scale, offset = column.get("scale"), column.get("offset")
    if isinstance(scale, float) and isinstance(offset, float) and scale:
        return f"{_number(offset)} to {_number(offset + 1 / scale)} in training"
    return ""


def comparison_text(document: Mapping[str, Any], style: Style = PLAIN) -> str:
    """The document of `models diff`."""
    return "\n".join(_comparison(document, style)) + "\n"


def _comparison(document: Mapping[str, Any], style: Style) -> Iterator[str]:
    for side in ("before", "after"):
        entry = document[side]
        text = f"{visible(entry['name'])}: {visible(entry['algorithm'])}, {entry['size']:,} bytes"
        yield from wrapped(text, style, first=f"{side:<8}", rest=" " * 8)
        yield f"        sha256 {entry['sha256']}"
    if document["same_file"]:
        yield from ("", "The same bytes: nothing differs.")
        return
    sections = [*_sections(document, style)]
    if not sections:
        yield from ("", "Other bytes; columns, label, settings and weights are the same.")
    for section in sections:
        yield from ("", *section)
    slots = document["slots"]
    if slots["before"] is not None and slots["after"] is not None:
        yield ""
        yield f"Slots: {slots['before']:,} {style.arrow} {slots['after']:,}, {slots['common']:,} that both have"
    if document["weights"]:
        yield from ("", style.paint("strong", "Weights that moved most"))
        rows = [
            (visible(w["slot"]), _number(w["before"]), _number(w["after"]), f"{w['moved']:+.6g}")
            for w in document["weights"]
        ]
        yield from table(("SLOT", "BEFORE", "AFTER", "MOVED"), rows, style, right={1, 2, 3})
    if document["findings"]:
        yield from ("", style.paint("warning", "A service that fits the first should know"))
        for finding in document["findings"]:
            text = f"{visible(finding['message'])} [{finding['code']}]"
            yield from wrapped(text, style, first="  - ", rest="    ")


def _sections(document: Mapping[str, Any], style: Style) -> Iterator[list[str]]:
    columns, label = document["columns"], document["label"]
    moves = [
        *(("+", "create", visible(name)) for name in columns["gained"]),
        *(("-", "delete", visible(name)) for name in columns["lost"]),
        *(
            ("~", "update", f"{visible(c['name'])}: {visible(c['before'])} {style.arrow} {visible(c['after'])}")
            for c in columns["retyped"]
        ),
    ]
    if moves:
        yield [
            style.paint("strong", "Columns"),
            *(line for sign, role, text in moves for line in _marked(sign, role, text, style)),
        ]
    if columns["reordered"]:
        yield ["The columns stand in another order."]
    if document["categories"]:
        yield [
            style.paint("strong", "Categories"),
            *(line for change in document["categories"] for line in _categories(change, style)),
        ]
    if label["before"] != label["after"]:
        yield [
            style.paint("strong", "Label"),
            *wrapped("none" if label["before"] is None else _label(label["before"]), style, first="  - "),
            *wrapped("none" if label["after"] is None else _label(label["after"]), style, first="  + "),
        ]
    if document["settings"]:
        changed = (
            f"{visible(s['name'])}: {_or_none(s['before'])} {style.arrow} {_or_none(s['after'])}"
            for s in document["settings"]
        )
        yield [
            style.paint("strong", "Settings"),
            *(line for text in changed for line in _marked("~", "update", text, style)),
        ]


def _marked(sign: str, role: str, text: str, style: Style) -> list[str]:
    return [style.paint(role, line) for line in wrapped(text, style, first=f"  {sign} ")]


def _categories(change: Mapping[str, Any], style: Style) -> Iterator[str]:
    yield f"  {visible(change['column'])}"
    for sign, role, names in (("+", "create", change["gained"]), ("-", "delete", change["lost"])):
        if names:
            shown = ", ".join(visible(name) for name in names[:_MOST_CATEGORIES])
            more = f" and {len(names) - _MOST_CATEGORIES:,} more" if len(names) > _MOST_CATEGORIES else ""
            lines = wrapped(shown + more, style, first=f"    {sign} ", rest="      ")
            yield from (style.paint(role, line) for line in lines)


def scores_text(document: Mapping[str, Any], style: Style = PLAIN) -> str:
    """The document of `models score`: the scores by row; the rows themselves are in the JSON form."""
    return "\n".join(_scores(document, style)) + "\n"


def _scores(document: Mapping[str, Any], style: Style) -> Iterator[str]:
    names, rows = document["scores"], document["rows"]
    shown = [
        (f"{number:,}", *(visible(_value(row.get(name))) for name in names))
        for number, row in enumerate(rows[:_MOST_ROWS], 1)
    ]
    yield from table(("ROW", *(visible(name) for name in names)), shown, style, right={0}, indent=0)
    if len(rows) > _MOST_ROWS:
        yield f"... and {count(len(rows) - _MOST_ROWS, 'more row', 'more rows')}; --output json has them all"
    yield from _listed("Notes", document["notes"], style)


def _listed(title: str, texts: Sequence[str], style: Style) -> Iterator[str]:
    if not texts:
        return
    yield from ("", style.paint("strong", title))
    for text in texts:
        yield from wrapped(visible(text), style, first="  - ", rest="    ")


def _value(value: Any) -> str:
    if value is None:
        return "(no score)"
    if isinstance(value, float):
        return f"{value:.9g}"
    return str(value)


def _or_none(value: Any) -> str:
    return "(none)" if value is None else visible(_value(value))


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else visible(str(value))
