"""Copies of encrypted parameters per region: planned as steps, looked for where they are wanted, sent once each."""

from __future__ import annotations

from retrainctl.model.change import Action
from retrainctl.model.environment import ArmSettings
from retrainctl.targets.arm.planner import ArmPlanner
from tests.support.arm_cases import PLANNER, SETTINGS, change, desired, field, move, seen

PRESENT = "present"


def steps(update, live=None):
    return [(step.id, [request.method for request in step.requests]) for step in PLANNER.steps(update, live or seen())]


def test_a_region_is_a_call_of_its_own_after_the_service() -> None:
    update = change(move(2), field("regions.westeurope", PRESENT), field("regions.japaneast", PRESENT))
    assert steps(update) == [
        ("update", ["PATCH"]),
        ("region-japaneast", ["POST"]),
        ("region-westeurope", ["POST"]),
    ]
    (patch, first, _) = PLANNER.steps(update, seen())
    assert "regions" not in str(patch.requests[0].body)
    assert first.requests[0].path.endswith(
        "/webServices/census/CreateRegionalBlob?api-version=2017-01-01&region=japaneast"
    )


def test_a_region_alone_leaves_the_service_as_it_is() -> None:
    assert steps(change(field("regions.westeurope", PRESENT))) == [("region-westeurope", ["POST"])]


def test_a_new_service_gets_its_regions_at_once() -> None:
    update = change(field("location", "x"), field("regions", {"westeurope": PRESENT}), action=Action.CREATE)
    (put, region) = PLANNER.steps(update, None)
    assert (put.id, region.id) == ("create", "region-westeurope")
    assert "regions" not in str(put.requests[0].body)


def test_the_preview_version_knows_no_regions() -> None:
    settings = ArmSettings(
        subscription=SETTINGS.subscription, resource_group="rg", api_version="2016-05-01-preview", location="x"
    )
    old = ArmPlanner(settings=settings, environment="local")
    wish = desired(regions={"westeurope": PRESENT})
    judged = old.judge(change(field("regions.westeurope", PRESENT)), wish, seen(), {})
    assert [finding.code for finding in judged.findings] == ["RC344"]
    assert not PLANNER.judge(change(field("regions.westeurope", PRESENT)), wish, seen(), {}).findings
