"""What differs between a reviewed plan and the one that is made now."""

from __future__ import annotations

from dataclasses import replace

from retrainctl.operations.comparing import differences
from retrainctl.plan.encode import encode
from tests.support.build import line, plan_of, service, version
from tests.support.memory import MemoryTarget, Thing

ONE, TWO, THREE = version(1), version(2), version(3)
SLOT = "Census [trained model]"


def document(names=("a", "b"), wanted=TWO, live=ONE, **fields):
    desired = [service(name, wanted, **fields) for name in names]
    target = MemoryTarget({entry.address: Thing({"title": "old"}, {SLOT: live.uri}) for entry in desired})
    plan, _ = plan_of(desired, target, models=line(ONE, TWO, THREE))
    return plan


def test_equal_plans_have_no_differences() -> None:
    plan = document()
    later = replace(plan, created_at="2027-01-01T00:00:00Z")
    assert differences(encode(plan), encode(later)) == []


def test_resources_that_came_and_went_are_named_first() -> None:
    said = differences(encode(document(("a", "b"))), encode(document(("b", "c"))))
    assert said[:2] == [
        "WebService/a was reviewed and is not planned any more",
        "WebService/c is planned now and was not reviewed",
    ]


def test_another_version_another_start_and_another_field() -> None:
    reviewed = encode(document(("a",)))
    assert differences(reviewed, encode(document(("a",), wanted=THREE)))[0] == (
        f'WebService/a: slot "{SLOT}" moves to census@3 instead of census@2'
    )
    moved = differences(reviewed, encode(document(("a",), live=THREE)))[0]
    assert f'slot "{SLOT}" moves from census@3' in moved
    assert "it changed at the target" in moved
    assert differences(reviewed, encode(document(("a",), title="new")))[0] == "WebService/a: other values of title"


def test_what_is_said_about_the_whole_plan_comes_last() -> None:
    plan = document()
    said = differences(encode(plan), encode(replace(plan, warnings=(("unsettled", "x"),), complete=False)))
    assert said == ["there are other warnings", "it covers more or less than before"]
