"""What Azure would refuse is an error at plan time, at its place and with the fix; what is risky is said."""

from __future__ import annotations

import pytest

from retrainctl.codes import catalogue
from retrainctl.diagnostics import Span
from retrainctl.model.change import Action
from retrainctl.model.values import SecretRef
from tests.support.arm_cases import (
    PLAN,
    PLAN_ID,
    PLANNER,
    SERVICE,
    SLOT,
    SPAN,
    change,
    desired,
    document,
    field,
    move,
    seen,
    uri,
    version,
)

KEY = SecretRef("env", "STORAGE_KEY")
COMPLETE = {
    "location": "southcentralus",
    "assets": {"a": {"name": SLOT, "type": "Resource", "locationInfo": {"uri": uri(1)}}},
    "package": {"nodes": {"n": {"assetId": "a"}}},
    "storageAccount": {"name": "acct", "key": KEY},
    "commitmentPlan": {"id": PLAN_ID},
}


def judged(update, wanted=None, live=..., facts=None):
    return PLANNER.judge(update, wanted or desired(), seen() if live is ... else live, facts or {})


def created(*moves, facts=None, **fields):
    entries = [field(name, value) for name, value in fields.items()]
    return judged(change(*entries, *moves, action=Action.CREATE), desired(**fields), None, facts)


def codes(judgement) -> list[str]:
    found = [finding.code for finding in judgement.findings]
    assert set(found) <= catalogue().keys()
    return found


def test_a_good_move_a_good_creation_and_a_deletion_have_no_findings() -> None:
    assert codes(judged(change(move(2)))) == []
    assert codes(created(move(2), **COMPLETE)) == []
    assert codes(PLANNER.judge(change(action=Action.DELETE), None, seen(), {})) == []
    assert codes(judged(change(action=Action.NO_OP))) == []


def test_a_training_service_is_refused_at_the_slots_place() -> None:
    live = seen(assets={"a": {"name": "Train Model", "type": "Module", "locationInfo": {"uri": "aml://module/x"}}})
    (finding,) = judged(change(move(2), move(3, slot="Other")), live=live).findings
    assert finding.code == "RC212"
    assert finding.span == SPAN
    assert "training service" in finding.message
    assert finding.hint


def test_an_unknown_slot_is_refused_and_the_near_one_is_named() -> None:
    (finding,) = judged(change(move(2, slot="census [Trained Model]"))).findings
    assert finding.code == "RC210"
    assert SLOT in (finding.hint or "")
    (finding,) = judged(change(move(2, slot="something else entirely"))).findings
    assert SLOT in (finding.hint or "")


@pytest.mark.parametrize(
    ("path", "code", "hint"),
    [
        ("location", "RC334", "another name"),
        ("storageAccount.name", "RC333", "storageAccount.name"),
        ("machineLearningWorkspace.id", "RC345", "Leave"),
        ("packageType", "RC345", "Graph"),
    ],
)
def test_what_cannot_change_is_refused_with_the_way_out(path: str, code: str, hint: str) -> None:
    span = Span("manifests/census.yaml", 20, 5)
    (finding,) = judged(change(field(path, "new", "old", span=span))).findings
    assert finding.code == code
    assert finding.span == span
    assert hint in f"{finding.message} {finding.hint}"


def test_the_storage_key_may_change() -> None:
    assert codes(judged(change(field("storageAccount.key", KEY, secret=True)))) == []


def test_a_read_only_service_takes_no_change() -> None:
    assert codes(judged(change(move(2)), live=seen(readOnly=True))) == ["RC332"]


def test_a_stub_is_refused_with_the_way_out_and_a_failed_update_is_not() -> None:
    stub = document()
    for name in ("package", "packageType", "assets", "title"):
        del stub["properties"][name]
    stub["properties"]["provisioningState"] = "Failed"
    from retrainctl.definition.observe import observe

    live = observe(SERVICE, "x", stub)
    (finding,) = judged(change(move(2)), live=live).findings
    assert finding.code == "RC331"
    assert "Delete it" in (finding.hint or "")
    assert codes(judged(change(move(2)), live=seen(provisioningState="Failed"))) == []


@pytest.mark.parametrize(
    ("without", "code"),
    [
        ("package", "RC330"),
        ("location", "RC341"),
        ("storageAccount", "RC339"),
        ("commitmentPlan", "RC340"),
    ],
)
def test_a_creation_needs_all_that_an_export_lacks(without: str, code: str) -> None:
    fields = {name: value for name, value in COMPLETE.items() if name != without}
    assert codes(created(move(2), **fields)) == [code]


def test_a_storage_account_without_its_key_is_not_enough() -> None:
    assert codes(created(**{**COMPLETE, "storageAccount": {"name": "acct"}})) == ["RC339"]


def test_all_that_is_missing_is_said_at_once() -> None:
    assert codes(created(package={"nodes": {"n": {}}}, assets={})) == ["RC341", "RC339", "RC340"]


def test_a_slot_that_the_new_definition_lacks() -> None:
    assert codes(created(move(2, slot="Census"), **COMPLETE)) == ["RC210"]


