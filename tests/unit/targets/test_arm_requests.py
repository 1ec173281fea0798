"""The exact calls of a change: complete groups, one changed value, nothing that must not be sent or shown."""

from __future__ import annotations

import json

import pytest

from retrainctl.definition.observe import observe
from retrainctl.errors import InvalidInput
from retrainctl.model.change import Action
from retrainctl.model.environment import ArmSettings
from retrainctl.model.values import MISSING, SecretRef
from retrainctl.targets.arm.planner import ArmPlanner
from retrainctl.targets.arm.requests import reveal
from tests.support.arm_cases import (
    PLAN,
    PLAN_ID,
    PLANNER,
    PROVIDER,
    SERVICE,
    SERVICE_ID,
    SLOT,
    SUB,
    change,
    document,
    field,
    move,
    seen,
    uri,
    version,
)

KEY = SecretRef("env", "STORAGE_KEY")


def sent(update, live=None) -> dict:
    """The body of an update as it will be sent."""
    body = PLANNER.body(update, "update", live or document())
    return reveal(body, lambda reference: f"secret of {reference.name}")


def planned(update, live=None):
    (step,) = PLANNER.steps(update, live or seen())
    (request,) = step.requests
    return request


def test_a_model_move_sends_the_complete_assets_with_one_changed_value_and_nothing_else() -> None:
    body = sent(change(move(2)))
    expected = document()["properties"]["assets"]
    expected["asset1"]["locationInfo"]["uri"] = uri(2)
    assert body == {"properties": {"packageType": "Graph", "assets": expected}}


def test_two_slots_move_in_one_call() -> None:
    live = document()
    live["properties"]["assets"]["asset3"] = {
        "name": "Other [trained model]",
        "type": "Resource",
        "locationInfo": {"uri": uri(5)},
    }
    assets = sent(change(move(2), move(7, slot="Other [trained model]")), live)["properties"]["assets"]
    assert assets["asset1"]["locationInfo"]["uri"] == uri(2)
    assert assets["asset3"]["locationInfo"]["uri"] == uri(7)
    assert assets["asset2"] == live["properties"]["assets"]["asset2"]


def test_a_token_on_the_new_address_is_not_part_of_it() -> None:
    body = sent(change(move(2, to_uri=f"{uri(2)}?sv=1&sig=CANARY")))
    assert body["properties"]["assets"]["asset1"]["locationInfo"]["uri"] == uri(2)


def test_simple_fields_are_sent_alone_with_the_package_type() -> None:
    body = sent(change(field("title", "New"), field("description", "Text")))
    assert body == {"properties": {"packageType": "Graph", "title": "New", "description": "Text"}}


def test_a_group_goes_out_whole_with_members_that_we_do_not_know() -> None:
    body = sent(change(field("realtimeConfiguration.maxConcurrentCalls", 30, 20)))
    assert body["properties"]["realtimeConfiguration"] == {"maxConcurrentCalls": 30, "unheardOf": 1}


def test_tags_go_out_whole_with_those_that_are_not_ours() -> None:
    body = sent(change(field("tags.team", "sales", "growth"), field("tags.cost", "7")))
    assert body == {
        "tags": {"team": "sales", "owner": "me", "cost": "7"},
        "properties": {"packageType": "Graph"},
    }
    assert sent(change(field("tags.team", MISSING, "growth")))["tags"] == {"owner": "me"}


def test_the_first_tag_of_a_service_without_tags() -> None:
    live = document()
    del live["tags"]
    assert sent(change(field("tags.team", "sales")), live)["tags"] == {"team": "sales"}


def test_a_storage_key_is_rotated_by_itself_and_never_beside_a_model() -> None:
    assert sent(change(field("storageAccount.key", KEY, secret=True)))["properties"] == {
        "packageType": "Graph",
        "storageAccount": {"key": "secret of STORAGE_KEY"},
    }
    assert "storageAccount" not in sent(change(move(2)))["properties"]


