"""Web services as a client sees them, over raw HTTP; sections are those of the protocol dossier."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator_process import (
    GROUP,
    PLANS,
    SERVICES,
    V16,
    V17,
    Emulator,
    definition,
    get_service,
    make_plan,
    make_service,
)

MODEL = "https://acct.blob.core.windows.net/models/census/2.ilearner"


def patch(emulator: Emulator, properties: dict[str, Any], name: str = "census", **body: Any) -> dict[str, Any]:
    """A successful PATCH at 2017; the service afterwards."""
    content = {"properties": {"packageType": "Graph", **properties}, **body}
    ended = emulator.finished(emulator.http.patch(f"{SERVICES}/{name}", params=V17, json=content))
    assert ended["status"] == "Succeeded", ended
    return get_service(emulator, name)


def refused(response: Any, status: int = 400) -> str:
    """The specific code of a provider's refusal."""
    assert response.status_code == status, response.text
    error = response.json()["error"]
    return str(error["details"][0]["code"])


def test_get_omits_secrets_and_the_plan(emulator: Emulator) -> None:
    service = make_service(emulator, keys={"primary": "canary-1", "secondary": "canary-2"})
    assert service["properties"]["storageAccount"] == {"name": "acct"}
    assert {"keys", "commitmentPlan"}.isdisjoint(service["properties"])
    text = json.dumps(service) + emulator.http.get(SERVICES, params=V17).text
    assert "canary" not in text
    assert "c2VjcmV0" not in text
    keys = emulator.http.get(f"{SERVICES}/census/listKeys", params=V17).json()
    assert keys == {"primary": "canary-1", "secondary": "canary-2"}


def test_list_keys_is_a_get(emulator: Emulator) -> None:
    make_service(emulator)
    refusal = emulator.http.post(f"{SERVICES}/census/listKeys", params=V17)
    assert (refusal.status_code, refusal.json()["error"]["code"]) == (405, "MethodNotAllowed")
    assert (refusal.headers["Allow"], "x-ms-request-id" in refusal.headers) == ("GET", True)


def test_the_location_is_shown_in_full_and_cannot_change(emulator: Emulator) -> None:
    assert make_service(emulator)["location"] == "South Central US"
    moved = definition() | {"location": "westeurope"}
    response = emulator.http.put(f"{SERVICES}/census", params=V17, json=moved)
    assert response.status_code == 409
    assert response.json()["error"]["code"] == "InvalidResourceLocation"


def test_a_patched_model_reference_changes_nothing_else(emulator: Emulator) -> None:
    before = make_service(emulator)
    assets = json.loads(json.dumps(before["properties"]["assets"]))
    assets["asset1"]["locationInfo"]["uri"] = MODEL
    after = patch(emulator, {"assets": assets})
    assert after["properties"].pop("modifiedOn") > before["properties"].pop("modifiedOn")
    before["properties"]["assets"] = assets
    assert after == before


def test_an_emptied_map_vanishes_with_a_patch_only(emulator: Emulator) -> None:
    assert make_service(emulator)["properties"]["parameters"] == {}
    assert "parameters" not in patch(emulator, {"parameters": {}})["properties"]


def test_settings_merge_and_one_key_rotates_alone(emulator: Emulator) -> None:
    make_service(emulator, keys={"primary": "one", "secondary": "two"}, diagnostics={"level": "None"})
    after = patch(emulator, {"keys": {"primary": "new"}, "realtimeConfiguration": {"maxConcurrentCalls": 30}})
    assert after["properties"]["realtimeConfiguration"] == {"maxConcurrentCalls": 30}
    assert after["properties"]["diagnostics"] == {"level": "None"}
    keys = emulator.http.get(f"{SERVICES}/census/listKeys", params=V17).json()
    assert keys == {"primary": "new", "secondary": "two"}


