"""A workspace of Azure Machine Learning v2 as manifests: its endpoints and deployments, spelled as `az ml` does.

What the service fills in is not declared: only declared fields are owned, so that nothing is lost by leaving it out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from retrainctl.definition.azureml import BUSY, model_of, normalised, seconds, state_of
from retrainctl.definition.azureml_ids import BATCH, ONLINE
from retrainctl.diff.compare import folded
from retrainctl.manifest.azureml import snake
from retrainctl.model.environment import AzuremlSettings
from retrainctl.model.values import JsonObject
from retrainctl.operations.folding import Found

_ASSET: Final = re.compile(r"/(?:models|environments|codes)/([^/]+)/versions/([^/]+)")
_COMPUTE: Final = re.compile(r"/computes/([^/]+)")
_AUTH: Final = {"Key": "key", "AMLToken": "aml_token", "AADToken": "aad_token"}
_PROBE: Final = {
    "initialDelay": "PT10S",
    "period": "PT10S",
    "timeout": "PT2S",
    "successThreshold": 1,
    "failureThreshold": 30,
}
_FILLED: Final[Mapping[str, Any]] = {
    "requestSettings": {"requestTimeout": "PT5S", "maxConcurrentRequestsPerInstance": 1, "maxQueueWait": "PT0S"},
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
    "scaleSettings": {"scaleType": "Default"},
    "appInsightsEnabled": False,
    "egressPublicNetworkAccess": "Enabled",
    "publicNetworkAccess": "Enabled",
    "miniBatchSize": 10,
    "maxConcurrencyPerInstance": 1,
    "errorThreshold": -1,
    "loggingLevel": "Info",
    "outputAction": "AppendRow",
    "outputFileName": "predictions.csv",
    "retrySettings": {"maxRetries": 3, "timeout": "PT30S"},
    "resources": {"instanceCount": 1},
}
"""What the service says where nobody said anything (azureml-v2.md sections 2.2 to 2.4)."""
_NOT_WRITTEN: Final = ("dataCollector", "startupProbe", "containerResourceRequirements", "deploymentConfiguration")


def from_workspace(
    collections: Mapping[str, Sequence[JsonObject]],
    deployments: Mapping[str, Sequence[JsonObject]],
    settings: AzuremlSettings,
) -> tuple[list[Found], list[str]]:
    """What manifests can declare of a workspace, and what was left out and why.

    Args:
        collections: the endpoints as listed, by `onlineEndpoints` and `batchEndpoints`.
        deployments: as listed, by the endpoint's id.
    """
    found: list[Found] = []
    left_out: list[str] = []
    for collection, kind in ((ONLINE, "Online"), (BATCH, "Batch")):
        for endpoint in collections.get(collection, ()):
            name, below = str(endpoint["name"]), deployments.get(str(endpoint["id"]), ())
            unready = {f"{kind}Endpoint/{name}": endpoint}
            unready |= {f"{kind}Deployment/{name}/{one['name']}": one for one in below}
            states = {label: state_of(document) for label, document in unready.items()}
            left_out += [f"{label}: it is {state}" for label, state in states.items() if _is_unready(state)]
            if _is_unready(state_of(endpoint)):
                continue
            spec = _endpoint(endpoint, settings)
            found.append(Found(kind=f"{kind}Endpoint", name=name, spec=spec, group=name))
            for document in below:
                if _is_unready(state_of(document)):
                    continue
                called = str(document["name"])
                spec, unwritten = _deployment(document, name, settings)
                found.append(Found(kind=f"{kind}Deployment", name=called, spec=spec, group=name))
                left_out += [f"{kind}Deployment/{name}/{called}: its {one}, which stays as it is" for one in unwritten]
    return found, left_out


def _is_unready(state: str) -> bool:
    return state in BUSY or state in ("failed", "canceled")


def _endpoint(document: JsonObject, settings: AzuremlSettings) -> dict[str, Any]:
    fields = _fields(document, settings)
    spec: dict[str, Any] = {"auth_mode": _AUTH.get(str(fields.get("authMode")), "key"), **_common(fields, settings)}
    if "publicNetworkAccess" in fields:
        spec["public_network_access"] = _word(fields["publicNetworkAccess"])
    if isinstance(identity := fields.get("identity"), Mapping) and "," not in str(identity["type"]):
        assigned = identity.get("userAssignedIdentities") or {}
        spec["identity"] = {"type": _word(identity["type"])}
        if assigned:
            spec["identity"]["user_assigned_identities"] = [{"resource_id": one} for one in assigned]
    if compute := fields.get("compute"):
        spec["compute"] = _short(compute, settings)
    for arm in ("traffic", "mirrorTraffic"):
        if fields.get(arm):
            spec[snake(arm)] = dict(fields[arm])
    if named := (fields.get("defaults") or {}).get("deploymentName"):
        spec["defaults"] = {"deployment_name": named}
    return spec


def _deployment(document: JsonObject, endpoint: str, settings: AzuremlSettings) -> tuple[dict[str, Any], list[str]]:
    """What the manifest says, and the members that it cannot say."""
    fields = _fields(document, settings)
    spec: dict[str, Any] = {"endpoint_name": endpoint}
    if str(fields.get("endpointComputeType")) == "Kubernetes":
        spec["type"] = "kubernetes"
    if (model := model_of(document, settings.scope)) is not None:
        spec["model"] = _short(model, settings)
    spec |= _common(fields, settings)
    for arm, value in fields.items():
        if (convert := _MEMBERS.get(arm)) is not None and value not in (None, {}, ""):
            name, make = convert
            spec[name] = make(value, settings)
    capacity = (fields.get("sku") or {}).get("capacity")
    if capacity is not None:
        spec["instance_count"] = capacity
    return spec, [name for name in _NOT_WRITTEN if fields.get(name)]


def _fields(document: JsonObject, settings: AzuremlSettings) -> dict[str, Any]:
    """The members that somebody set, in their comparable form."""
    properties: Any = document.get("properties") or {}
    flat = {
        **properties,
        **{name: document[name] for name in ("location", "tags", "identity", "sku") if name in document},
    }
    flat = {name: value for name, value in flat.items() if _plain(value) != _FILLED.get(name, _Unset)}
    return dict(normalised(flat, settings.scope))


class _Unset:
    """Equal to no value."""


def _plain(value: Any) -> Any:
    """A mapping without its nulls."""
    if isinstance(value, Mapping):
        return {name: item for name, item in value.items() if item is not None}
    return value


def _common(fields: Mapping[str, Any], settings: AzuremlSettings) -> dict[str, Any]:
    spec: dict[str, Any] = {name: fields[name] for name in ("description", "tags", "properties") if fields.get(name)}
    location = str(fields.get("location") or "")
    if location and folded(location) != folded(settings.location or location):
        spec["location"] = location
    return spec


def _short(identity: Any, settings: AzuremlSettings) -> str:
    """`azureml:NAME:VERSION` for what is in this workspace, else the id."""
    text = str(identity)
    if text.startswith(f"{settings.scope}/"):
        rest = text[len(settings.scope) :]
        if (found := _ASSET.fullmatch(rest) or _COMPUTE.fullmatch(rest)) is not None:
            return ":".join(("azureml", *found.groups()))
    return text


def _word(value: Any) -> str:
    """`AppendRow` is `append_row`."""
    return snake(str(value)).removeprefix("_")


def _number(value: float) -> float:
    return int(value) if value == int(value) else value


def _timed(scale: float, *durations: str) -> Callable[[Any, AzuremlSettings], Any]:
    """A mapping under `az ml`'s names, durations as numbers: seconds, or a part of them by `scale`."""

    def convert(value: Any, settings: AzuremlSettings) -> Any:
        del settings
        return dict(_members(value, scale, durations))

    return convert


