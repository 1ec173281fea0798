"""Microsoft's own generic client, unmodified, against the emulator: it signs in over TLS and does the whole life."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.resource.resources import ResourceManagementClient

from tests.support.emulator_process import PLANS, SERVICES, SUBSCRIPTION, Emulator, definition, running

V17 = "2017-01-01"
V16 = "2016-05-01-preview"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running(tmp_path_factory.mktemp("sdk") / "state", "--https") as one:
        yield one


@pytest.fixture(scope="module")
def client(emulator: Emulator) -> Iterator[ResourceManagementClient]:
    authority = str(Path(emulator.ready["ca"]))
    credential = ClientSecretCredential(
        "11111111-1111-1111-1111-111111111111",
        "app",
        "secret",
        authority=emulator.url,
        disable_instance_discovery=True,
        connection_verify=authority,
    )
    with (
        credential,
        ResourceManagementClient(
            credential,
            SUBSCRIPTION,
            base_url=emulator.url,
            credential_scopes=[f"{emulator.url}/.default"],
            connection_verify=authority,
            polling_interval=0.1,
        ) as one,
    ):
        yield one


def test_a_service_lives_its_life(client: ResourceManagementClient) -> None:
    resources = client.resources
    sku = {"name": "S1", "tier": "Standard", "capacity": 1}
    plan = resources.begin_create_or_update_by_id(
        f"{PLANS}/plan1", {"location": "southcentralus", "sku": sku}, api_version=V16
    ).result()
    assert plan["etag"]
    with pytest.raises(ResourceNotFoundError) as missing:
        resources.get_by_id(f"{SERVICES}/census", api_version=V17)
    assert missing.value.error.code == "NotFound"
    made = resources.begin_create_or_update_by_id(f"{SERVICES}/census", definition(), api_version=V17).result()
    assert made["properties"]["provisioningState"] == "Succeeded"
    assert made["location"] == "South Central US"
    patch = {"properties": {"packageType": "Graph", "title": "patched"}}
    patched = resources.begin_update_by_id(f"{SERVICES}/census", patch, api_version=V17).result()
    assert patched["properties"]["title"] == "patched"
    assert client.resources.check_existence_by_id(f"{SERVICES}/census", api_version=V17)
    listed = {one.name for one in resources.list_by_resource_group("local")}
    assert listed == {"plan1", "census"}
    assert {one.name for one in resources.list(filter="resourceType eq 'Microsoft.MachineLearning/webServices'")} == {
        "census"
    }
    resources.begin_delete_by_id(f"{SERVICES}/census", api_version=V17).result()
    assert not client.resources.check_existence_by_id(f"{SERVICES}/census", api_version=V17)


def test_a_group_lives_its_life(client: ResourceManagementClient) -> None:
    groups = client.resource_groups
    assert not groups.check_existence("team-a")
    groups.create_or_update("team-a", {"location": "westeurope"})
    assert "team-a" in {group.name for group in groups.list()}
    groups.begin_delete("team-a").result()
    assert not groups.check_existence("team-a")
    assert client.providers.get("Microsoft.MachineLearning").registration_state == "Registered"


def test_a_failed_operation_reaches_the_caller_with_its_code(
    client: ResourceManagementClient, emulator: Emulator
) -> None:
    emulator.faults(op_fail="first:1,PUT,/webServices/", failed_operation="error")
    if not client.resources.check_existence_by_id(f"{PLANS}/plan1", api_version=V16):
        sku = {"name": "S1", "tier": "Standard", "capacity": 1}
        body = {"location": "southcentralus", "sku": sku}
        client.resources.begin_create_or_update_by_id(f"{PLANS}/plan1", body, api_version=V16).result()
    poller = client.resources.begin_create_or_update_by_id(f"{SERVICES}/broken", definition(), api_version=V17)
    with pytest.raises(HttpResponseError, match="op-fail"):
        poller.result()
    assert poller.status() == "Failed"
