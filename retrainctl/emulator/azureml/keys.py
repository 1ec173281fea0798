"""Keys and tokens of online endpoints: listed, made anew, checked (azureml-v2.md sections 3 and 9)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final
from uuid import uuid4

from retrainctl.emulator.azureml.defaults import kind_mark
from retrainctl.emulator.azureml.knobs import LOST
from retrainctl.emulator.azureml.polling import Polling
from retrainctl.emulator.azureml.workspace import LOCATION, PATTERN, Provider, Workspace, user_error
from retrainctl.emulator.exchange import Answer, Call
from retrainctl.emulator.operations import Operation
from retrainctl.emulator.resources import Resource
from retrainctl.emulator.routing import Route

_ENDPOINT: Final = PATTERN + "/onlineEndpoints/{endpoint}"
_REGENERATE: Final = "azureml.regenerateKeys"
_MEMBERS: Final = {"primary": "primaryKey", "secondary": "secondaryKey"}


class Keys:
    """The handlers. A key is the same on every machine until it is made anew, and therefore no secret."""

    def __init__(self, workspace: Workspace, polling: Polling, dialect: Provider) -> None:
        self._workspace = workspace
        self._operations = workspace.frame.operations
        self._polling = polling
        self._dialect = dialect
        self._operations.define(_REGENERATE, self._regenerated)

    def routes(self) -> Iterable[Route]:
        scoped = self._workspace.scoped
        for action, handler in (
            ("listKeys", self._list),
            ("regenerateKeys", self._regenerate),
            ("token", self._token),
        ):
            yield Route(methods="POST", pattern=f"{_ENDPOINT}/{action}", handler=scoped(handler), dialect=self._dialect)

    def accepts(self, endpoint: Resource, given: str) -> bool:
        """Whether a bearer's key or token opens the endpoint, by the way that it authenticates."""
        match endpoint.body["properties"]["authMode"].lower():
            case "key":
                return given in _keys(endpoint).values()
            case "amltoken":
                return given == _made(endpoint, "token")
            case _:
                return self._workspace.frame.identity.accepts(given)

    def _list(self, call: Call) -> Answer:
        """Two nulls where the endpoint uses no keys (R25)."""
        endpoint = self._workspace.find(call.path.rpartition("/")[0])
        if not _keyed(endpoint):
            return Answer(body=dict.fromkeys(_MEMBERS.values()))
        return Answer(body=_keys(endpoint))

    def _token(self, call: Call) -> Answer:
        endpoint = self._workspace.find(call.path.rpartition("/")[0])
        now = int(self._workspace.frame.clock.now())
        body = {
            "accessToken": _made(endpoint, "token"),
            "tokenType": "Bearer",
            "expiryTimeUtc": now + 86_400,
            "refreshAfterTimeUtc": now + 43_200,
        }
        return Answer(body=body)

    def _regenerate(self, call: Call) -> Answer:
        """202 with the body `null` and a Location at which, as recorded, nothing is to be found (R22).

        What is said to a wrong key type, or by an endpoint without keys, is a guess.
        """
        endpoint, wish = self._workspace.find(call.path.rpartition("/")[0]), call.json()
        member = _MEMBERS.get(str(wish.get("keyType")).lower())
        if member is None:
            raise user_error("keyType must be Primary or Secondary.")
        if not _keyed(endpoint):
            raise user_error(f"Endpoint {endpoint.name} does not authenticate by keys.")
        taken = {"member": member, "value": wish.get("keyValue")}
        operation = self._operations.start(call, _REGENERATE, endpoint.id, LOCATION, taken)
        lost = self._workspace.frame.knobs.text("regenerate-keys-poll") == LOST
        shown = str(uuid4()) if lost else operation.id
        location = self._polling.address(call, shown, kind_mark(endpoint.id), "mfeOperationResults")
        headers = [("Location", location), *self._polling.retry_after()]
        return Answer(status=202, body=b"null", headers=headers, wrote=operation.id)

    def _regenerated(self, operation: Operation) -> None:
        """A key that is given is taken, unless it is the present one: Microsoft's client sends that when it wants a
        new one, so the service cannot mean it.
        """
        endpoint = self._workspace.frame.resources.get(operation.subject)
        if endpoint is None:
            return
        member, value = operation.arguments["member"], operation.arguments["value"]
        turns = {**endpoint.secret.get("turns", {})}
        turns[member] = turns.get(member, 0) + 1
        keys = {**endpoint.secret.get("keys", {})}
        wanted = value and value != _keys(endpoint)[member]
        keys[member] = value if wanted else _made(endpoint, member, turns[member])
        endpoint.secret = {**endpoint.secret, "turns": turns, "keys": keys}
        self._workspace.frame.resources.put(endpoint)


def _keyed(endpoint: Resource) -> bool:
    return bool(endpoint.body["properties"]["authMode"].lower() == "key")


def _keys(endpoint: Resource) -> dict[str, Any]:
    """Those that were given or made anew, else the first ones."""
    given = endpoint.secret.get("keys", {})
    return {member: given.get(member) or _made(endpoint, member) for member in _MEMBERS.values()}


def _made(endpoint: Resource, what: str, turn: int = 0) -> str:
    text = f"retrainctl emulator|{endpoint.name.lower()}|{what}|{turn}"
    return hashlib.sha256(text.encode()).hexdigest()
