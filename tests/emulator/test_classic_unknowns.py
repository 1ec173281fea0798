"""What nobody knows of the Classic management API: every position of every switch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.classic_service import SERVICES, SLOT, ClassicService, make_classic, refused, resource
from tests.support.emulator_process import Emulator


@pytest.fixture
def service(emulator: Emulator, tmp_path: Path) -> ClassicService:
    return make_classic(emulator, tmp_path)


@pytest.mark.parametrize(("position", "shown"), [("stale", "models/base.ilearner"), ("echo", "models/2.ilearner")])
def test_get_shows_the_former_or_the_new_location(service: ClassicService, position: str, shown: str) -> None:
    service.emulator.faults(classic_echo=position)
    service.add("one")
    service.point("one", "models/2.ilearner")
    for endpoint in (service.get("one"), service.list()[1]):
        assert endpoint["Resources"][0]["Location"]["RelativeLocation"] == shown
    assert service.get("default")["Resources"][0]["Location"]["RelativeLocation"] == "models/base.ilearner"


def test_get_may_show_no_location_at_all(service: ClassicService) -> None:
    service.emulator.faults(classic_echo="absent")
    assert service.add("one")["Resources"] == [{"Name": SLOT, "Kind": "TrainedModel"}]


@pytest.mark.parametrize(
    ("position", "new", "again", "rest"),
    [("200", 200, 200, 200), ("rest", 201, 200, 204), ("202", 202, 202, 202)],
)
def test_success_codes(service: ClassicService, position: str, new: int, again: int, rest: int) -> None:
    service.emulator.faults(classic_success=position)
    assert service.put("one").status_code == new
    assert service.put("one").status_code == again
    assert service.point("one", "models/2.ilearner").status_code == rest
    assert service.refresh("one").status_code == 304
    assert service.refresh("one", "True").status_code == rest
    assert service.http.delete(service.at("one")).status_code == rest
    assert service.http.delete(service.url).status_code == rest
    assert service.http.get(SERVICES).status_code == 204


@pytest.mark.parametrize("success", ["200", "rest", "202"])
@pytest.mark.parametrize("position", ["endpoint", "empty"])
def test_bodies_of_put_and_patch(service: ClassicService, position: str, success: str) -> None:
    service.emulator.faults(classic_put_body=position, classic_patch_body=position, classic_success=success)
    for response in (service.put("one", Description="x"), service.point("one", "models/2.ilearner")):
        assert response.is_success
        if position == "endpoint":
            assert response.json() == service.get("one")
        else:
            assert response.content == b""


def test_a_missing_endpoint_is_204_or_404(service: ClassicService) -> None:
    assert service.http.get(service.at("none")).status_code == 204
    assert service.http.delete(service.at("none")).status_code == 204
    service.emulator.faults(classic_missing="404")
    refused(service.http.get(service.at("none")), 404, "EndpointNotFound")
    refused(service.http.delete(service.at("none")), 404, "EndpointNotFound")


_FIELDS: dict[str, Any] = {
    "Description": "now 'this'",
    "ThrottleLevel": "High",
    "MaxConcurrentCalls": 30,
    "DiagnosticsTraceLevel": "Error",
}


def test_patch_may_set_other_members(service: ClassicService) -> None:
    service.add("one")
    assert service.patch("one", **_FIELDS).status_code == 200
    shown = service.get("one")
    assert {name: shown[name] for name in _FIELDS} == _FIELDS
    service.patch("one", ThrottleLevel="High")
    assert service.get("one")["MaxConcurrentCalls"] == 30
    service.patch("one", ThrottleLevel="Low")
    assert service.get("one")["MaxConcurrentCalls"] == 4
    refused(service.patch("one", DiagnosticsTraceLevel="Some"), 400, "BadParameterValue")


def test_patch_may_ignore_other_members(service: ClassicService) -> None:
    service.emulator.faults(classic_patch_fields="ignored", classic_echo="echo")
    before = service.add("one")
    assert service.patch("one", **_FIELDS).status_code == 200
    assert service.get("one") == before
    assert service.patch("one", Description="x", Resources=[resource("models/2.ilearner")]).status_code == 200
    after = service.get("one")
    assert (after["Description"], after["Resources"] != before["Resources"]) == ("", True)


def test_patch_may_reject_other_members(service: ClassicService) -> None:
    service.emulator.faults(classic_patch_fields="rejected", classic_echo="echo")
    before = service.add("one")
    body = {"Description": "x", "Resources": [resource("models/2.ilearner")]}
    assert "Description" in refused(service.patch("one", **body), 400, "UnexpectedParameter")
    assert service.get("one") == before


def test_patch_may_move_the_version(service: ClassicService) -> None:
    before = service.add("one")
    service.point("one", "models/2.ilearner")
    assert service.get("one")["Version"] == before["Version"]
    service.emulator.faults(classic_patch_version="renew")
    service.patch("one", Description="x")
    assert service.get("one")["Version"] == before["Version"]
    service.point("one", "models/2.ilearner")
    assert service.get("one")["Version"] > before["Version"]


def test_putting_again_may_change_the_settings_only(service: ClassicService) -> None:
    service.emulator.faults(classic_echo="echo")
    service.add("one", Description="first", ThrottleLevel="High")
    service.patch("one", DiagnosticsTraceLevel="All", Resources=[resource("models/2.ilearner")])
    before = service.get("one")
    service.put("one", Description="second")
    after = service.get("one")
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"Description", "ThrottleLevel", "MaxConcurrentCalls"}
    assert service.effects("PUT", "one") == 2


def test_putting_again_may_be_a_conflict(service: ClassicService) -> None:
    service.emulator.faults(classic_put_existing="conflict")
    before = service.add("one")
    refused(service.put("one", Description="x"), 409, "EndpointAlreadyExists")
    assert service.get("one") == before
    assert service.effects("PUT", "one") == 1


def test_putting_again_may_make_a_new_one(service: ClassicService) -> None:
    service.emulator.faults(classic_put_existing="replace", classic_echo="echo", classic_tier="Free")
    service.add("one")
    service.add("two")
    service.point("one", "models/2.ilearner")
    before = service.get("one")
    assert service.put("one").status_code == 200
    after = service.get("one")
    assert after["ApiLocation"] != before["ApiLocation"]
    assert after["Resources"][0]["Location"]["RelativeLocation"] == "models/base.ilearner"
    assert len(service.list()) == 3


@pytest.mark.parametrize(
    ("status", "code"), [("400", "BadArgument"), ("403", "Forbidden"), ("404", "NotFound"), ("409", "Conflict")]
)
def test_status_of_refusals(service: ClassicService, status: str, code: str) -> None:
    service.emulator.faults(classic_refusal_status=status)
    service.add("one")
    for response, detail in (
        (service.point("default", "models/2.ilearner"), "DefaultEndpointNotUpdatable"),
        (service.refresh("default"), "DefaultEndpointNotUpdatable"),
        (service.point("one", "models/2.ilearner", slot="none"), "ResourceNotFound"),
    ):
        refused(response, int(status), detail)
        assert response.json()["error"]["code"] == code
    assert service.http.delete(service.at("default")).status_code == 400


def test_lists_may_lack_keys(service: ClassicService) -> None:
    assert all("PrimaryKey" in endpoint for endpoint in service.list())
    service.emulator.faults(classic_list_keys="no")
    assert not any("PrimaryKey" in endpoint or "SecondaryKey" in endpoint for endpoint in service.list())
    asked = service.http.get(service.at(), params={"decryptSecrets": "true"}).json()
    assert asked == [service.get("default")]


def test_concurrency_at_high(service: ClassicService) -> None:
    assert service.add("one", ThrottleLevel="High", MaxConcurrentCalls=1)["MaxConcurrentCalls"] == 1
    service.emulator.faults(classic_max_calls="20")
    few = service.put("two", ThrottleLevel="High", MaxConcurrentCalls=19)
    refused(few, 400, "WebServiceConcurrentRequestRequirementInvalid")
    assert service.add("two", ThrottleLevel="High", MaxConcurrentCalls=20)["MaxConcurrentCalls"] == 20
    service.emulator.faults(classic_max_calls="ignored")
    assert service.add("three", ThrottleLevel="High", MaxConcurrentCalls=150)["MaxConcurrentCalls"] == 20


def test_prevent_update_may_prevent_updates(service: ClassicService) -> None:
    service.add("one", PreventUpdate=True)
    assert service.point("one", "models/2.ilearner").status_code == 200
    service.emulator.faults(classic_prevent_update="enforced")
    refused(service.point("one", "models/2.ilearner"), 400, "UpdatePrevented")
    assert service.get("one")["PreventUpdate"] is True


def test_the_api_location_may_be_the_real_ones(service: ClassicService) -> None:
    local = service.get("default")["ApiLocation"]
    service.emulator.faults(classic_api_location="azure")
    azure = service.get("default")["ApiLocation"]
    assert azure == local.replace(service.emulator.url, "https://ussouthcentral.services.azureml.net")


def test_a_patch_may_be_accepted_in_vain(service: ClassicService) -> None:
    service.emulator.faults(classic_patch_stale="first:1", classic_echo="echo")
    before = service.add("one")
    assert service.point("one", "models/2.ilearner").status_code == 200
    assert service.get("one") == before
    assert service.effects("PATCH", "one") == 0
    assert service.point("one", "models/2.ilearner").status_code == 200
    assert service.get("one") != before
