"""Registered models and the datastore that holds their files (azureml-v2.md sections 2.1 and 5.1)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from retrainctl.emulator.azureml.workspace import PATTERN, SCOPE, Provider, Workspace, user_error, view
from retrainctl.emulator.blob.address import parse_uri
from retrainctl.emulator.blob.contents import Draft
from retrainctl.emulator.blob.room import blob_room
from retrainctl.emulator.exchange import Answer, Call
from retrainctl.emulator.resources import Resource
from retrainctl.emulator.routing import Route

ACCOUNT: Final = "local"
CONTAINER: Final = "azureml-blobstore-local"
DATASTORE: Final = "workspaceblobstore"

_CONTAINER: Final = PATTERN + "/models/{model}"
_VERSION: Final = _CONTAINER + "/versions/{version}"
_CONTAINER_DEFAULTS: Final[dict[str, Any]] = {
    "description": None,
    "tags": {},
    "properties": {},
    "isArchived": False,
    "latestVersion": None,
    "nextVersion": "1",
}
_GROUPS: Final = re.compile("/resourcegroups/", re.IGNORECASE)
_PREVIEWED: Final = ("autoDeleteSetting", "intellectualProperty")
"""Members that preview api-versions show, as null (R25)."""
_PATHS: Final = re.compile(rf"(?:/|azureml://)datastores/{DATASTORE}/paths/(?P<path>.+)", re.IGNORECASE)


class Models:
    """The handlers, and the files behind a version."""

    def __init__(self, workspace: Workspace, dialect: Provider) -> None:
        self._workspace = workspace
        self._dialect = dialect

    def routes(self) -> Iterable[Route]:
        here = self._workspace
        for methods, pattern, handler in (
            ("GET", PATTERN + "/datastores/{datastore}", self._datastore),
            ("POST", PATTERN + "/datastores/{datastore}/listSecrets", self._secrets),
            ("GET", PATTERN + "/models", here.list),
            ("GET", _CONTAINER, here.get),
            ("PUT", _CONTAINER, self._put_container),
            ("DELETE", _CONTAINER, self._delete),
            ("GET", _CONTAINER + "/versions", self._versions),
            ("GET", _VERSION, self._get),
            ("PUT", _VERSION, self._put),
            ("DELETE", _VERSION, self._delete),
        ):
            yield Route(methods=methods, pattern=pattern, handler=here.scoped(handler), dialect=self._dialect)

    def register(self, name: str, version: str, wish: Mapping[str, Any]) -> Resource:
        """Writes a version, and the container that shows the newest."""
        identifier = f"{SCOPE}/models/{name}/versions/{version}"
        given = {key: value for key, value in wish.items() if value is not None}
        properties = {
            "description": None,
            "tags": {},
            "properties": {},
            "isArchived": False,
            "isAnonymous": False,
            "modelType": "custom_model",
            "jobName": None,
            **given,
            "modelUri": _GROUPS.sub("/resourceGroups/", str(wish.get("modelUri"))),
            "flavors": self._flavors(str(wish.get("modelUri"))),
            "provisioningState": "Succeeded",
            "stage": wish.get("stage") or "Development",
        }
        resource = self._workspace.save(identifier, {}, properties)
        found, _ = self._workspace.frame.resources.children(f"{SCOPE}/models/{name}", resource.type)
        following = str(max((int(one.name) for one in found if one.name.isdecimal()), default=0) + 1)
        self._show(f"{SCOPE}/models/{name}", {"latestVersion": version, "nextVersion": following})
        return resource

    def _show(self, container: str, wish: Mapping[str, Any]) -> Resource:
        """Writes the container of a model's versions; what the wish does not name stays."""
        before = self._workspace.frame.resources.get(container)
        kept = _CONTAINER_DEFAULTS if before is None else before.body["properties"]
        return self._workspace.save(container, {}, {**kept, **wish})

    def file(self, uri: str, below: str = "") -> bytes | None:
        """A file of a version, by its URI in the datastore and a path below that; None when there is none."""
        found = _PATHS.search(uri)
        if found is None:
            return None
        path = f"{found['path'].rstrip('/')}/{below}" if below else found["path"]
        shelf = blob_room(self._workspace.frame).shelf
        blob = shelf.blob(ACCOUNT, CONTAINER, path)
        return None if blob is None else b"".join(shelf.contents.path(one).read_bytes() for one in blob.contents)

    def files(self, uri: str) -> list[tuple[str, bytes]]:
        """A file, or every file of a folder: name and bytes. By a URI in the datastore or a blob's."""
        place = _place(uri)
        if place is None:
            return []
        account, container, path = place
        shelf = blob_room(self._workspace.frame).shelf
        one = shelf.blob(account, container, path)
        folder = f"{path.rstrip('/')}/"
        found = list(shelf.blobs(account, container, folder)) if one is None else [one]
        return [(blob.name, b"".join(shelf.pieces(blob, 0, shelf.ready(blob)))) for blob in found]

    def keep_at(self, uri: str, data: bytes) -> bool:
        """Puts a file where a URI says; whether that is a place in the emulator."""
        place = _place(uri)
        if place is not None:
            account, container, path = place
            self.keep(path, data, account, container)
        return place is not None

    def keep(self, path: str, data: bytes, account: str = ACCOUNT, container: str = CONTAINER) -> None:
        """Puts a file into the datastore, as a client's upload does."""
        shelf = blob_room(self._workspace.frame).shelf
        if shelf.container(account, container) is None:
            shelf.put_container(account, container)
        draft = shelf.contents.new_draft()
        draft.write_bytes(data)
        md5 = hashlib.md5(data, usedforsecurity=False).digest()
        content = shelf.contents.adopt(Draft(path=draft, size=len(data), md5=md5))
        headers = {"content-type": "application/octet-stream"}
        shelf.put(account, container, path, [("", content)], headers, {})

    def _flavors(self, uri: str) -> dict[str, Any]:
        """What the service reads from the MLmodel when it registers a version (R24); none of a broken one."""
        import yaml

        data = self.file(uri, "MLmodel")
        try:
            content = None if data is None else yaml.safe_load(data)
        except (yaml.YAMLError, UnicodeDecodeError):
            return {}
        found = content.get("flavors") if isinstance(content, dict) else None
        return {str(name): {"data": told} for name, told in found.items()} if isinstance(found, dict) else {}

    def _put(self, call: Call) -> Answer:
        wish = call.json().get("properties") or {}
        before = self._workspace.frame.resources.get(call.path)
        if not isinstance(wish.get("modelUri"), str):
            raise user_error("The model has no modelUri.")
        if before is not None and before.body["properties"]["modelUri"].lower() != wish["modelUri"].lower():
            raise user_error("Asset paths cannot be updated.")
        made = self.register(call.params["model"], call.params["version"], wish)
        headers = [("Location", f"{call.base}{call.target}")] if before is None else []
        return Answer(
            status=201 if before is None else 200, body=_as_asked(call, view(made)), headers=headers, wrote=True
        )

    def _get(self, call: Call) -> Answer:
        return Answer(body=_as_asked(call, view(self._workspace.find(call.path))))

    def _put_container(self, call: Call) -> Answer:
        """201 with its address for a new one, as recorded; 200 again (section 3)."""
        before = self._workspace.frame.resources.get(call.path)
        wish = call.json().get("properties") or {}
        taken = {name: wish[name] for name in ("description", "tags", "properties", "isArchived") if name in wish}
        made = self._show(call.path, taken)
        headers = [("Location", f"{call.base}{call.target}")] if before is None else []
        return Answer(status=201 if before is None else 200, body=view(made), headers=headers, wrote=True)

    def _versions(self, call: Call) -> Answer:
        """In the order of their creation or, asked for as the client does for `@latest`, the newest first (R25)."""
        answer = self._workspace.list(call)
        found = [_as_asked(call, one) for one in answer.body["value"]]
        if call.query.get("$orderby", "").lower() == "createdtime desc":
            found = found[::-1]
        top = call.query.get("$top", "")
        return Answer(body={"value": found[: int(top)] if top.isdecimal() else found})

    def _secrets(self, call: Call) -> Answer:
        """The datastore is opened by identity and has none (R25)."""
        if call.params["datastore"].lower() != DATASTORE:
            self._workspace.find(call.path.rpartition("/")[0])
        raise user_error("No secrets for credentials of type None.")

    def _delete(self, call: Call) -> Answer:
        """Nothing in the material says that a version which is deployed is protected (section 5.1)."""
        there = self._workspace.frame.resources.delete(call.path)
        return Answer(status=200 if there else 204, wrote=there)

    def _datastore(self, call: Call) -> Answer:
        if call.params["datastore"].lower() != DATASTORE:
            self._workspace.find(call.path)
        properties = {
            "datastoreType": "AzureBlob",
            "isDefault": True,
            "accountName": ACCOUNT,
            "containerName": CONTAINER,
            "endpoint": "core.windows.net",
            "protocol": "https",
            "credentials": {"credentialsType": "None"},
            "tags": {},
            "properties": {},
        }
        identifier = f"{SCOPE}/datastores/{DATASTORE}"
        return Answer(body={"id": identifier, "name": DATASTORE, "properties": properties})


def _place(uri: str) -> tuple[str, str, str] | None:
    """Account, container and path of a URI in the datastore or of a blob; None for any other."""
    if (found := _PATHS.search(uri)) is not None:
        return ACCOUNT, CONTAINER, found["path"]
    blob = parse_uri(uri)
    return None if blob is None else (blob.account, blob.container, blob.name)


def _as_asked(call: Call, version: dict[str, Any]) -> dict[str, Any]:
    """A model version as the asked api-version shows it."""
    if not call.query["api-version"].endswith("-preview"):
        return version
    return {**version, "properties": {**version["properties"], **dict.fromkeys(_PREVIEWED)}}
