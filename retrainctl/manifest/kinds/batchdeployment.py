"""`BatchDeployment`: a model that batch jobs score with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from retrainctl.definition.azureml_ids import asset
from retrainctl.manifest.azureml import (
    Spans,
    camel,
    common,
    finished,
    length,
    members,
    pascal,
    served,
    settings_of,
    variables,
)
from retrainctl.manifest.context import Context
from retrainctl.manifest.handler import KindHandler, Stage
from retrainctl.manifest.instance import Instance
from retrainctl.manifest.kinds.onlinedeployment import code, endpoints
from retrainctl.manifest.references import after
from retrainctl.model.environment import AzuremlSettings
from retrainctl.model.resource import Desired

_PLAIN: Final = ("mini_batch_size", "max_concurrency_per_instance", "error_threshold", "output_file_name")
_NAMED: Final = ("logging_level", "output_action")
_AT: Final = {"environmentId": ("environment",), "deploymentConfiguration": ("type",)}


def decode(instance: Instance, context: Context) -> Desired | None:
    """The deployment with its declared fields and its model."""
    settings = settings_of(instance, context)
    if settings is None:
        return None
    spec = instance.spec
    slots = served(instance, context, settings)
    given = variables(instance, context)
    endpoint = spec["endpoint_name"].removeprefix("BatchEndpoint/")
    waits = after(instance, context, endpoints(context, "BatchEndpoint", endpoint))
    if slots is None or given is None:
        return None
    fields = _fields(spec, settings)
    if "environment_variables" in spec:
        fields["environmentVariables"] = given
    return Desired(
        address=instance.address,
        place={
            "endpoint": endpoint,
            "name": spec.get("name", instance.address.name),
            "workspace": settings.workspace,
        },
        fields=finished(fields, settings),
        slots=slots,
        after=waits,
        origin=instance.origin,
        spans=Spans(instance, _AT),
    )


def _fields(spec: Mapping[str, Any], settings: AzuremlSettings) -> dict[str, Any]:
    fields = common(spec)
    fields.update({camel(name): spec[name] for name in _PLAIN if name in spec})
    fields.update({camel(name): pascal(spec[name]) for name in _NAMED if name in spec})
    if "code_configuration" in spec:
        fields["codeConfiguration"] = code(spec["code_configuration"], settings)
    if "environment" in spec:
        fields["environmentId"] = asset(spec["environment"], settings.scope, "environments")
    if "compute" in spec:
        fields["compute"] = asset(spec["compute"], settings.scope, "computes")
    if "retry_settings" in spec:
        fields["retrySettings"] = members(spec["retry_settings"], {"timeout": ("timeout", length)})
    if "resources" in spec:
        fields["resources"] = members(spec["resources"], {})
    if spec.get("type") == "pipeline":
        component = {"assetId": asset(spec["component"], settings.scope, "components")} if "component" in spec else None
        fields["deploymentConfiguration"] = {
            "deploymentConfigurationType": "PipelineComponent",
            **({} if component is None else {"componentId": component}),
        }
    return fields


HANDLER = KindHandler(kind="BatchDeployment", schema="batchdeployment", stage=Stage.RESOURCES, decode=decode)
