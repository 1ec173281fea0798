"""Trained model slots."""

from __future__ import annotations

import pytest

from retrainctl.definition.nearest import closest
from retrainctl.definition.slots import find, is_training, no_slot_reason, replace_slot, slots
from retrainctl.errors import InvalidInput


def resource(name, uri, kind="Resource", **more):
    return {"name": name, "type": kind, "locationInfo": {"uri": uri, "credentials": ""}, **more}


def service(**assets) -> dict:
    return {"properties": {"packageType": "Graph", "assets": assets}}


def test_a_slot_is_a_resource_by_extension_or_by_name():
    document = service(
        a=resource("Census", "https://x/1.ilearner"),
        b=resource("Other [trained model]", "https://x/blob"),
        c=resource("Scaling", "https://x/1.itransform"),
        d=resource("Score Model", "aml://module/1"),
        e=resource("Fake [trained model]", "https://x/2.ilearner", kind="Module"),
        f=resource("Upper", "https://x/3.ILEARNER?sv=1&sig=abcdefgh"),
    )

    found = slots(document)

    assert {name: (slot.asset, slot.uri, slot.signed) for name, slot in found.items()} == {
        "Census": ("a", "https://x/1.ilearner", False),
        "Other [trained model]": ("b", "https://x/blob", False),
        "Upper": ("f", "https://x/3.ILEARNER", True),
    }


def test_slots_of_one_name_are_told_apart_by_their_asset():
    document = service(a=resource("M", "https://x/1.ilearner"), b=resource("M", "https://x/2.ilearner"))

    assert list(slots(document)) == ["M (a)", "M (b)"]
    moved = replace_slot(document, "M (b)", "https://x/3.ilearner")
    assert [slot.uri for slot in slots(moved).values()] == ["https://x/1.ilearner", "https://x/3.ilearner"]
    with pytest.raises(InvalidInput) as caught:
        find(document, "M")
    assert caught.value.diagnostics[0].code == "RC211"
    assert "'M (a)', 'M (b)'" in str(caught.value.diagnostics[0].hint)


def test_no_slot_is_lost_when_names_are_made_up_to_collide():
    document = service(
        a=resource("M", "https://x/1.ilearner"),
        b=resource("M", "https://x/2.ilearner"),
        c=resource("M (a)", "https://x/3.ilearner"),
    )

    assert len(slots(document)) == 3


def test_replacing_keeps_every_other_member_and_shares_it():
    document = {
        "location": "x",
        "properties": {
            "package": {"nodes": {}},
            "assets": {
                "z": resource("S", "aml://m"),
                "m": resource("M", "https://x/1.ilearner", outputPorts={"p": {"type": "Dataset"}}, future=[1]),
            },
            "later": 1,
        },
    }

    changed = replace_slot(document, "M", "https://x/2.ilearner")

    assert document["properties"]["assets"]["m"]["locationInfo"]["uri"] == "https://x/1.ilearner"
    assert changed["properties"]["assets"]["m"] == {
        **document["properties"]["assets"]["m"],
        "locationInfo": {"uri": "https://x/2.ilearner", "credentials": ""},
    }
    assert list(changed["properties"]) == list(document["properties"])
    assert changed["properties"]["package"] is document["properties"]["package"]
    assert changed["properties"]["assets"]["z"] is document["properties"]["assets"]["z"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Retrain Sample [trained model]", "Retrain Samp.le [trained model]"),
        ("retrain samp.le", "Retrain Samp.le [trained model]"),
        ("Retrain  Samp.le [Trained Model]", "Retrain Samp.le [trained model]"),
        ("weather", None),
    ],
)
def test_a_near_miss_names_what_was_meant(said, meant):
    assert closest(said, ["Retrain Samp.le [trained model]", "Bike [trained model]"]) == meant


def test_an_unknown_slot_lists_those_that_there_are():
    document = service(a=resource("Census [trained model]", "https://x/1.ilearner"), b=resource("B", "u.ilearner"))
    for said, hint in (("Censsus", "did you mean 'Census [trained model]'?"), ("zzzzz", "there is 'Census")):
        with pytest.raises(InvalidInput) as caught:
            replace_slot(document, said, "u")
        (finding,) = caught.value.diagnostics
        assert finding.code == "RC210"
        assert hint in str(finding.hint)


def test_a_training_service_is_refused_with_the_reason():
    training = service(a=resource("Train Model", "aml://m", kind="Module"), b=resource("Data", "https://x/d.csv"))

    assert is_training(training)
    assert "training service (it runs 'Train Model')" in no_slot_reason(training)
    with pytest.raises(InvalidInput) as caught:
        find(training, "x")
    assert caught.value.diagnostics[0].code == "RC212"
    assert "predictive service" in str(caught.value.diagnostics[0].hint)


def test_other_services_without_slot_say_why():
    assert "payloadsInBlobStorage" in no_slot_reason({"properties": {"payloadsInBlobStorage": True}})
    assert "no definition" in no_slot_reason({"properties": {"provisioningState": "Failed"}})
    assert "no asset of type Resource" in no_slot_reason(service(a=resource("R", "aml://m", kind="Module")))
    assert not is_training(service(a=resource("Train Model", "m", kind="Module"), b=resource("M", "u.ilearner")))


def test_odd_assets_are_passed_over():
    odd = {
        "properties": {
            "assets": {
                "a": None,
                "b": [],
                "c": {"type": "Resource"},
                "d": {"type": "Resource", "locationInfo": {"uri": 1}},
            }
        }
    }

    assert slots(odd) == {}
    assert slots({"properties": {"assets": []}}) == slots({}) == {}
