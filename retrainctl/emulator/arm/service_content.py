"""What is kept of a write to a web service, and where: head for lists, body for GET, secret for nobody."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

import orjson

from retrainctl.emulator.arm.definition import LARGE
from retrainctl.emulator.arm.service_view import TYPE
from retrainctl.emulator.clock import parse_moment, stamp
from retrainctl.emulator.identity import SUBSCRIPTION, service_key
from retrainctl.emulator.resources import Resource, resource_id

_LARGE_BYTES: Final = 3 * 1024 * 1024
_MERGED: Final = ("keys", "storageAccount", "realtimeConfiguration", "diagnostics", "machineLearningWorkspace")


def service_id(group: str, name: str) -> str:
    return resource_id(SUBSCRIPTION, group, TYPE, name)


def new(group: str, name: str, location: str, now: float, guid: str | None = None) -> Resource:
    """A service without content, as it is while it is being created for the first time."""
    guid = guid or uuid4().hex
    moment = stamp(now)
    return Resource(
        id=service_id(group, name),
        type=TYPE,
        subscription=SUBSCRIPTION,
        group=group,
        name=name,
        alias=guid,
        head={
            "type": TYPE,
            "location": location,
            "tags": {},
            "properties": {"storageAccount": {}},
            "state": {
                "provisioningState": "Provisioning",
                "createdOn": moment,
                "modifiedOn": moment,
                "guid": guid,
                "regions": [],
            },
        },
        secret={"keys": {"primary": service_key(), "secondary": service_key()}},
    )


def replace(service: Resource, properties: dict[str, Any], tags: dict[str, Any] | None, *, rotate: bool) -> None:
    """The whole content of a PUT. `rotate`: new keys where it has none."""
    properties = dict(properties)
    plan = properties.pop("commitmentPlan", {}).get("id")
    if plan:
        service.secret.setdefault("commitmentPlan", plan)
    if (keys := properties.pop("keys", None)) is not None:
        service.secret["keys"] = keys
    elif rotate:
        service.secret["keys"] = {"primary": service_key(), "secondary": service_key()}
    given = "storageAccount" in properties
    account = dict(properties.get("storageAccount", service.head["properties"].get("storageAccount", {})))
    if (key := account.pop("key", None)) is not None:
        service.secret["storageKey"] = key
    if account or given:
        properties["storageAccount"] = account
    service.body = {name: properties.pop(name) for name in LARGE if name in properties}
    service.head["properties"] = properties
    service.head["tags"] = tags or {}
    _measure(service)


def merge(service: Resource, patch: dict[str, Any], *, replace_maps: bool) -> None:
    """The content of a PATCH (section 6): settings merge; whether maps do is a switch.

    A large member that is empty afterwards vanishes, as `parameters` did in R17.
    """
    patch = dict(patch)
    plan = (patch.pop("commitmentPlan", None) or {}).get("id")
    if plan:
        service.secret.setdefault("commitmentPlan", plan)
    if (keys := patch.pop("keys", None)) is not None:
        service.secret["keys"] |= {name: value for name, value in keys.items() if value is not None}
    if isinstance(patch.get("storageAccount"), dict):
        account = dict(patch["storageAccount"])
        if (key := account.pop("key", None)) is not None:
            service.secret["storageKey"] = key
        patch["storageAccount"] = account
    for name, value in patch.items():
        holder = service.body if name in LARGE else service.head["properties"]
        if value is None:
            holder.pop(name, None)
        elif name in _MERGED or (isinstance(value, dict) and not replace_maps):
            holder[name] = _merged(holder.get(name, {}), value)
        else:
            holder[name] = value
        if name in LARGE and holder.get(name) == {}:
            del holder[name]
    _measure(service)


def modified(service: Resource, moment: float) -> None:
    """Set `modifiedOn`: it strictly increases, and lies a little behind the end of the operation (R17)."""
    state = service.head["state"]
    text = stamp(moment + 0.0675)
    before = str(state["modifiedOn"])
    state["modifiedOn"] = text if text > before else stamp(parse_moment(before) + 0.0001)


def _measure(service: Resource) -> None:
    service.head["state"]["large"] = len(orjson.dumps(service.body)) > _LARGE_BYTES


def _merged(before: Any, patch: Any) -> Any:
    if not isinstance(before, dict) or not isinstance(patch, dict):
        return patch
    merged = dict(before)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
