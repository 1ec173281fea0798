"""A run of `retrain` for a terminal or a log: the verdict, a table worst first, what was written, what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from shlex import quote
from typing import Any, Final

from retrainctl.render.escape import visible
from retrainctl.render.metrics import metric_views
from retrainctl.render.retrain_view import BAD, ORDER, WORDS, verdict
from retrainctl.render.style import PLAIN, Style, count, wrapped
from retrainctl.render.table import table

_HEADER: Final = ("STATE", "MODEL", "METRIC", "BEFORE", "NOW", "GATES", "TIME")
_RIGHT: Final = {3, 4, 6}
_SHOWN: Final = 3
"""So many metrics are shown of a model without gates."""


def retrain_text(document: Mapping[str, Any], style: Style = PLAIN, *, hints: bool = True) -> str:
    """The document of a run as text, a final newline included."""
    return "\n".join(_lines(document, style, hints)) + "\n"


def _lines(document: Mapping[str, Any], style: Style, hints: bool) -> Iterator[str]:
    good = document["outcome"] in ("accepted", "submitted")
    for line in wrapped(verdict(document), style):
        yield style.paint("strong" if good else "danger", line)
    rows = sorted(document["retrainings"], key=lambda row: (ORDER.index(row["state"]), row["address"]))
    if rows:
        yield ""
        yield from table(_HEADER, [cells for row in rows for cells in _cells(row)], style, right=_RIGHT)
    for row in rows:
        if row["state"] in BAD or row["state"] == "gate_failed":
            yield from ("", *_details(row, style))
    yield from _written(document, style)
    for note in document["notes"]:
        yield from wrapped(f"note: {visible(note)}", style, rest="  ")
    yield ""
    yield f"Run: {document['run']} ({document['started']} to {document['ended']})"
    if hints and (following := _next(document)):
        yield from ("", *following)


def _cells(row: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    """One line per metric that counts: those of the gates, else the first ones."""
    label = visible(row["model"]) + ("" if row["version"] is None else f"@{row['version']}")
    lead = (WORDS[row["state"]], label)
    time = "" if row["seconds"] is None else f"{row['seconds']:.0f} s"
    gates = row["gates"]
    passed = f"{sum(gate['passed'] for gate in gates)} of {len(gates)}" if gates else ""
    shown = _metrics(row)
    if not shown:
        yield (*lead, "", "", "", passed, time)
    for number, view in enumerate(shown):
        first = number == 0
        yield (
            *(lead if first else ("", "")),
            view.name,
            view.before if view.known_before else "",
            view.after,
            passed if first else "",
            time if first else "",
        )


def _metrics(row: Mapping[str, Any]) -> list[Any]:
    before = row["before"]["metrics"] if row["before"] else {}
    wanted = list(dict.fromkeys(gate["metric"].casefold() for gate in row["gates"]))
    views = [view for view in metric_views(before, row["metrics"]) if view.name in row["metrics"]]
    chosen = [view for view in views if view.name.casefold() in wanted]
    return chosen or views[:_SHOWN]


def _details(row: Mapping[str, Any], style: Style) -> Iterator[str]:
    word = f"{WORDS[row['state']]} {visible(row['address'])}"
    yield style.paint("danger", word)
    for gate in row["gates"]:
        if not gate["passed"]:
            yield from wrapped(visible(gate["reason"]), style, first="    ", rest="      ")
    if row["reason"]:
        code = f"error[{row['code']}]: " if row["code"] else ""
        yield from wrapped(code + visible(row["reason"]), style, first="    ", rest="      ")
    if row["job"]:
        yield f"    job {visible(row['job'])}"
    if row["state"] == "gate_failed":
        yield from wrapped(f"the model is kept at {visible(row['uri'])}", style, first="    ", rest="      ")
    if row["hint"]:
        yield from wrapped(f"help: {visible(row['hint'])}", style, first="    ", rest="      ")


def _written(document: Mapping[str, Any], style: Style) -> Iterator[str]:
    recorded = document["recorded"]
    number = sum(row["recorded"] for row in document["retrainings"])
    if recorded["files"]:
        moved = count(len(recorded["moves"]), "slot")
        files = ", ".join(visible(file) for file in recorded["files"])
        yield ""
        yield from wrapped(f"Recorded {count(number, 'version')} and moved {moved} in {files}.", style, rest="  ")
    if recorded["commit"]:
        yield f"Committed to {visible(recorded['branch'])}: {recorded['commit'][:12]}"
    if (problem := document["problem"]) is not None:
        yield ""
        text = f"error[{problem['code']}]: {visible(problem['message'])}"
        yield from (style.paint("danger", line) for line in wrapped(text, style, rest="  "))
        if problem["hint"]:
            yield from wrapped(f"help: {visible(problem['hint'])}", style, first="  ", rest="    ")


def _next(document: Mapping[str, Any]) -> list[str]:
    env = quote(visible(document["environment"]))
    counts = document["counts"]
    if counts.get("left") or counts.get("submitted") or document["problem"]:
        return [f"Next: retrainctl retrain --resume --env {env}", "      goes on with what is not finished"]
    failed = [row for row in document["retrainings"] if row["state"] in BAD]
    if failed:
        names = " ".join(quote(visible(row["address"])) for row in failed[:5]) + (" ..." if len(failed) > 5 else "")
        return [f"Next: retrainctl retrain {names} --env {env}"]
    if document["recorded"]["moves"]:
        return [f"Next: retrainctl plan --env {env}"]
    return []
