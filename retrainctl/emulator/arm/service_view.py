"""What answers show of a web service: full, as a list item, and as the first answer to a write.

Section numbers are those of `reference/arm-webservices.md`; R16 and R17 are its recordings.
"""

from __future__ import annotations

from typing import Any, Final

from retrainctl.emulator.arm import definition
from retrainctl.emulator.arm.definition import PREVIEW
from retrainctl.emulator.arm.regions import HOST_PREFIXES, slug
from retrainctl.emulator.identity import SUBSCRIPTION
from retrainctl.emulator.resources import Resource

TYPE: Final = "Microsoft.MachineLearning/webServices"


def full(service: Resource, version: str, region: str, *, strip_credentials: bool) -> dict[str, Any]:
    """A GET of this version, with secrets encrypted for `region`. Uses up `service`, which was read for it."""
    definition.show_parameters(service.body, version, region)
    if strip_credentials:
        _strip_credentials(service.body)
    return _view(service, version, service.body)


def list_item(service: Resource, version: str) -> dict[str, Any]:
    """Sparse: none of the large members (section 5)."""
    return _view(service, version, {})


def put_answer(service: Resource, arguments: dict[str, Any], version: str) -> dict[str, Any]:
    """Section 2.1: 2016 echoes the request with all its secrets, 2017 shows a skeleton."""
    if version != PREVIEW:
        answer = skeleton(service, {"payloadsInBlobStorage": False, "provisioningState": "Provisioning"})
        answer["tags"] = arguments["tags"] or {}
        return answer
    echo = {"provisioningState": "Provisioning", **arguments["properties"]}
    answer = skeleton(service, definition.ordered(echo, version))
    if arguments["tags"] is None:
        del answer["tags"]
    else:
        answer["tags"] = arguments["tags"]
    return answer


def skeleton(service: Resource, properties: dict[str, Any]) -> dict[str, Any]:
    """The envelope around some properties."""
    return {
        "id": service.id,
        "name": service.name,
        "type": TYPE,
        "location": service.head["location"],
        "tags": service.head.get("tags", {}),
        "properties": properties,
    }


def swagger_location(service: Resource) -> str:
    """The only place where the service's own GUID appears; that of a seeded service is kept."""
    state = service.head["state"]
    given: str | None = state.get("swaggerLocation")
    if given:
        return given
    prefix = HOST_PREFIXES.get(slug(service.head["location"]), "ussouthcentral")
    subscription = SUBSCRIPTION.replace("-", "")
    return f"https://{prefix}.services.azureml.net/subscriptions/{subscription}/services/{state['guid']}/swagger.json"


def _view(service: Resource, version: str, large: dict[str, Any]) -> dict[str, Any]:
    head, state = service.head, service.head["state"]
    members: dict[str, Any] = {
        "provisioningState": state["provisioningState"],
        "createdOn": state["createdOn"],
        "modifiedOn": state["modifiedOn"],
        "swaggerLocation": swagger_location(service),
        "readOnly": False,
        "exposeSampleData": False,
    }
    if version != PREVIEW:
        members |= {"payloadsInBlobStorage": False, "realtimeConfiguration": {"maxConcurrentCalls": 20}}
    members |= head["properties"]
    if version == PREVIEW:
        members.pop("payloadsInBlobStorage", None)
    elif state.get("large"):
        members["payloadsInBlobStorage"] = True
    view = skeleton(service, definition.ordered(members | large, version))
    if state.get("untagged"):
        del view["tags"]
    return view


def _strip_credentials(large: dict[str, Any]) -> None:
    for asset in large.get("assets", {}).values():
        location = asset.get("locationInfo", {})
        location.pop("credentials", None)
        location["uri"] = location.get("uri", "").partition("?")[0]
