"""A planned change as bodies. Pure: no network, no clock, no secrets.

The write rule of azureml-v2.md section 6: the last GET, without what only the service writes, with the declared changes
applied; so members that we do not know survive. Both traffic maps are always sent (section 5.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from retrainctl.definition.azureml import INJECTED, READ_ONLY, SERVED, SLOT, weights
from retrainctl.model.change import FieldChange, ModelChange
from retrainctl.model.values import MISSING, JsonObject, Missing, Path, Tree

_TOP: Final = frozenset({"location", "tags", "identity", "sku"})
_SKU: Final[Mapping[str, Any]] = {"name": "Default"}
"""The name that the service demands (azureml-v2.md 2.3)."""
_FIXED: Final = frozenset({"AzureAsyncOperationUri"})


def body(
    document: JsonObject | None,
    fields: Iterable[FieldChange],
    models: Iterable[ModelChange] = (),
    *,
    location: str | None = None,
    batch: bool = False,
) -> dict[str, Any]:
    """The whole resource for a PUT: `document` as read (None: a new one) with the changes applied.

    location: of a new resource that declares none. batch: the model of a batch deployment is an object.
    """
    found = _writable(document or {})
    moved = tuple(models)
    for entry in fields:
        place = entry.path if entry.path[0] in _TOP else ("properties", *entry.path)
        _put(found, place, entry.after)
    properties = found.setdefault("properties", {})
    if moved or _changes(fields, "codeConfiguration"):
        given = properties.get("environmentVariables")
        if isinstance(given, Mapping):
            properties["environmentVariables"] = {key: given[key] for key in given if key not in INJECTED}
    for move in moved:
        uri = move.to_uri
        properties[SLOT] = {"referenceType": "Id", "assetId": uri} if batch else uri
    if found.get("sku") is not None:
        found["sku"] = {**_SKU, **found["sku"]}
    if found.get("location") is None and location is not None:
        found["location"] = location
    return found


def traffic_body(
    document: JsonObject, traffic: Mapping[str, int], mirror: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """An online endpoint for a PUT with other traffic; `mirror` None keeps what there is."""
    found = _writable(document)
    properties = found.setdefault("properties", {})
    properties["traffic"] = dict(traffic)
    properties["mirrorTraffic"] = dict(mirror) if mirror is not None else weights(properties.get("mirrorTraffic"))
    return found


def maps_of(document: JsonObject, fields: Iterable[FieldChange]) -> tuple[dict[str, int], dict[str, int]]:
    """Traffic and mirrored traffic of an endpoint with the changes applied, zeros left out."""
    properties: Any = document.get("properties") or {}
    found: dict[str, Any] = {name: weights(properties.get(name)) for name in ("traffic", "mirrorTraffic")}
    for entry in fields:
        _put(found, entry.path, entry.after)
    return weights(found.get("traffic")), weights(found.get("mirrorTraffic"))


def endpoint_body(document: JsonObject | None, fields: Iterable[FieldChange], location: str | None) -> dict[str, Any]:
    """An endpoint for a PUT; an existing one keeps its traffic maps."""
    found = body(document, fields, location=location)
    if document is not None and "traffic" in (document.get("properties") or {}):  # type: ignore[operator]
        return traffic_body(found, weights(found["properties"].get("traffic")))
    return found


def default_body(document: JsonObject, fields: Iterable[FieldChange]) -> dict[str, Any]:
    """A batch endpoint for a PUT with another default deployment."""
    found = _writable(document)
    for entry in fields:
        _put(found, ("properties", "defaults", *entry.path), entry.after)
    return found


def fields_with(fields: Mapping[str, Tree], changes: Iterable[FieldChange]) -> dict[str, Tree]:
    """Comparable fields with changes applied."""
    found: dict[str, Any] = dict(fields)
    for entry in changes:
        _put(found, entry.path, entry.after)
    return found


def _writable(document: JsonObject) -> dict[str, Any]:
    """A resource without what only the service writes. `kind` goes back as it came."""
    found: dict[str, Any] = {n: v for n, v in document.items() if n not in READ_ONLY or n == "kind"}
    properties: Any = document.get("properties") or {}
    kept = {name: value for name, value in properties.items() if name not in SERVED}
    if isinstance(kept.get("properties"), Mapping):
        kept["properties"] = {name: value for name, value in kept["properties"].items() if name not in _FIXED}
    if isinstance(found.get("identity"), Mapping):
        found["identity"] = {
            name: value for name, value in found["identity"].items() if name not in ("principalId", "tenantId")
        }
    return {**found, "properties": kept} if document else {"properties": {}}


def _changes(fields: Iterable[FieldChange], name: str) -> bool:
    return any(entry.path[0] == name for entry in fields)


def _put(tree: dict[str, Any], path: Path, value: Tree | Missing) -> None:
    """Sets or removes the member at a path; what the tree shares with others is copied on the way."""
    node = tree
    for name in path[:-1]:
        child = node.get(name)
        node[name] = child = dict(child) if isinstance(child, Mapping) else {}
        node = child
    if value is MISSING:
        node.pop(path[-1], None)
    else:
        node[path[-1]] = value
