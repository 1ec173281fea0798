"""Azure Machine Learning v2: references in manifests (RC19x) and what the service would refuse (RC39x)."""

from __future__ import annotations

from typing import Final

from retrainctl.codes.entry import Code

CODES: Final[dict[str, Code]] = {
    "RC190": Code(
        "No version of a registered model",
        "A deployment's model names no version, or a version that changes by itself.",
        "Write MODEL@VERSION, azureml:NAME:VERSION or the ARM id of a version.",
    ),
    "RC191": Code(
        "No such slot",
        "A deployment of Azure Machine Learning has one model, in the slot `model`.",
        "Write `models: {model: MODEL@VERSION}`.",
    ),
    "RC192": Code(
        "Variable of the service",
        "The service sets this environment variable itself, from the model and the scoring script.",
        "Leave it out of environment_variables.",
    ),
    "RC193": Code(
        "Strategy cannot be used",
        "The blue/green strategy of a deployment contradicts itself or the rest of the manifest.",
        "The message says which member; mend it.",
    ),
    "RC194": Code(
        "az ml YAML cannot be used",
        "A YAML file of `az ml` says something that is no manifest of retrainctl.",
        "The message says what; declare that part as a manifest of its own.",
    ),
    "RC392": Code(
        "Name of an endpoint or deployment",
        "The service does not take this name.",
        "3 to 32 letters, digits and inner hyphens, beginning with a letter.",
    ),
    "RC393": Code(
        "No such endpoint",
        "A deployment names an endpoint that neither exists nor is declared.",
        "Declare the endpoint, or correct endpoint_name.",
    ),
    "RC394": Code(
        "No such model version",
        "A deployment needs a registered model version, and this one is not there or cannot be used.",
        "Register it, or correct its name and version.",
    ),
    "RC395": Code(
        "Traffic that is refused",
        "Shares add up to 0 or 100 and name deployments that exist; one deployment at most gets up to 50 % mirrored.",
        "The message says which rule; mend the traffic of the endpoint.",
    ),
    "RC396": Code(
        "No such default deployment",
        "A batch endpoint's default names a deployment that neither exists nor is declared.",
        "Declare the deployment, or correct the name.",
    ),
    "RC397": Code(
        "Property cannot change",
        "Entries of `properties` can be added, but neither removed nor changed.",
        "Set it back, or use a tag.",
    ),
    "RC398": Code(
        "Deployment is not ready",
        "A deployment that is not ready, or does not answer, gets no traffic; the traffic stays where it was.",
        "Read the container's log, mend the deployment, plan again.",
    ),
    "RC399": Code(
        "Deployment has traffic",
        "A deployment that gets traffic is neither deleted nor written over.",
        "Give its share to others first.",
    ),
}