def test_one_service_key_is_rotated_and_the_other_stays() -> None:
    body = sent(change(field("keys.primary", SecretRef("env", "K1"), secret=True)))
    assert body["properties"]["keys"] == {"primary": "secret of K1"}


def test_what_cannot_change_is_never_in_an_update() -> None:
    body = sent(
        change(
            field("location", "West Europe"),
            field("commitmentPlan", {"id": PLAN_ID}),
            field("machineLearningWorkspace", {"id": "x"}),
            field("title", "t"),
        )
    )
    assert body == {"properties": {"packageType": "Graph", "title": "t"}}


def test_a_changed_graph_keeps_ciphertext_and_unknown_members_and_has_the_form_of_its_version() -> None:
    update = change(field("package.nodes.n2.parameters.Fraction.value", "0.7", "0.5"))
    package = sent(update)["properties"]["package"]
    assert package["nodes"]["n2"]["parameters"] == {
        "Account Key": {"value": "LIVECIPHERTEXT", "certificateThumbprint": "AB12"},
        "Fraction": {"value": "0.7", "certificateThumbprint": ""},
    }
    preview = ArmPlanner(
        settings=ArmSettings(subscription=SUB, resource_group="rg", api_version="2016-05-01-preview"), environment="e"
    )
    old = preview.body(update, "update", document())
    assert old["properties"]["package"]["nodes"]["n2"]["parameters"]["Fraction"] == "0.7"


def test_a_field_that_goes_back_to_nothing_is_emptied() -> None:
    assert sent(change(field("title", MISSING, "Census")))["properties"]["title"] == ""


def test_the_planned_form_shows_no_signature_credential_or_ciphertext_and_the_sent_one_keeps_them() -> None:
    update = change(move(2), field("package.nodes.n2.parameters.Fraction.value", "0.7"))
    shown = json.dumps(planned(update).body)
    for canary in ("LIVESIGNATURE", "LIVECREDENTIAL", "LIVECIPHERTEXT"):
        assert canary not in shown
        assert canary in json.dumps(sent(update))
    transform = planned(update).body["properties"]["assets"]["asset2"]["locationInfo"]
    assert set(transform["uri"]) == set(transform["credentials"]) == {"$sensitive"}


def test_a_password_in_a_parameter_is_hidden_by_its_looks() -> None:
    live = document()
    parameters = live["properties"]["package"]["nodes"]["n2"]["parameters"]
    parameters["Connection"] = {"value": "Server=x;Password=PWCANARY;", "certificateThumbprint": ""}
    parameters["Header"] = {"value": "BEARER TOKENCANARY", "certificateThumbprint": ""}
    update = change(field("package.nodes.n2.parameters.Fraction.value", "0.7"))
    shown = json.dumps(PLANNER.steps(update, observe(SERVICE, SERVICE_ID, live))[0].requests[0].body)
    for canary in ("PWCANARY", "TOKENCANARY"):
        assert canary not in shown
        assert canary in json.dumps(sent(update, live))


def test_hidden_values_tell_same_from_different_but_not_across_environments() -> None:
    other = ArmPlanner(settings=PLANNER.settings, environment="test")

    def hidden(planner: ArmPlanner, live) -> list[str]:
        body = planner.steps(change(move(2)), live)[0].requests[0].body
        location = body["properties"]["assets"]["asset2"]["locationInfo"]
        return [location["uri"]["$sensitive"], location["credentials"]["$sensitive"]]

    assert hidden(PLANNER, seen()) == hidden(PLANNER, seen())
    assert not set(hidden(PLANNER, seen())) & set(hidden(other, seen()))


def test_a_secret_stays_a_reference_in_the_planned_form() -> None:
    request = planned(change(field("storageAccount.key", KEY, secret=True)))
    assert request.body["properties"]["storageAccount"] == {"key": KEY}


