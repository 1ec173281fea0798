"""`BatchDeployment`: a model that batch jobs score with; azureml-v2.md section 2.4."""

from __future__ import annotations

from retrainctl.model.kinds import FieldTrait, KindSpec

SPEC = KindSpec(
    kind="BatchDeployment",
    target="azureml",
    place=("endpoint", "name", "workspace"),
    slots=True,
    registers=True,
    replaceable=True,
    traits=(
        FieldTrait(path=("location",), folded=True, immutable=True),
        # All marked create-only in the generated client.
        FieldTrait(path=("resources",), immutable=True),
        FieldTrait(path=("tags",), keyed=True),
        FieldTrait(path=("environmentVariables",), keyed=True),
        FieldTrait(path=("errorThreshold",), default=-1),
        FieldTrait(path=("loggingLevel",), default="Info"),
        FieldTrait(path=("outputAction",), default="AppendRow"),
    ),
)
