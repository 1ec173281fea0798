"""The gateway: who may call, what exists, groups, providers, resource lists, signing in."""

from __future__ import annotations

import base64
import json
import time

import httpx
import pytest

from tests.support.emulator_process import (
    GROUP,
    SERVICES,
    SUBSCRIPTION,
    V16,
    V17,
    Emulator,
    make_plan,
    make_service,
)

S = f"/subscriptions/{SUBSCRIPTION}"
OLD = {"api-version": "2016-02-01"}
NEW = {"api-version": "2025-04-01"}


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "AuthenticationFailed"),
        ("Basic abc", "AuthenticationFailedInvalidHeader"),
        ("Bearer abc", "InvalidAuthenticationToken"),
        ("Bearer a.b.c", "InvalidAuthenticationToken"),
    ],
)
def test_without_a_valid_token_nothing_is_shown(emulator: Emulator, header: str | None, expected: str) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = emulator.bare.get(SERVICES, params=V17, headers=headers)
    assert code(response) == (401, expected)
    assert response.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")
    assert response.headers["x-ms-failure-cause"] == "gateway"


def test_a_token_is_issued_for_any_credentials_and_expires(emulator: Emulator) -> None:
    tenant = "11111111-1111-1111-1111-111111111111"
    form = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "x", "scope": "y/.default"}
    answer = emulator.bare.post(f"/{tenant}/oauth2/v2.0/token", data=form).json()
    assert answer["token_type"] == "Bearer"
    payload = answer["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert (claims["tid"], claims["appid"]) == (tenant, "app")
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    assert emulator.bare.get(SERVICES, params=V17, headers=headers).status_code == 200
    emulator.control("PUT", "clock", {"advance": answer["expires_in"] + 1})
    assert emulator.bare.get(SERVICES, params=V17, headers=headers).status_code == 401
    assert emulator.http.get(SERVICES, params=V17).status_code == 200, "the built-in token never expires"
    assert emulator.bare.post(f"/{tenant}/oauth2/v2.0/token", data={}).status_code == 400


def test_sign_in_documents_name_this_server(emulator: Emulator) -> None:
    metadata = emulator.bare.get("/metadata/endpoints", params={"api-version": "2022-09-01"}).json()
    assert metadata["resourceManager"] == emulator.url
    assert metadata["authentication"]["loginEndpoint"] == emulator.url
    openid = emulator.bare.get("/abc/v2.0/.well-known/openid-configuration").json()
    assert openid["token_endpoint"] == f"{emulator.url}/abc/oauth2/v2.0/token"


def test_gateway_errors_name_what_is_missing(emulator: Emulator) -> None:
    http = emulator.http
    elsewhere = SERVICES.replace(SUBSCRIPTION, "00000000-0000-0000-0000-00000000000f")
    assert code(http.get(elsewhere, params=V17)) == (404, "SubscriptionNotFound")
    assert code(http.get(SERVICES.replace("/local/", "/none/"), params=V17)) == (404, "ResourceGroupNotFound")
    assert code(http.get(SERVICES)) == (400, "MissingApiVersionParameter")
    wrong = http.get(SERVICES, params={"api-version": "2015-01-01"})
    assert code(wrong) == (400, "NoRegisteredProviderFound")
    assert "2017-01-01, 2016-05-01-preview" in wrong.text
    assert code(http.get(f"{GROUP}/providers/Microsoft.Nothing/x", params=V17)) == (404, "InvalidResourceNamespace")
    types = http.get(f"{GROUP}/providers/Microsoft.MachineLearning/webService/x", params=V17)
    assert code(types) == (404, "InvalidResourceType")
    assert code(http.get(f"{S}/providers/Microsoft.Nothing", params=OLD)) == (404, "InvalidResourceNamespace")


def test_every_answer_carries_its_ids(emulator: Emulator) -> None:
    seen = set()
    for params in (V16, V17):
        response = emulator.http.get(SERVICES, params=params)
        for name in ("x-ms-request-id", "x-ms-correlation-request-id"):
            seen.add(response.headers[name])
        assert "etag" not in response.headers
        assert "retry-after" not in response.headers
    assert len(seen) == 4
    headers = {"x-ms-client-request-id": "mine", "x-ms-return-client-request-id": "true"}
    assert emulator.http.get(SERVICES, params=V17, headers=headers).headers["x-ms-client-request-id"] == "mine"


def test_groups_are_made_shown_tagged_and_deleted_with_their_content(emulator: Emulator) -> None:
    http, group = emulator.http, f"{S}/resourcegroups/Team-A"
    assert http.head(group, params=NEW).status_code == 404
    assert http.put(group, params=NEW, json={"location": "westeurope"}).status_code == 201
    assert http.put(group, params=NEW, json={"location": "West Europe", "tags": {"a": "b"}}).status_code == 200
    shown = http.get(group.lower(), params=NEW).json()
    assert (shown["name"], shown["location"], shown["tags"]) == ("Team-A", "westeurope", {"a": "b"})
    assert code(http.put(group, params=NEW, json={"location": "japaneast"})) == (409, "InvalidResourceGroupLocation")
    assert http.patch(group, params=NEW, json={"tags": {"c": "d"}}).json()["tags"] == {"c": "d"}
    names = [one["name"] for one in http.get(f"{S}/resourcegroups", params=NEW).json()["value"]]
    assert sorted(names) == ["Team-A", "local"]
    plan = f"{group}/providers/Microsoft.MachineLearning/commitmentPlans/p"
    sku = {"name": "S1", "tier": "Standard", "capacity": 1}
    assert http.put(plan, params=V16, json={"location": "westeurope", "sku": sku}).status_code == 200
    response = http.delete(group, params=NEW)
    assert response.status_code == 202
    statuses = []
    while not statuses or statuses[-1] == 202:
        statuses.append(http.get(response.headers["Location"]).status_code)
        time.sleep(0.01)
    assert statuses == [202, 200]
    assert http.head(group, params=NEW).status_code == 404
    assert http.get(plan, params=V16).status_code == 404


def test_resources_are_listed_over_all_types_and_filtered(emulator: Emulator) -> None:
    make_plan(emulator)
    make_service(emulator)
    everything = emulator.http.get(f"{S}/resources", params=NEW).json()["value"]
    assert sorted(one["name"] for one in everything) == ["census", "plan1"]
    by_group = emulator.http.get(f"{S}/resources", params=NEW | {"$filter": "resourceGroup eq 'LOCAL'"}).json()
    assert by_group["value"] == everything
    none = emulator.http.get(f"{S}/resources", params=NEW | {"$filter": "resourceGroup eq 'other'"}).json()
    assert none["value"] == []
    wanted = {"$filter": "resourceType eq 'Microsoft.MachineLearning/webServices'"}
    services = emulator.http.get(f"{GROUP}/resources", params=NEW | wanted).json()["value"]
    assert [(one["name"], one["type"]) for one in services] == [("census", "Microsoft.MachineLearning/webServices")]


def test_operations_and_subscriptions_are_listed(emulator: Emulator) -> None:
    assert emulator.http.get("/subscriptions", params=NEW).json()["value"][0]["subscriptionId"] == SUBSCRIPTION
    assert emulator.http.get(S, params=NEW).json()["state"] == "Enabled"
    names = [
        o["name"]
        for o in emulator.http.get("/providers/Microsoft.MachineLearning/operations", params=V17).json()["value"]
    ]
    assert "Microsoft.MachineLearning/webServices/write" in names
