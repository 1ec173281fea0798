"""What the service makes of a definition: what it keeps, what it shows, and in which form per api-version.

Section numbers are those of `reference/arm-webservices.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from retrainctl.emulator.arm import encryption

PREVIEW: Final = "2016-05-01-preview"
CURRENT: Final = "2017-01-01"

LARGE: Final = ("assets", "input", "output", "package", "parameters", "exampleRequest")
"""Members that lists leave out (section 5)."""

READ_ONLY: Final = frozenset({"createdOn", "modifiedOn", "provisioningState", "swaggerLocation"})

_ORDER_2017: Final = (
    "payloadsInBlobStorage",
    "provisioningState",
    "createdOn",
    "modifiedOn",
    "title",
    "description",
    "swaggerLocation",
    "readOnly",
    "realtimeConfiguration",
    "diagnostics",
    "storageAccount",
    "machineLearningWorkspace",
    "assets",
    "input",
    "output",
    "packageType",
    "exampleRequest",
    "exposeSampleData",
    "parameters",
    "package",
)
_ORDER_2016: Final = (
    "provisioningState",
    "createdOn",
    "modifiedOn",
    "title",
    "description",
    "keys",
    "swaggerLocation",
    "readOnly",
    "realtimeConfiguration",
    "diagnostics",
    "storageAccount",
    "machineLearningWorkspace",
    "commitmentPlan",
    "assets",
    "parameters",
    "input",
    "output",
    "packageType",
    "package",
    "exampleRequest",
    "exposeSampleData",
)

_FIXED_NAMES: Final = frozenset(
    {
        *_ORDER_2017,
        *_ORDER_2016,
        *("payloadsLocation", "name", "location", "tags", "properties", "id", "type", "key", "primary", "secondary"),
        *("level", "expiry", "maxConcurrentCalls", "uri", "credentials", "locationInfo", "inputPorts", "outputPorts"),
        *("metadata", "parameterType", "modeValuesInfo", "interfaceString", "nodes", "edges", "graphParameters"),
        *("assetId", "inputId", "outputId", "value", "certificateThumbprint", "sourceNodeId", "sourcePortId"),
        *("targetNodeId", "targetPortId", "links", "nodeId", "parameterKey", "format", "enum", "x-ms-isnullable"),
        *("x-ms-isordered", "inputs", "globalParameters"),
    }
)
_FOLDED: Final[dict[str, str]] = {name.lower(): name for name in _FIXED_NAMES}
_FREE_MAPS: Final = frozenset(
    {
        *("tags", "assets", "inputs", "globalParameters", "inputPorts", "outputPorts", "metadata", "modeValuesInfo"),
        *("nodes", "graphParameters"),
    }
)
"""Maps whose keys are the author's own. `parameters` and `properties` are free except where they are structural."""


def fold_names(document: dict[str, Any]) -> dict[str, Any]:
    """Fixed member names in their proper case; map keys stay as they are (section 13.3: imports are lenient)."""
    folded: dict[str, Any] = _fold(document, "envelope")
    return folded


def _fold(value: Any, place: str) -> Any:
    if isinstance(value, list):
        return [_fold(item, place) for item in value] if place != "rows" else value
    if not isinstance(value, dict):
        return value
    if place in ("map", "rowmap"):
        return {key: _fold(item, "rows" if place == "rowmap" else "member") for key, item in value.items()}
    folded: dict[str, Any] = {}
    for key, item in value.items():
        name = _FOLDED.get(str(key).lower(), str(key))
        folded[name] = _fold(item, _place_below(name, place))
    return folded


def _place_below(name: str, place: str) -> str:
    if name == "inputs":
        return "rowmap"
    if name in _FREE_MAPS:
        return "map"
    if name == "properties":
        return "member" if place == "envelope" else "map"
    if name == "parameters":
        return "map"
    return "member"


def drop_nulls(value: Any) -> Any:
    """Members that are null are as absent (`globalParameters: null`, section 5); nulls in lists are data."""
    if isinstance(value, dict):
        return {key: drop_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [drop_nulls(item) for item in value]
    return value


def ordered(members: dict[str, Any], version: str) -> dict[str, Any]:
    """In the server's member order of this version; members that it does not know come last."""
    order = _ORDER_2016 if version == PREVIEW else _ORDER_2017
    known = {name: members[name] for name in order if name in members}
    return known | {name: value for name, value in members.items() if name not in known}


def parameter_maps(properties: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every map of parameter values: of each graph node, and the global one."""
    nodes = properties.get("package", {}).get("nodes", {}) if isinstance(properties.get("package"), dict) else {}
    for node in nodes.values() if isinstance(nodes, dict) else ():
        if isinstance(node, dict) and isinstance(node.get("parameters"), dict):
            yield node["parameters"]
    if isinstance(properties.get("parameters"), dict):
        yield properties["parameters"]


def take_in(properties: dict[str, Any], region: str) -> None:
    """Bring written parameters to the kept form, in place: read ciphertext unwrapped.

    Raises:
        WrongRegion: a ciphertext of another region.
    """
    for values in parameter_maps(properties):
        for name, parameter in values.items():
            if encryption.sealed(parameter):
                values[name] = encryption.accept(parameter, region)


def show_parameters(properties: dict[str, Any], version: str, region: str) -> None:
    """Bring kept parameters to the form of a version, in place: strings in 2016, value objects in 2017."""
    for values in parameter_maps(properties):
        for name, parameter in values.items():
            if encryption.sealed(parameter):
                parameter = encryption.show(parameter, region)
            if version == PREVIEW:
                values[name] = _as_string(parameter)
            elif isinstance(parameter, dict):
                values[name] = parameter
            else:
                values[name] = {"value": parameter, "certificateThumbprint": ""}


def _as_string(parameter: Any) -> Any:
    value = parameter.get("value", "") if isinstance(parameter, dict) else parameter
    if isinstance(value, bool):
        return "True" if value else "False"
    return value if isinstance(value, str) else _json_text(value)


def _json_text(value: Any) -> str:
    import orjson

    return orjson.dumps(value).decode()


def misformed_parameter(properties: dict[str, Any], version: str) -> str | None:
    """The name of a parameter that is not in the form of this version, if there is one."""
    for values in parameter_maps(properties):
        for name, parameter in values.items():
            if isinstance(parameter, dict) if version == PREVIEW else not isinstance(parameter, dict):
                return str(name)
    return None


def resource_uris(properties: dict[str, Any]) -> Iterable[str]:
    """URIs of the blobs that a definition names: trained models, transforms, datasets."""
    assets = properties.get("assets")
    for asset in assets.values() if isinstance(assets, dict) else ():
        location = asset.get("locationInfo") if isinstance(asset, dict) else None
        uri = location.get("uri") if isinstance(location, dict) else None
        if isinstance(uri, str) and uri.startswith("https://"):
            yield uri
