"""`Microsoft.Storage/storageAccounts` as far as creating a web service needs it: create, show, keys, delete (R17)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import quote

from retrainctl.emulator.arm.gateway import Gateway
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import SUBSCRIPTION, account_key
from retrainctl.emulator.operations import Operation
from retrainctl.emulator.resources import Resource, resource_id
from retrainctl.emulator.routing import Route

TYPE: Final = "Microsoft.Storage/storageAccounts"
_ONE: Final = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{account}"
)
_OPERATION: Final = "/subscriptions/{subscription}/providers/Microsoft.Storage/operations/{operation}"


class StorageAccounts:
    """The handlers."""

    def __init__(self, frame: Frame, gateway: Gateway) -> None:
        self._frame = frame
        self._gateway = gateway
        frame.operations.define("storageAccount.put", self._put_done)

    def routes(self) -> Iterable[Route]:
        table: list[tuple[str, str, Callable[[Call], Answer]]] = [
            ("PUT", _ONE, self._put),
            ("GET", _ONE, self._get),
            ("HEAD", _ONE, self._head),
            ("DELETE", _ONE, self._delete),
            ("POST", _ONE + "/listKeys", self._keys),
            ("GET", _OPERATION, self._poll),
        ]
        for method, pattern, handler in table:
            yield Route(
                methods=method,
                pattern=pattern,
                handler=self._gateway.scoped(handler, TYPE),
                dialect=self._gateway.provider_dialect,
            )

    def _put(self, call: Call) -> Answer:
        identifier = self._id(call)
        arguments = {"group": call.params["group"], "name": call.params["account"], "body": call.json()}
        operation = self._frame.operations.start(call, "storageAccount.put", identifier, "", arguments)
        return Answer(status=202, headers=self._headers(call, operation), wrote=operation.id)

    def _headers(self, call: Call, operation: Operation) -> list[tuple[str, str]]:
        path = f"{call.base}/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Storage/operations/{operation.id}"
        location = f"{path}?monitor=true&api-version={quote(call.query['api-version'])}"
        return [("Location", location), ("Retry-After", self._gateway.wait("17"))]

    def _poll(self, call: Call) -> Answer:
        operation = self._frame.operations.poll(call.params["operation"])
        if operation is None:
            raise Refusal(404, "OperationNotFound", "The operation could not be found.")
        if not operation.ended:
            return Answer(status=202, headers=self._headers(call, operation))
        if operation.failure is not None:
            raise Refusal(409, operation.failure[0], operation.failure[1])
        return Answer(body=_view(operation.arguments["body"]), media="application/json")

    def _put_done(self, operation: Operation) -> None:
        wish = operation.arguments
        self._frame.resources.put(
            Resource(
                id=operation.subject,
                type=TYPE,
                subscription=SUBSCRIPTION,
                group=wish["group"],
                name=wish["name"],
                head={"type": TYPE, **_view(wish["body"])},
            )
        )

    def _get(self, call: Call) -> Answer:
        account = self._find(call)
        return Answer(body={"id": account.id, "name": account.name, **account.head}, media="application/json")

    def _head(self, call: Call) -> Answer:
        self._find(call)
        return Answer(status=204)

    def _keys(self, call: Call) -> Answer:
        account = self._find(call)
        keys = {"key1": account_key(account.name), "key2": account_key(account.name, 2)}
        return Answer(body=keys, media="application/json")

    def _delete(self, call: Call) -> Answer:
        gone = self._frame.resources.delete(self._id(call))
        return Answer(wrote=True) if gone else Answer(status=204, gateway=True)

    def _find(self, call: Call) -> Resource:
        account = self._frame.resources.get(self._id(call))
        if account is None:
            raise Refusal(
                404,
                "ResourceNotFound",
                f"The Resource '{TYPE}/{call.params['account']}' under resource group '{call.params['group']}' "
                "was not found.",
                gateway=True,
            )
        return account

    def _id(self, call: Call) -> str:
        return resource_id(SUBSCRIPTION, call.params["group"], TYPE, call.params["account"])


def _view(body: dict[str, Any]) -> dict[str, Any]:
    return {"location": body.get("location", ""), "properties": body.get("properties", {})}
