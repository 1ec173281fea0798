"""`Retraining`: how a new version of a model is made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from retrainctl.diagnostics import Span
from retrainctl.manifest.context import Context
from retrainctl.manifest.expressions import compile_text
from retrainctl.manifest.handler import KindHandler, RawDocument, Stage
from retrainctl.manifest.instance import Instance
from retrainctl.manifest.scope import ExpressionError
from retrainctl.model.address import Address
from retrainctl.model.metrics import BETTER_WHEN, folded
from retrainctl.model.retraining import (
    DATA_EXTENSIONS,
    LIVE,
    MODEL_EXTENSION,
    Blobs,
    DataInput,
    Gate,
    Retraining,
    ServiceRef,
)
from retrainctl.model.values import Json, SecretRef

KIND: Final = "Retraining"
_VERSION: Final = frozenset({"version"})
_CLASSIC: Final = "ClassicWebService"
_NEW: Final = "WebService"
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def decode(instance: Instance, context: Context) -> RawDocument | None:
    """The manifest, checked; `retraining` makes the noun of it."""
    before = len(context.found)
    scope = dict(context.scope) if instance.item is None else {**context.scope, "item": instance.item.value}
    spec = _resolved(instance, context)
    raw = RawDocument(
        kind=KIND, name=instance.address.name, spec=spec, scope=scope, origin=instance.origin, instance=instance
    )
    _check_model(instance, context)
    _check_store(raw, context)
    for position, gate in enumerate(spec.get("gate", ())):
        _check_gate(position, gate, instance, context)
    return raw if len(context.found) == before else None


def retraining(raw: RawDocument) -> Retraining:
    """The noun of a manifest that `decode` let through."""
    spec: Mapping[str, Any] = raw.spec
    store, outputs = spec["store"], spec["outputs"]
    return Retraining(
        address=Address(KIND, raw.name),
        service=_service(spec["trainingService"]),
        inputs={port: _input(given) for port, given in spec.get("inputs", {}).items()},
        parameters={name: _parameter(value) for name, value in spec.get("globalParameters", {}).items()},
        model_port=outputs["model"],
        evaluation_port=outputs.get("evaluation"),
        account=store["account"],
        container=store["container"],
        blobs=lambda version: _blobs(raw, version),
        produces=spec["produces"],
        row=spec.get("evaluationRow"),
        gates=tuple(_gate(given) for given in spec.get("gate", ())),
        time_limit=_seconds(spec["timeLimit"]) if "timeLimit" in spec else None,
        pool=spec.get("batchPool"),
        schedule=spec.get("schedule", {}),
        origin=raw.origin,
    )


def _resolved(instance: Instance, context: Context) -> dict[str, Any]:
    """The spec, the training service named as its API does."""
    spec = dict(instance.spec)
    service = dict(spec["trainingService"])
    target, kind = ("classic", _CLASSIC) if "classic" in service else ("arm", _NEW)
    if getattr(context.environment, target) is None:
        context.no_target(target, instance)
    named: str = service[target]
    if named.startswith(f"{kind}/"):
        address = Address(kind, named.removeprefix(f"{kind}/"))
        place = context.places.get(address)
        if place is not None:
            service[target] = place["webService"] if target == "classic" else place["name"]
            if target == "arm":
                service.setdefault("resourceGroup", place["resourceGroup"])
        elif not context.unsure.about(kind, address.name):
            known = [one.name for one in context.places if one.kind == kind]
            span = instance.span(("spec", "trainingService", target), key=False)
            next_step = context.guess(address.name, known, "web services")
            context.found.error("RC132", f"nothing declares {address}", span, next_step, str(instance.address))
    return {**spec, "trainingService": service, "inputs": _resolved_inputs(instance, context)}


def _resolved_inputs(instance: Instance, context: Context) -> dict[str, Any]:
    """The inputs, local files as paths in the project: a manifest names them relative to itself."""
    inputs: dict[str, Any] = {}
    for port, given in instance.spec.get("inputs", {}).items():
        path = ("spec", "inputs", port)
        local = isinstance(given, Mapping) and "file" in given
        name = given["file"] if local else given["uri"] if isinstance(given, Mapping) else given
        span = instance.span((*path, "file") if local else path, key=False)
        inputs[port] = given
        if local:
            file = context.sources.inside(name, instance.document.file, span)
            if file is not None and not context.sources.is_file(file):
                next_step = "Check the path; it is relative to this file."
                context.found.error("RC109", f"there is no file {file}", span, next_step, str(instance.address))
            inputs[port] = {"file": file}
        if not name.lower().endswith(DATA_EXTENSIONS):
            context.found.error(
                "RC601",
                f'input {port}: "{name[-80:]}" must end in {", ".join(DATA_EXTENSIONS)}',
                span,
                "The service tells the form of data by the name's ending; .nh.csv is CSV without a header.",
                str(instance.address),
            )
    return inputs


def _check_model(instance: Instance, context: Context) -> None:
    """The model is declared, and no other Retraining makes it too."""
    name = instance.spec["produces"]
    span = instance.span(("spec", "produces"), key=False)
    if name not in context.models:
        if not context.unsure.about("Model", name):
            next_step = context.guess(name, context.models, "models")
            context.found.error("RC134", f'there is no model "{name}"', span, next_step, str(instance.address))
        return
    first = context.produced.setdefault(name, instance.address)
    if first is not instance.address:
        context.found.error(
            "RC604",
            f"{instance.address} produces model {name}, and so does {first}",
            span,
            "Two jobs would write the same version: keep one of them.",
            str(instance.address),
        )


def _check_store(raw: RawDocument, context: Context) -> None:
    """The blobs' names can be made, end as they must, and are others for every version."""
    for member, extension in (("path", MODEL_EXTENSION), ("evaluation", DATA_EXTENSIONS[0])):
        if member not in raw.spec["store"]:
            continue
        span = raw.instance.span(("spec", "store", member), key=False)
        address = str(raw.instance.address)
        try:
            names = [_rendered(raw, member, version) for version in (1, 2)]
        except ExpressionError as error:
            context.found.error(error.code, error.message, span, error.hint or None, address)
            continue
        if not names[0].lower().endswith(extension):
            context.found.error(
                "RC601",
                f'store.{member} "{names[0][:80]}" must end in {extension}',
                span,
                f"Write ...{extension}.",
                address,
            )
        store = raw.spec["store"]
        taken = context.produced.setdefault(f"{store['account']}/{store['container']}/{names[0]}", raw.instance.address)
        if taken is not raw.instance.address:
            context.found.error(
                "RC600",
                f"store.{member} of {address} is that of {taken}, so that one model would overwrite the other",
                span,
                "Put {{ item.NAME }}, or the model's name, into it.",
                address,
            )
        if names[0] == names[1]:
            context.found.error(
                "RC600",
                f"store.{member} is the same for every version, so that a new model would overwrite the former one",
                span,
                "Put {{ version }} into it.",
                address,
            )


