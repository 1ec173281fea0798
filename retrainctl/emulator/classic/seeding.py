"""The section `classic` of a seed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import orjson

from retrainctl.emulator.arm import definition as arm
from retrainctl.emulator.classic import rules
from retrainctl.emulator.classic.deployments import Deployments
from retrainctl.emulator.classic.location import Location
from retrainctl.emulator.classic.models import Models
from retrainctl.emulator.classic.records import DEFAULT, Endpoint, Records, Run, Service, Settings
from retrainctl.emulator.clock import stamp
from retrainctl.emulator.exchange import Refusal
from retrainctl.emulator.frame import Frame, Loaded, SeedSource
from retrainctl.emulator.identity import WORKSPACE
from retrainctl.emulator.seed import fields

_SERVICE: Final = ("name", "definition", "endpoints", "id", "description")
_SETTINGS: Final = {
    "description": "Description",
    "throttleLevel": "ThrottleLevel",
    "maxConcurrentCalls": "MaxConcurrentCalls",
    "diagnosticsTraceLevel": "DiagnosticsTraceLevel",
    "preventUpdate": "PreventUpdate",
}
_ENDPOINT: Final = ("name", *_SETTINGS, "keys", "models")
Place = tuple[str | int, ...]


class Seeding:
    """Loads services and endpoints; those that are there already stay as they are."""

    def __init__(self, frame: Frame, records: Records, models: Models, deployments: Deployments) -> None:
        self._frame = frame
        self._records = records
        self._models = models
        self._deployments = deployments

    def services(self, items: list[Any], source: SeedSource) -> Loaded:
        """Each `{definition, name?, id?, description?, endpoints?}` becomes a service with its `default` endpoint.

        `definition` is a file or an inline mapping, in the form that New services are exported in. The name is `name`,
        else the definition's title, else the file's stem. Without `id` it is made from the name, and for a second
        service of the same name from its number too. `endpoints` lists names, or mappings
        `{name, description?, throttleLevel?, maxConcurrentCalls?, diagnosticsTraceLevel?, preventUpdate?, keys?,
        models?: {slot: uri}}`; `default` may be named for its settings and keys.
        """
        new: list[str] = []
        present: list[str] = []
        seen: Counter[str] = Counter()
        for index, item in enumerate(items):
            place = ("classic", index)
            entry = fields(item, _SERVICE, ("definition",), source, *place)
            document, stem = _document(entry["definition"], source, place)
            name = str(entry.get("name") or document["properties"].get("title") or stem)
            if not name:
                raise source.error("the service has no name", *place, hint="give it a name in seed.yaml")
            seen[name] += 1
            identifier = self._identifier(entry.get("id"), name, seen[name], source, place)
            service = self._records.service(identifier)
            made = service is None
            if service is None:
                service = self._create(identifier, name, entry, document["properties"])
            added = self._endpoints(service, entry.get("endpoints") or [], source, place, made=made)
            (new if made or added else present).append(name if made or not added else f"{name} ({added} endpoints)")
        return Loaded(new=tuple(new), present=tuple(present))

    def _identifier(self, given: Any, name: str, number: int, source: SeedSource, place: Place) -> str:
        if given is None:
            marked = name if number == 1 else f"{name}#{number}"
            return uuid5(NAMESPACE_URL, f"{WORKSPACE}/webservices/{marked}").hex
        identifier = str(given).lower()
        try:
            rules.check_service_id(identifier)
        except Refusal as refusal:
            raise source.error(
                refusal.details[0][1], *place, "id", hint="write 32 hexadecimal digits, in quotes"
            ) from None
        return identifier

    def _create(self, identifier: str, name: str, entry: dict[str, Any], properties: dict[str, Any]) -> Service:
        service = Service(
            id=identifier,
            name=name,
            description=str(entry.get("description") or properties.get("description") or ""),
            kind="Experiment",
            created=stamp(self._frame.clock.now()),
        )
        self._deployments.create(service, properties)
        return service

    def _endpoints(self, service: Service, items: Any, source: SeedSource, place: Place, *, made: bool) -> int:
        """How many were added to those that are there."""
        if not isinstance(items, list):
            raise source.error("endpoints must be a list", *place, "endpoints")
        there = self._records.names(service.id)
        run = self._deployments.current(service.id)
        added = 0
        for index, item in enumerate(items):
            spot = (*place, "endpoints", index)
            entry = fields({"name": item} if isinstance(item, str) else item, _ENDPOINT, ("name",), source, *spot)
            name = str(entry["name"])
            if name == DEFAULT and made:
                self._set_default(service, entry, source, spot)
            if name not in there:
                there.add(name)
                self._add(service, run, name, entry, source, spot)
                added += 1
        return added

    def _add(
        self, service: Service, run: Run, name: str, entry: dict[str, Any], source: SeedSource, place: Place
    ) -> None:
        settings = self._settings(name, entry, source, place)
        endpoint = self._deployments.add(
            service,
            name,
            run,
            settings,
            identifier=uuid5(NAMESPACE_URL, f"{service.id}/{name}").hex,
            keys=_keys(entry.get("keys"), source, place),
        )
        models = entry.get("models") or {}
        if not isinstance(models, dict):
            raise source.error("models maps resource names to URIs", *place, "models")
        for slot, uri in models.items():
            if slot not in run.trained:
                hint = f"it has: {', '.join(run.trained)}" if run.trained else "its definition has no trained model"
                raise source.error(f"the service has no resource {slot}", *place, "models", hint=hint)
            self._models.patch(endpoint, slot, Location.of_uri(str(uri)))
        if models:
            self._records.change_endpoint(endpoint)

    def _set_default(self, service: Service, entry: dict[str, Any], source: SeedSource, place: Place) -> None:
        if entry.get("models"):
            raise source.error("the default endpoint serves the definition's models", *place, "models")
        endpoint: Endpoint | None = self._records.endpoint(service.id, DEFAULT)
        assert endpoint is not None
        endpoint.settings = self._settings(DEFAULT, entry, source, place)
        endpoint.keys = _keys(entry.get("keys"), source, place) or endpoint.keys
        self._records.change_endpoint(endpoint)

    def _settings(self, name: str, entry: dict[str, Any], source: SeedSource, place: Place) -> Settings:
        body = {shown: entry[member] for member, shown in _SETTINGS.items() if member in entry}
        try:
            rules.check_name(name)
            before = Settings(prevent_update=rules.prevent_update(body))
            return rules.settings_of(body, before, self._frame.knobs)
        except Refusal as refusal:
            raise source.error(refusal.details[0][1], *place) from None


def _keys(given: Any, source: SeedSource, place: Place) -> tuple[str, str] | None:
    if given is None:
        return None
    keys = fields(given, ("primary", "secondary"), ("primary", "secondary"), source, *place, "keys")
    return str(keys["primary"]), str(keys["secondary"])


def _document(given: Any, source: SeedSource, place: Place) -> tuple[dict[str, Any], str]:
    """The definition and the stem of its file."""
    value, stem = given, ""
    if not isinstance(given, dict):
        path: Path = source.path(str(given), *place, "definition")
        stem = path.stem
        try:
            value = orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
        except OSError as error:
            raise source.error(f"{path.name} cannot be read: {error.strerror}", *place, "definition") from error
        except orjson.JSONDecodeError as error:
            raise source.error(f"{path.name} is not JSON: {error}", *place, "definition") from error
    document = arm.fold_names(value) if isinstance(value, dict) else {}
    if not isinstance(document.get("properties"), dict):
        raise source.error(
            "the definition has no member properties", *place, "definition", hint="export one from a service"
        )
    return arm.drop_nulls(document), stem
