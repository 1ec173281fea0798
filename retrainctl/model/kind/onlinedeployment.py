"""`OnlineDeployment`: a model behind an online endpoint, managed or Kubernetes; azureml-v2.md sections 2.3 and 5.

One that moves by blue/green is one resource with two names, of which one serves.
"""

from __future__ import annotations

from retrainctl.model.kinds import FieldTrait, KindSpec

SPEC = KindSpec(
    kind="OnlineDeployment",
    target="azureml",
    place=("endpoint", "name", "workspace"),
    slots=True,
    registers=True,
    replaceable=True,
    traits=(
        FieldTrait(path=("location",), folded=True, immutable=True),
        FieldTrait(path=("endpointComputeType",), immutable=True),
        # A change is silently ignored by the service (section 5.5).
        FieldTrait(path=("instanceType",), immutable=True, folded=True),
        FieldTrait(path=("tags",), keyed=True),
        FieldTrait(path=("environmentVariables",), keyed=True),
        FieldTrait(path=("appInsightsEnabled",), default=False),
        FieldTrait(path=("egressPublicNetworkAccess",), default="Enabled"),
    ),
)