def test_maps_in_a_patch_are_replaced_or_merged_as_switched(emulator: Emulator) -> None:
    make_service(emulator)
    fragment = {"asset1": definition()["properties"]["assets"]["asset1"] | {"name": "Other [trained model]"}}
    emulator.faults(patch_maps="merge")
    assert sorted(patch(emulator, {"assets": fragment})["properties"]["assets"]) == ["asset1", "asset2"]
    emulator.faults(patch_maps="replace")
    assert sorted(patch(emulator, {"assets": fragment})["properties"]["assets"]) == ["asset1"]


def test_null_in_a_patch_is_ignored_or_deletes_as_switched(emulator: Emulator) -> None:
    make_service(emulator)
    assert patch(emulator, {"title": None})["properties"]["title"] == "census"
    emulator.faults(patch_null="delete")
    assert "title" not in patch(emulator, {"title": None})["properties"]


def test_unknown_members_survive(emulator: Emulator) -> None:
    make_service(emulator, futureSetting={"deep": [1, {"x": None}]}, title="a")
    after = patch(emulator, {"title": "b"})
    assert after["properties"]["futureSetting"] == {"deep": [1, {}]}
    assert after["properties"]["title"] == "b"


def test_tags_are_replaced_by_a_patch_without_properties(emulator: Emulator) -> None:
    make_service(emulator)
    ended = emulator.finished(emulator.http.patch(f"{SERVICES}/census", params=V17, json={"tags": {"team": "growth"}}))
    assert ended["status"] == "Succeeded"
    assert get_service(emulator)["tags"] == {"team": "growth"}


def test_a_patch_of_properties_needs_the_package_type(emulator: Emulator) -> None:
    make_service(emulator)
    response = emulator.http.patch(f"{SERVICES}/census", params=V17, json={"properties": {"title": "x"}})
    assert refused(response) == "WebServiceTypeInvalid"
    emulator.faults(patch_package_type="optional")
    response = emulator.http.patch(f"{SERVICES}/census", params=V17, json={"properties": {"title": "x"}})
    assert emulator.finished(response)["status"] == "Succeeded"


def test_the_storage_account_cannot_change_by_patch(emulator: Emulator) -> None:
    make_service(emulator)
    body = {"properties": {"packageType": "Graph", "storageAccount": {"name": "other", "key": "k"}}}
    response = emulator.http.patch(f"{SERVICES}/census", params=V17, json=body)
    assert refused(response) == "CannotChangeStorageAccount"
    assert "Currently configured storage account name = 'acct'" in response.text
    assert patch(emulator, {"storageAccount": {"key": "new"}})["properties"]["storageAccount"] == {"name": "acct"}


def test_a_read_only_service_takes_nothing_but_delete(emulator: Emulator) -> None:
    make_service(emulator)
    assert patch(emulator, {"readOnly": True})["properties"]["readOnly"] is True
    body = {"properties": {"packageType": "Graph", "readOnly": False}}
    assert refused(emulator.http.patch(f"{SERVICES}/census", params=V17, json=body)) == "WebServiceReadOnly"
    assert refused(emulator.http.put(f"{SERVICES}/census", params=V17, json=definition())) == "WebServiceReadOnly"
    assert emulator.finished(emulator.http.delete(f"{SERVICES}/census", params=V17))["status"] == "Succeeded"


def test_an_overwriting_put_is_200_and_rotates_missing_keys(emulator: Emulator) -> None:
    before = make_service(emulator)
    keys = emulator.http.get(f"{SERVICES}/census/listKeys", params=V17).json()
    response = emulator.http.put(f"{SERVICES}/census", params=V17, json=definition(title="again"))
    assert response.status_code == 200
    emulator.finished(response)
    after = get_service(emulator)
    assert after["properties"]["title"] == "again"
    assert after["properties"]["createdOn"] == before["properties"]["createdOn"]
    assert after["properties"]["swaggerLocation"] == before["properties"]["swaggerLocation"]
    rotated = emulator.http.get(f"{SERVICES}/census/listKeys", params=V17).json()
    assert rotated != keys
    emulator.faults(put_rotates_keys="off")
    emulator.finished(emulator.http.put(f"{SERVICES}/census", params=V17, json=definition()))
    assert emulator.http.get(f"{SERVICES}/census/listKeys", params=V17).json() == rotated


