"""Endpoints, deployments and traffic, planned and applied against a workspace that refuses what the service refuses."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from retrainctl.errors import InvalidInput
from retrainctl.model.change import Action
from tests.support.azureml_engine import Estate
from tests.support.azureml_workspace import SCOPE

HEAD = "apiVersion: retrainctl/v1\n"
ENDPOINT = HEAD + "kind: OnlineEndpoint\nmetadata: {name: shop}\nspec: {auth_mode: key, traffic: {one: 90, two: 10}}\n"
ONLINE = (
    HEAD
    + """kind: OnlineDeployment
metadata: {name: NAME}
spec:
  endpoint_name: shop
  model: azureml:churn:1
  instance_type: Standard_DS3_v2
  instance_count: 2
  environment_variables: {MODE: quick}
  request_settings: {request_timeout_ms: 90000, max_queue_wait_ms: 500}
  liveness_probe: {period: 30, initial_delay: 90}
"""
)
BATCH = (
    HEAD
    + """kind: BatchEndpoint
metadata: {name: nights}
spec: {auth_mode: aad_token, defaults: {deployment_name: late}}
---
"""
    + HEAD
    + """kind: BatchDeployment
metadata: {name: late}
spec:
  endpoint_name: nights
  model: azureml:churn:1
  compute: azureml:cluster
  logging_level: info
  output_action: append_row
  retry_settings: {max_retries: 3, timeout: 30}
  resources: {instance_count: 1}
