"""Commitment plans, associations, usage and SKUs (section 12 of the dossier)."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.emulator_process import (
    PLANS,
    SERVICES,
    SUBSCRIPTION,
    V16,
    V17,
    Emulator,
    definition,
    make_plan,
    make_service,
)


def associations(emulator: Emulator, plan: str = "plan1") -> list[dict[str, object]]:
    found: list[dict[str, object]] = emulator.http.get(f"{PLANS}/{plan}/commitmentAssociations", params=V16).json()[
        "value"
    ]
    return found


def test_a_plan_lives_synchronously(emulator: Emulator) -> None:
    http, url = emulator.http, f"{PLANS}/plan1"
    assert http.get(url, params=V16).json()["error"]["code"] == "ResourceNotFound"
    made = make_plan(emulator, tags={"a": "b"})
    assert made["location"] == "southcentralus"
    assert made["tags"] == {"a": "b"}
    assert made["properties"]["includedQuantities"]["machineLearningWebServiceTransactions"]["allowance"] == 100000.0
    assert http.get(url, params=V16).json() == made
    patched = http.patch(url, params=V16, json={"sku": {"name": "S1", "tier": "Standard", "capacity": 3}}).json()
    assert patched["sku"]["capacity"] == 3
    assert patched["tags"] == {"a": "b"}
    assert patched["etag"] != made["etag"]
    assert patched["properties"]["includedQuantities"]["machineLearningWebServiceComputeHours"]["allowance"] == 75.0
    response = http.patch(url, params=V16, json={"sku": {"name": "S1", "tier": "Standard"}})
    assert response.json()["sku"]["capacity"] == 3, "a missing capacity is no capacity of 1"
    assert http.patch(url, params=V16, json={"location": "x"}).status_code == 400
    assert [plan["name"] for plan in http.get(PLANS, params=V16).json()["value"]] == ["plan1"]
    gone = http.delete(url, params=V16)
    assert (gone.status_code, gone.content) == (200, b"")
    assert http.delete(url, params=V16).status_code == 204


def test_plans_exist_in_the_preview_only(emulator: Emulator) -> None:
    assert emulator.http.get(PLANS, params=V17).status_code == 400


def test_capacity_and_sku_are_checked(emulator: Emulator) -> None:
    for sku in ({"name": "S1", "tier": "Standard", "capacity": 11}, {"name": "S1"}, None):
        body = {"location": "southcentralus", "sku": sku}
        assert emulator.http.put(f"{PLANS}/p", params=V16, json=body).status_code == 400


def test_creating_a_service_associates_it_and_deleting_ends_that(emulator: Emulator) -> None:
    make_service(emulator)
    (association,) = associations(emulator)
    properties = association["properties"]
    assert isinstance(properties, dict)
    assert properties["associatedResourceId"] == f"{SERVICES}/census"
    assert properties["commitmentPlanId"] == f"{PLANS}/plan1"
    url = str(association["id"])
    assert emulator.http.get(url, params=V16).json() == association
    emulator.finished(emulator.http.delete(f"{SERVICES}/census", params=V17))
    assert associations(emulator) == []


def test_an_association_moves_between_plans(emulator: Emulator) -> None:
    make_service(emulator)
    make_plan(emulator, "plan2")
    (association,) = associations(emulator)
    body = {"destinationPlanId": f"{PLANS}/PLAN2"}
    moved = emulator.http.post(f"{association['id']}/move", params=V16, json=body)
    assert moved.status_code == 200
    assert moved.json()["properties"]["commitmentPlanId"] == f"{PLANS}/plan2"
    assert moved.json()["name"] == association["name"]
    assert associations(emulator) == []
    assert associations(emulator, "plan2") == [moved.json()]
    nowhere = emulator.http.post(f"{moved.json()['id']}/move", params=V16, json={"destinationPlanId": f"{PLANS}/none"})
    assert nowhere.status_code == 400
    other = definition(commitmentPlan={"id": f"{PLANS}/plan1"})
    refused = emulator.http.put(f"{SERVICES}/census", params=V17, json=other)
    assert refused.json()["error"]["details"][0]["code"] == "CannotChangeCommitmentPlan"


def test_a_service_needs_a_plan_of_its_region(emulator: Emulator) -> None:
    make_plan(emulator, location="westeurope")
    response = emulator.http.put(f"{SERVICES}/census", params=V17, json=definition())
    assert response.json()["error"]["details"][0]["code"] == "CommitmentPlanRegionMismatch"


def test_usage_is_counted_down_day_by_day(emulator: Emulator, tmp_path: Path) -> None:
    days = [
        {"date": "2026-11-01", "machineLearningWebServiceTransactions": 60000},
        {"date": "2026-11-02", "machineLearningWebServiceTransactions": 70000},
    ]
    plan = {"name": "s1", "sku": {"name": "S1"}, "usage": days}
    (tmp_path / "seed.yaml").write_text(json.dumps({"commitmentPlans": [plan]}))
    emulator.seed(tmp_path)
    records = emulator.http.get(f"{PLANS}/s1/usageHistory", params=V16).json()["value"]
    meter = "machineLearningWebServiceTransactions"
    assert [record["planQuantitiesAfterUsage"][meter] for record in records] == [40000.0, 0.0]
    assert [record["planUsageOverage"][meter] for record in records] == [0.0, 30000.0]
    emulator.faults(page_size=1)
    page = emulator.http.get(f"{PLANS}/s1/usageHistory", params=V16).json()
    assert page["value"] == records[:1]
    rest = emulator.http.get(page["nextLink"]).json()
    assert rest == {"value": records[1:]}


def test_an_etag_is_checked_when_switched_on(emulator: Emulator) -> None:
    made = make_plan(emulator)
    make_plan(emulator)
    body = {"tags": {"x": "y"}, "etag": made["etag"]}
    assert emulator.http.patch(f"{PLANS}/plan1", params=V16, json=body).status_code == 200
    emulator.faults(plan_etag="check")
    assert emulator.http.patch(f"{PLANS}/plan1", params=V16, json=body).status_code == 412


def test_the_sku_catalogue(emulator: Emulator) -> None:
    url = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearning/skus"
    skus = {sku["name"]: sku for sku in emulator.http.get(url, params=V16).json()["value"]}
    assert set(skus) == {"S1", "S2", "S3", "DevTest"}
    assert skus["S1"]["capacity"] == {"minimum": 1, "maximum": 10, "default": 1, "scaleType": "Manual"}


def test_a_service_without_a_plan_gets_one_once(emulator: Emulator) -> None:
    emulator.faults(put_incomplete="accept")
    make_plan(emulator)
    body = definition()
    del body["properties"]["commitmentPlan"]
    emulator.finished(emulator.http.put(f"{SERVICES}/census", params=V17, json=body))
    assert associations(emulator) == []
    patch = {"properties": {"packageType": "Graph", "commitmentPlan": {"id": f"{PLANS}/plan1"}}}
    for _ in range(2):
        emulator.finished(emulator.http.patch(f"{SERVICES}/census", params=V17, json=patch))
        assert len(associations(emulator)) == 1