def test_an_export_put_back_over_its_service_needs_no_secrets(emulator: Emulator) -> None:
    exported = make_service(emulator)
    response = emulator.http.put(f"{SERVICES}/census", params=V17, json=exported)
    assert emulator.finished(response)["status"] == "Succeeded"
    after = get_service(emulator)
    after["properties"]["modifiedOn"] = exported["properties"]["modifiedOn"]
    assert after == exported


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"storageAccount": {"name": "acct"}}, "StorageAccountRequired"),
        ({"commitmentPlan": None}, "CommitmentPlanRequired"),
        ({"commitmentPlan": {"id": f"{PLANS}/none"}}, "CommitmentPlanNotFound"),
        ({"keys": {"primary": "one"}}, "MissingKeys"),
        ({"packageType": None}, "WebServiceTypeInvalid"),
        ({"packageType": "Code"}, "WebServiceTypeInvalid"),
        ({"realtimeConfiguration": {"maxConcurrentCalls": 3}}, "WebServiceConcurrentRequestRequirementInvalid"),
        ({"realtimeConfiguration": {"maxConcurrentCalls": 201}}, "WebServiceTooManyConcurrentRequestRequirement"),
        ({"diagnostics": {"level": "Loud"}}, "IncompleteSettings"),
        ({"diagnostics": {"level": "All", "expiry": "2001-01-01T00:00:00Z"}}, "ExpiryTimeInThePast"),
        ({"assets": {"a": {"name": "x", "type": "Resource"}}}, "WebServicePackageError"),
        ({"assets": []}, "RequestBodyInvalid"),
        ({"parameters": {"p": "a string, as in 2016"}}, "WebServicePackageError"),
    ],
)
def test_what_a_put_is_refused_for(emulator: Emulator, change: dict[str, Any], code: str) -> None:
    make_plan(emulator)
    response = emulator.http.put(f"{SERVICES}/census", params=V17, json=definition(**change))
    assert refused(response) == code
    assert emulator.http.get(f"{SERVICES}/census", params=V17).status_code == 404


def test_strings_and_value_objects_belong_to_their_versions(emulator: Emulator) -> None:
    make_service(emulator, parameters={"Seed": {"value": 42, "certificateThumbprint": ""}})
    new = get_service(emulator)["properties"]
    old = emulator.http.get(f"{SERVICES}/census", params=V16).json()["properties"]
    assert new["parameters"] == {"Seed": {"value": 42, "certificateThumbprint": ""}}
    assert old["parameters"] == {"Seed": "42"}
    assert old["package"]["nodes"]["node2"]["parameters"] == {"Append score columns to output": "True"}
    assert "realtimeConfiguration" not in old
    assert "payloadsInBlobStorage" not in old
    assert new["realtimeConfiguration"] == {"maxConcurrentCalls": 20}
    body = {"properties": {"packageType": "Graph", "parameters": {"Seed": "7"}}}
    emulator.finished(emulator.http.patch(f"{SERVICES}/census", params=V16, json=body))
    assert get_service(emulator)["properties"]["parameters"] == {"Seed": {"value": "7", "certificateThumbprint": ""}}


def test_the_preview_puts_secrets_into_its_first_answer_and_nowhere_else(emulator: Emulator) -> None:
    make_plan(emulator)
    body = definition(parameters={}, keys={"primary": "one", "secondary": "two"})
    del body["properties"]["package"]["nodes"]["node2"]["parameters"]
    first = emulator.http.put(f"{SERVICES}/census", params=V16, json=body)
    assert first.status_code == 201
    assert first.json()["properties"]["keys"] == {"primary": "one", "secondary": "two"}
    assert first.json()["properties"]["storageAccount"]["key"] == "c2VjcmV0"
    emulator.finished(first)
    assert "c2VjcmV0" not in emulator.http.get(f"{SERVICES}/census", params=V16).text


