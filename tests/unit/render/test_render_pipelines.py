"""Outputs, variables and summaries for pipelines: one line per value, never over the limit."""

from __future__ import annotations

import re
from typing import Any

from retrainctl.render.annotations import plan_azdo, plan_github
from retrainctl.render.pipelines import SUMMARY_LIMIT, azdo_summary, azdo_variables, github_outputs, step_summary
from retrainctl.render.read import plan_view
from retrainctl.render.view import PlanView

EVIL = "prod\nadmin=true\r##vso[task.setvariable variable=x]y::set-env name=A::b"


def plan(number: int = 1, environment: str = "prod") -> PlanView:
    risk = {"code": "r", "severity": "danger", "message": f"look {EVIL}", "hint": "h"}
    document: dict[str, Any] = {
        "environment": environment,
        "digest": "sha256:ab",
        "applyable": False,
        "summary": {"no_op": 0},
        "resource_changes": [
            {
                "address": f"WebService/s{at}",
                "kind": "WebService",
                "change": {"actions": ["update"]},
                "risks": [risk],
                "origin": {"path": "manifests/a.yaml", "line": 3, "column": 1},
            }
            for at in range(number)
        ],
    }
    return plan_view(document)


def test_outputs_are_one_line_each_whatever_the_values_hold() -> None:
    lines = github_outputs(plan(environment=EVIL)).splitlines()
    assert all(re.fullmatch(r"[a-z]+=.*", line) for line in lines)
    assert not any(line.startswith("admin=") for line in lines)
    assert {"digest=sha256:ab", "changes=1", "applyable=false", "dangers=1"} <= set(lines)


def test_variables_cannot_hold_a_command() -> None:
    text = azdo_variables(plan(environment=EVIL))
    assert all(line.count("##vso[") == 1 and line.startswith("##vso[") for line in text.splitlines())
    assert "##vso[task.setvariable variable=retrainctl.digest;isOutput=true]sha256:ab\n" in text
    assert azdo_summary("/tmp/a\n##vso[x]y").count("##vso[") == 1


def test_annotations_are_placed_from_the_root_of_the_repository() -> None:
    assert "file=services/census/manifests/a.yaml,line=3" in plan_github(plan(), "services/census")
    assert "sourcepath=services/census/manifests/a.yaml;linenumber=3" in plan_azdo(plan(), "services/census")
    assert "file=manifests/a.yaml" in plan_github(plan())


def test_the_summary_keeps_within_what_the_step_has_left() -> None:
    for used in (0, SUMMARY_LIMIT - 20_000, SUMMARY_LIMIT - 4_000):
        page = step_summary(plan(5_000), used)
        assert page
        assert used + len(page.encode()) <= SUMMARY_LIMIT
    assert step_summary(plan(), SUMMARY_LIMIT - 100) == ""
