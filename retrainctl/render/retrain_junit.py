"""A run of `retrain` as JUnit XML: one case per job, one per gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from retrainctl.render.junit import Case, suite
from retrainctl.render.retrain_view import BAD, WORDS


def retrain_junit(document: Mapping[str, Any]) -> str:
    """A job that failed fails, one that is left open is skipped; a gate that did not pass fails."""
    cases = [case for row in document["retrainings"] for case in _cases(row)]
    return suite(f"retrainctl retrain {document['environment']}", cases)


def _cases(row: Mapping[str, Any]) -> Iterator[Case]:
    state, reason = row["state"], row["reason"]
    label = row["model"] if row["version"] is None else f"{row['model']}@{row['version']}"
    skipped = state in ("left", "submitted")
    failure = "" if skipped or state not in BAD else f"{WORDS[state]}: {reason}"
    yield Case(
        group="training",
        name=row["address"],
        failure=failure,
        skipped=f"{WORDS[state]}: {reason}" if skipped else "",
        output=[f"{WORDS[state]} {label}", *(f"{name}: {value:g}" for name, value in row["metrics"].items())],
        seconds=row["seconds"],
    )
    for number, gate in enumerate(row["gates"], start=1):
        yield Case(
            group="gate",
            name=f"{row['address']}: {gate['metric']} ({number})",
            failure="" if gate["passed"] else gate["reason"],
            output=[gate["reason"]],
        )