"""
)
ALL = "---\n".join([ENDPOINT, ONLINE.replace("NAME", "one"), ONLINE.replace("NAME", "two"), BATCH])


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    found = Estate(tmp_path)
    found.write(ALL)
    return found


def refused(estate: Estate, code: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        estate.plan()
    found = [finding for finding in caught.value.diagnostics if finding.code == code]
    assert found, caught.value.diagnostics
    return found[0].message


def test_every_kind_is_made_and_then_there_is_nothing_to_do(estate: Estate) -> None:
    plan = estate.apply()
    assert {str(change.address): change.action for change in plan.changes} == {
        "OnlineEndpoint/shop": Action.CREATE,
        "OnlineDeployment/one": Action.CREATE,
        "OnlineDeployment/two": Action.CREATE,
        "OnlineTraffic/shop": Action.UPDATE,
        "BatchEndpoint/nights": Action.CREATE,
        "BatchDeployment/late": Action.CREATE,
        "BatchDefault/nights": Action.UPDATE,
    }
    assert estate.here.traffic("shop") == {"one": 90, "two": 10}
    again = estate.plan()
    assert (again.changes, again.drift) == ((), ())


def test_a_move_in_place_keeps_what_it_does_not_know_and_drops_the_former_path(estate: Estate) -> None:
    estate.apply()
    key = f"{SCOPE}/onlineEndpoints/shop/deployments/one".casefold()
    estate.here.store[key]["properties"]["autoDeleteSetting"] = {"value": "kept"}
    estate.write(ALL.replace("azureml:churn:1", "azureml:churn:2", 1))
    (change,) = estate.apply().changes
    assert [step.id for step in change.steps] == ["update"]
    live = estate.here.store[key]["properties"]
    assert live["model"].endswith("/models/churn/versions/2")
    assert live["autoDeleteSetting"] == {"value": "kept"}
    assert live["environmentVariables"]["AZUREML_MODEL_DIR"] == live["model"]
    assert live["environmentVariables"]["MODE"] == "quick"
    body = change.steps[0].requests[0].body
    assert isinstance(body, dict)
    assert "AZUREML_MODEL_DIR" not in body["properties"]["environmentVariables"]
    assert estate.plan().changes == ()


def test_more_instances_go_out_before_the_rest(estate: Estate) -> None:
    estate.apply()
    estate.write(
        ALL.replace("azureml:churn:1", "azureml:churn:2", 1).replace("instance_count: 2", "instance_count: 4", 1)
    )
    (change,) = estate.apply().changes
    assert [step.id for step in change.steps] == ["scale", "update"]
    assert estate.plan().changes == ()


def test_what_cannot_change_is_a_replacement_that_says_so(estate: Estate) -> None:
    estate.apply()
    estate.write(ALL.replace("Standard_DS3_v2", "Standard_DS4_v2", 1))
    (change,) = estate.apply().changes
    assert change.action is Action.REPLACE
    assert [step.id for step in change.steps] == [
        *("create-one-standin", "traffic-one-standin-100", "retire-one"),
        *("create-one", "traffic-one-100", "retire-one-standin"),
    ]
    assert any(risk.code == "replaced" and "instanceType" in risk.message for risk in change.risks)
    assert estate.here.traffic("shop") == {"one": 90, "two": 10}
    assert set(estate.here.deployments("shop")) == {"one", "two"}
    assert estate.plan().changes == ()


def test_a_batch_deployment_is_replaced_with_all_that_it_had(estate: Estate) -> None:
    estate.apply()
    key = f"{SCOPE}/batchEndpoints/nights/deployments/late".casefold()
    estate.here.store[key]["properties"]["outputFileName"] = "kept.csv"
    estate.write(ALL.replace("resources: {instance_count: 1}", "resources: {instance_count: 2}"))
    (change,) = estate.apply().changes
    assert [step.id for step in change.steps] == ["delete", "create"]
    live = estate.here.store[key]["properties"]
    assert (live["outputFileName"], live["resources"]["instanceCount"]) == ("kept.csv", 2)
    assert live["model"]["assetId"].endswith("/models/churn/versions/1")
    assert estate.plan().changes == ()


def test_a_blue_green_deployment_may_change_what_cannot_change(estate: Estate) -> None:
    text = ALL.replace("traffic: {one: 90, two: 10}", "tags: {a: b}").replace(
        "  liveness_probe", "  strategy: {blueGreen: {}}\n  liveness_probe", 1
    )
    estate.write(text)
    estate.apply()
    estate.write(text.replace("Standard_DS3_v2", "Standard_DS4_v2", 1))
    (change,) = estate.apply().changes
    assert [step.id for step in change.steps] == ["create-green", "traffic-green-100", "retire-blue"]
    assert estate.here.traffic("shop") == {"green": 100}
    assert estate.plan().changes == ()


def test_a_failed_deployment_is_written_again(estate: Estate) -> None:
    estate.apply()
    key = f"{SCOPE}/onlineEndpoints/shop/deployments/two".casefold()
    estate.here.store[key]["properties"]["provisioningState"] = "Failed"
    (change,) = estate.plan().changes
    assert [step.id for step in change.steps] == ["update"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("two: 10", "two: 20", "add up to 110"),
        ("two: 10", "three: 10", "traffic for three"),
        ("two: 10}", "two: 10}, mirror_traffic: {one: 10}", "gets live traffic"),
        ("one: 90, two: 10}", "one: 100}, mirror_traffic: {two: 60}", "60 %"),
    ],
)
def test_traffic_that_the_service_refuses_is_refused_by_the_plan(estate: Estate, old: str, new: str, said: str) -> None:
    estate.write(ALL.replace(old, new))
    assert said in refused(estate, "RC395")


def test_traffic_of_a_blue_green_deployment_is_not_declared_beside_it(estate: Estate) -> None:
    text = ALL.replace("  liveness_probe", "  strategy: {blueGreen: {}}\n  liveness_probe", 1)
    estate.write(text.replace("{one: 90, two: 10}", "{blue: 100}"))
    assert "blue/green" in refused(estate, "RC395")


def test_a_model_that_is_not_registered_is_refused_by_the_plan(estate: Estate) -> None:
    estate.write(ALL.replace("azureml:churn:1", "azureml:churn:9", 1))
    assert "churn version 9" in refused(estate, "RC394")


def test_a_deployment_needs_its_endpoint(estate: Estate) -> None:
    estate.write(ALL.replace("endpoint_name: shop", "endpoint_name: other", 1))
    assert "no endpoint other" in refused(estate, "RC393")


def test_a_property_that_is_set_cannot_change(estate: Estate) -> None:
    text = ALL.replace("auth_mode: key", "auth_mode: key, properties: {team: a}")
    estate.write(text)
    estate.apply()
    estate.write(text.replace("team: a", "team: b"))
    assert "team" in refused(estate, "RC397")


def test_one_list_call_per_collection(tmp_path: Path) -> None:
    estate = Estate(tmp_path)
    documents = []
    for number in range(200):
        documents.append(ENDPOINT.replace("shop", f"shop{number}"))
        for name in ("one", "two"):
            text = ONLINE.replace("NAME", f"{name}{number}").replace("shop", f"shop{number}")
            documents.append(text.replace("  model:", f"  name: {name}\n  model:"))
    estate.write("---\n".join(documents))
    estate.apply()
    estate.here.calls.clear()
    assert estate.plan().changes == ()
    assert Counter(method for method, _ in estate.here.calls) == {"LIST": 201}
    assert len(set(estate.here.calls)) == 201


def test_traffic_is_never_given_to_what_is_not_ready(estate: Estate) -> None:
    estate.apply()
    estate.write(ALL.replace("{one: 90, two: 10}", "{one: 10, two: 90}"))
    (change,) = estate.plan().changes
    key = f"{SCOPE}/onlineEndpoints/shop/deployments/two".casefold()
    estate.here.store[key]["properties"]["provisioningState"] = "Failed"
    from tests.support.azureml_engine import Patient

    observed = estate.target.reread(change.address, change.identity)
    performed = estate.target.perform(change, change.steps[0], observed, Patient())
    assert performed.error is not None
    assert performed.error.code == "RC398"
    assert estate.here.traffic("shop") == {"one": 90, "two": 10}
