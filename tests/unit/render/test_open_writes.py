"""What an interrupted run left open is the first thing that a plan says."""

from __future__ import annotations

from retrainctl.plan.encode import encode
from retrainctl.plan.plan import Plan
from retrainctl.render.formats import render_plan


def test_open_writes_come_before_the_verdict() -> None:
    warnings = (("RC404", "another"), ("unsettled", "Endpoint/a: a write of run r1 got no answer"))
    text = render_plan(encode(Plan(environment="prod", warnings=warnings)), "text")
    lines = [line for line in text.splitlines() if line]
    assert lines[0] == "warning[unsettled]: Endpoint/a: a write of run r1 got no answer"
    assert lines[1].startswith("No changes in prod")
    assert lines[2] == "warning[RC404]: another"
