"""Writing a snapshot folder: deterministic, atomic per file, never complete by accident.

The order keeps a reader from believing half a snapshot: `snapshot.json` first says `complete: false`, then the files of
the targets change, stale ones go, `applied.json` follows, and `snapshot.json` says `complete` again at the very end.
Other files in the folder are left alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from retrainctl.definition.encoding import pretty
from retrainctl.definition.export import without_secrets
from retrainctl.definition.shape import COMMITMENT_PLAN, WEB_SERVICE, Record
from retrainctl.fastclass import dataclass
from retrainctl.model.resource import Applied
from retrainctl.targets.arm import ids
from retrainctl.targets.snapshot import applied as applied_records
from retrainctl.targets.snapshot.folder import APPLIED, HEAD, Head
from retrainctl.targets.snapshot.names import encode

TARGETS: Final = ("arm", "classic", "azureml")
"""Folders that belong to a snapshot; JSON files in them that are not written any more are removed."""

PLANS: Final = "commitmentPlans"
"""Folder of the commitment plans, inside the folder of their resource group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotFile:
    """One file of a snapshot, its path relative to the folder."""

    path: PurePosixPath
    data: bytes


def arm_file(identity: str, document: dict[str, Any]) -> SnapshotFile:
    """The file of a web service or a commitment plan: the answer of GET, without secrets.

    Members come in a fixed order; the order inside maps, columns and edges is the service's.
    """
    resource = ids.parse(identity)
    plan = resource.type.lower() == ids.COMMITMENT_PLANS.lower()
    folder = PurePosixPath("arm", encode(resource.resource_group))
    name = encode(resource.name) + ".json"
    shown = {**document, "id": document.get("id", identity), "name": document.get("name", resource.name)}
    tree = _ordered(shown, COMMITMENT_PLAN) if plan else _ordered(without_secrets(shown), WEB_SERVICE)
    return SnapshotFile(path=folder / PLANS / name if plan else folder / name, data=pretty(tree))


def write_snapshot(
    root: Path, head: Head, files: Iterable[SnapshotFile], *, applied: Iterable[Applied] = ()
) -> tuple[PurePosixPath, ...]:
    """Makes the folder hold exactly this snapshot.

    Args:
        root: made when it is not there.
        files: of all targets; may be a generator, one file is in memory at a time.
        applied: what the ledger knows of these resources.

    Returns:
        What changed on disk, in the order in which it was done; an unchanged file keeps its time stamp.

    Raises:
        OSError: the disk refused; the folder then says that it is not complete.
    """
    root.mkdir(parents=True, exist_ok=True)
    done: list[PurePosixPath] = []
    _put(root, PurePosixPath(HEAD), pretty(replace(head, complete=False, encoded=True).to_json()))
    written: set[PurePosixPath] = set()
    for file in files:
        written.add(file.path)
        if _put(root, file.path, file.data):
            done.append(file.path)
    for stale in sorted(set(_present(root)) - written):
        (root / stale).unlink()
        done.append(stale)
    if _put(root, PurePosixPath(APPLIED), applied_records.encode(applied)):
        done.append(PurePosixPath(APPLIED))
    _put(root, PurePosixPath(HEAD), pretty(replace(head, encoded=True).to_json()))
    return (*done, PurePosixPath(HEAD))


def _present(root: Path) -> Iterator[PurePosixPath]:
    for target in TARGETS:
        for path in (root / target).rglob("*.json"):
            yield PurePosixPath(path.relative_to(root).as_posix())


def _put(root: Path, name: PurePosixPath, data: bytes) -> bool:
    """Replaces a file at once, or leaves it when it holds these bytes already."""
    path = root / name
    try:
        if path.read_bytes() == data:
            return False
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return True


def _ordered(document: dict[str, Any], shape: Record) -> dict[str, Any]:
    """Envelope and properties in a fixed order; unknown members behind."""
    envelope = ("id", "name", "type", "location", "tags", "sku", "etag", "properties")
    out = {name: document[name] for name in envelope if name in document}
    out.update((name, item) for name, item in document.items() if name not in out)
    properties, known = out.get("properties"), shape.members["properties"]
    if isinstance(properties, dict) and isinstance(known, Record):
        first = {name: properties[name] for name in known.members if name in properties}
        out["properties"] = {**first, **properties}
    return out
