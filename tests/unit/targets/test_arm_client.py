"""One call per operation: its verb, path, query and body as recorded or specified; every page of a list."""

from __future__ import annotations

import pytest

from retrainctl.ports import NotFound, Unavailable
from tests.support.arm_cases import PLAN_ID, PROVIDER, SUB, client
from tests.support.wire import ARM, TOKEN, Reply, arm_error, wire

V17, V16 = "?api-version=2017-01-01", "?api-version=2016-05-01-preview"
CALLS = [
    (lambda c: c.get_service("rg", "a b(1).x"), "GET", f"{PROVIDER}/webServices/a%20b%281%29.x{V17}", None),
    (
        lambda c: c.get_service("rg", "a", region="West Europe"),
        "GET",
        f"{PROVIDER}/webServices/a{V17}&region=West%20Europe",
        None,
    ),
    (lambda c: list(c.list_services("rg")), "GET", f"{PROVIDER}/webServices{V17}", None),
    (
        lambda c: list(c.list_services()),
        "GET",
        f"/subscriptions/{SUB}/providers/Microsoft.MachineLearning/webServices{V17}",
        None,
    ),
    (lambda c: c.put_service("rg", "a", {"b": 1}), "PUT", f"{PROVIDER}/webServices/a{V17}", {"b": 1}),
    (lambda c: c.patch_service("rg", "a", {"b": 1}), "PATCH", f"{PROVIDER}/webServices/a{V17}", {"b": 1}),
    (lambda c: c.delete_service("rg", "a"), "DELETE", f"{PROVIDER}/webServices/a{V17}", None),
    (
        lambda c: c.create_regional("rg", "a", "westcentralus"),
        "POST",
        f"{PROVIDER}/webServices/a/CreateRegionalBlob{V17}&region=westcentralus",
        None,
    ),
    (lambda c: c.list_keys("rg", "a"), "GET", f"{PROVIDER}/webServices/a/listKeys{V17}", None),
    (lambda c: c.provider_operations(), "GET", f"/providers/Microsoft.MachineLearning/operations{V17}", None),
    (lambda c: c.get_plan("rg", "s1"), "GET", f"{PROVIDER}/commitmentPlans/s1{V16}", None),
    (lambda c: list(c.list_plans("rg")), "GET", f"{PROVIDER}/commitmentPlans{V16}", None),
    (lambda c: c.put_plan("rg", "s1", {"b": 1}), "PUT", f"{PROVIDER}/commitmentPlans/s1{V16}", {"b": 1}),
    (lambda c: c.patch_plan("rg", "s1", {"b": 1}), "PATCH", f"{PROVIDER}/commitmentPlans/s1{V16}", {"b": 1}),
    (lambda c: c.delete_plan("rg", "s1"), "DELETE", f"{PROVIDER}/commitmentPlans/s1{V16}", None),
    (
        lambda c: list(c.list_associations("rg", "s1")),
        "GET",
        f"{PROVIDER}/commitmentPlans/s1/commitmentAssociations{V16}",
        None,
    ),
    (
        lambda c: c.get_association("rg", "s1", "as1"),
        "GET",
        f"{PROVIDER}/commitmentPlans/s1/commitmentAssociations/as1{V16}",
        None,
    ),
    (
        lambda c: c.move_association("rg", "s1", "as1", PLAN_ID),
        "POST",
        f"{PROVIDER}/commitmentPlans/s1/commitmentAssociations/as1/move{V16}",
        {"destinationPlanId": PLAN_ID},
    ),
    (lambda c: list(c.plan_usage("rg", "s1")), "GET", f"{PROVIDER}/commitmentPlans/s1/usageHistory{V16}", None),
    (lambda c: c.skus(), "GET", f"/subscriptions/{SUB}/providers/Microsoft.MachineLearning/skus{V16}", None),
]


@pytest.mark.parametrize(("act", "method", "path", "body"), CALLS, ids=lambda v: v if isinstance(v, str) else "")
def test_each_operation_is_one_call(act, method: str, path: str, body) -> None:
    line = wire([Reply(200, {})])
    act(client(line))
    (call,) = line.calls
    assert (call.method, call.url, call.body) == (method, f"{ARM}{path}", body)
    assert call.headers["Authorization"] == f"Bearer {TOKEN}"
    assert call.headers["x-ms-client-request-id"]
    assert call.headers["User-Agent"].startswith("retrainctl/")
    assert ("Content-Type" in call.headers) == (body is not None)