def _members(value: Mapping[str, Any], scale: float, durations: Sequence[str]) -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        length = seconds(item) if name in durations and isinstance(item, str) else None
        if item is None:
            continue
        if name == "scaleType":
            yield "type", _word(item)
        elif length is None:
            yield snake(name), item
        elif scale == 1:
            yield snake(name), _number(length)
        elif name != "maxQueueWait":
            # Always PT0S on managed endpoints, where it is deprecated.
            yield f"{snake(name)}_ms", _number(length * scale)


def _same(value: Any, settings: AzuremlSettings) -> Any:
    del settings
    return value


def _named(value: Any, settings: AzuremlSettings) -> str:
    del settings
    return _word(value)


def _code(value: Any, settings: AzuremlSettings) -> dict[str, Any]:
    code = {"code": _short(value["codeId"], settings)} if value.get("codeId") else {}
    return {**code, "scoring_script": value["scoringScript"]}


def _resources(value: Any, settings: AzuremlSettings) -> dict[str, Any]:
    del settings
    return {snake(name): value[name] for name in ("instanceCount", "instanceType") if value.get(name) is not None}


_MEMBERS: Final[Mapping[str, tuple[str, Callable[[Any, AzuremlSettings], Any]]]] = {
    "compute": ("compute", _short),
    "environmentId": ("environment", _short),
    "codeConfiguration": ("code_configuration", _code),
    "environmentVariables": ("environment_variables", _same),
    "modelMountPath": ("model_mount_path", _same),
    "instanceType": ("instance_type", _same),
    "appInsightsEnabled": ("app_insights_enabled", _same),
    "requestSettings": ("request_settings", _timed(1000, "requestTimeout", "maxQueueWait")),
    "livenessProbe": ("liveness_probe", _timed(1, "initialDelay", "period", "timeout")),
    "readinessProbe": ("readiness_probe", _timed(1, "initialDelay", "period", "timeout")),
    "scaleSettings": ("scale_settings", _timed(1, "pollingInterval")),
    "egressPublicNetworkAccess": ("egress_public_network_access", _named),
    "miniBatchSize": ("mini_batch_size", _same),
    "maxConcurrencyPerInstance": ("max_concurrency_per_instance", _same),
    "errorThreshold": ("error_threshold", _same),
    "outputFileName": ("output_file_name", _same),
    "loggingLevel": ("logging_level", _named),
    "outputAction": ("output_action", _named),
    "retrySettings": ("retry_settings", _timed(1, "timeout")),
    "resources": ("resources", _resources),
}
