"""`BatchEndpoint`: the address of batch deployments, and which of them gets jobs that name none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from retrainctl.manifest.azureml import Spans, auth_mode, common, finished, identity, settings_of
from retrainctl.manifest.context import Context
from retrainctl.manifest.handler import KindHandler, Stage
from retrainctl.manifest.instance import Instance
from retrainctl.manifest.references import after
from retrainctl.model.address import Address
from retrainctl.model.resource import Desired

DEFAULT: Final = "BatchDefault"
DEPLOYMENT: Final = "BatchDeployment"


def decode(instance: Instance, context: Context) -> Desired | None:
    """The endpoint; its default, where declared, becomes `BatchDefault/NAME` once all deployments are known."""
    settings = settings_of(instance, context)
    waits = after(instance, context)
    if settings is None:
        return None
    spec = instance.spec
    place = {"name": spec.get("name", instance.address.name), "workspace": settings.workspace}
    fields = {**common(spec), "authMode": auth_mode(spec["auth_mode"])}
    if "identity" in spec:
        fields["identity"] = identity(spec["identity"])
    if "defaults" in spec:
        context.parts.append(lambda: _default(instance, context, place))
    return Desired(
        address=instance.address,
        place=place,
        fields=finished(fields, settings),
        after=waits,
        origin=instance.origin,
        spans=Spans(instance, {}),
    )


def _default(instance: Instance, context: Context, place: Mapping[str, str]) -> Desired:
    named = instance.spec["defaults"]["deployment_name"]
    deployments = [
        address
        for address, where in context.places.items()
        if address.kind == DEPLOYMENT and where["endpoint"].casefold() == place["name"].casefold()
    ]
    return Desired(
        address=Address(DEFAULT, instance.address.name),
        place=place,
        fields={"deploymentName": named},
        after=(instance.address, *sorted(deployments)),
        origin=instance.origin,
        spans=Spans(instance, {"deploymentName": ("defaults", "deployment_name")}),
    )


HANDLER = KindHandler(kind="BatchEndpoint", schema="batchendpoint", stage=Stage.REFERENCED, decode=decode)
