"""What the ARM gateway does itself: checks before any provider is asked, subscriptions, groups, providers, lists."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

import orjson

from retrainctl.emulator.arm.dialect import ArmDialect
from retrainctl.emulator.arm.providers import PROVIDERS, supported
from retrainctl.emulator.arm.skiptoken import next_link, position
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import REGION, RESOURCE_GROUP, SUBSCRIPTION, TENANT
from retrainctl.emulator.operations import Operation
from retrainctl.emulator.resources import Resource
from retrainctl.emulator.routing import Handler, Route

GROUP_TYPE = "Microsoft.Resources/resourceGroups"
_S = "/subscriptions/{subscription}"
_G = _S + "/resourceGroups/{group}"


def group_id(subscription: str, group: str) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


class Gateway:
    """Handlers of the gateway, and `scoped`, by which providers put its checks before their own handlers."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self.dialect = ArmDialect(frame, provider=False)
        self.provider_dialect = ArmDialect(frame, provider=True)
        frame.operations.define("resourceGroup.delete", self._group_gone)

    def furnish(self) -> None:
        if self._group(SUBSCRIPTION, RESOURCE_GROUP) is None:
            self.add_group(RESOURCE_GROUP, REGION.replace(" ", "").lower(), None)

    def add_group(self, name: str, location: str, tags: dict[str, Any] | None) -> Resource:
        """Create a group, or change the tags of one."""
        head: dict[str, Any] = {"location": location}
        if tags is not None:
            head["tags"] = tags
        group = Resource(
            id=group_id(SUBSCRIPTION, name),
            type=GROUP_TYPE,
            subscription=SUBSCRIPTION,
            group=name,
            name=name,
            head=head,
        )
        self._frame.resources.put(group)
        return group

    def scoped(self, handler: Callable[[Call], Answer], kind: str) -> Handler:
        """The handler behind the gateway's checks: subscription, api-version of `kind`, resource group."""

        def checked(call: Call) -> Answer:
            self.check_subscription(call)
            self.check_version(call, kind)
            if (group := call.params.get("group")) is not None:
                self._require_group(group)
            return handler(call)

        return checked

    def check_version(self, call: Call, kind: str) -> str:
        """The api-version of the call.

        Raises:
            Refusal: 400, it is missing or the type does not have it.
        """
        version = call.query.get("api-version", "")
        if not version:
            raise Refusal(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
                gateway=True,
            )
        versions, locations = supported(kind)
        if versions and version.lower() not in versions:
            raise Refusal(
                400,
                "NoRegisteredProviderFound",
                f"No registered resource provider found for API version '{version}' for type "
                f"'{kind.partition('/')[2]}'. The supported api-versions are '{', '.join(versions)}'."
                f" The supported locations are '{', '.join(locations)}'.",
                gateway=True,
            )
        return version

    def check_subscription(self, call: Call) -> None:
        """Raise `Refusal` 404 unless the path names the local subscription, or none."""
        given = call.params.get("subscription")
        if given is not None and given.lower() != SUBSCRIPTION:
            raise Refusal(404, "SubscriptionNotFound", f"The subscription '{given}' could not be found.", gateway=True)

    def _group(self, subscription: str, name: str) -> Resource | None:
        return self._frame.resources.get(group_id(subscription, name))

    def _require_group(self, name: str) -> Resource:
        group = self._group(SUBSCRIPTION, name)
        if group is None:
            raise Refusal(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.", gateway=True)
        return group

    def routes(self) -> Iterable[Route]:
        table: list[tuple[str, str, Callable[[Call], Answer]]] = [
            ("GET", "/subscriptions", self._subscriptions),
            ("GET", _S, self._subscription),
            ("GET", _S + "/locations", self._locations),
            ("GET", "/tenants", self._tenants),
            ("GET", "/providers", self._providers),
            ("GET", _S + "/providers", self._providers),
            ("GET", _S + "/providers/{namespace}", self._provider),
            ("POST", _S + "/providers/{namespace}/register", self._provider),
            ("GET", _S + "/resourceGroups", self._groups),
            ("PUT", _G, self._put_group),
            ("PATCH", _G, self._patch_group),
            ("GET", _G, self._get_group),
            ("HEAD", _G, self._head_group),
            ("DELETE", _G, self._delete_group),
            ("GET", _S + "/operationresults/{job}", self._group_job),
            ("GET", _S + "/resources", self._resources),
            ("GET", _G + "/resources", self._resources),
            ("*", "/subscriptions/{subscription}/{*rest}", self._unknown),
            ("*", "/providers/{*rest}", self._unknown),
        ]
        for methods, pattern, handler in table:
            kind = GROUP_TYPE if "resourceGroups" in pattern else "Microsoft.Resources/subscriptions"
            grouped = handler in (self._resources, self._patch_group, self._get_group, self._delete_group)
            yield Route(
                methods=methods,
                pattern=pattern,
                handler=self.scoped(handler, kind) if grouped else self._ungrouped(handler, kind),
                dialect=self.dialect,
            )

    def _ungrouped(self, handler: Callable[[Call], Answer], kind: str) -> Handler:
        def checked(call: Call) -> Answer:
            self.check_subscription(call)
            self.check_version(call, kind)
            return handler(call)

        return checked

    def _subscriptions(self, call: Call) -> Answer:
        del call
        return Answer(body={"value": [_subscription()], "count": {"type": "Total", "value": 1}})

    def _subscription(self, call: Call) -> Answer:
        del call
        return Answer(body=_subscription())

    def _tenants(self, call: Call) -> Answer:
        del call
        tenant = {"id": f"/tenants/{TENANT}", "tenantId": TENANT, "displayName": "local", "tenantCategory": "Home"}
        return Answer(body={"value": [tenant]})

    def _locations(self, call: Call) -> Answer:
        del call
        from retrainctl.emulator.arm.regions import REGIONS, slug

        value = [
            {
                "id": f"/subscriptions/{SUBSCRIPTION}/locations/{slug(region)}",
                "name": slug(region),
                "displayName": region,
                "metadata": {"regionType": "Physical"},
            }
            for region in REGIONS
        ]
        return Answer(body={"value": value})

    def _providers(self, call: Call) -> Answer:
        del call
        return Answer(body={"value": [_provider(namespace) for namespace in PROVIDERS]})

    def _provider(self, call: Call) -> Answer:
        return Answer(body=_provider(call.params["namespace"]))

    def _groups(self, call: Call) -> Answer:
        groups, _ = self._frame.resources.page(GROUP_TYPE, SUBSCRIPTION)
        return Answer(body={"value": [_group_view(group, call) for group in groups]})

    def _put_group(self, call: Call) -> Answer:
        name, wish = call.params["group"], call.json()
        if not re.fullmatch(r"[\w.()-]{0,89}[\w()-]", name):
            raise Refusal(
                400, "InvalidResourceGroup", f"The provided resource group name '{name}' is invalid.", gateway=True
            )
        location = wish.get("location")
        before = self._group(SUBSCRIPTION, name)
        if not isinstance(location, str) or not location:
            raise Refusal(
                400, "LocationRequired", "The location property is required for this definition.", gateway=True
            )
        if before is not None and before.head["location"] != location.replace(" ", "").lower():
            raise Refusal(
                409,
                "InvalidResourceGroupLocation",
                f"Invalid resource group location '{location}'. The Resource group already exists in location "
                f"'{before.head['location']}'.",
                gateway=True,
            )
        kept = before.name if before is not None else name
        group = self.add_group(kept, location.replace(" ", "").lower(), wish.get("tags"))
        return Answer(status=201 if before is None else 200, body=_group_view(group, call), wrote=True)

    def _patch_group(self, call: Call) -> Answer:
        before = self._require_group(call.params["group"])
        group = self.add_group(before.name, before.head["location"], call.json().get("tags", before.head.get("tags")))
        return Answer(body=_group_view(group, call), wrote=True)

    def _get_group(self, call: Call) -> Answer:
        return Answer(body=_group_view(self._require_group(call.params["group"]), call))

    def _head_group(self, call: Call) -> Answer:
        self._require_group(call.params["group"])
        return Answer(status=204)

    def _delete_group(self, call: Call) -> Answer:
        group = self._require_group(call.params["group"])
        # The job id is readable in the recordings: base64 of the group's name and location.
        job_id = f"RESOURCEGROUPDELETIONJOB-{group.name.upper()}-{group.head['location'].upper()}"
        job = orjson.dumps({"jobId": job_id, "jobLocation": group.head["location"]})
        encoded = base64.urlsafe_b64encode(job).rstrip(b"=").decode()
        operation = self._frame.operations.start(call, "resourceGroup.delete", group.name, encoded, None)
        return Answer(status=202, headers=self._job_headers(call, encoded), wrote=operation.id)

    def _job_headers(self, call: Call, job: str) -> list[tuple[str, str]]:
        version = quote(call.query["api-version"])
        location = f"{call.base}/subscriptions/{SUBSCRIPTION}/operationresults/{job}?api-version={version}"
        return [("Location", location), ("Retry-After", self.wait("15"))]

    def wait(self, recorded: str) -> str:
        """Retry-After of the gateway's and the storage provider's operations: as recorded, or short as they are."""
        return recorded if self._frame.knobs.on("realistic") else "1"

    def _group_job(self, call: Call) -> Answer:
        row = self._frame.store.row(
            "SELECT id FROM operation WHERE place=? ORDER BY started DESC LIMIT 1", call.params["job"]
        )
        operation = None if row is None else self._frame.operations.poll(str(row[0]))
        if operation is None:
            raise Refusal(404, "NotFound", "The operation could not be found.", gateway=True)
        if operation.state == "Provisioning":
            return Answer(status=202, headers=self._job_headers(call, call.params["job"]))
        if operation.failure is not None:
            code, message, _ = operation.failure
            raise Refusal(409, code, message, gateway=True)
        return Answer(status=200)

    def _group_gone(self, operation: Operation) -> None:
        self._frame.resources.delete_group(SUBSCRIPTION, operation.subject)

    def _resources(self, call: Call) -> Answer:
        """All resources that are tracked, over every provider; `$filter` as `az` and the SDK write it."""
        group, kind = _filter(call.query.get("$filter", ""))
        group = call.params.get("group", group)
        limit = int(call.query.get("$top", "1000"))
        found, more = self._frame.resources.page(kind, SUBSCRIPTION, group, position(call), limit)
        value = [_resource_view(resource) for resource in found if resource.type != GROUP_TYPE.lower()]
        body: dict[str, Any] = {"value": value}
        if more:
            body["nextLink"] = next_link(call, found[-1].seq)
        return Answer(body=body)

    def _unknown(self, call: Call) -> Answer:
        """Name what does not exist, as precisely as ARM does."""
        self.check_subscription(call)
        rest = call.path.split("/")
        lowered = [part.lower() for part in rest]
        if "resourcegroups" in lowered and (at := lowered.index("resourcegroups") + 1) < len(rest):
            self._require_group(rest[at])
        if "providers" in lowered and (at := lowered.index("providers") + 1) < len(rest):
            provider = next((known for known in PROVIDERS if known.lower() == lowered[at]), None)
            if provider is None:
                raise Refusal(
                    404, "InvalidResourceNamespace", f"The resource namespace '{rest[at]}' is invalid.", gateway=True
                )
            if at + 1 < len(rest):
                kind = rest[at + 1]
                known = {entry["resourceType"].lower() for entry in PROVIDERS[provider]["resourceTypes"]}
                if kind.lower() not in known:
                    raise Refusal(
                        404,
                        "InvalidResourceType",
                        f"The resource type '{kind}' could not be found in the namespace '{provider}'.",
                        gateway=True,
                    )
                raise Refusal(
                    405,
                    "MethodNotAllowed",
                    f"The requested resource does not support http method '{call.method}'.",
                    gateway=True,
                )
        raise Refusal(404, "NotFound", f"The emulator serves no {call.path}.", gateway=True)


def _subscription() -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{SUBSCRIPTION}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
        "displayName": "local",
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Internal_2014-09-01",
            "quotaId": "Internal_2014-09-01",
            "spendingLimit": "Off",
        },
    }


