"""Getting what exists into manifests whose first plan is empty: `init` and `import`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.manifest.write import manifest, text
from retrainctl.model.redaction import without_query
from retrainctl.operations.folding import Found, fold, literal, one_line, plain_spec

PROJECT_FILE = "retrainctl.yaml"

SMALL = 50
"""Up to so many resources of one group get a file each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """New files by path relative to the project, and what the user should know about them."""

    texts: Mapping[str, str]
    notes: tuple[str, ...] = ()


def project_files(name: str, environments: Mapping[str, Any], found: Iterable[Found]) -> Files:
    """A whole project: the project file and the manifests of what was found."""
    spec = {"manifests": ["manifests/"], "environments": dict(environments)}
    project = text([manifest("Project", name, spec)])
    written = manifest_files(found)
    # The folder that the project file names has to be there, also in a clone: Git keeps no empty ones.
    rest = written.texts or {"manifests/.gitkeep": ""}
    return Files(texts={PROJECT_FILE: project, **rest}, notes=written.notes)


def manifest_files(
    found: Iterable[Found], taken: frozenset[str] = frozenset(), declared: Iterable[str] = (), there: Iterable[str] = ()
) -> Files:
    """The manifests of what was found: a file for each resource of a small estate, else one for each group.

    Every slot that can be read gets a model whose version 1 is the blob that it serves now. Endpoints of one service
    whose names follow a pattern become one manifest with a CSV file.

    taken: names of models that are declared already. declared: addresses that are. there: files that must stay,
    without ending.
    """
    notes: list[str] = []
    texts: dict[str, str] = {}
    names, addresses, paths = _Names(taken), _Names(declared), _Names(there)
    ordered = sorted(found, key=lambda entry: (entry.group, entry.kind, entry.name))
    groups = {entry.group for entry in ordered}
    whole = len(groups) > 1 or len(ordered) > SMALL
    for group in sorted(groups):
        members = [entry for entry in ordered if entry.group == group]
        rows, single = fold(members)
        stem = f"manifests/{slug(group)}" if group and whole else "manifests"
        for row in rows:
            base = paths.unused(f"{stem}/{slug(row.prefix)}" if not whole else f"{stem}-{slug(row.prefix)}")
            table = f"{base}.csv"
            texts[table] = row.csv
            behind = "" if addresses.take_all(row.addresses()) else f"-{slug(row.group)}"
            comment = _hidden(row.kind, f"{row.name} ({row.count:,} of them)", row.hidden)
            texts[f"{base}.yaml"] = text([row.document(Path(table).name, behind)], comment=comment)
            notes += comment.splitlines()
        if whole and single:
            path = f"{paths.unused(stem if group else f'{stem}/services')}.yaml"
            made = [_documents(entry, names, addresses) for entry in single]
            comment = "\n".join(comment for _, comment in made if comment)
            texts[path] = text([document for documents, _ in made for document in documents], comment=comment)
            notes += comment.splitlines()
            continue
        for entry in single:
            path = f"{paths.unused(f'{stem}/{slug(entry.name)}')}.yaml"
            documents, comment = _documents(entry, names, addresses)
            texts[path] = text(documents, comment=comment)
            notes += comment.splitlines()
    return Files(texts=texts, notes=tuple(notes))


def _documents(entry: Found, names: _Names, addresses: _Names) -> tuple[list[dict[str, Any]], str]:
    models: list[dict[str, Any]] = []
    pins: dict[str, str] = {}
    hidden: list[str] = []
    for slot, uri in sorted(entry.slots.items()):
        if uri is None:
            hidden.append(slot)
            continue
        model = names.unused(slug(re.sub(r"\s*\[trained model\]$", "", slot, flags=re.IGNORECASE)))
        models.append(manifest("Model", model, {"versions": [{"version": 1, "uri": literal(without_query(uri))}]}))
        pins[literal(slot)] = f"{model}@1"
    called = addresses.unused(f"{entry.kind}/{entry.name}", f"-{slug(entry.group)}").partition("/")[2]
    spec = {**plain_spec(entry.spec), **({"models": pins} if pins else {})}
    if called != entry.name:
        spec = {"name": literal(entry.name), **spec}
    comment = _hidden(entry.kind, called, hidden)
    return [*models, manifest(entry.kind, literal(called), spec)], comment


def _hidden(kind: str, name: str, slots: Iterable[str]) -> str:
    """What is said of slots whose model no read shows; on one line each, for it stands in a comment."""
    return "\n".join(
        f'{kind}/{one_line(name)}: what slot "{one_line(slot)}" serves cannot be read; add it to models'
        for slot in slots
    )


class _Names:
    """Hands out names that are not taken yet, compared without case as some file systems do."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {name.casefold() for name in taken}

    def unused(self, stem: str, instead: str = "") -> str:
        """The stem, else with `instead` at its end, else with a number."""
        candidate, number = stem, 1
        if instead and candidate.casefold() in self._taken:
            candidate = stem = stem + instead
        while candidate.casefold() in self._taken:
            number += 1
            candidate = f"{stem}-{number}"
        self._taken.add(candidate.casefold())
        return candidate

    def take_all(self, names: Iterable[str]) -> bool:
        """Takes all of the names, or none when one of them is taken."""
        wanted = {name.casefold() for name in names}
        if wanted & self._taken:
            return False
        self._taken |= wanted
        return True


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
