"""`CommitmentPlan`: what New web services are billed to."""

from __future__ import annotations

from retrainctl.manifest.context import Context
from retrainctl.manifest.handler import KindHandler, Stage
from retrainctl.manifest.instance import Instance, Spans
from retrainctl.manifest.references import after, arm_place
from retrainctl.model.resource import Desired
from retrainctl.model.values import Tree

_FIELDS = ("location", "tags", "sku")


def decode(instance: Instance, context: Context) -> Desired | None:
    """The plan with its declared fields; one that is declared whole (with its sku) is in the environment's region."""
    arm = context.arm(instance)
    waits = after(instance, context)
    if arm is None:
        return None
    spec = instance.spec
    fields: dict[str, Tree] = {name: spec[name] for name in _FIELDS if name in spec}
    if "sku" in fields and arm.location is not None:
        fields.setdefault("location", arm.location)
    return Desired(
        address=instance.address,
        place=arm_place(instance, arm),
        fields=fields,
        after=waits,
        origin=instance.origin,
        spans=Spans(instance),
    )


HANDLER = KindHandler(kind="CommitmentPlan", schema="commitmentplan", stage=Stage.REFERENCED, decode=decode)
