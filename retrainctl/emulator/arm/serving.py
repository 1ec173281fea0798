"""New services as the scoring room sees them, and the copies of models that they keep."""

from __future__ import annotations

import copy
from typing import Final

from retrainctl.emulator.arm import definition
from retrainctl.emulator.arm.regions import slug
from retrainctl.emulator.arm.service_view import TYPE
from retrainctl.emulator.blob.room import BlobRoom
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import SUBSCRIPTION
from retrainctl.emulator.resources import Resource
from retrainctl.emulator.serving import Serving

_FLAVOUR: Final = "subscriptions"
_DEFAULT_CALLS: Final = 20


def serving(frame: Frame, flavour: str, scope: str, guid: str) -> Serving | None:
    """The service with this GUID, once its first write has succeeded."""
    if flavour != _FLAVOUR or scope != SUBSCRIPTION.replace("-", ""):
        return None
    service = frame.resources.by_alias(guid)
    if service is None or service.type != TYPE.lower() or "package" not in service.body:
        return None
    properties = service.head["properties"]
    content = copy.deepcopy(service.body)
    definition.show_parameters(content, definition.CURRENT, slug(service.head["location"]))
    return Serving(
        owner=_owner(service),
        title=properties.get("title") or service.name,
        description=properties.get("description") or "",
        properties=content,
        keys=tuple(service.secret["keys"].values()),
        most_calls=properties.get("realtimeConfiguration", {}).get("maxConcurrentCalls", _DEFAULT_CALLS),
        account=properties.get("storageAccount", {}).get("name") or "mlstudiostorage",
    )


def keep_models(frame: Frame, service: Resource) -> None:
    """Let the service take its own copies of the models that its definition names now."""
    assets = service.body.get("assets")
    uris = {
        str(asset.get("name")): str(asset.get("locationInfo", {}).get("uri", ""))
        for asset in (assets.values() if isinstance(assets, dict) else ())
        if isinstance(asset, dict) and asset.get("type") == "Resource"
    }
    for room in frame.rooms:
        if isinstance(room, BlobRoom):
            room.keep_models(_owner(service), uris)


def drop_models(frame: Frame, service: Resource) -> None:
    """Forget its copies."""
    for room in frame.rooms:
        if isinstance(room, BlobRoom):
            room.keep_models(_owner(service), {})


def owned(frame: Frame, owner: str) -> Resource | None:
    """The service of an owner's name; None for what is no New service."""
    flavour, _, guid = owner.partition("/")
    service = frame.resources.by_alias(guid) if flavour == _FLAVOUR else None
    return service if service is not None and service.type == TYPE.lower() else None


def _owner(service: Resource) -> str:
    return f"{_FLAVOUR}/{service.head['state']['guid']}"