def test_the_first_answer_is_not_the_result(emulator: Emulator) -> None:
    make_service(emulator)
    emulator.faults(op_seconds=30)
    body = {"properties": {"packageType": "Graph", "title": "later"}}
    response = emulator.http.patch(f"{SERVICES}/census", params=V17, json=body)
    assert response.json()["properties"] == {"provisioningState": "Provisioning"}
    during = get_service(emulator)["properties"]
    assert (during["title"], during["provisioningState"]) == ("census", "Provisioning")
    again = emulator.http.patch(f"{SERVICES}/census", params=V17, json=body)
    assert refused(again, 409) == "WebServiceProvisioning"
    emulator.control("POST", "operations", {"outcome": "succeed"})
    after = get_service(emulator)["properties"]
    assert (after["title"], after["provisioningState"]) == ("later", "Succeeded")


def test_deleting_is_202_whether_it_exists_or_not(emulator: Emulator) -> None:
    make_service(emulator)
    response = emulator.http.delete(f"{SERVICES}/census", params=V17)
    assert response.status_code == 202
    assert "/operationresults/" in response.headers["Location"]
    assert emulator.finished(response)["status"] == "Succeeded"
    assert emulator.http.get(response.headers["Location"]).status_code == 204
    gone = emulator.http.get(f"{SERVICES}/census", params=V17)
    assert refused(gone, 404) == "WebServiceNotFound"
    assert emulator.http.delete(f"{SERVICES}/census", params=V17).status_code == 202


def secret_parameter(value: str, thumbprint: str) -> dict[str, Any]:
    return {"parameters": {"Account Key": {"value": value, "certificateThumbprint": thumbprint}}}


def test_encrypted_parameters_come_back_encrypted_anew_and_can_be_sent_back(emulator: Emulator) -> None:
    service = make_service(emulator, **secret_parameter("CIPHER1", "THUMB1"))
    shown = service["properties"]["parameters"]["Account Key"]
    assert shown["value"] != "CIPHER1"
    assert shown["certificateThumbprint"] not in ("", "THUMB1")
    assert get_service(emulator)["properties"]["parameters"]["Account Key"] == shown
    after = patch(emulator, {"parameters": {"Account Key": shown}})
    assert after["properties"]["parameters"]["Account Key"] == shown


def test_a_regional_blob_is_needed_to_read_for_another_region(emulator: Emulator) -> None:
    home = make_service(emulator, **secret_parameter("CIPHER1", "THUMB1"))
    url = f"{SERVICES}/census"
    assert refused(emulator.http.get(url, params=V17 | {"region": "westcentralus"}), 404) == "PerRegionPayloadNotFound"
    create = emulator.http.post(f"{url}/CreateRegionalBlob", params=V17 | {"region": "West Central US"})
    assert create.status_code == 202
    assert emulator.finished(create)["status"] == "Succeeded"
    there = get_service(emulator, region="westcentralus")
    secrets = [part["properties"]["parameters"]["Account Key"]["certificateThumbprint"] for part in (home, there)]
    assert secrets[0] != secrets[1]
    assert there["location"] == "South Central US"
    body = {"properties": {"packageType": "Graph", "parameters": there["properties"]["parameters"]}}
    assert refused(emulator.http.patch(url, params=V17, json=body)) == "WebServicePackageError"
    assert emulator.http.post(f"{url}/CreateRegionalBlob", params=V16 | {"region": "japaneast"}).status_code == 404


def test_big_payloads_are_marked(emulator: Emulator) -> None:
    rows = [["x" * 1000] for _ in range(3200)]
    service = make_service(emulator, exampleRequest={"inputs": {"input1": rows}})
    assert service["properties"]["payloadsInBlobStorage"] is True
    assert make_service(emulator, "small")["properties"]["payloadsInBlobStorage"] is False


