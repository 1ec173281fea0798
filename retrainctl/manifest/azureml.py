"""What the kinds of Azure Machine Learning share: members spelled as `az ml` does, fields as ARM does.

azureml-v2.md section 7 has the names side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from retrainctl.definition.azureml import INJECTED, SLOT, duration, normalised
from retrainctl.definition.azureml_ids import asset, model_version
from retrainctl.diagnostics import Span
from retrainctl.fastclass import dataclass
from retrainctl.manifest.context import Context
from retrainctl.manifest.instance import Instance
from retrainctl.manifest.references import pinned
from retrainctl.model.environment import AzuremlSettings
from retrainctl.model.values import Path, Tree
from retrainctl.model.versions import ModelVersion

Convert = Callable[[Any], Any]

_AUTH: Final = {"key": "Key", "aml_token": "AMLToken", "aad_token": "AADToken"}
_LATEST: Final = "@latest"


def camel(name: str) -> str:
    """`max_queue_wait` is `maxQueueWait`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def pascal(name: str) -> str:
    """`append_row` is `AppendRow`."""
    return "".join(part.capitalize() for part in str(name).split("_"))


def auth_mode(name: str) -> str:
    return _AUTH[name]


def length(value: float) -> str:
    """Seconds as an ISO 8601 duration."""
    return duration(float(value))


def milliseconds(value: float) -> str:
    return duration(float(value) / 1000)


def members(given: Mapping[str, Any], convert: Mapping[str, tuple[str, Convert]]) -> dict[str, Any]:
    """A mapping's members under ARM's names; what `convert` does not name keeps its value."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        arm, make = convert.get(name, (camel(name), _same))
        found[arm] = make(value) if value is not None else None
    return found


def _same(value: Any) -> Any:
    return value


def probe(given: Mapping[str, Any]) -> dict[str, Any]:
    timed = {name: (camel(name), length) for name in ("initial_delay", "period", "timeout")}
    return members(given, timed)


def identity(given: Mapping[str, Any]) -> dict[str, Any]:
    """`{type: user_assigned, user_assigned_identities: [{resource_id}]}` with ARM's map of ids."""
    found: dict[str, Any] = {"type": pascal(given["type"])}
    if assigned := given.get("user_assigned_identities"):
        found["userAssignedIdentities"] = {one["resource_id"]: {} for one in assigned}
    return found


@dataclass(slots=True, eq=False)
class Spans(Mapping[Path, Span]):
    """The places of the fields by ARM's names, found when asked for.

    at: where a field's first step stands in `spec`.
    """

    instance: Instance
    at: Mapping[str, tuple[str, ...]]

    def __getitem__(self, path: Path) -> Span:
        if path and path[0] == "models" and "models" not in self.instance.spec:
            return self.instance.span(("spec", SLOT))
        first = self.at.get(path[0], (snake(path[0]),)) if path else ()
        return self.instance.span(("spec", *first, *path[1:]))

    def __iter__(self) -> Iterator[Path]:
        return ((name,) for name in self.instance.spec)

    def __len__(self) -> int:
        return len(self.instance.spec)


def snake(name: str) -> str:
    """`maxQueueWait` is `max_queue_wait`."""
    return "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name)


def settings_of(instance: Instance, context: Context) -> AzuremlSettings | None:
    """The environment's workspace; None, reported once, when it has none."""
    if context.environment.azureml is None:
        context.no_target("azureml", instance)
    return context.environment.azureml


