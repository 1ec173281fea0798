"""A document as the engine sees it: broken stubs, change marks, commitment plans."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from retrainctl.definition import commitmentplan
from retrainctl.definition.observe import broken, observe
from retrainctl.definition.rules import Reason
from retrainctl.model.address import Address
from retrainctl.model.resource import Knowledge, SlotState

NOW = datetime(2017, 4, 26, 17, 12, tzinfo=UTC)
RECENT, OLD = "2017-04-26T17:11:00.1234567Z", "2016-05-25T22:51:45.0835601Z"


def test_a_service_has_fields_slots_and_a_change_mark():
    asset = {
        "name": "M [trained model]",
        "type": "Resource",
        "locationInfo": {"uri": "https://x/1.ilearner?sig=abcdef"},
    }
    document = {"properties": {"packageType": "Graph", "modifiedOn": RECENT, "assets": {"a": asset}}}

    seen = observe(Address("WebService", "x"), "/id", document, now=NOW)

    path = ("assets", "a", "locationInfo", "uri")
    slot = SlotState(uri="https://x/1.ilearner", knowledge=Knowledge.LIVE, path=path)
    assert seen.slots == {"M [trained model]": slot}
    assert seen.revision == RECENT
    assert seen.broken is None
    assert seen.document is document
    assert seen.fingerprint.startswith("sha256:") and len(seen.fingerprint) == 71
    assert "abcdef" not in repr(seen)


@pytest.mark.parametrize(
    ("properties", "now", "says"),
    [
        ({"provisioningState": "Failed"}, None, "creation failed"),
        ({"provisioningState": "failed", "packageType": "Graph"}, None, "last change failed"),
        ({"provisioningState": "Provisioning", "modifiedOn": OLD}, NOW, "since 2016-05-25"),
        ({"provisioningState": "Provisioning", "modifiedOn": OLD, "packageType": "Graph"}, NOW, "since 2016-05-25"),
        ({"provisioningState": "Provisioning", "modifiedOn": OLD}, None, "no definition"),
        ({"provisioningState": "Succeeded"}, None, "stub"),
        ({"provisioningState": "Provisioning", "modifiedOn": RECENT}, NOW, None),
        ({"provisioningState": "Provisioning", "modifiedOn": OLD, "packageType": "Graph"}, None, None),
        ({"provisioningState": "Succeeded", "packageType": "Graph"}, NOW, None),
        ({"title": "an export shows no state"}, NOW, None),
        ({}, None, None),
    ],
)
def test_what_is_broken_says_so(properties, now, says):
    found = broken({"properties": properties}, now=now)

    assert (found is None) if says is None else (says in str(found))


def test_a_commitment_plan_is_its_sku_location_and_tags():
    plan = {
        "etag": "0000e963",
        "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearning/commitmentPlans/p",
        "location": "southcentralus",
        "name": "p",
        "properties": {"maxCapacityLimit": 10, "planMeter": "x"},
        "sku": {"capacity": 1, "name": "S1", "tier": "Standard"},
        "tags": {},
        "type": "Microsoft.MachineLearning/commitmentPlans",
        "future": None,
    }

    seen = commitmentplan.observe(Address("CommitmentPlan", "p"), plan["id"], plan)

    assert seen.fields == {"location": "southcentralus", "sku": {"capacity": 1, "name": "S1", "tier": "Standard"}}
    assert seen.revision == "0000e963"
    assert {note.reason for note in seen.normalised} == {
        Reason.READ_ONLY,
        Reason.EMPTY_EQUALS_ABSENT,
        Reason.NULL_DROPPED,
    }

    def print_of(**changed):
        return commitmentplan.fingerprint(commitmentplan.normalise({**plan, **changed})[0])

    assert print_of(location="South Central US", etag="2", properties={}) == seen.fingerprint
    assert print_of(sku={"capacity": 2, "name": "S1", "tier": "Standard"}) != seen.fingerprint
    assert print_of(tags={"a": "b"}) != seen.fingerprint