def _provider(namespace: str) -> dict[str, Any]:
    name = next((known for known in PROVIDERS if known.lower() == namespace.lower()), None)
    if name is None:
        raise Refusal(
            404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.", gateway=True
        )
    return {"id": f"/subscriptions/{SUBSCRIPTION}/providers/{name}", "namespace": name, **PROVIDERS[name]}


def _group_view(group: Resource, call: Call) -> dict[str, Any]:
    view: dict[str, Any] = {"id": group.id, "name": group.name}
    if call.query["api-version"] >= "2018":
        view["type"] = GROUP_TYPE  # absent in the recorded answers of 2016-02-01
    view["location"] = group.head["location"]
    if group.head.get("tags"):
        view["tags"] = group.head["tags"]
    view["properties"] = {"provisioningState": "Succeeded"}
    return view


def _resource_view(resource: Resource) -> dict[str, Any]:
    head = resource.head
    view = {
        "id": head["id"],
        "name": head["name"],
        "type": head.get("type", resource.type),
        "location": head["location"],
    }
    if head.get("tags"):
        view["tags"] = head["tags"]
    return view


def _filter(text: str) -> tuple[str | None, str | None]:
    group = re.search(r"resourceGroup eq '((?:[^']|'')*)'", text, re.IGNORECASE)
    kind = re.search(r"resourceType eq '((?:[^']|'')*)'", text, re.IGNORECASE)
    return (group[1] if group else None), (kind[1] if kind else None)