def _check_gate(position: int, given: Mapping[str, Any], instance: Instance, context: Context) -> None:
    address, found = str(instance.address), context.found

    def span(member: str) -> Span:
        return instance.span(("spec", "gate", position, member), key=False)

    reference = given.get("notWorseThan")
    for member in ("tolerance", "whenMissing"):
        if member in given and reference is None:
            found.error("RC602", f"{member} says nothing without notWorseThan", span(member), "Remove it.", address)
    low, high = given.get("min"), given.get("max")
    if low is not None and high is not None and low > high:
        found.error("RC602", f"no {given['metric']} is at least {low} and at most {high}", span("min"), None, address)
    if reference is None:
        return
    known = BETTER_WHEN.get(folded(given["metric"]))
    if known is None and "direction" not in given:
        found.error(
            "RC602",
            f'it is not known whether a higher or a lower "{given["metric"]}" is better',
            span("metric"),
            "Add direction: higher, or direction: lower.",
            address,
        )
    elif known is not None and given.get("direction", known) != known:
        found.error("RC602", f'"{given["metric"]}" is better when {known}', span("direction"), "Remove it.", address)
    line = context.models.get(instance.spec["produces"])
    if isinstance(reference, int) and line is not None and line.find(reference) is None:
        versions = ", ".join(str(version.version) for version in line.versions[-12:]) or "none"
        message = f"model {line.name} has no version {reference}"
        found.error("RC135", message, span("notWorseThan"), f"Known versions: {versions}.", address)


def _service(given: Mapping[str, str]) -> ServiceRef:
    if "classic" in given:
        return ServiceRef(target="classic", name=given["classic"], endpoint=given.get("endpoint"))
    return ServiceRef(target="arm", name=given["arm"], group=given.get("resourceGroup"))


def _input(given: Any) -> DataInput:
    if isinstance(given, str):
        return DataInput(uri=given)
    if "file" in given:
        return DataInput(file=given["file"])
    return DataInput(uri=given["uri"], sas=SecretRef.from_json(given["sas"]) if "sas" in given else None)


def _parameter(value: Any) -> Json | SecretRef:
    return SecretRef.from_json(value) if isinstance(value, Mapping) else value


def _gate(given: Mapping[str, Any]) -> Gate:
    reference = given.get("notWorseThan")
    tolerance = given.get("tolerance", 0)
    relative = isinstance(tolerance, str)
    return Gate(
        metric=given["metric"],
        minimum=given.get("min"),
        maximum=given.get("max"),
        reference=LIVE if reference == LIVE else reference,
        tolerance=float(tolerance.rstrip("% ")) / 100 if relative else float(tolerance),
        relative=relative,
        direction=given.get("direction", BETTER_WHEN.get(folded(given["metric"]))),
        passes_without_reference=given.get("whenMissing") == "pass",
    )


def _blobs(raw: RawDocument, version: int) -> Blobs:
    model = _rendered(raw, "path", version)
    if "evaluation" not in raw.spec["outputs"]:
        return Blobs(model, None)
    if "evaluation" in raw.spec["store"]:
        return Blobs(model, _rendered(raw, "evaluation", version))
    return Blobs(model, model[: -len(MODEL_EXTENSION)] + DATA_EXTENSIONS[0])


def _rendered(raw: RawDocument, member: str, version: int) -> str:
    text: str = raw.spec["store"][member]
    if "{{" not in text:
        return text
    scope = {**raw.scope, "version": version}
    return str(compile_text(text, frozenset(scope)).render(scope))


def _seconds(text: str) -> float:
    match = _DURATION.fullmatch(text)
    assert match is not None, "the schema has checked it"
    return float(match[1]) * _SECONDS[match[2]]


HANDLER = KindHandler(
    kind=KIND,
    schema="retraining",
    stage=Stage.RULES,
    decode=decode,
    late={("spec", "store", "path"): _VERSION, ("spec", "store", "evaluation"): _VERSION},
)