@pytest.mark.parametrize("calls", [3, 201, 0, True, "20"])
def test_concurrency_out_of_range(calls) -> None:
    wanted = desired(realtimeConfiguration={"maxConcurrentCalls": calls})
    (finding,) = judged(change(field("realtimeConfiguration.maxConcurrentCalls", calls)), wanted).findings
    assert finding.code == "RC336"
    assert finding.span == Span("manifests/census.yaml", 9, 3)


@pytest.mark.parametrize("calls", [4, 200])
def test_concurrency_at_its_bounds(calls: int) -> None:
    wanted = desired(realtimeConfiguration={"maxConcurrentCalls": calls})
    assert codes(judged(change(field("realtimeConfiguration.maxConcurrentCalls", calls)), wanted)) == []


def test_diagnostics_without_level() -> None:
    assert codes(judged(change(field("diagnostics", {})), desired(diagnostics={}))) == ["RC337"]


@pytest.mark.parametrize("name", ["a<b", "x" * 261, "ends with blank ", "a/b", "50%"])
def test_names_that_azure_does_not_take(name: str) -> None:
    wanted = desired(type(SERVICE)("WebService", name), **COMPLETE)
    update = change(*(field(n, v) for n, v in COMPLETE.items()), action=Action.CREATE, address=wanted.address)
    assert codes(judged(update, wanted, None)) == ["RC342"]


def test_a_blob_that_is_no_ilearner() -> None:
    after = version(2, uri="https://acct.blob.core.windows.net/m/2.csv?sig=CANARY", origin=Span("v.csv", 3, 1))
    (finding,) = judged(change(move(after=after))).findings
    assert finding.code == "RC343"
    assert finding.span == Span("v.csv", 3, 1)
    assert "CANARY" not in finding.message


def test_a_version_needs_a_blob_or_a_file() -> None:
    assert codes(judged(change(move(after=version(2, uri=None), to_uri=None)))) == ["RC348"]
    assert codes(judged(change(move(after=version(2, uri=None, file="m.ilearner"), to_uri=None)))) == []


def test_ciphertext_that_the_plan_cannot_hold() -> None:
    package = {"nodes": {"n": {"assetId": "a", "parameters": {"Key": {"$encrypted": True}}}}}
    assert codes(created(**{**COMPLETE, "package": package})) == ["RC349"]
    here = field("package.nodes.n2.parameters.Account Key", {"$encrypted": True})
    assert codes(judged(change(here))) == []
    there = field("package.nodes.n2.parameters.Fraction", {"$encrypted": True})
    assert codes(judged(change(there))) == ["RC349"]


def test_a_signed_address_in_a_definition_would_be_lost() -> None:
    assets = {"a": {"name": "M", "type": "Module", "locationInfo": {"uri": "https://a.example/m?sv=1&sig=CANARY"}}}
    judgement = created(**{**COMPLETE, "assets": assets})
    assert codes(judgement) == ["RC350"]
    assert "CANARY" not in repr(judgement)


def risks(judgement) -> list[str]:
    return [risk.code for risk in judgement.risks]


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (field("readOnly", True), "read-only-for-ever"),
        (field("package.edges", []), "definition-replaced"),
        (field("input.title", "x"), "contract-changes"),
        (field("keys.primary", KEY, secret=True), "keys-rotate"),
        (move(2, to_uri=f"{uri(2)}?sig=CANARY"), "signed-uri"),
    ],
)
def test_what_a_reviewer_should_know(entry, code: str) -> None:
    judgement = judged(change(entry))
    assert code in risks(judgement)
    assert "CANARY" not in repr(judgement.risks)
    assert code not in risks(judged(change(move(2))))


def test_a_plan_that_does_not_exist_is_a_risk_unless_it_is_declared() -> None:
    assert risks(created(facts={"commitmentPlans": []}, **COMPLETE)) == ["plan-not-found"]
    assert risks(created(facts={"commitmentPlans": [PLAN_ID.casefold()]}, **COMPLETE)) == []
    assert risks(created(facts={}, **COMPLETE)) == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"location": "x", "sku": {"name": "S1", "tier": "Standard", "capacity": 1}}, []),
        ({"location": "x", "sku": {"name": "S1", "tier": "Standard"}}, []),
        ({"sku": {"name": "S1", "tier": "Standard"}}, ["RC341"]),
        ({"location": "x"}, ["RC346"]),
        ({"location": "x", "sku": {"name": "S1", "tier": "Standard", "capacity": 0}}, ["RC346"]),
    ],
)
def test_new_commitment_plans(fields, expected) -> None:
    update = change(*(field(n, v) for n, v in fields.items()), action=Action.CREATE, address=PLAN)
    assert codes(PLANNER.judge(update, desired(PLAN, **fields), None, {})) == expected


def test_an_existing_commitment_plan_stays_where_it_is_and_its_cost_is_said() -> None:
    update = change(field("location", "y", "x"), field("sku.capacity", 5, 1), address=PLAN)
    judgement = PLANNER.judge(update, desired(PLAN, location="y"), None, {})
    assert codes(judgement) == ["RC334"]
    assert risks(judgement) == ["capacity-changes"]
