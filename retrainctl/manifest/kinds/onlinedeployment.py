"""`OnlineDeployment`: a model behind an online endpoint, moved in place or by blue/green."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from retrainctl.definition.azureml_ids import PAIR, asset
from retrainctl.manifest.azureml import (
    Convert,
    Spans,
    camel,
    common,
    finished,
    length,
    members,
    milliseconds,
    pascal,
    probe,
    served,
    settings_of,
    variables,
)
from retrainctl.manifest.context import Context
from retrainctl.manifest.handler import KindHandler, Stage
from retrainctl.manifest.instance import Instance
from retrainctl.manifest.references import after
from retrainctl.model.address import Address
from retrainctl.model.environment import AzuremlSettings
from retrainctl.model.resource import Desired
from retrainctl.model.values import JsonObject

BLUE_GREEN: Final = "blueGreen"
NAMES: Final = ("blue", "green")

_PLAIN: Final = ("model_mount_path", "app_insights_enabled", "instance_type")
_REQUESTS: Final[Mapping[str, tuple[str, Convert]]] = {
    "request_timeout_ms": ("requestTimeout", milliseconds),
    "max_queue_wait_ms": ("maxQueueWait", milliseconds),
}
_SCALING: Final[Mapping[str, tuple[str, Convert]]] = {
    "type": ("scaleType", pascal),
    "polling_interval": ("pollingInterval", length),
}
_AT: Final = {
    "sku": ("instance_count",),
    "properties": ("properties",),
    "endpointComputeType": ("type",),
    "environmentId": ("environment",),
    "containerResourceRequirements": ("resources",),
}
_MANAGED: Final = "managed"
_KUBERNETES: Final = "kubernetes"


def decode(instance: Instance, context: Context) -> Desired | None:
    """The deployment with its declared fields and its model."""
    settings = settings_of(instance, context)
    if settings is None:
        return None
    spec = instance.spec
    slots = served(instance, context, settings)
    given = variables(instance, context)
    endpoint = spec["endpoint_name"].removeprefix("OnlineEndpoint/")
    waits = after(instance, context, endpoints(context, "OnlineEndpoint", endpoint))
    strategy = _strategy(instance, context)
    if slots is None or given is None or strategy is None:
        return None
    fields = _fields(spec, settings)
    if "environment_variables" in spec:
        fields["environmentVariables"] = given
    names = tuple(strategy["names"]) if strategy else (spec.get("name", instance.address.name),)
    return Desired(
        address=instance.address,
        place={"endpoint": endpoint, "name": PAIR.join(names), "workspace": settings.workspace},
        fields=finished(fields, settings),
        slots=slots,
        after=waits,
        settings={"strategy": strategy} if strategy else {},
        origin=instance.origin,
        spans=Spans(instance, _AT),
    )


def endpoints(context: Context, kind: str, name: str) -> tuple[Address, ...]:
    """The declared endpoint of this name, if there is one."""
    return tuple(
        address
        for address, place in context.places.items()
        if address.kind == kind and place["name"].casefold() == name.casefold()
    )


def _fields(spec: Mapping[str, Any], settings: AzuremlSettings) -> dict[str, Any]:
    kind = spec.get("type", _MANAGED)
    fields = {**common(spec), "endpointComputeType": pascal(kind)}
    fields.update({camel(name): spec[name] for name in _PLAIN if name in spec})
    if "instance_count" in spec:
        fields["sku"] = {"capacity": spec["instance_count"]}
    if "code_configuration" in spec:
        fields["codeConfiguration"] = code(spec["code_configuration"], settings)
    if "environment" in spec:
        fields["environmentId"] = asset(spec["environment"], settings.scope, "environments")
    if "request_settings" in spec:
        requests = members(spec["request_settings"], _REQUESTS)
        if kind != _KUBERNETES:
            requests.pop("maxQueueWait", None)  # deprecated there: always PT0S (azureml-v2.md section 6)
        fields["requestSettings"] = requests
    fields.update({camel(name): probe(spec[name]) for name in ("liveness_probe", "readiness_probe") if name in spec})
    if "scale_settings" in spec:
        fields["scaleSettings"] = members(spec["scale_settings"], _SCALING)
    if "egress_public_network_access" in spec:
        fields["egressPublicNetworkAccess"] = pascal(spec["egress_public_network_access"])
    if "resources" in spec:
        fields["containerResourceRequirements"] = {
            f"containerResource{name.capitalize()}": {key.rpartition("/")[2]: value for key, value in given.items()}
            for name, given in spec["resources"].items()
        }
    if "data_collector" in spec:
        fields["dataCollector"] = _collector(spec["data_collector"], settings)
    return fields


def code(given: Mapping[str, Any], settings: AzuremlSettings) -> dict[str, Any]:
    """`code_configuration` with the id of a registered code version."""
    found = {"scoringScript": given["scoring_script"]}
    return {**found, "codeId": asset(given["code"], settings.scope, "codes")} if "code" in given else found


def _collector(given: Mapping[str, Any], settings: AzuremlSettings) -> dict[str, Any]:
    collections: dict[str, Any] = {}
    for name, one in given["collections"].items():
        on = str(one.get("enabled", "true")).casefold() == "true"
        entry: dict[str, Any] = {"dataCollectionMode": "Enabled" if on else "Disabled"}
        if "data" in one:
            entry["dataId"] = asset(one["data"], settings.scope, "data")
        if "client_id" in one:
            entry["clientId"] = one["client_id"]
        if "sampling_rate" in given:
            entry["samplingRate"] = given["sampling_rate"]
        collections[name] = entry
    found: dict[str, Any] = {"collections": collections}
    if "rolling_rate" in given:
        found["rollingRate"] = pascal(given["rolling_rate"])
    if "request_logging" in given:
        found["requestLogging"] = members(given["request_logging"], {})
    return found


def _strategy(instance: Instance, context: Context) -> dict[str, Any] | None:
    """How a move goes about, the smoke request read in; empty for a move in place, None where something is wrong."""
    declared = instance.spec.get("strategy", {}).get(BLUE_GREEN)
    if declared is None:
        return {}
    found: dict[str, Any] = {"names": tuple(declared.get("names", NAMES)), **declared}
    shares = [step["percent"] for step in declared.get("traffic", ())]
    at = ("spec", "strategy", BLUE_GREEN)
    if shares != sorted(set(shares)):
        span = instance.span((*at, "traffic"))
        message = "the shares of the traffic do not grow from step to step"
        context.found.error("RC193", message, span, "Write e.g. 10, then 50.", str(instance.address))
        return None
    if "name" in instance.spec:
        span = instance.span(("spec", "name"))
        message = "a blue/green deployment has two names, strategy.blueGreen.names"
        context.found.error("RC193", message, span, "Leave `name` out.", str(instance.address))
        return None
    if "mirror" in declared and instance.spec.get("type") == _KUBERNETES:
        span = instance.span((*at, "mirror"))
        message = "only managed endpoints mirror requests"
        context.found.error("RC193", message, span, "Leave `mirror` out.", str(instance.address))
        return None
    if "smoke" in declared:
        request = _request(instance, context, declared["smoke"])
        if request is None:
            return None
        found["smoke"] = request
    return found


def _request(instance: Instance, context: Context, name: str) -> JsonObject | None:
    span = instance.span(("spec", "strategy", BLUE_GREEN, "smoke"), key=False)
    path = context.sources.inside(name, instance.document.file, span)
    data = None if path is None else context.sources.read(path, span)
    if data is None:
        return None
    try:
        request = json.loads(data)
    except ValueError as error:
        hint = "Write the request as the endpoint takes it."
        context.found.error("RC193", f"{path} is no JSON: {error}", span, hint, str(instance.address))
        return None
    return {"request": request}


HANDLER = KindHandler(kind="OnlineDeployment", schema="onlinedeployment", stage=Stage.RESOURCES, decode=decode)
