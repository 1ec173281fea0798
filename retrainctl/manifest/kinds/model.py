"""`Model`: a named line of trained model versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retrainctl.definition.azureml_ids import asset
from retrainctl.diagnostics import Span
from retrainctl.manifest.context import Context
from retrainctl.manifest.document import children, size
from retrainctl.manifest.handler import KindHandler, Stage
from retrainctl.manifest.instance import Instance, Spans
from retrainctl.manifest.versions import NO_METRICS, NO_PARAMETERS, check_line, model_file
from retrainctl.model.versions import ModelLine, ModelVersion, VersionRows


def decode(instance: Instance, context: Context) -> ModelLine | None:
    """The model with its versions, from the manifest itself or from its CSV file."""
    declared = instance.spec["versions"]
    versions: tuple[ModelVersion, ...] | VersionRows | None
    if isinstance(declared, Mapping):
        versions = _from_csv(instance, context, declared["csv"])
    else:
        versions = _from_list(instance, context, declared)
    # Rows of a table without errors ascend; the rest is looked at here.
    if versions is None or (isinstance(versions, tuple) and not check_line(versions, context.found)):
        return None
    return ModelLine(name=instance.address.name, versions=versions, origin=instance.origin, spans=Spans(instance))


def _from_csv(instance: Instance, context: Context, name: str) -> tuple[ModelVersion, ...] | VersionRows | None:
    at = ("spec", "versions", "csv")
    table = context.versions.load(name, instance.document.file, lambda: instance.span(at, key=False))
    return None if table is None else table.line(instance.address.name)


def _from_list(instance: Instance, context: Context, declared: list[dict[str, Any]]) -> tuple[ModelVersion, ...] | None:
    places = _places(instance, len(declared))
    made = [
        _version(instance, context, position, entry, place)
        for position, (entry, place) in enumerate(zip(declared, places, strict=True))
    ]
    versions = tuple(version for version in made if version is not None)
    return versions if len(versions) == len(made) else None


def _version(
    instance: Instance, context: Context, position: int, entry: dict[str, Any], origin: Span
) -> ModelVersion | None:
    sha256 = entry.get("sha256")
    file = entry.get("file")
    if file is not None:
        at = ("spec", "versions", position, "file")
        file = model_file(context.sources, file, instance.document.file, lambda: instance.span(at, key=False))
        if file is None:
            return None
    return ModelVersion(
        model=instance.address.name,
        version=entry["version"],
        uri=entry.get("uri") or _registered(entry, context),
        file=file,
        registered=entry.get("registered"),
        sha256=sha256.lower() if sha256 is not None else None,
        etag=entry.get("etag"),
        trained_at=entry.get("trainedAt"),
        run=entry.get("run"),
        metrics=entry.get("metrics", NO_METRICS),
        data=tuple(entry.get("data", ())),
        parameters=entry.get("parameters", NO_PARAMETERS),
        origin=origin,
    )


def _registered(entry: dict[str, Any], context: Context) -> str | None:
    """The id of a version that a workspace has already: what a deployment that serves it shows."""
    settings = context.environment.azureml
    if settings is None or "registered" not in entry or "file" in entry:
        return None
    return asset(entry["registered"], settings.scope, "models")


def _places(instance: Instance, count: int) -> list[Span]:
    """Where each version stands, in one pass; a version that an item made is where the item is."""
    document = instance.document
    _, at, _ = document.find(("spec", "versions"))
    written = document.data["spec"]["versions"]
    if not isinstance(written, list):
        return [instance.origin] * count
    made = sorted(instance.tree.items) if instance.tree is not None and instance.item is not None else []
    places: list[Span] = []
    for _, place, _, entry in children(written, at):
        from_item = next((index for index in made if place <= index < place + size(entry)), None) if made else None
        places.append(document.span_at(place) if from_item is None else instance.origin)
    return places


HANDLER = KindHandler(kind="Model", schema="model", stage=Stage.MODELS, decode=decode)
