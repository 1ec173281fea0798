"""Models and their versions as declared: finding one by its name, and telling what there is and who uses it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from retrainctl.errors import RetrainctlError
from retrainctl.manifest.load import Loaded
from retrainctl.manifest.suggest import hint
from retrainctl.model.redaction import without_query
from retrainctl.model.versions import ModelLine, ModelVersion
from retrainctl.operations.model_files import file_sha256

REFERENCE: Final = re.compile(r"(?P<model>.+)@(?P<version>[1-9][0-9]{0,8})")
"""`MODEL@VERSION`, as manifests write it."""


def find_model(loaded: Loaded, name: str) -> ModelLine:
    """The model of this name. Raises `RetrainctlError` (RC651) naming those that there are."""
    if (line := loaded.models.get(name)) is not None:
        return line
    raise RetrainctlError(f'there is no model "{name}"', code="RC651", hint=hint(name, sorted(loaded.models), "models"))


def find_version(loaded: Loaded, reference: str) -> ModelVersion:
    """The version that `MODEL@VERSION` names. Raises `RetrainctlError` (RC651)."""
    found = REFERENCE.fullmatch(reference)
    if found is None:
        raise RetrainctlError(
            f'"{reference}" names no version', code="RC651", hint="Write MODEL@VERSION, for example census@7."
        )
    line = find_model(loaded, found["model"])
    if (version := line.find(int(found["version"]))) is not None:
        return version
    there = ", ".join(f"@{one.version}" for one in line.versions[-12:])
    raise RetrainctlError(
        f'model "{line.name}" has no version {found["version"]}', code="RC651", hint=f"There is {there}."
    )


def chosen(loaded: Loaded, references: Sequence[str]) -> tuple[ModelVersion, ...]:
    """The versions that `MODEL` and `MODEL@VERSION` name, each once; all there are when nothing is named."""
    if not references:
        return tuple(version for name in sorted(loaded.models) for version in loaded.models[name].versions)
    found: dict[str, ModelVersion] = {}
    for reference in references:
        if reference in loaded.models or REFERENCE.fullmatch(reference) is None:
            versions = find_model(loaded, reference).versions
        else:
            versions = (find_version(loaded, reference),)
        found.update({version.label: version for version in versions})
    return tuple(found.values())


def listing(loaded: Loaded) -> dict[str, Any]:
    """Every model with its versions counted and who uses them, as JSON data."""
    uses = _uses(loaded)
    return {
        "environment": loaded.environment.name,
        "models": [
            {
                "name": line.name,
                "versions": len(line.versions),
                "latest": line.versions[-1].version if line.versions else None,
                "trained_at": line.versions[-1].trained_at if line.versions else None,
                "origin": None if line.origin is None else str(line.origin),
                "used_by": [use for version in line.versions for use in uses.get(version.label, ())],
            }
            for _, line in sorted(loaded.models.items())
        ],
    }


def description(loaded: Loaded, reference: str) -> dict[str, Any]:
    """A model with all its versions, or with the one that `MODEL@VERSION` names, as JSON data.

    Raises:
        RetrainctlError: RC651, there is no such model or version.
    """
    uses = _uses(loaded)
    versions = chosen(loaded, [reference])
    line = find_model(loaded, versions[0].model) if versions else find_model(loaded, reference)
    return {
        "environment": loaded.environment.name,
        "name": line.name,
        "origin": None if line.origin is None else str(line.origin),
        "versions": [_version(version, uses, loaded.project.root) for version in versions],
    }


def _uses(loaded: Loaded) -> Mapping[str, list[dict[str, Any]]]:
    """Label -> the slots that ask for it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for desired in sorted(loaded.desired, key=lambda entry: entry.address):
        for slot, version in desired.slots.items():
            use = {"address": str(desired.address), "slot": slot, "version": version.version}
            found.setdefault(version.label, []).append(use)
    return found


def _version(version: ModelVersion, uses: Mapping[str, list[dict[str, Any]]], root: Path) -> dict[str, Any]:
    size, sha256 = None, version.sha256
    if version.file is not None:
        try:
            size, sha256 = (root / version.file).stat().st_size, file_sha256(root / version.file)
        except OSError:
            size = None
    return {
        "version": version.version,
        "label": version.label,
        "uri": None if version.uri is None else without_query(version.uri),
        "file": version.file,
        "size": size,
        "sha256": sha256,
        "etag": version.etag,
        "trained_at": version.trained_at,
        "run": version.run,
        "metrics": dict(version.metrics),
        "origin": None if version.origin is None else str(version.origin),
        "used_by": uses.get(version.label, []),
    }
