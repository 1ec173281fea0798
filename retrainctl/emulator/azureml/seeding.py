"""The sections `models` and `onlineEndpoints` of a seed."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from retrainctl.emulator.azureml.endpoints import Endpoints
from retrainctl.emulator.azureml.models import DATASTORE, Models
from retrainctl.emulator.azureml.workspace import NAME, SCOPE, Workspace
from retrainctl.emulator.frame import Loaded, SeedSource
from retrainctl.emulator.identity import RESOURCE_GROUP, SUBSCRIPTION
from retrainctl.emulator.seed import fields

_PATHS: Final = (
    f"azureml://subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}/workspaces/{NAME}"
    f"/datastores/{DATASTORE}/paths/"
)


class Seeding:
    """Loads what is not there yet."""

    def __init__(self, workspace: Workspace, models: Models, endpoints: Endpoints) -> None:
        self._workspace = workspace
        self._models = models
        self._endpoints = endpoints

    def models(self, items: list[Any], source: SeedSource) -> Loaded:
        """Each `{name, version, file, tags?}`: a Studio or ONNX model, packaged as an apply does it."""
        from retrainctl.ilearner.errors import IlearnerError
        from retrainctl.ilearner.packaging import package

        new: list[str] = []
        present: list[str] = []
        for index, item in enumerate(items):
            place = ("models", index)
            names = ("name", "version", "file")
            entry = fields(item, (*names, "tags"), names, source, *place)
            label = f"{entry['name']}:{entry['version']}"
            if self._workspace.frame.resources.exists(f"{SCOPE}/models/{entry['name']}/versions/{entry['version']}"):
                present.append(label)
                continue
            path = source.path(str(entry["file"]), *place, "file")
            data = path.read_bytes()
            try:
                made = package(data)
            except IlearnerError as error:
                raise source.error(f"{path.name}: {error.message}", *place, "file") from error
            sha256 = hashlib.sha256(data).hexdigest()
            folder = f"retrainctl/{entry['name']}/{sha256}/"
            for name, content in made.files.items():
                self._models.keep(folder + name, content)
            tags = {"retrainctl.sha256": sha256, "retrainctl.source": path.name, **(entry.get("tags") or {})}
            wish = {"modelType": made.model_type, "modelUri": _PATHS + folder, "tags": tags}
            self._models.register(str(entry["name"]), str(entry["version"]), wish)
            new.append(label)
        return Loaded(new=tuple(new), present=tuple(present))

    def online_endpoints(self, items: list[Any], source: SeedSource) -> Loaded:
        """Each `{name, properties?, tags?, traffic?, deployments?: [{name, model, instanceType?, properties?, sku?}]}`.

        `model` is `NAME:VERSION`; the other members are as Azure Resource Manager spells them.
        """
        new: list[str] = []
        present: list[str] = []
        for index, item in enumerate(items):
            place = ("onlineEndpoints", index)
            entry = fields(item, ("name", "properties", "tags", "traffic", "deployments"), ("name",), source, *place)
            identifier = f"{SCOPE}/onlineEndpoints/{entry['name']}"
            if self._workspace.frame.resources.exists(identifier):
                present.append(entry["name"])
                continue
            given = {"tags": entry.get("tags"), "properties": entry.get("properties")}
            self._endpoints.make(identifier, given)
            for number, one in enumerate(entry.get("deployments") or []):
                self._deployment(identifier, one, source, (*place, "deployments", number))
            self._endpoints.make_traffic(identifier, entry.get("traffic") or {})
            new.append(entry["name"])
        return Loaded(new=tuple(new), present=tuple(present))

    def _deployment(self, endpoint: str, item: Any, source: SeedSource, place: tuple[str | int, ...]) -> None:
        known = ("name", "model", "instanceType", "properties", "sku", "tags")
        entry = fields(item, known, ("name", "model"), source, *place)
        name, _, version = str(entry["model"]).partition(":")
        model = f"{SCOPE}/models/{name}/versions/{version}"
        if not self._workspace.frame.resources.exists(model):
            raise source.error(f"there is no model {entry['model']}", *place, "model")
        properties = {**(entry.get("properties") or {}), "model": model}
        if "instanceType" in entry:
            properties["instanceType"] = entry["instanceType"]
        wish = {"properties": properties, "sku": entry.get("sku"), "tags": entry.get("tags")}
        self._endpoints.make(f"{endpoint}/deployments/{entry['name']}", wish)
