"""`CommitmentPlan`: what New web services are billed to; arm-webservices.md section 12."""

from __future__ import annotations

from retrainctl.model.kinds import FieldTrait, KindSpec

SPEC = KindSpec(
    kind="CommitmentPlan",
    target="arm",
    place=("name", "resourceGroup"),
    traits=(
        FieldTrait(path=("location",), immutable=True, folded=True),
        FieldTrait(path=("tags",), keyed=True),
    ),
)
