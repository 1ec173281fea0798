"""Classic web services: who may call, listing, deleting, publishing code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.classic_service import SERVICES, make_classic, refused, scoring_definition, seed_classic
from tests.support.emulator_process import Emulator

CODE = {
    "Name": "add two",
    "Type": "Code",
    "CodeBundle": {
        "InputSchema": {"a": {"type": "number", "format": "double"}},
        "OutputSchema": {"ans": {"type": "number", "format": "double"}},
        "Language": "python-2.7-64",
        "SourceCode": "def f(a): return a + 2",
        "ZipContents": "",
    },
}
CODE_ID = "ab" * 16


def test_an_empty_workspace_answers_204_without_a_body(emulator: Emulator) -> None:
    response = emulator.http.get(SERVICES)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["x-ms-request-id"]


def test_a_service_is_listed_and_read_alike(emulator: Emulator, tmp_path: Path) -> None:
    service = make_classic(emulator, tmp_path)
    (listed,) = emulator.http.get(SERVICES).json()
    one = emulator.http.get(service.url)
    assert one.json() == listed
    assert one.headers["x-ms-request-id"]
    assert listed["Name"] == "Bike Rental Scoring"
    assert (listed["DefaultEndpointName"], listed["EndpointCount"]) == ("default", 1)
    assert len(listed["Id"]) == 32
    service.add("one")
    assert emulator.http.get(service.url).json()["EndpointCount"] == 2


def test_answers_are_of_the_published_swagger(emulator: Emulator, tmp_path: Path, shared: Path) -> None:
    import json

    from jsonschema import Draft4Validator, FormatChecker

    swagger = json.loads((shared / "classic/management/swagger.management-api.json").read_text())
    service = make_classic(emulator, tmp_path)
    service.add("one", Description="x")
    answers = (("WebService", emulator.http.get(service.url).json()), ("Endpoint", service.get("one")))
    for name, answer in answers:
        schema = {**swagger["definitions"][name], "definitions": swagger["definitions"]}
        Draft4Validator(schema, format_checker=FormatChecker()).validate(answer)
        assert set(schema["properties"]) <= set(answer)


def test_an_unknown_service_is_404_in_the_apis_own_words(emulator: Emulator) -> None:
    for path in ("", "/endpoints", "/endpoints/default"):
        response = emulator.http.get(f"{SERVICES}/{'0' * 32}{path}")
        assert "0" * 32 in refused(response, 404, "WebServiceIdNotFoundInWorkspace")
        assert response.json()["error"]["code"] == "NotFound"


def test_unknown_paths_and_verbs_are_refused_in_the_apis_own_words(emulator: Emulator, tmp_path: Path) -> None:
    service = make_classic(emulator, tmp_path)
    refused(emulator.http.get(f"{service.at('default')}/apidocument"), 404, "WebServiceNotFound")
    refused(emulator.http.get(f"{service.url}/nothing"), 404, "WebServiceNotFound")
    refused(emulator.http.post(service.at("default")), 405, "MethodNotAllowed")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic {token}"}, {"Authorization": "Bearer"}],
)
def test_a_wrong_token_is_401(emulator: Emulator, tmp_path: Path, headers: dict[str, str]) -> None:
    service = make_classic(emulator, tmp_path)
    sent = {name: value.format(token=emulator.ready["token"]) for name, value in headers.items()}
    for method, url in (("GET", SERVICES), ("GET", service.url), ("DELETE", service.url), ("PATCH", service.at("x"))):
        response = emulator.bare.request(method, url, headers=sent)
        assert refused(response, 401, "ManagementRequestUnauthorized") == "Invalid credentials provided."
    assert emulator.http.get(service.url).status_code == 200


def test_the_token_does_not_open_another_workspace(emulator: Emulator) -> None:
    other = f"/workspaces/{'f' * 32}/webservices"
    refused(emulator.http.get(other), 401, "ManagementRequestUnauthorized")


def test_headers_that_azuremlps_sends_too_are_no_matter(emulator: Emulator, tmp_path: Path) -> None:
    service = make_classic(emulator, tmp_path)
    extra = {"x-ms-metaanalytics-authorizationtoken": "anything", "x-aml-sdk": "powershell_0.3.8"}
    assert emulator.http.get(service.url, headers=extra).status_code == 200


def test_a_deleted_service_takes_its_endpoints_along(emulator: Emulator, tmp_path: Path) -> None:
    service = make_classic(emulator, tmp_path)
    api = service.add("one")["ApiLocation"]
    assert emulator.bare.get(f"{api}/swagger.json").status_code == 200
    response = emulator.http.delete(service.url)
    assert (response.status_code, response.content) == (200, b"")
    assert emulator.http.get(SERVICES).status_code == 204
    refused(emulator.http.get(service.at("one")), 404, "WebServiceIdNotFoundInWorkspace")
    refused(emulator.http.delete(service.url), 404, "WebServiceIdNotFoundInWorkspace")
    assert emulator.bare.get(f"{api}/swagger.json").status_code == 404
    assert emulator.control("GET", "status")["resources"] == {"microsoft.resources/resourcegroups": 1}


def test_names_are_not_unique(emulator: Emulator, tmp_path: Path) -> None:
    item = {"definition": scoring_definition(), "name": 'Vélos "à louer" [Köln] 自行车'}
    seed_classic(emulator, tmp_path, item, item)
    services = emulator.http.get(SERVICES).json()
    assert [service["Name"] for service in services] == [item["name"]] * 2
    assert services[0]["Id"] != services[1]["Id"]


def test_code_is_published_and_published_again(emulator: Emulator) -> None:
    response = emulator.http.put(f"{SERVICES}/{CODE_ID}", json=CODE)
    assert response.status_code == 200
    assert (response.json()["Id"], response.json()["DefaultEndpointName"]) == (CODE_ID, "default")
    (endpoint,) = emulator.http.get(f"{SERVICES}/{CODE_ID}/endpoints").json()
    assert (endpoint["Resources"], endpoint["ExperimentLocation"]) == ([], None)
    again = emulator.http.put(f"{SERVICES}/{CODE_ID}", json=CODE | {"Name": "add three"})
    assert again.json()["Name"] == "add three"
    (after,) = emulator.http.get(f"{SERVICES}/{CODE_ID}/endpoints").json()
    assert (after["PrimaryKey"], after["ApiLocation"]) == (endpoint["PrimaryKey"], endpoint["ApiLocation"])
    assert after["Version"] > endpoint["Version"]
    assert len(emulator.http.get(SERVICES).json()) == 1


@pytest.mark.parametrize(
    ("identifier", "body", "code"),
    [
        ("short", CODE, "WebServiceIdInvalid"),
        (CODE_ID, CODE | {"Type": "Graph"}, "WebServiceTypeInvalid"),
        (CODE_ID, CODE | {"Name": ""}, "BadParameterValue"),
        (CODE_ID, CODE | {"CodeBundle": None}, "MissingWebServicePackage"),
        (CODE_ID, [], "RequestBodyInvalid"),
    ],
)
def test_what_is_no_code_service_is_refused(emulator: Emulator, identifier: str, body: Any, code: str) -> None:
    refused(emulator.http.put(f"{SERVICES}/{identifier}", json=body), 400, code)
    assert emulator.http.get(SERVICES).status_code == 204


def test_code_cannot_replace_an_experiment(emulator: Emulator, tmp_path: Path) -> None:
    service = make_classic(emulator, tmp_path)
    refused(emulator.http.put(service.url, json=CODE), 400, "WebServiceTypeInvalid")
