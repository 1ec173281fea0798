"""`BatchEndpoint`: the address of batch deployments; azureml-v2.md section 2.4."""

from __future__ import annotations

from retrainctl.model.kinds import FieldTrait, KindSpec

SPEC = KindSpec(
    kind="BatchEndpoint",
    target="azureml",
    place=("name", "workspace"),
    traits=(
        FieldTrait(path=("location",), immutable=True, folded=True),
        FieldTrait(path=("identity",), immutable=True, whole=True),
        FieldTrait(path=("tags",), keyed=True),
    ),
)
