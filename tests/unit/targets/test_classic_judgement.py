"""What the service would refuse is an error of the plan, with place and fix; what a reviewer should know is a risk."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from retrainctl.definition.endpoint import observe, proper
from retrainctl.diff.compare import compare
from retrainctl.model.address import Address
from retrainctl.model.change import Action
from retrainctl.model.kind import KINDS
from retrainctl.model.resource import Applied, AppliedSlot, Desired
from retrainctl.ports import Judgement
from retrainctl.targets.classic.planner import ClassicPlanner
from retrainctl.targets.classic.reading import Estate, read_estate
from tests.support.classic_cases import (
    NAME,
    REDEPLOYED,
    SERVICE,
    SETTINGS,
    SLOT,
    WORKSPACE,
    change,
    changed,
    endpoint,
    identity,
    resource,
    service,
    version,
    wish,
)

FREE = replace(SETTINGS, tier="Free")


def judged(
    desired: Desired,
    *,
    live: dict[str, Any] | None = None,
    default: dict[str, Any] | None = None,
    others: int = 0,
    wanted: tuple[Desired, ...] = (),
    settings: Any = SETTINGS,
    applied: Applied | None = None,
) -> tuple[Judgement, tuple[str, ...]]:
    """The judgement on one wish in a workspace with a default endpoint, and the planned steps."""
    listed = [default or endpoint("default"), *([live] if live else [])]
    listed += [endpoint(f"other{n}") for n in range(others)]
    estate = Estate(services=[service()], endpoints={SERVICE: [proper(one) for one in listed]})
    reading = read_estate([desired, *wanted], estate, settings)
    observed = reading.observed.get(desired.address)
    delta = compare(
        desired, observed, applied, KINDS["Endpoint"], secret_hash=lambda *_: None, version_of=lambda *_: None
    )
    draft = change(*delta.fields, *delta.models, action=delta.action, identity=reading.identities[desired.address])
    planner = ClassicPlanner(settings=settings)
    verdict = planner.judge(draft, desired, observed, reading.facts)
    return verdict, tuple(step.id for step in planner.steps(draft, observed))


def codes(verdict: Judgement) -> list[str]:
    return [finding.code for finding in verdict.findings]


def risks(verdict: Judgement) -> list[str]:
    return [risk.code for risk in verdict.risks]


def served(number: int = 1) -> Applied:
    slot = AppliedSlot(uri=version(number).uri or "", model="bike-001", version=number)
    return Applied(address=Address("Endpoint", "rentalloc001"), slots={SLOT: slot})


LIVE = endpoint("rentalloc001")


def test_a_good_new_endpoint_is_made_and_patched() -> None:
    verdict, steps = judged(wish(slots={SLOT: version()}, Description="x", ThrottleLevel="High", MaxConcurrentCalls=20))
    assert codes(verdict) == []
    assert risks(verdict) == []
    assert steps == ("create", "patch")


def test_diagnostics_follow_a_creation_unless_they_are_as_made() -> None:
    assert judged(wish(DiagnosticsTraceLevel="All"))[1] == ("create", "update")
    assert judged(wish(DiagnosticsTraceLevel="None"))[1] == ("create",)


@pytest.mark.parametrize("name", ["default", "Default"])
@pytest.mark.parametrize("live", [True, False])
def test_default_is_never_touched(name: str, live: bool) -> None:
    verdict, _ = judged(wish(name, slots={SLOT: version()}), live=endpoint(name) if live else None)
    assert codes(verdict) == ["RC363"]
    assert "another name" in (verdict.findings[0].hint or "")


def test_the_default_endpoint_may_have_another_name() -> None:
    estate = Estate(services=[service(DefaultEndpointName="main")], endpoints={SERVICE: [proper(endpoint("main"))]})
    desired = wish("main", Description="mine")
    reading = read_estate([desired], estate, SETTINGS)
    draft = change(name="main", action=Action.UPDATE)
    verdict = ClassicPlanner(settings=SETTINGS).judge(draft, desired, reading.observed[desired.address], reading.facts)
    assert codes(verdict) == ["RC363"]


def test_default_is_not_deleted_by_pruning_either() -> None:
    draft = change(name="default", action=Action.DELETE)
    assert codes(ClassicPlanner(settings=SETTINGS).judge(draft, None, None, {})) == ["RC363"]


@pytest.mark.parametrize("name", ["Upper", "a_b", "-a", "a-", "a b", "ä", "a/b", "a" * 25, "a.b"])
def test_names_that_the_service_does_not_take(name: str) -> None:
    assert codes(judged(wish(name))[0]) == ["RC366"]


@pytest.mark.parametrize("name", ["a", "0", "ust-train", "a" * 24])
def test_names_that_it_takes(name: str) -> None:
    assert codes(judged(wish(name))[0]) == []


def test_a_training_service_is_refused_with_the_reason() -> None:
    bare = endpoint("default", Resources=[])
    verdict, _ = judged(wish(slots={SLOT: version()}), default=bare)
    assert codes(verdict) == ["RC364"]
    assert "training service" in verdict.findings[0].message
    verdict, _ = judged(wish(slots={SLOT: version()}), live=endpoint("rentalloc001", Resources=[{}]))
    assert codes(verdict) == ["RC364"]


def test_an_unknown_slot_lists_the_updatable_ones_at_its_place() -> None:
    near = SLOT.replace("[trained model]", "[Trained Model]")
    verdict, _ = judged(wish(slots={near: version()}))
    (finding,) = verdict.findings
    assert finding.code == "RC365"
    assert f'Did you mean "{SLOT}"' in (finding.hint or "")
    assert str(finding.span) == "locations.csv:2:5"


def test_one_of_two_slots_may_be_wrong() -> None:
    two = endpoint(
        "rentalloc001", Resources=[resource(SLOT, "https://a.net/b"), resource("Zwei [x]", "https://a.net/b")]
    )
    verdict, _ = judged(wish(slots={SLOT: version(), "Drei [x]": version()}), live=two)
    assert codes(verdict) == ["RC365"]
    assert '"Zwei [x]"' in (verdict.findings[0].hint or "")


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("https://acct.blob.core.windows.net/models/m.csv", "RC343"),
        ("https://acct.blob.core.windows.net/models/m", "RC343"),
        ("https://acct.blob.core.windows.net/m.ilearner", "RC371"),
        (None, "RC348"),
    ],
)
def test_blobs_that_no_endpoint_can_load(uri: str | None, code: str) -> None:
    assert codes(judged(wish(slots={SLOT: version(uri=uri)}))[0]) == [code]


def test_the_extension_has_no_case_and_a_query_does_not_count() -> None:
    verdict, _ = judged(wish(slots={SLOT: version(uri="https://acct.blob.core.windows.net/c/m.ILEARNER?sv=1&sig=x")}))
    assert codes(verdict) == []


@pytest.mark.parametrize("calls", [0, 201, -1, True])
def test_calls_go_from_1_to_200(calls: int) -> None:
    assert "RC368" in codes(judged(wish(ThrottleLevel="High", MaxConcurrentCalls=calls))[0])


def test_a_low_number_of_calls_is_a_note() -> None:
    assert risks(judged(wish(ThrottleLevel="High", MaxConcurrentCalls=5))[0]) == ["concurrency-low"]


def test_a_free_workspace_has_no_high_and_three_endpoints() -> None:
    assert codes(judged(wish(ThrottleLevel="High"), settings=FREE)[0]) == ["RC368"]
    assert codes(judged(wish(), others=1, settings=FREE)[0]) == []
    verdict, _ = judged(wish(), others=2, settings=FREE)
    assert codes(verdict) == ["RC367"]
    assert "3" in verdict.findings[0].message


def test_too_many_new_endpoints_are_one_finding() -> None:
    wanted = tuple(wish(f"z{n}") for n in range(9))
    assert codes(judged(wish("a"), wanted=wanted, settings=FREE)[0]) == ["RC367"]
    assert codes(judged(wish("zz"), wanted=wanted, settings=FREE)[0]) == []


def test_a_description_has_an_end() -> None:
    assert codes(judged(wish(Description="x" * 2001))[0]) == ["RC369"]
    assert codes(judged(wish(Description='"ü" `$(x)`\n'), live=LIVE)[0]) == []


def test_changing_settings_is_a_guess_that_can_be_switched_off() -> None:
    desired = wish(Description="new")
    verdict, steps = judged(desired, live=LIVE)
    assert risks(verdict) == ["settings-patch"]
    assert steps == ("update",)
    assert codes(judged(desired, live=LIVE, settings=replace(SETTINGS, field_updates="refuse"))[0]) == ["RC374"]
    assert codes(judged(desired, settings=replace(SETTINGS, field_updates="refuse"))[0]) == [], "creation can carry it"


def test_an_endpoint_never_patched_by_us_is_unknown_and_what_the_service_shows_is_information() -> None:
    verdict, steps = judged(wish(slots={SLOT: version()}), live=LIVE)
    assert steps == ("patch",)
    assert risks(verdict) == ["live-location"]
    assert "default.ilearner" in verdict.risks[0].message
    assert risks(judged(wish(slots={SLOT: version(2)}), live=LIVE, applied=served(1))[0]) == []


def test_an_endpoint_that_is_as_wanted_is_left_alone() -> None:
    verdict, steps = judged(wish(slots={SLOT: version()}, Description="rentalloc001"), live=LIVE, applied=served())
    assert (codes(verdict), risks(verdict), steps) == ([], [], ())


MOVED = endpoint("default", ExperimentLocation=REDEPLOYED)


def test_a_refresh_is_planned_only_while_default_runs_another_deployment() -> None:
    for field in ("refreshGraph", "refreshAll"):
        assert judged(wish(**{field: "done"}), live=LIVE)[1] == ()
    assert judged(wish(refreshGraph="done"), live=LIVE, default=MOVED)[1] == ("refresh",)


def test_a_refresh_of_the_graph_keeps_the_model_and_says_so() -> None:
    desired = wish(refreshGraph="done", slots={SLOT: version()})
    verdict, steps = judged(desired, live=LIVE, default=MOVED, applied=served())
    assert steps == ("refresh",)
    assert risks(verdict) == ["refresh-keeps-models"]


def test_a_refresh_of_all_writes_the_declared_model_again_afterwards() -> None:
    desired = wish(refreshAll="done", slots={SLOT: version()})
    verdict, steps = judged(desired, live=LIVE, default=MOVED, applied=served())
    assert steps == ("refresh", "patch"), "never the other way round"
    assert risks(verdict) == ["refresh-overwrites-models"]


def test_a_refresh_that_would_lose_a_retrained_model_is_a_danger() -> None:
    verdict, _ = judged(wish(refreshAll="done"), live=LIVE, default=MOVED)
    assert risks(verdict) == ["refresh-loses-model"]
    assert verdict.risks[0].severity == "danger"
    assert SLOT in verdict.risks[0].message


def test_an_endpoint_behind_default_is_said_where_it_changes_anyway() -> None:
    verdict, _ = judged(wish(slots={SLOT: version(2)}), live=LIVE, default=MOVED, applied=served())
    assert risks(verdict) == ["behind-default"]


def test_a_new_endpoint_needs_no_refresh() -> None:
    desired = wish(refreshAll="done", slots={SLOT: version()})
    verdict, steps = judged(desired, default=MOVED)
    assert steps == ("create", "patch")
    assert risks(verdict) == []


def test_an_endpoint_made_with_prevent_update_may_refuse() -> None:
    live = endpoint("rentalloc001", PreventUpdate=True)
    assert "update-prevented" in risks(judged(wish(slots={SLOT: version()}), live=live)[0])


def test_an_adopted_service_must_be_the_one_that_is_meant() -> None:
    address = Address("ClassicWebService", "scoring")
    place = {"webService": SERVICE, "workspace": WORKSPACE}
    desired = Desired(address=address, place=place, fields={"Name": "Other"})
    reading = read_estate([desired], Estate(services=[service()], endpoints={}), SETTINGS)
    observed = reading.observed[address]
    draft = replace(change(changed("Name", "Other", NAME)), address=address, identity=observed.identity)
    verdict = ClassicPlanner(settings=SETTINGS).judge(draft, desired, observed, reading.facts)
    assert codes(verdict) == ["RC375"]
    assert ClassicPlanner(settings=SETTINGS).steps(draft, observed) == ()


def test_the_plan_marks_what_cannot_be_read_back() -> None:
    observed = observe(Address("Endpoint", "rentalloc001"), identity(), proper(LIVE), default=None)
    draft = change(*compare(wish(slots={SLOT: version()}), observed, None, KINDS["Endpoint"],
                            secret_hash=lambda *_: None, version_of=lambda *_: None).models)  # fmt: skip
    (step,) = ClassicPlanner(settings=SETTINGS).steps(draft, observed)
    assert "not readable" in (step.check or "")
    assert "30 s" in (step.check or "")
    location = step.requests[0].body["Resources"][0]["Location"]  # type: ignore[index,call-overload]
    assert list(location["SasBlobToken"]) == ["$unknown"]
