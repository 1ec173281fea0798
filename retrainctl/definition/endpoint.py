"""Endpoints of Classic web services as the engine sees them (classic-api.md sections 4.6, 4.11 and 8).

An endpoint's document is what the management API answers, without its keys and SAS tokens: `proper` takes them out, and
nothing else of this room ever meets them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from retrainctl.definition.encoding import canonical
from retrainctl.model.address import Address
from retrainctl.model.redaction import is_signed, without_query
from retrainctl.model.resource import Knowledge, Normalised, Observed, SlotState
from retrainctl.model.values import JsonObject

FIELDS: Final = ("Description", "ThrottleLevel", "MaxConcurrentCalls", "DiagnosticsTraceLevel", "PreventUpdate")
"""What a manifest can declare of an endpoint."""

KEYS: Final = frozenset({"PrimaryKey", "SecondaryKey"})
DUE: Final = "due"
DONE: Final = "done"
REFRESHES: Final = frozenset({"refreshGraph", "refreshAll"})
"""Conditions: whether the endpoint is still to be brought to the deployment that `default` runs."""

_LOW: Final = "Low"
_SERVER_VALUE: Final = (Normalised(path=("MaxConcurrentCalls",), reason="server_value"),)
_COMPARED: Final = tuple(name for name in FIELDS if name != "MaxConcurrentCalls")


def proper(document: JsonObject) -> dict[str, Any]:
    """The document without keys and SAS tokens; unknown members stay."""
    kept = {name: item for name, item in document.items() if name not in KEYS}
    resources = kept.get("Resources")
    if isinstance(resources, list):
        kept["Resources"] = [_unsigned(resource) for resource in resources]
    for name in ("ExperimentLocation", "HelpLocation", "ApiLocation"):
        if isinstance(address := kept.get(name), str) and is_signed(address):
            kept[name] = without_query(address)
    return kept


def _unsigned(resource: Any) -> Any:
    if not isinstance(resource, Mapping):
        return resource
    location = resource.get("Location")
    if not isinstance(location, Mapping):
        return resource
    place = {
        name: without_query(item) if isinstance(item, str) else item
        for name, item in location.items()
        if name != "SasBlobToken"
    }
    return {**resource, "Location": place}


def observe(address: Address, identity: str, document: JsonObject, *, default: JsonObject | None) -> Observed:
    """One endpoint as read.

    Args:
        document: in proper form.
        default: the service's default endpoint, which shows the deployment that a refresh would bring.
    """
    fields, notes = normalise(document)
    run = deployment(document)
    current = None if default is None else deployment(default)
    fields["refreshGraph"] = fields["refreshAll"] = DONE if run is None or current in (None, run) else DUE
    return _Endpoint(
        address=address,
        identity=identity,
        fields=fields,
        slots=_unknown(_names(document)),
        fingerprint="",
        revision=revision(document, run),
        document=document,
        normalised=notes,
    )


class _Endpoint(Observed):
    """An endpoint whose fingerprint is made when it is asked for: a plan asks for those that it changes."""

    __slots__ = ()

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.fields, deployment(self.document), sorted(self.slots))

    @fingerprint.setter
    def fingerprint(self, _: str) -> None:
        """What the base class is given counts for nothing."""


def _names(document: JsonObject) -> tuple[str, ...]:
    resources = document.get("Resources")
    if isinstance(resources, list) and len(resources) == 1 and type(resources[0]) is dict:
        name = resources[0].get("Name")
        return (name,) if isinstance(name, str) and name else ()
    return tuple(sorted(name for name, _ in _resources(document)))


@lru_cache(maxsize=256)
def _unknown(names: tuple[str, ...]) -> Mapping[str, SlotState]:
    """The slots of these names: what GET shows of a patched model is not reliable (section 13), so they are there, and
    what they serve is not known. Shared by all endpoints that have the same ones."""
    return MappingProxyType({name: SlotState(uri=None, knowledge=Knowledge.UNKNOWN) for name in names})


def normalise(document: JsonObject) -> tuple[dict[str, Any], tuple[Normalised, ...]]:
    """The comparable fields. At `Low` the service ignores MaxConcurrentCalls and shows a number of its own."""
    fields = {name: item for name in FIELDS if (item := document.get(name)) is not None}
    if fields.get("ThrottleLevel", _LOW) == _LOW and "MaxConcurrentCalls" in fields:
        del fields["MaxConcurrentCalls"]
        return fields, _SERVER_VALUE
    return fields, ()


def fingerprint(fields: Mapping[str, Any], run: str | None, slots: Sequence[str]) -> str:
    """SHA-256 over what a plan rests on: settings, deployment and slot names.

    Left out is what the service may change by itself: MaxConcurrentCalls, keys, Version, the models' locations.
    """
    compared = [*(fields.get(name) for name in _COMPARED), run, *slots]
    return "sha256:" + sha256(canonical(compared)).hexdigest()


def revision(document: JsonObject, run: str | None) -> str | None:
    """A mark that changes when the endpoint is made anew or refreshed: what its slots then serve is not known.

    The endpoint's own id, which its address ends in, and a short hash of its deployment.
    """
    address = document.get("ApiLocation")
    if run is None or not isinstance(address, str):
        return None
    return f"{address.rpartition('/')[2]}/{_short(run)}"


@lru_cache(maxsize=1024)
def _short(run: str) -> str:
    return sha256(run.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def deployment(document: JsonObject) -> str | None:
    """The experiment run that the endpoint came from; it stays on the old run after a redeployment.

    Kept as it is: what in such an address names the run, and be it behind a `#`, is not known.
    """
    location = document.get("ExperimentLocation")
    return location if isinstance(location, str) and location else None


def slots(document: JsonObject) -> dict[str, str | None]:
    """Updatable resources by name, each with the location that the answer shows (None where it shows none)."""
    return {name: uri_of(resource.get("Location")) for name, resource in _resources(document)}


def _resources(document: JsonObject) -> Iterator[tuple[str, Mapping[str, Any]]]:
    resources = document.get("Resources")
    for resource in resources if isinstance(resources, list) else ():
        # Issue #27 of azuremlps: an experiment with an untrained model shows `{}`.
        if isinstance(resource, Mapping) and isinstance(name := resource.get("Name"), str) and name:
            yield name, resource


def uri_of(location: Any) -> str | None:
    """Base and relative location joined by exactly one slash, without a token; None where there is no location."""
    if not isinstance(location, Mapping):
        return None
    base, relative = location.get("BaseLocation"), location.get("RelativeLocation")
    if not (isinstance(base, str) and isinstance(relative, str) and base and relative):
        return None
    return f"{without_query(base).rstrip('/')}/{without_query(relative).lstrip('/')}"