def common(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that every endpoint and deployment has."""
    return {name: spec[name] for name in ("description", "tags", "properties", "location") if name in spec}


def finished(fields: Mapping[str, Any], settings: AzuremlSettings) -> dict[str, Tree]:
    """Fields in their comparable form; a declared null stays, an emptied map too."""
    nulls: dict[str, Tree] = {name: None for name, value in fields.items() if value is None}
    return {**normalised(fields, settings.scope), **nulls}


def served(instance: Instance, context: Context, settings: AzuremlSettings) -> Mapping[str, ModelVersion] | None:
    """The version that a deployment shall serve, with its registered id; empty where none is declared."""
    spec = instance.spec
    if "models" in spec:
        slots = pinned(instance, context, registers=True)
        if slots is None:
            return None
        if wrong := sorted(slots.keys() - {SLOT}):
            span = instance.span(("spec", "models", wrong[0]))
            hint = f"Write `models: {{{SLOT}: MODEL@VERSION}}`, or `{SLOT}: MODEL@VERSION`."
            context.found.error("RC191", f'a deployment has no slot "{wrong[0]}"', span, hint, str(instance.address))
            return None
        return {SLOT: registered(slots[SLOT], settings)} if slots else {}
    if SLOT not in spec:
        return {}
    version = _referred(instance, context, settings)
    return None if version is None else {SLOT: version}


def registered(version: ModelVersion, settings: AzuremlSettings) -> ModelVersion:
    """The version with the id that it has, or will have, among the workspace's models."""
    name = version.registered or f"azureml:{version.model}:{version.version}"
    # A version that is only a blob elsewhere is registered from there.
    blob = version.uri if version.registered is None else None
    file = version.file if version.file is not None else blob
    return replace(version, uri=asset(name, settings.scope, "models"), file=file)


def _referred(instance: Instance, context: Context, settings: AzuremlSettings) -> ModelVersion | None:
    text: str = instance.spec[SLOT]
    span = instance.span(("spec", SLOT), key=False)
    address = str(instance.address)
    if text.endswith(_LATEST):
        context.found.error(
            "RC190",
            f"{text} is another model tomorrow: a plan needs a version",
            span,
            "Name the version, e.g. azureml:NAME:3; `az ml model list --name NAME` shows them.",
            address,
        )
        return None
    if not text.startswith(("azureml:", "/")):
        return _pinned(instance, context, settings, text, span)
    identity = asset(text, settings.scope, "models")
    found = model_version(identity)
    if found is None:
        hint = "Write MODEL@VERSION, azureml:NAME:VERSION, an ARM id, or azureml://registries/R/models/M/versions/V."
        context.found.error("RC190", f"{text} names no version of a registered model", span, hint, address)
        return None
    for line in context.models.values():
        for version in line.versions:
            if registered(version, settings).uri == identity and version.registered is not None:
                return registered(version, settings)
    name, number = found
    return ModelVersion(
        model=name, version=int(number) if number.isdecimal() else 1, uri=identity, registered=text, origin=span
    )


def _pinned(
    instance: Instance, context: Context, settings: AzuremlSettings, text: str, span: Span
) -> ModelVersion | None:
    name, _, number = text.rpartition("@")
    line = context.models.get(name)
    version = line.find(int(number)) if line is not None and number.isdecimal() else None
    if version is not None:
        return registered(version, settings)
    if context.unsure.about("Model", name):
        return None
    if not name or not number.isdecimal():
        hint = "Write MODEL@VERSION of a Model here, or azureml:NAME:VERSION."
        context.found.error("RC190", f"{text} names no version of a model", span, hint, str(instance.address))
    elif line is None:
        hint = context.guess(name, context.models, "models")
        context.found.error("RC134", f'there is no model "{name}"', span, hint, str(instance.address))
    else:
        known = ", ".join(str(one.version) for one in line.versions[-12:]) or "none yet"
        message = f"model {name} has no version {number}"
        context.found.error("RC135", message, span, f"Versions: {known}.", str(instance.address))
    return None


def variables(instance: Instance, context: Context) -> dict[str, str] | None:
    """The environment variables; None, reported, when one is the service's own."""
    given: dict[str, str] = dict(instance.spec.get("environment_variables", {}))
    fine = True
    for name in sorted(given.keys() & INJECTED):
        fine = False
        span = instance.span(("spec", "environment_variables", name))
        message = f"{name} is set by the service, from the model and the script"
        context.found.error("RC192", message, span, "Leave it out.", str(instance.address))
    return given if fine else None
