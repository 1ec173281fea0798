"""A run of `retrain` as text and JUnit: the verdict first, reasons with what failed, foreign text inert."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from retrainctl.render.retrain_junit import retrain_junit
from retrainctl.render.retrain_text import retrain_text
from retrainctl.render.score_text import scores_csv, scores_text
from retrainctl.render.style import Style


def row(name: str, state: str = "accepted", **more: Any) -> dict[str, Any]:
    gates = [{"metric": "AUC", "passed": state != "gate_failed", "reason": f"AUC of {name} is told", "value": 0.9}]
    done = state in ("accepted", "gate_failed")
    return {
        "address": f"Retraining/{name}",
        "model": name,
        "version": 2,
        "state": state,
        "recorded": state == "accepted",
        "job": "j1",
        "seconds": 12.3,
        "reason": "" if done else f"why {name}",
        "code": None if done else "RC610",
        "hint": None,
        "before": {"label": f"{name}@1", "metrics": {"AUC": 0.8}},
        "data": [],
        "parameters": {},
        "uri": "https://a/b",
        "sha256": None,
        "etag": None,
        "size": 1,
        "metrics": {"AUC": 0.9, "Accuracy": 0.7} if done else {},
        "gates": gates if done else [],
        "evaluation": None,
        **more,
    }


def document(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for one in rows:
        counts[one["state"]] = counts.get(one["state"], 0) + 1
    return {
        "run": "r1",
        "environment": "prod",
        "started": "s",
        "ended": "e",
        "outcome": "accepted",
        "signal": None,
        "counts": counts,
        "retrainings": list(rows),
        "recorded": {"files": [], "moves": [], "branch": None, "commit": None},
        "problem": None,
        "notes": [],
        **more,
    }


def test_the_verdict_comes_first_and_the_worst_next() -> None:
    text = retrain_text(document(row("a"), row("b", "gate_failed"), row("c", "failed")), Style(width=120))
    lines = text.splitlines()
    assert lines[0] == "3 models: 1 accepted, 1 gate failed, 1 failed."
    order = [line.split()[0] for line in lines[3:6]]
    assert order == ["failed", "gate", "accepted"]
    assert "AUC of b is told" in text
    assert "error[RC610]: why c" in text
    assert "AUC of a is told" not in text
    assert "0.8" in lines[5]
    assert "0.9" in lines[5]
    assert "Next: retrainctl retrain Retraining/c --env prod" in text


def test_what_was_written_and_what_to_do_next() -> None:
    recorded = {"files": ["v.csv"], "moves": [{}], "branch": "b", "commit": "0123456789abcdef"}
    text = retrain_text(document(row("a"), recorded=recorded))
    assert "Recorded 1 version and moved 1 slot in v.csv." in text
    assert "Committed to b: 0123456789ab" in text
    assert "Next: retrainctl plan --env prod" in text


def test_a_problem_is_not_lost_below_the_table() -> None:
    problem = {"code": "RC634", "message": "not as meant", "hint": "look"}
    text = retrain_text(document(row("a", recorded=False), problem=problem))
    assert "error[RC634]: not as meant" in text
    assert "--resume" in text


@pytest.mark.parametrize("state", ["left", "submitted"])
def test_open_jobs_say_how_to_go_on(state: str) -> None:
    assert "retrainctl retrain --resume" in retrain_text(document(row("a", state)))


def test_foreign_text_is_inert() -> None:
    text = retrain_text(document(row("a\x1b[31m##vso[x]", "failed", reason="\x1b]0;x\x07")))
    assert "\x1b" not in text
    assert "##vso" not in text


def test_junit_counts_jobs_and_gates() -> None:
    xml = ElementTree.fromstring(
        retrain_junit(document(row("a"), row("b", "gate_failed"), row("c", "failed"), row("d", "left")))
    )
    assert {name: xml.get(name) for name in ("tests", "failures", "skipped")} == {
        "tests": "6",
        "failures": "2",
        "skipped": "1",
    }
    names = [case.get("name") for case in xml.iter("testcase")]
    assert "Retraining/b: AUC (1)" in names


def test_scores_as_a_table_and_as_csv() -> None:
    tables = [("output1", ("name", "y"), (("a, b", "1.5"), (None, "20")))]
    assert scores_text(tables).splitlines() == ["name    y", "a, b  1.5", "       20"]
    assert scores_csv(tables) == 'name,y\n"a, b",1.5\n,20\n'
    assert "The answer has no table" in scores_text([])
    assert scores_text([*tables, ("o2", ("z",), ())]).splitlines()[0] == "output1"
