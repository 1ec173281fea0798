"""Endpoints and deployments of Azure Machine Learning as comparable fields (azureml-v2.md sections 2 and 6).

Fields are one flat mapping {location, tags, identity, sku, **properties} in ARM's spelling. What the server fills in,
and what differs in form only, is taken out here, for what a manifest says and for what a read shows alike.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from retrainctl.definition.azureml_ids import asset, canonical
from retrainctl.model.address import Address
from retrainctl.model.resource import Observed, SlotState
from retrainctl.model.values import JsonObject, Tree
from retrainctl.patterns import late

SLOT: Final = "model"
"""The one trained model slot of a deployment."""
INJECTED: Final = frozenset({"AZUREML_MODEL_DIR", "AZUREML_ENTRY_SCRIPT", "AML_APP_ROOT"})
"""Variables that the service adds after success (R24); they name the model, so they go when the model moves."""
READ_ONLY: Final = frozenset({"id", "name", "type", "systemData", "kind"})
SERVED: Final = frozenset({"provisioningState", "scoringUri", "swaggerUri", "keys"})
"""Members of `properties` that only the service writes, and the keys, which are never read."""
BUSY: Final = frozenset({"creating", "updating", "scaling", "deleting"})

_ENUMS: Final = {
    word.casefold(): word
    for word in (
        *("Key", "AMLToken", "AADToken", "Enabled", "Disabled", "Info", "Warning", "Debug", "AppendRow", "SummaryOnly"),
        *("SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned", "None", "Managed", "Kubernetes", "Default"),
        *("TargetUtilization", "Model", "PipelineComponent", "Id", "DataPath", "OutputPath", "AzureMLCompute"),
    )
}
_ENUM_FIELDS: Final = frozenset(
    {
        *("authMode", "publicNetworkAccess", "egressPublicNetworkAccess", "loggingLevel", "outputAction", "type"),
        *("endpointComputeType", "scaleType", "referenceType", "deploymentConfigurationType", "dataCollectionMode"),
    }
)
_DURATIONS: Final = frozenset(
    {"requestTimeout", "maxQueueWait", "pollingInterval", "initialDelay", "period", "timeout"}
)
_DURATION: Final = late(
    r"P(?:(?P<d>\d+)D)?(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?", re.IGNORECASE
)
_ASSETS: Final = {"environmentId": "environments", "codeId": "codes", "compute": "computes", "dataId": "data"}
_SERVER_BAG: Final = ("azureasyncoperationuri", "batchendpointcreationapiversion")


def seconds(duration: str) -> float | None:
    """An ISO 8601 duration in seconds; None for any other text."""
    found = _DURATION.fullmatch(duration)
    if found is None or not any(found.groupdict().values()):
        return None
    days, hours, minutes, rest = (float(found[unit] or 0) for unit in "dhms")
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def duration(value: float) -> str:
    """Seconds as the service writes them: 90 is `PT1M30S`."""
    minutes, rest = divmod(value, 60)
    hours, minutes = divmod(minutes, 60)
    text = "".join(f"{part:g}{unit}" for part, unit in ((hours, "H"), (minutes, "M"), (rest, "S")) if part)
    return f"PT{text or '0S'}"


def normalised(fields: Mapping[str, Any], scope: str) -> dict[str, Tree]:
    """Fields in their one comparable form; nulls are left out, unknown members stay as they are."""
    found: dict[str, Tree] = {}
    for name, value in fields.items():
        if name in ("tags", "environmentVariables"):
            given = value or {}
            found[name] = {key: given[key] for key in given if name == "tags" or key not in INJECTED}
        elif name == "properties":
            found[name] = {key: item for key, item in (value or {}).items() if not _is_servers(key)}
        elif name in ("traffic", "mirrorTraffic"):
            found[name] = weights(value)
        elif name == "identity":
            identity = _identity(value)
            found.update({} if identity is None else {name: identity})
        elif name == "sku":
            capacity = (value or {}).get("capacity")
            found.update({} if capacity is None else {name: {"capacity": capacity}})
        elif value is not None:
            found[name] = _form(name, value, scope)
    return found


def weights(given: Any) -> dict[str, int]:
    """A traffic map without its zeros: an entry of 0 and a missing one mean the same (azureml-v2.md 5.3)."""
    return {name: share for name, share in (given or {}).items() if share}


def observe_endpoint(address: Address, identity: str, document: JsonObject, scope: str) -> Observed:
    """An online or batch endpoint, without its traffic maps and default, which are planned at their own address."""
    fields = _flat(document, scope, leave=("traffic", "mirrorTraffic", "defaults"))
    return observed(address, identity, fields, document)


def observe_traffic(address: Address, identity: str, document: JsonObject) -> Observed:
    """The traffic maps of an online endpoint."""
    properties: Any = document.get("properties") or {}
    fields: dict[str, Tree] = {name: weights(properties.get(name)) for name in ("traffic", "mirrorTraffic")}
    return observed(address, identity, fields, document)


def observe_default(address: Address, identity: str, document: JsonObject) -> Observed:
    """The default deployment of a batch endpoint; `{deploymentName: null}` is none."""
    properties: Any = document.get("properties") or {}
    name = (properties.get("defaults") or {}).get("deploymentName")
    return observed(address, identity, {} if name is None else {"deploymentName": name}, document)


def observe_deployment(address: Address, identity: str, document: JsonObject, scope: str) -> Observed:
    """An online or batch deployment: its model is the slot `model`, everything else a field."""
    fields = _flat(document, scope, leave=(SLOT,))
    uri = model_of(document, scope)
    slots = {SLOT: SlotState(uri=uri)} if uri is not None else {SLOT: SlotState(uri=None)}
    return observed(address, identity, fields, document, slots)


def model_of(document: JsonObject, scope: str) -> str | None:
    """The id of the model version that a deployment serves."""
    given: Any = (document.get("properties") or {}).get(SLOT)  # type: ignore[union-attr]
    if isinstance(given, Mapping):
        given = given.get("assetId")
    return asset(given, scope, "models") if isinstance(given, str) else None


def state_of(document: JsonObject) -> str:
    """`provisioningState` in lower case; empty where there is none."""
    properties: Any = document.get("properties") or {}
    return str(properties.get("provisioningState") or "").casefold()


def observed(
    address: Address,
    identity: str,
    fields: Mapping[str, Tree],
    document: JsonObject,
    slots: Mapping[str, SlotState] | None = None,
    *,
    busy: bool = False,
    unfinished: str | None = None,
) -> Observed:
    """An `Observed` with its fingerprint over fields and slots."""
    state = state_of(document)
    served = {name: slot.uri for name, slot in (slots or {}).items()}
    text = json.dumps([fields, served], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Observed(
        address=address,
        identity=identity,
        fields=fields,
        slots=slots or {},
        fingerprint=f"sha256:{hashlib.sha256(text.encode()).hexdigest()}",
        broken=f"its provisioning ended {state}" if state in ("failed", "canceled") else None,
        busy=busy or state in BUSY,
        document=document,
        unfinished=unfinished,
    )


def _flat(document: JsonObject, scope: str, *, leave: tuple[str, ...]) -> dict[str, Tree]:
    properties: Any = document.get("properties") or {}
    flat = {name: value for name, value in properties.items() if name not in SERVED and name not in leave}
    flat.update({name: document[name] for name in ("location", "tags", "identity", "sku") if name in document})
    return normalised(flat, scope)


def _is_servers(key: str) -> bool:
    return key.casefold() in _SERVER_BAG or key.casefold().startswith("azureml.")


def _identity(value: Any) -> dict[str, Tree] | None:
    """Type and ids; `{type: None}` is no identity, and what the service adds to an id is left out."""
    kind = _ENUMS.get(str((value or {}).get("type") or "None").replace(" ", "").casefold(), "None")
    if kind == "None":
        return None
    assigned = value.get("userAssignedIdentities") or {}
    return {"type": kind, **({"userAssignedIdentities": {key: {} for key in sorted(assigned)}} if assigned else {})}


def _form(name: str, value: Any, scope: str) -> Tree:
    if isinstance(value, Mapping):
        return {key: _form(key, item, scope) for key, item in value.items() if item is not None}
    if not isinstance(value, str):
        return value  # type: ignore[no-any-return]
    if name in _ENUM_FIELDS:
        return _ENUMS.get(value.casefold(), value)
    if name in _DURATIONS and (length := seconds(value)) is not None:
        return duration(length)
    if name in _ASSETS:
        return asset(value, scope, _ASSETS[name])
    return canonical(value, scope) if name == "assetId" else value
