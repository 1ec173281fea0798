"""The copies of models that endpoints serve: taken at deployment and at PATCH, never later (issue #47 of azuremlps)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from retrainctl.emulator.blob import access
from retrainctl.emulator.blob.address import parse_uri
from retrainctl.emulator.blob.room import blob_room
from retrainctl.emulator.blob.signature import sas_members
from retrainctl.emulator.classic.location import Location
from retrainctl.emulator.classic.records import Endpoint, Run
from retrainctl.emulator.exchange import Refusal
from retrainctl.emulator.frame import Frame

_MODEL_NAME: Final = "[trained model]"
_MODEL_FILE: Final = ".ilearner"


class BlobMissing(Exception):
    """The emulator has no such blob."""


class BlobDenied(Exception):
    """The blob is there, but the service may not read it; the message says why."""


class Models:
    """A run holds the experiment's own models, an endpoint those that it serves; callers hold the transaction."""

    def __init__(self, frame: Frame) -> None:
        blobs = blob_room(frame)
        self._clock = frame.clock
        self._shelf = blobs.shelf
        self._copies = blobs.copies

    def check(self, location: Location) -> None:
        """Whether the service could read the blob now.

        Raises:
            BlobMissing: it is not there, or not in the emulator.
            BlobDenied: no token, or one that has expired, does not fit, or does not allow to read.
        """
        address = parse_uri(location.uri)
        if address is None or self._shelf.blob(address.account, address.container, address.name) is None:
            raise BlobMissing
        try:
            if location.sas:
                members = sas_members(location.sas)
                allowed = access.sas_access(
                    members, address.account, address.container, address.name, self._clock.now()
                )
            else:
                allowed = access.anonymous_access(self._shelf.container(address.account, address.container))
            allowed.require("object", "r")
        except Refusal as refusal:
            raise BlobDenied(refusal.details[0][1] if refusal.details else refusal.message) from None

    def deployed(self, run: Run) -> None:
        """Take the experiment's own models."""
        for slot, uri in {**run.trained, **run.fixed}.items():
            self._copies.keep(_run_owner(run.id), slot, uri)

    def forget_run(self, identifier: str) -> None:
        self._copies.drop(_run_owner(identifier))

    def start(self, endpoint: Endpoint) -> None:
        """Serve the models of the endpoint's run, and only those."""
        self._copies.drop(owner_of(endpoint))
        self._copies.share(_run_owner(endpoint.run), owner_of(endpoint))

    def patch(self, endpoint: Endpoint, slot: str, location: Location) -> None:
        """Serve another model in one slot; without a blob it has none until there is one."""
        self._copies.keep(owner_of(endpoint), slot, location.uri, location.sas)
        endpoint.models[slot] = location

    def refresh(self, endpoint: Endpoint, before: Run, after: Run) -> None:
        """Follow a new graph but go on with the trained models so far; `models` is brought up to date."""
        owner, kept = owner_of(endpoint), {}
        for slot in self._copies.slots(owner):
            if slot not in before.trained or slot not in after.trained:
                self._copies.drop(owner, slot)
        for slot in (*after.trained, *after.fixed):
            if slot in before.trained and slot in after.trained:
                served = endpoint.models.get(slot) or Location.of_uri(before.trained[slot])
                if slot in endpoint.models or served != Location.of_uri(after.trained[slot]):
                    kept[slot] = served
            else:
                self._copies.share(_run_owner(after.id), owner, slot)
        endpoint.models = kept

    def forget(self, endpoint: Endpoint) -> None:
        self._copies.drop(owner_of(endpoint))


def owner_of(endpoint: Endpoint) -> str:
    """The name that the copies and the batch jobs of an endpoint are kept under."""
    return f"workspaces/{endpoint.id}"


def _run_owner(identifier: str) -> str:
    return f"runs/{identifier}"


def assets_of(properties: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Saved assets of a definition, name to URI: trained models, and the rest.

    A trained model is one by the ending of its file or of its name: other assets are datasets and transforms, which
    the management API does not update.
    """
    trained: dict[str, str] = {}
    fixed: dict[str, str] = {}
    assets = properties.get("assets")
    for asset in assets.values() if isinstance(assets, Mapping) else ():
        if not isinstance(asset, Mapping) or str(asset.get("type")).lower() != "resource":
            continue
        place = asset.get("locationInfo")
        name, uri = str(asset.get("name")), str(place.get("uri") or "") if isinstance(place, Mapping) else ""
        is_model = uri.partition("?")[0].endswith(_MODEL_FILE) or name.lower().endswith(_MODEL_NAME)
        (trained if is_model else fixed)[name] = uri
    return trained, fixed


def with_models(properties: Mapping[str, Any], models: Mapping[str, Location]) -> Mapping[str, Any]:
    """A definition whose assets are where they are served from."""
    if not models:
        return properties
    assets = {
        key: {**asset, "locationInfo": {**asset.get("locationInfo", {}), "uri": models[asset["name"]].uri}}
        if isinstance(asset, dict) and str(asset.get("type")).lower() == "resource" and asset.get("name") in models
        else asset
        for key, asset in properties["assets"].items()
    }
    return {**properties, "assets": assets}
