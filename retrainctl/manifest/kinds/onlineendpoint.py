"""`OnlineEndpoint`: the address of online deployments, and how its requests are shared out among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from retrainctl.definition.azureml_ids import asset
from retrainctl.manifest.azureml import Spans, auth_mode, common, finished, identity, pascal, settings_of
from retrainctl.manifest.context import Context
from retrainctl.manifest.handler import KindHandler, Stage
from retrainctl.manifest.instance import Instance
from retrainctl.manifest.references import after
from retrainctl.model.address import Address
from retrainctl.model.environment import AzuremlSettings
from retrainctl.model.resource import Desired

TRAFFIC: Final = "OnlineTraffic"
DEPLOYMENT: Final = "OnlineDeployment"

_MAPS: Final = {"traffic": "traffic", "mirror_traffic": "mirrorTraffic"}


def decode(instance: Instance, context: Context) -> Desired | None:
    """The endpoint; its traffic maps, where declared, become `OnlineTraffic/NAME` once all deployments are known."""
    settings = settings_of(instance, context)
    waits = after(instance, context)
    example = _example(instance, context)
    if settings is None or ("example" in instance.spec and example is None):
        return None
    spec = instance.spec
    place = {"name": spec.get("name", instance.address.name), "workspace": settings.workspace}
    if any(name in spec for name in _MAPS):
        context.parts.append(lambda: _traffic(instance, context, place, settings))
    return Desired(
        address=instance.address,
        place=place,
        fields=finished(_fields(spec, settings), settings),
        after=waits,
        settings={} if example is None else {"example": example},
        origin=instance.origin,
        spans=Spans(instance, {}),
    )


def _fields(spec: Mapping[str, Any], settings: AzuremlSettings) -> dict[str, Any]:
    fields = {**common(spec), "authMode": auth_mode(spec["auth_mode"])}
    if "public_network_access" in spec:
        fields["publicNetworkAccess"] = pascal(spec["public_network_access"])
    if "identity" in spec:
        fields["identity"] = identity(spec["identity"])
    if "compute" in spec:
        fields["compute"] = asset(spec["compute"], settings.scope, "computes")
    return fields


def _example(instance: Instance, context: Context) -> str | None:
    """The example request's path from the project's folder; None, reported, where there is no such file."""
    name = instance.spec.get("example")
    if name is None:
        return None
    span = instance.span(("spec", "example"), key=False)
    path = context.sources.inside(name, instance.document.file, span)
    if path is not None and not context.sources.is_file(path):
        hint = "Check the path; it is relative to this file."
        context.found.error("RC109", f"there is no file {path}", span, hint, str(instance.address))
        return None
    return path


def _traffic(instance: Instance, context: Context, place: Mapping[str, str], settings: AzuremlSettings) -> Desired:
    deployments = [
        address
        for address, where in context.places.items()
        if address.kind == DEPLOYMENT and where["endpoint"].casefold() == place["name"].casefold()
    ]
    maps = {arm: instance.spec[name] for name, arm in _MAPS.items() if name in instance.spec}
    return Desired(
        address=Address(TRAFFIC, instance.address.name),
        place=place,
        fields=finished(maps, settings),
        after=(instance.address, *sorted(deployments)),
        origin=instance.origin,
        spans=Spans(instance, {}),
    )


HANDLER = KindHandler(kind="OnlineEndpoint", schema="onlineendpoint", stage=Stage.REFERENCED, decode=decode)
