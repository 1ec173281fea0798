"""What the service fills in (azureml-v2.md sections 2.2 to 2.4, as recorded)."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

NOBODY: Final = "00000000-0000-0000-0000-000000000000"
_PROBE: Final = {
    "initialDelay": "PT10S",
    "period": "PT10S",
    "timeout": "PT2S",
    "successThreshold": 1,
    "failureThreshold": 30,
}
_ONLINE_ENDPOINT: Final[dict[str, Any]] = {
    "description": None,
    "properties": {},
    "scoringUri": None,
    "swaggerUri": None,
    "authMode": "Key",
    "compute": None,
    "publicNetworkAccess": "Enabled",
    "traffic": {},
    "mirrorTraffic": {},
}
_ONLINE_DEPLOYMENT: Final[dict[str, Any]] = {
    "description": None,
    "properties": {},
    "codeConfiguration": None,
    "environmentId": None,
    "environmentVariables": {},
    "endpointComputeType": "Managed",
    "instanceType": "Standard_F4s_v2",
    "scaleSettings": {"scaleType": "Default"},
    "requestSettings": {"maxQueueWait": "PT0S", "requestTimeout": "PT5S", "maxConcurrentRequestsPerInstance": 1},
    "modelMountPath": None,
    "appInsightsEnabled": False,
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
    "egressPublicNetworkAccess": "Enabled",
    "dataCollector": None,
}
_BATCH_ENDPOINT: Final[dict[str, Any]] = {
    "description": None,
    "properties": {},
    "scoringUri": None,
    "swaggerUri": None,
    "authMode": "AADToken",
    "defaults": {"deploymentName": None},
}
_BATCH_DEPLOYMENT: Final[dict[str, Any]] = {
    "description": None,
    "properties": {},
    "codeConfiguration": None,
    "environmentId": None,
    "environmentVariables": {},
    "compute": None,
    "errorThreshold": -1,
    "retrySettings": {"maxRetries": 3, "timeout": "PT30S"},
    "miniBatchSize": 10,
    "loggingLevel": "Info",
    "maxConcurrencyPerInstance": 1,
    "outputAction": "AppendRow",
    "outputFileName": "predictions.csv",
    "resources": {"instanceCount": 1, "instanceType": None, "properties": None},
}


def defaults(identifier: str) -> dict[str, Any]:
    """The properties of an endpoint or a deployment that nobody set."""
    deployment = "/deployments/" in identifier
    if "/batchEndpoints/" in identifier:
        return copy.deepcopy(_BATCH_DEPLOYMENT if deployment else _BATCH_ENDPOINT)
    return copy.deepcopy(_ONLINE_DEPLOYMENT if deployment else _ONLINE_ENDPOINT)


def sku(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The instance count; its name is always `Default`, its tier is filled in."""
    return {"name": "Default", "tier": "Standard", "capacity": (given or {}).get("capacity", 1)}


def kind_mark(identifier: str) -> str:
    """What leads the ids of operations on it."""
    deployment = "/deployments/" in identifier
    if "/batchEndpoints/" in identifier:
        return "bdbes" if deployment else "be"
    return "odidp" if deployment else "oeidp"


def identity(given: Mapping[str, Any]) -> dict[str, Any]:
    """Who an endpoint is, with the ids that only the service knows."""
    ids = {"principalId": NOBODY, "tenantId": NOBODY} if "SystemAssigned" in str(given.get("type")) else {}
    return {**given, **ids}


def normalised(properties: Mapping[str, Any]) -> dict[str, Any]:
    """As the service writes what it was given in another spelling (R23)."""
    found = dict(properties)
    if isinstance(level := found.get("loggingLevel"), str):
        found["loggingLevel"] = level.capitalize()
    if isinstance(resources := found.get("resources"), Mapping):
        found["resources"] = {"instanceCount": 1, "instanceType": None, **resources}
        found["resources"]["properties"] = resources.get("properties") or None
    return found
