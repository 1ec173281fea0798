"""Reading a workspace: one call for the services, one for a service's endpoints, however many those are."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from retrainctl.errors import InvalidInput
from retrainctl.model.address import Address
from retrainctl.model.resource import Desired
from retrainctl.ports import AuthFailed, Unavailable
from retrainctl.targets.classic.ids import parse
from tests.support.classic_cases import (
    HOST,
    NAME,
    SERVICE,
    SETTINGS,
    SLOT,
    WORKSPACE,
    Workspace,
    identity,
    service,
    target,
    version,
    wish,
)
from tests.support.wire import TOKEN, Reply

OTHER = "0f" * 16


def adopted(reference: str, **fields: object) -> Desired:
    place = {"webService": reference, "workspace": WORKSPACE}
    return Desired(address=Address("ClassicWebService", "scoring"), place=place, fields=fields)


def test_a_thousand_endpoints_are_two_calls() -> None:
    here = Workspace()
    for number in range(999):
        here.add(f"rentalloc{number:03}")
    classic, line = target(here)
    reading = classic.read([wish(f"rentalloc{number:03}") for number in range(1000)])
    assert [call.path.rsplit("/", 1)[-1] for call in line.calls] == ["webservices", "endpoints"]
    assert {call.headers["Authorization"] for call in line.calls} == {f"Bearer {TOKEN}"}
    assert len(reading.observed) == 999
    missing = Address("Endpoint", "rentalloc999")
    assert missing not in reading.observed
    assert reading.identities[missing] == identity("rentalloc999")
    assert reading.failures == {}
    assert reading.facts["services"][SERVICE]["missing"] == 1


def test_no_key_or_token_of_the_answer_is_kept() -> None:
    here = Workspace()
    here.add("rentalloc001")
    classic, line = target(here)
    reading = classic.read([wish()])
    assert "CANARY" in line.transport.calls[0].url or "CANARY" in json.dumps(here.endpoints)
    assert "CANARY" not in repr(reading) + json.dumps(reading.facts)
    assert b"CANARY" not in b"".join(classic.backup(reading.observed[Address("Endpoint", "rentalloc001")]))


def test_a_service_is_found_by_id_in_any_case_and_by_its_exact_name() -> None:
    here = Workspace(services=[service(), service(Id=OTHER, Name="Bike Rental Scoring 2")])
    classic, _ = target(here)
    for reference in (SERVICE, SERVICE.upper(), NAME):
        assert classic.read([wish(web_service=reference)]).identities[Address("Endpoint", "rentalloc001")] == identity()


def test_names_with_blanks_brackets_quotes_and_other_letters() -> None:
    name = "Größe [\"x\"] 'y' 自転車 #1"
    here = Workspace(services=[service(Name=name)])
    classic, _ = target(here)
    assert not classic.read([wish(web_service=name)]).failures


def test_a_name_that_several_services_have_lists_their_ids_once() -> None:
    here = Workspace(services=[service(), service(Id=OTHER)])
    classic, line = target(here)
    reading = classic.read([wish("a"), wish("b"), adopted(NAME)])
    (failure,) = reading.failures.values()
    assert failure.code == "RC362"
    assert SERVICE in failure.message
    assert OTHER in failure.message
    assert len(reading.not_covered) == 2, "the others are not a second mistake"
    assert len(line.calls) == 1


def test_a_service_that_is_not_there_names_those_that_are() -> None:
    classic, _ = target(Workspace())
    (failure,) = classic.read([wish(web_service="Bike Rental Scorin")]).failures.values()
    assert failure.code == "RC361"
    assert f'Did you mean "{NAME}"?' in (failure.hint or "")


def test_an_empty_workspace_answers_204() -> None:
    classic, _ = target(Workspace(services=[]))
    (failure,) = classic.read([wish()]).failures.values()
    assert failure.code == "RC361"
    assert "no web services" in (failure.hint or "")


def test_a_service_without_endpoints_answers_204() -> None:
    here = Workspace()
    here.endpoints[SERVICE] = {}
    classic, _ = target(here)
    reading = classic.read([wish()])
    assert reading.observed == {}
    assert reading.facts["services"][SERVICE]["slots"] is None


def test_two_manifests_of_one_endpoint_are_refused() -> None:
    here = Workspace()
    classic, _ = target(here)
    reading = classic.read([wish("a", address="one"), wish("a", web_service=SERVICE, address="two")])
    (failure,) = reading.failures.values()
    assert failure.code == "RC376"
    assert "Endpoint/one" in failure.message
    assert "Endpoint/two" in failure.message


def test_an_adopted_service_is_read_from_the_list() -> None:
    classic, line = target(Workspace())
    reading = classic.read([adopted(SERVICE, Name=NAME)])
    observed = reading.observed[Address("ClassicWebService", "scoring")]
    assert observed.fields == {"Name": NAME}
    assert observed.identity == f"/workspaces/{WORKSPACE}/webservices/{SERVICE}"
    assert len(line.calls) == 1


def test_the_slots_of_a_new_endpoint_are_those_of_default() -> None:
    classic, _ = target(Workspace())
    assert classic.read([wish(slots={SLOT: version()})]).facts["services"][SERVICE]["slots"] == [SLOT]


def test_one_endpoint_is_read_again_by_one_call_and_204_is_nothing() -> None:
    for absent in (204, 404):
        here = Workspace(absent=absent)
        here.add("rentalloc001")
        classic, line = target(here)
        classic.read([wish()])
        before = len(line.calls)
        assert classic.reread(Address("Endpoint", "rentalloc001"), identity()) is not None
        assert classic.reread(Address("Endpoint", "gone"), identity("gone")) is None
        assert len(line.calls) == before + 2


def test_without_a_list_the_default_endpoint_is_read_once() -> None:
    here = Workspace()
    for name in ("a", "b"):
        here.add(name)
    classic, line = target(here)
    for name in ("a", "b"):
        classic.reread(Address("Endpoint", name), identity(name))
    assert [call.path.rsplit("/", 1)[-1] for call in line.calls] == ["a", "default", "b"]


def test_a_wrong_region_is_a_401_with_the_cause() -> None:
    denied = {
        "error": {"code": "Unauthorized", "message": "no", "details": [{"code": "ManagementRequestUnauthorized"}]}
    }
    classic, _ = target(lambda call: Reply(401, denied))
    with pytest.raises(AuthFailed) as caught:
        classic.read([wish()])
    assert caught.value.code == "RC382"
    assert "location" in (caught.value.hint or "")
    assert caught.value.request_id == "rid-1"


def test_an_unknown_location_is_said_before_anything_is_sent() -> None:
    classic, line = target(Workspace(), settings=replace(SETTINGS, location="Mars"))
    with pytest.raises(InvalidInput):
        classic.read([wish()])
    assert line.calls == []


@pytest.mark.parametrize("body", [b"<html>proxy</html>", {"value": []}, [1]])
def test_an_answer_of_another_shape_is_no_empty_workspace(body: object) -> None:
    classic, _ = target(lambda call: Reply(200, body))
    with pytest.raises(Unavailable) as caught:
        classic.read([wish()])
    assert caught.value.code == "RC321"


def test_keys_are_given_out_on_purpose_only_and_hidden_from_then_on() -> None:
    here = Workspace()
    here.add("rentalloc001")
    classic, line = target(here)
    access = classic.client.access(parse(identity()))
    assert access is not None
    assert access.api_location.endswith("/services/id-of-rentalloc001")
    assert access.primary.reveal() == "CANARYprimaryrentalloc001=="
    assert "CANARY" not in repr(access)
    assert "CANARY" not in line.redactor.clean("key CANARYprimaryrentalloc001== used")
    assert line.calls[0].url.startswith(HOST)
