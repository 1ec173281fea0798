"""Getting what exists into manifests whose first plan is empty: `init` and `import`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retrainctl.errors import RetrainctlError
from retrainctl.manifest.write import manifest, text
from retrainctl.model.redaction import without_query

PROJECT_FILE = "retrainctl.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One resource that exists, as far as a manifest can declare it.

    kind: `WebService`, `Endpoint` ... spec: what the manifest shall say besides `models`, in order.
    slots: slot name -> blob URI as read; None where a read does not tell.
    group: what it is filed under (a resource group, a Classic service).
    """

    kind: str
    name: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    slots: Mapping[str, str | None] = field(default_factory=dict)
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """New files by path relative to the project, and what the user should know about them."""

    texts: Mapping[str, str]
    notes: tuple[str, ...] = ()


def project_files(name: str, environments: Mapping[str, Any], found: Iterable[Found]) -> Files:
    """A whole project: the project file and one manifest file per resource, grouped in folders."""
    spec = {"manifests": ["manifests/"], "environments": dict(environments)}
    project = text([manifest("Project", name, spec)])
    written = manifest_files(found)
    return Files(texts={PROJECT_FILE: project, **written.texts}, notes=written.notes)


def manifest_files(found: Iterable[Found], taken: frozenset[str] = frozenset()) -> Files:
    """The manifests of what was found; every slot gets a model whose version 1 is the blob that it serves now.
    `taken`: names of models that are declared already."""
    texts: dict[str, str] = {}
    notes: list[str] = []
    names = _Names(taken)
    ordered = sorted(found, key=lambda entry: (entry.group, entry.kind, entry.name))
    groups = {entry.group for entry in ordered}
    for entry in ordered:
        folder = f"manifests/{slug(entry.group)}" if len(groups) > 1 and entry.group else "manifests"
        path = names.unused(f"{folder}/{slug(entry.name)}", ".yaml")
        documents, comment = _documents(entry, names)
        texts[path] = text(documents, comment=comment)
        notes += comment.splitlines()
    return Files(texts=texts, notes=tuple(notes))


def _documents(entry: Found, names: _Names) -> tuple[list[dict[str, Any]], str]:
    models: list[dict[str, Any]] = []
    pins: dict[str, str] = {}
    hidden: list[str] = []
    for slot, uri in sorted(entry.slots.items()):
        if uri is None:
            hidden.append(slot)
            continue
        model = names.unused(slug(re.sub(r"\s*\[trained model\]$", "", slot, flags=re.IGNORECASE)), "")
        models.append(manifest("Model", model, {"versions": [{"version": 1, "uri": without_query(uri)}]}))
        pins[slot] = f"{model}@1"
    spec = {**entry.spec, **({"models": pins} if pins else {})}
    lines = [
        f'{entry.kind}/{entry.name}: what slot "{slot}" serves cannot be read; add it to models' for slot in hidden
    ]
    return [*models, manifest(entry.kind, entry.name, spec)], "\n".join(lines)


class _Names:
    """Hands out names that are not taken yet, compared without case as some file systems do."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {name.casefold() for name in taken}

    def unused(self, stem: str, ending: str) -> str:
        candidate, number = stem + ending, 1
        while candidate.casefold() in self._taken:
            number += 1
            candidate = f"{stem}-{number}{ending}"
        self._taken.add(candidate.casefold())
        return candidate


def slug(name: str) -> str:
    """A name fit for files and model names: lower case, words joined by hyphens; never empty."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:80] or "unnamed"


def write_files(folder: Path, files: Files) -> Sequence[Path]:
    """Writes the files of a new project; refuses before the first when any of them is already there."""
    there = [path for path in sorted(files.texts) if (folder / path).exists()]
    if there:
        raise RetrainctlError(
            f"{folder / there[0]} is already there" + (f", and {len(there) - 1} more" if len(there) > 1 else ""),
            code="RC004",
            hint="Choose another folder with --dir, or move the file away.",
        )
    written = []
    for path, content in sorted(files.texts.items()):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8", newline="\n")
        written.append(target)
    return written
