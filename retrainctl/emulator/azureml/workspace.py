"""The one workspace: its id, its rows, how its provider speaks (azureml-v2.md section 1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from retrainctl.emulator.arm.dialect import ArmDialect
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import REGION, RESOURCE_GROUP, SUBSCRIPTION
from retrainctl.emulator.resources import Resource
from retrainctl.emulator.routing import Handler

PROVIDER: Final = "Microsoft.MachineLearningServices"
NAME: Final = "local"
LOCATION: Final = REGION.replace(" ", "").lower()
GUID: Final = "00000000-0000-0000-0000-0000000000aa"
PATTERN: Final = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/" + PROVIDER + "/workspaces/{workspace}"
)
SCOPE: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}/providers/{PROVIDER}/workspaces/{NAME}"


class Provider(ArmDialect):
    """The provider's errors: a general code outside, what helps in the details, and what only support reads (R22)."""

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame, provider=True)

    def refuse(self, call: Call, refusal: Refusal) -> Answer:
        answer = super().refuse(call, refusal)
        if refusal.gateway:
            return answer
        error: dict[str, Any] = answer.body["error"]
        inner = error.setdefault("details", [])
        error["details"] = [{**one, "details": [], "additionalInfo": []} for one in inner]
        told = {"operation": uuid4().hex, "request": uuid4().hex[:16]}
        error["additionalInfo"] = [
            {"type": kind, "info": {"value": value}}
            for kind, value in (
                ("ComponentName", "managementfrontend"),
                ("Correlation", told),
                ("Environment", LOCATION),
                ("Location", LOCATION),
                ("Time", moment(self._frame.clock.now())),
            )
        ]
        return replace(answer, headers=(*answer.headers, ("x-ms-response-type", "error")))


class Workspace:
    """The rows below the workspace. Callers hold the transaction."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame

    def describe(self, call: Call) -> Answer:
        """The workspace itself, which is always there and never changes."""
        properties = {
            "workspaceId": GUID,
            "friendlyName": NAME,
            "discoveryUrl": f"{call.base}/discovery",
            "provisioningState": "Succeeded",
        }
        head = {"id": SCOPE, "name": NAME, "type": f"{PROVIDER}/workspaces", "location": LOCATION, "tags": {}}
        return Answer(body={**head, "kind": "Default", "properties": properties})

    def scoped(self, handler: Callable[[Call], Answer]) -> Handler:
        """The handler behind the gateway's checks; any api-version is taken (section 1: it is a setting)."""

        def checked(call: Call) -> Answer:
            if call.params["subscription"].lower() != SUBSCRIPTION:
                message = f"The subscription '{call.params['subscription']}' could not be found."
                raise Refusal(404, "SubscriptionNotFound", message, gateway=True)
            if not call.query.get("api-version"):
                message = "The api-version query parameter (?api-version=) is required for all requests."
                raise Refusal(400, "MissingApiVersionParameter", message, gateway=True)
            if not call.path.lower().startswith(SCOPE.lower()):
                message = f"The Resource '{PROVIDER}/workspaces/{call.params['workspace']}' was not found."
                raise Refusal(404, "ResourceNotFound", message, gateway=True)
            return handler(call)

        return checked

    def save(self, identifier: str, head: dict[str, Any], properties: dict[str, Any]) -> Resource:
        """Writes a row; when it is new, and when it was written last, goes with it."""
        before = self.frame.resources.get(identifier)
        now = moment(self.frame.clock.now())
        made = now if before is None else before.head["systemData"]["createdAt"]
        told = {"createdAt": made, "createdBy": "local", "lastModifiedAt": now}
        kind = kind_of(identifier)
        if kind.endswith("/jobs"):
            told |= {"lastModifiedBy": "local"}
        if "ndpoints" not in kind:
            # Assets say more about who it was than endpoints and deployments do (R22 to R25).
            told |= {"createdByType": "User", "lastModifiedBy": "local", "lastModifiedByType": "User"}
        spelled = identifier if before is None else before.id
        name = spelled.rpartition("/")[2]
        resource = Resource(
            id=spelled,
            type=kind,
            subscription=SUBSCRIPTION,
            group=RESOURCE_GROUP,
            name=name,
            head={"id": spelled, "name": name, "type": kind, **head, "systemData": told},
            body={"properties": properties},
            secret={} if before is None else before.secret,
        )
        self.frame.resources.put(resource)
        return resource

    def find(self, identifier: str) -> Resource:
        """The row; raises `Refusal` 404. The inner code of a missing resource is a guess."""
        found = self.frame.resources.get(identifier)
        if found is None:
            shown = "/".join(identifier.split("/")[9:])
            raise Refusal(
                404, "NotFound", "The specified resource was not found.", [("ResourceNotFound", f"{shown} not found")]
            )
        return found

    def get(self, call: Call) -> Answer:
        return Answer(body=view(self.find(call.path)))

    def list(self, call: Call) -> Answer:
        """The items of a collection, in one page."""
        parent = call.path.rpartition("/")[0]
        found, _ = self.frame.resources.children(parent, kind_of(f"{call.path}/x"))
        whole = [self.frame.resources.get(one.id) for one in found]
        return Answer(body={"value": [view(one) for one in whole if one is not None]})


def view(resource: Resource) -> dict[str, Any]:
    """A row as an answer shows it."""
    return {**resource.head, **resource.body}


def kind_of(identifier: str) -> str:
    """`NAMESPACE/TYPE/CHILDTYPE` of an ARM id."""
    namespace, *rest = identifier.split("/providers/", 1)[1].split("/")
    return "/".join([namespace, *rest[::2]])


def moment(seconds: float) -> str:
    """`2024-07-25T07:22:14.071546+00:00`, as this provider writes times."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def user_error(message: str) -> Refusal:
    """400 for what the caller asked for (R25)."""
    return Refusal(400, "UserError", message)
