"""Endpoints of Classic services: create, read, patch, refresh, delete, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.classic_service import (
    BASELINE,
    SLOT,
    WORKSPACE,
    ClassicService,
    make_classic,
    refused,
    resource,
    scoring_definition,
)
from tests.support.emulator_process import Emulator


@pytest.fixture
def service(emulator: Emulator, tmp_path: Path) -> ClassicService:
    return make_classic(emulator, tmp_path)


def test_the_default_endpoint_comes_with_the_service(service: ClassicService) -> None:
    (endpoint,) = service.list()
    assert endpoint == service.get("default")
    assert (endpoint["Name"], endpoint["WorkspaceId"]) == ("default", WORKSPACE)
    assert endpoint["WebServiceId"] == service.url.rpartition("/")[2]
    assert (endpoint["ThrottleLevel"], endpoint["MaxConcurrentCalls"]) == ("Low", 4)
    assert (endpoint["DiagnosticsTraceLevel"], endpoint["PreventUpdate"]) == ("None", False)
    identifier = endpoint["ApiLocation"].rpartition("/")[2]
    assert endpoint["ApiLocation"] == f"{service.emulator.url}/workspaces/{WORKSPACE}/services/{identifier}"
    assert endpoint["HelpLocation"].endswith(f"/webservices/{endpoint['WebServiceId']}/endpoints/{identifier}")
    assert identifier not in (endpoint["WebServiceId"], "default")
    assert endpoint["PrimaryKey"] != endpoint["SecondaryKey"]
    assert endpoint["PrimaryKey"].endswith("==")
    (model,) = endpoint["Resources"]
    base, _, relative = BASELINE.partition("/models/")
    location = {"BaseLocation": base + "/", "RelativeLocation": f"models/{relative}", "SasBlobToken": ""}
    assert model == {"Name": SLOT, "Kind": "TrainedModel", "Location": location}


def test_a_new_endpoint_is_like_default_with_an_identity_of_its_own(service: ClassicService) -> None:
    response = service.put(
        "rentalloc001",
        WebServiceId=service.url.rpartition("/")[2],
        EndpointName="rentalloc001",
        Description='location "001", Köln',
        ThrottleLevel="High",
        MaxConcurrentCalls=50,
        PreventUpdate=True,
    )
    assert response.status_code == 200
    made = service.get("rentalloc001")
    assert response.json() == made
    assert made["Description"] == 'location "001", Köln'
    assert (made["ThrottleLevel"], made["MaxConcurrentCalls"], made["PreventUpdate"]) == ("High", 50, True)
    default = service.get("default")
    assert (made["Resources"], made["Version"]) == (default["Resources"], default["Version"])
    assert made["ExperimentLocation"] == default["ExperimentLocation"]
    for member in ("ApiLocation", "PrimaryKey", "SecondaryKey"):
        assert made[member] != default[member]
    assert [endpoint["Name"] for endpoint in service.list()] == ["default", "rentalloc001"]
    assert service.effects("PUT", "rentalloc001") == 1


def test_a_put_needs_no_body_and_no_more_than_a_description(service: ClassicService) -> None:
    assert service.http.put(service.at("bare")).status_code == 200
    assert service.add("some", Description="x")["MaxConcurrentCalls"] == 4
    assert service.add("nulls", Description=None, MaxConcurrentCalls=None)["Description"] == ""
    assert service.add("high", ThrottleLevel="High")["MaxConcurrentCalls"] == 20
    assert service.add("low", ThrottleLevel="Low", MaxConcurrentCalls=77)["MaxConcurrentCalls"] == 4


@pytest.mark.parametrize("name", ["a", "0", "ust-train", "a" * 24, "rentalloc001", "a--b"])
def test_names_that_are_allowed(service: ClassicService, name: str) -> None:
    assert service.add(name)["Name"] == name


@pytest.mark.parametrize("name", ["A", "-a", "a-", "a" * 25, "a b", "a_b", "köln", "自行车", "a%2Fb", "a.b", "[x]"])
def test_names_that_are_not(service: ClassicService, name: str) -> None:
    refused(service.put(name), 400, "BadParameterValue")
    assert len(service.list()) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"Description": "x" * 2001}, "BadParameterValue"),
        ({"Description": 3}, "BadParameterValue"),
        ({"ThrottleLevel": "Medium"}, "BadParameterValue"),
        ({"ThrottleLevel": "High", "MaxConcurrentCalls": 0}, "WebServiceConcurrentRequestRequirementInvalid"),
        ({"ThrottleLevel": "High", "MaxConcurrentCalls": 201}, "WebServiceTooManyConcurrentRequestRequirement"),
        ({"MaxConcurrentCalls": "4"}, "BadParameterValue"),
        ({"MaxConcurrentCalls": True}, "BadParameterValue"),
        ({"PreventUpdate": "yes"}, "BadParameterValue"),
        ({"EndpointName": "other"}, "BadParameterValue"),
        ({"WebServiceId": "0" * 32}, "BadParameterValue"),
    ],
)
def test_settings_that_are_refused(service: ClassicService, body: dict[str, Any], code: str) -> None:
    refused(service.put("one", **body), 400, code)
    assert len(service.list()) == 1


def test_bodies_that_are_no_objects_are_refused(service: ClassicService) -> None:
    service.add("one")
    for method, url in (("PUT", service.at("two")), ("PATCH", service.at("one")), ("POST", service.at("one/refresh"))):
        for body in (b"{", b"[]", b'"x"', b"\xff"):
            refused(service.http.request(method, url, content=body), 400, "RequestBodyInvalid")


def test_default_is_never_written(service: ClassicService) -> None:
    before = service.get("default")
    refused(service.put("default", Description="x"), 400, "DefaultEndpointNotUpdatable")
    refused(service.point("default", "models/2.ilearner"), 400, "DefaultEndpointNotUpdatable")
    refused(service.patch("default", Description="x"), 400, "DefaultEndpointNotUpdatable")
    refused(service.refresh("default"), 400, "DefaultEndpointNotUpdatable")
    response = service.http.delete(service.at("default"))
    assert response.json() == {"error": {"code": "UnauthorizedRequest", "message": "Cannot delete default endpoint."}}
    assert response.status_code == 400
    assert service.get("default") == before


def test_a_free_workspace_has_three_endpoints_and_low_only(service: ClassicService) -> None:
    service.emulator.faults(classic_tier="Free")
    refused(service.put("high", ThrottleLevel="High"), 400, "BadParameterValue")
    service.add("one")
    service.add("two")
    assert "at most 3 endpoints" in refused(service.put("three"), 400, "EndpointLimitReached")
    assert service.put("two", Description="again").status_code == 200
    service.http.delete(service.at("one"))
    service.add("three")


def test_keys_of_an_endpoint_open_that_endpoint_only(service: ClassicService) -> None:
    one, two = service.add("one"), service.add("two")
    http = service.emulator.bare
    for key in (one["PrimaryKey"], one["SecondaryKey"]):
        headers = {"Authorization": f"Bearer {key}"}
        assert http.get(service.at("one"), headers=headers).json() == one
        body = {"Resources": [resource("models/2.ilearner")]}
        assert http.patch(service.at("one"), headers=headers, json=body).status_code == 200
        assert http.post(service.at("one/refresh"), headers=headers, json={}).status_code == 304
        for url in (service.at("two"), service.at("none"), service.at(), service.url):
            refused(http.get(url, headers=headers), 401, "ManagementRequestUnauthorized")
    headers = {"Authorization": f"Bearer {two['PrimaryKey']}"}
    refused(http.delete(service.at("one"), headers=headers), 401, "ManagementRequestUnauthorized")
    assert http.delete(service.at("two"), headers=headers).status_code == 200


def test_a_deleted_endpoint_is_gone_and_its_name_free(service: ClassicService) -> None:
    before = service.add("one")
    response = service.http.delete(service.at("one"))
    assert (response.status_code, response.content) == (200, b"")
    assert service.http.get(service.at("one")).status_code == 204
    again = service.http.delete(service.at("one"))
    assert again.status_code == 204
    assert service.effects("DELETE", "one") == 1
    after = service.add("one")
    assert after["ApiLocation"] != before["ApiLocation"]
    assert after["PrimaryKey"] != before["PrimaryKey"]


def test_a_patch_of_what_is_not_there_is_404(service: ClassicService) -> None:
    identifier = service.add("one")["ApiLocation"].rpartition("/")[2]
    for name in ("none", identifier, "ONE"):
        refused(service.point(name, "models/2.ilearner"), 404, "EndpointNotFound")
        refused(service.refresh(name), 404, "EndpointNotFound")


def test_a_patch_takes_effect_at_once_and_is_counted(service: ClassicService) -> None:
    service.emulator.faults(classic_echo="echo")
    service.add("one")
    service.add("two")
    response = service.point("one", "/hai/köln/model 001.ilearner", "?sv=1&sig=x")
    assert (response.status_code, response.content) == (200, b"")
    (model,) = service.get("one")["Resources"]
    assert model["Location"]["RelativeLocation"] == "/hai/köln/model 001.ilearner"
    assert model["Location"]["SasBlobToken"] == "?sv=1&sig=x"
    (other,) = service.get("two")["Resources"]
    assert other["Location"]["RelativeLocation"] == "models/base.ilearner"
    writes = service.emulator.control("GET", "writes")["writes"]
    assert [(write["method"], write["effect"]) for write in writes] == [
        ("PUT", "done"),
        ("PUT", "done"),
        ("PATCH", "done"),
    ]
    service.point("one", "/hai/köln/model 001.ilearner", "?sv=1&sig=x")
    assert service.effects("PATCH", "one") == 2


def test_several_resources_are_patched_together_or_not_at_all(emulator: Emulator, tmp_path: Path) -> None:
    slots = {f"Modèle {name} [trained model]": f"https://acct.blob.core.windows.net/m/{name}.ilearner" for name in "äb"}
    slots["Means [transform]"] = "https://acct.blob.core.windows.net/m/means.itransform"
    service = make_classic(emulator, tmp_path, scoring_definition(slots))
    emulator.faults(classic_echo="echo")
    service.add("one")
    first, second, third = slots

    def shown() -> list[tuple[str, str]]:
        return [(one["Name"], one["Location"]["RelativeLocation"]) for one in service.get("one")["Resources"]]

    assert shown() == [(first, "m/ä.ilearner"), (second, "m/b.ilearner")]
    both = [resource("m/2.ilearner", slot=second), resource("m/1.ilearner", slot=first)]
    assert service.patch("one", Resources=both).status_code == 200
    assert shown() == [(first, "m/1.ilearner"), (second, "m/2.ilearner")]
    wrong = [resource("m/3.ilearner", slot=first), resource("m/3.ilearner", slot="Nobody")]
    refused(service.patch("one", Resources=wrong, Description="x"), 400, "ResourceNotFound")
    refused(service.point("one", "m/3.ilearner", slot=third), 400, "ResourceNotFound")
    twice = [resource("m/3.ilearner", slot=first)] * 2
    refused(service.patch("one", Resources=twice), 400, "BadParameterValue")
    assert shown() == [(first, "m/1.ilearner"), (second, "m/2.ilearner")]
    assert service.get("one")["Description"] == ""
    assert service.effects("PATCH", "one") == 1


@pytest.mark.parametrize("name", ["bike rental [trained model]", "Bike Rental [Trained Model]", "", None, 3])
def test_a_resource_is_named_exactly(service: ClassicService, name: Any) -> None:
    service.add("one")
    message = refused(service.point("one", "m/2.ilearner", slot=name), 400, "ResourceNotFound")
    assert str(name) in message


def test_a_training_service_has_no_updatable_resources(emulator: Emulator, tmp_path: Path) -> None:
    definition = scoring_definition({"Bike data": "https://acct.blob.core.windows.net/data/bike.csv"})
    service = make_classic(emulator, tmp_path, definition)
    assert service.add("one")["Resources"] == []
    message = refused(service.point("one", "m/2.ilearner"), 400, "ResourcesNotUpdatable")
    assert "no updatable resources" in message
    assert service.patch("one", Resources=[], Description="x").status_code == 200


@pytest.mark.parametrize(
    ("location", "code"),
    [
        (None, "RequestBodyInvalid"),
        ({"BaseLocation": None}, "BadParameterValue"),
        ({"BaseLocation": "acct.blob.core.windows.net"}, "BadParameterValue"),
        ({"RelativeLocation": None}, "MissingInputBlobInformation"),
        ({"RelativeLocation": "/"}, "MissingInputBlobInformation"),
        ({"RelativeLocation": "m/2.csv"}, "InvalidBlobExtension"),
        ({"RelativeLocation": "m/2"}, "InvalidBlobExtension"),
        ({"SasBlobToken": 3}, "BadParameterValue"),
    ],
)
def test_locations_that_cannot_be_are_refused(service: ClassicService, location: Any, code: str) -> None:
    service.add("one")
    item = resource("m/2.ilearner")
    item["Location"] = None if location is None else item["Location"] | location
    refused(service.patch("one", Resources=[item]), 400, code)
    assert service.effects("PATCH", "one") == 0


def test_a_patch_says_something(service: ClassicService) -> None:
    service.add("one")
    refused(service.patch("one"), 400, "RequestIsEmpty")
    refused(service.patch("one", Resources={}), 400, "RequestBodyInvalid")
    refused(service.patch("one", Resources=["x"]), 400, "RequestBodyInvalid")


def test_a_lost_answer_leaves_the_write_done(service: ClassicService) -> None:
    import httpx

    service.add("one")
    service.emulator.faults(drop_after="first:1,PATCH", classic_echo="echo")
    with pytest.raises(httpx.TransportError):
        service.point("one", "m/2.ilearner")
    assert service.get("one")["Resources"][0]["Location"]["RelativeLocation"] == "m/2.ilearner"
    assert service.effects("PATCH", "one") == 1
    assert service.emulator.control("GET", "writes")["writes"][-1]["answered"] is False


def test_faults_speak_the_apis_own_words(service: ClassicService) -> None:
    service.emulator.faults(throttle="first:1", error="at:1", error_status=503)
    throttled = service.http.get(service.at())
    assert (throttled.status_code, throttled.headers["Retry-After"]) == (429, "1")
    assert throttled.headers["x-ms-request-id"]
    broken = service.http.get(service.at())
    assert (broken.status_code, broken.json()["error"]["code"]) == (503, "ServiceUnavailable")