def test_lists_are_sparse_and_page_by_link(emulator: Emulator) -> None:
    for number in range(5):
        make_service(emulator, f"service {number} (a)")
    emulator.faults(page_size=2)
    names, link, pages = [], f"{SERVICES}?api-version=2017-01-01", 0
    while link:
        body = emulator.http.get(link).json()
        names += [item["name"] for item in body["value"]]
        large = ("assets", "input", "output", "package", "parameters", "exampleRequest")
        assert all(set(large).isdisjoint(item["properties"]) for item in body["value"])
        link, pages = body.get("nextLink", ""), pages + 1
    assert sorted(names) == [f"service {number} (a)" for number in range(5)]
    assert pages == 3
    bad = emulator.http.get(SERVICES, params=V17 | {"$skiptoken": "AAAA"})
    assert bad.status_code == 400


def test_ids_compare_without_case_and_double_slashes_collapse(emulator: Emulator) -> None:
    make_service(emulator, "Census.2016(a)")
    odd = f"{GROUP.replace('resourceGroups', 'resourcegroups')}/providers/microsoft.machinelearning//webservices/"
    service = emulator.http.get(odd + "CENSUS.2016(a)", params={"API-Version": "2017-01-01"})
    assert service.status_code == 200
    assert service.json()["name"] == "Census.2016(a)"


def test_a_service_in_a_missing_group_or_of_a_bad_name_is_not_made(emulator: Emulator) -> None:
    other = SERVICES.replace("/local/", "/nowhere/")
    response = emulator.http.put(f"{other}/census", params=V17, json=definition())
    assert (response.status_code, response.json()["error"]["code"]) == (404, "ResourceGroupNotFound")
    assert response.headers["x-ms-failure-cause"] == "gateway"
    response = emulator.http.put(f"{SERVICES}/a%3Cb", params=V17, json=definition())
    assert response.json()["error"]["code"] == "InvalidResourceName"


@pytest.mark.parametrize("body", [b"{", b"[]", b"", b"\xff"])
def test_a_body_that_is_no_object_is_refused_like_the_gateway_does(emulator: Emulator, body: bytes) -> None:
    response = emulator.http.put(f"{SERVICES}/census", params=V17, content=body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "InvalidRequestContent")


def test_definitions_in_any_case_and_with_a_bom_are_seeded(emulator: Emulator, shared: Path) -> None:
    """The SDK's test files: a BOM, PascalCase members, a null."""
    emulator.seed(*sorted((shared / "arm" / "testdata").glob("*.json")))
    service = get_service(emulator, "GraphWebServiceDefinition_Prod")["properties"]
    assert service["title"]
    assert all("uri" in asset["locationInfo"] for asset in service["assets"].values())
    assert "globalParameters" not in service["exampleRequest"]
    assert {"nodes", "edges"} <= set(service["package"])


def test_a_seeded_export_reads_back_member_for_member(emulator: Emulator, shared: Path) -> None:
    file = shared / "arm" / "exports" / "CreditRisk.before-retraining.json"
    exported = json.loads(file.read_text(encoding="utf-8-sig"))
    emulator.seed(file)
    live = emulator.http.get(f"{SERVICES}/{exported['name']}", params=V16).json()
    added = {"createdOn", "modifiedOn", "provisioningState", "swaggerLocation"}
    assert set(live["properties"]) - set(exported["properties"]) == added
    for name, value in exported["properties"].items():
        assert json.dumps(live["properties"][name], sort_keys=True) == json.dumps(value, sort_keys=True), name
    assert {name: live[name] for name in ("name", "location", "tags")} == {
        name: exported[name] for name in ("name", "location", "tags")
    }
    again = emulator.seed(file)["seeds"][0]
    assert (again["new"]["webServices"], again["present"]["webServices"]) == ([], [exported["name"]])
