"""`ClassicWebService`: a Studio (classic) web service that is there already."""

from __future__ import annotations

from retrainctl.manifest.context import Context
from retrainctl.manifest.handler import KindHandler, Stage
from retrainctl.manifest.instance import Instance, Spans
from retrainctl.manifest.references import after
from retrainctl.model.resource import Desired
from retrainctl.model.values import Tree


def decode(instance: Instance, context: Context) -> Desired | None:
    """The service by its id, else by its name; with both, the name is checked."""
    classic = context.environment.classic
    waits = after(instance, context)
    if classic is None:
        context.no_target("classic", instance)
        return None
    spec = instance.spec
    name, identifier = spec.get("name"), spec.get("id")
    fields: dict[str, Tree] = {"Name": name} if name is not None and identifier is not None else {}
    return Desired(
        address=instance.address,
        place={"webService": identifier or name or instance.address.name, "workspace": classic.workspace},
        fields=fields,
        after=waits,
        origin=instance.origin,
        spans=Spans(instance),
    )


HANDLER = KindHandler(kind="ClassicWebService", schema="classicwebservice", stage=Stage.REFERENCED, decode=decode)