def test_the_keys_are_secret_and_the_redactor_knows_them() -> None:
    line = wire([Reply(200, {"primary": "PRIMARYCANARY", "secondary": "SECONDARYCANARY"})])
    keys = client(line).list_keys("rg", "a")
    assert keys.primary.reveal() == "PRIMARYCANARY"
    assert "CANARY" not in repr(keys)
    assert "CANARY" not in line.redactor.clean("PRIMARYCANARY SECONDARYCANARY")


NEXT = f"{ARM}{PROVIDER}/webServices{V17}&%24skiptoken=DY1db4%2F%2BC8n%3D"


@pytest.mark.parametrize(
    ("link", "second"),
    [
        (NEXT, NEXT),
        (
            "https://southcentralus.management.azure.com/x?api-version=2017-01-01&%24skiptoken=DY1db4%2F%2BC8n%3D",
            f"{ARM}{PROVIDER}/webServices{V17}&$skiptoken=DY1db4%2F%2BC8n%3D",
        ),
        ("/x?$skipToken=a+b", f"{ARM}{PROVIDER}/webServices{V17}&$skiptoken=a%2Bb"),
    ],
    ids=["our host", "another host", "relative"],
)
def test_both_forms_of_the_next_page_are_understood_and_no_other_host_is_called(link: str, second: str) -> None:
    line = wire([Reply(200, {"value": [{"id": 1}], "nextLink": link}), Reply(200, {"value": [{"id": 2}]})])
    assert [item["id"] for item in client(line).list_services("rg")] == [1, 2]
    assert line.calls[1].url == second


def test_a_list_that_goes_on_elsewhere_without_a_token_is_an_error() -> None:
    line = wire([Reply(200, {"value": [], "nextLink": "https://evil.example/x"})])
    with pytest.raises(Unavailable, match="not followed"):
        list(client(line).list_services("rg"))


def test_a_list_that_turns_in_a_circle_ends() -> None:
    line = wire(lambda call: Reply(200, {"value": [{"id": 1}], "nextLink": NEXT}))
    with pytest.raises(Unavailable, match="again and again"):
        list(client(line).list_services("rg"))
    assert len(line.calls) == 2


def test_resource_groups_and_regions_come_through_azures_own_client_over_our_pipeline() -> None:
    group = {"id": f"/subscriptions/{SUB}/resourceGroups/rg", "name": "rg", "location": "southcentralus"}
    provider = {
        "namespace": "Microsoft.MachineLearning",
        "resourceTypes": [
            {"resourceType": "Workspaces", "locations": ["East US 2"]},
            {"resourceType": "webServices", "locations": ["South Central US", "West Europe"]},
        ],
    }
    line = wire([Reply(200, group), Reply(200, provider)])
    arm = client(line)
    assert arm.group_location("rg") == "southcentralus"
    assert arm.regions() == ("South Central US", "West Europe")
    for call in line.calls:
        assert call.url.startswith(f"{ARM}/subscriptions/{SUB}/")
        assert call.headers["Authorization"] == f"Bearer {TOKEN}"
        assert call.headers["User-Agent"].startswith("retrainctl/")


def test_a_missing_group_is_none_and_other_failures_are_ours() -> None:
    gone = arm_error("ResourceGroupNotFound", "Resource group 'rg' could not be found.")
    line = wire([Reply(404, gone), Reply(404, arm_error("SubscriptionNotFound", "x"))])
    arm = client(line)
    assert arm.group_location("rg") is None
    with pytest.raises(NotFound) as caught:
        arm.group_location("rg")
    assert caught.value.code == "RC320"
    assert caught.value.request_id == "rid-2"


def test_azures_own_client_is_retried_by_our_rules() -> None:
    line = wire([Reply(429, headers={"Retry-After": "4"}), Reply(200, {"location": "southcentralus"})])
    assert client(line).group_location("rg") == "southcentralus"
    assert line.calls[1].at >= 4