def creation(**fields):
    base = {
        "location": "southcentralus",
        "tags": {"team": "growth"},
        "title": "Census",
        "assets": {"a": {"name": SLOT, "type": "Resource", "locationInfo": {"uri": uri(1)}}},
        "package": {"nodes": {"n": {"assetId": "a", "parameters": {"P": {"value": "1"}}}}},
        "input": {"properties": {"i": {"properties": {"b": {}, "a": {}}, "columnOrder": ["a", "b"]}}},
        "storageAccount": {"name": "acct", "key": KEY},
        "commitmentPlan": "CommitmentPlan/s1",
    }
    return change(*(field(name, value) for name, value in {**base, **fields}.items()), move(3), action=Action.CREATE)


def test_a_creation_is_one_put_of_everything_completed_with_key_plan_and_model() -> None:
    (step,) = PLANNER.steps(creation(), None)
    (request,) = step.requests
    assert (request.method, request.path) == ("PUT", f"{PROVIDER}/webServices/census?api-version=2017-01-01")
    body = PLANNER.body(creation(), "create", {})
    assert body["location"] == "southcentralus"
    assert body["tags"] == {"team": "growth"}
    properties = body["properties"]
    assert properties["packageType"] == "Graph"
    assert properties["storageAccount"] == {"name": "acct", "key": KEY}
    assert properties["commitmentPlan"] == {"id": PLAN_ID}
    assert properties["assets"]["a"]["locationInfo"]["uri"] == uri(3)
    assert properties["package"]["nodes"]["n"]["parameters"]["P"] == {"value": "1", "certificateThumbprint": ""}
    assert list(properties["input"]["properties"]["i"]["properties"]) == ["a", "b"]
    assert "columnOrder" not in properties["input"]["properties"]["i"]


@pytest.mark.parametrize("given", ["CommitmentPlan/s1", "s1", {"id": "CommitmentPlan/s1"}, PLAN_ID, {"id": PLAN_ID}])
def test_the_plan_of_a_new_service_may_be_given_in_any_form(given) -> None:
    body = PLANNER.body(creation(commitmentPlan=given), "create", {})
    assert body["properties"]["commitmentPlan"] == {"id": PLAN_ID}


def test_a_version_that_is_only_a_file_is_marked_in_the_plan() -> None:
    request = planned(change(move(2, after=version(2, uri=None, file="m.ilearner"), to_uri=None)))
    assert request.body["properties"]["assets"]["asset1"]["locationInfo"]["uri"] == {
        "$unknown": "the uploaded file's address"
    }


def test_a_deletion_has_no_body_and_a_replacement_has_two_steps() -> None:
    request = planned(change(action=Action.DELETE))
    assert (request.method, request.body) == ("DELETE", MISSING)
    replacement = change(*creation().fields, action=Action.REPLACE)
    assert [step.id for step in PLANNER.steps(replacement, seen())] == ["delete", "create"]
    assert PLANNER.steps(change(action=Action.NO_OP), seen()) == ()


def test_commitment_plans_keep_their_capacity() -> None:
    live = {"sku": {"name": "S1", "tier": "Standard", "capacity": 4}, "tags": {"a": "1"}, "location": "x"}
    update = change(field("sku.name", "S2", "S1"), address=PLAN)
    assert PLANNER.body(update, "update", live) == {"sku": {"name": "S2", "tier": "Standard", "capacity": 4}}
    update = change(field("tags.b", "2"), address=PLAN)
    assert PLANNER.body(update, "update", live) == {"tags": {"a": "1", "b": "2"}}
    (step,) = PLANNER.steps(update, None)
    assert step.requests[0].path == f"{PLAN_ID}?api-version=2016-05-01-preview"
    assert step.wait is None


def test_a_new_commitment_plan_is_put_as_recorded() -> None:
    sku = {"name": "S1", "tier": "Standard", "capacity": 1}
    new = change(field("location", "southcentralus"), field("sku", sku), address=PLAN, action=Action.CREATE)
    assert PLANNER.body(new, "create", {}) == {"location": "southcentralus", "sku": sku, "properties": {}}


def test_ciphertext_that_nobody_has_cannot_be_sent() -> None:
    secret = {"nodes": {"n": {"parameters": {"Key": {"$encrypted": True}}}}}
    with pytest.raises(InvalidInput):
        PLANNER.body(creation(package=secret), "create", {})
