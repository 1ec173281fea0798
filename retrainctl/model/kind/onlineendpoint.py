"""`OnlineEndpoint`: the address of one or more deployments; azureml-v2.md sections 2.2 and 5.5."""

from __future__ import annotations

from retrainctl.model.kinds import FieldTrait, KindSpec

SPEC = KindSpec(
    kind="OnlineEndpoint",
    target="azureml",
    place=("name", "workspace"),
    traits=(
        FieldTrait(path=("location",), immutable=True, folded=True),
        FieldTrait(path=("identity",), immutable=True, whole=True),
        FieldTrait(path=("compute",), immutable=True),
        FieldTrait(path=("tags",), keyed=True),
        FieldTrait(path=("publicNetworkAccess",), default="Enabled"),
    ),
)
