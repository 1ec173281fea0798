"""The folder form of a snapshot: `snapshot.json` beside one folder per target."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from retrainctl.definition.file import load_bytes
from retrainctl.definition.moment import read_moment
from retrainctl.definition.parsing import invalid, parse
from retrainctl.diagnostics import Diagnostic, Span
from retrainctl.errors import InvalidInput
from retrainctl.fastclass import dataclass
from retrainctl.targets.snapshot.names import decode

HEAD: Final = "snapshot.json"
APPLIED: Final = "applied.json"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What `snapshot.json` says.

    complete: whether a resource without file does not exist. Without it, nothing is known of such a resource.
    targets: per target (`arm`, `classic`) where the files were taken from, as the target's own part understands it.
    encoded: whether file names are those of `names.encode`, so that no file must be opened to know what it holds.
    """

    complete: bool
    created_at: datetime | None = None
    environment: str | None = None
    targets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    encoded: bool = False

    def covers(self, target: str) -> bool:
        """Whether the snapshot speaks of all resources of a target."""
        return self.complete and (not self.targets or target in self.targets)

    def to_json(self) -> dict[str, Any]:
        created = None if self.created_at is None else self.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "format": FORMAT,
            "complete": self.complete,
            "createdAt": created,
            "environment": self.environment,
            "names": "encoded" if self.encoded else "plain",
            "targets": self.targets,
        }


def read_head(root: Path, shown: str) -> Head | None:
    """Reads `snapshot.json`; None when the folder has none, raises `InvalidInput` when it makes no sense."""
    path = root / HEAD
    if not path.is_file():
        return None
    file = f"{shown}/{HEAD}"
    data = parse(load_bytes(path, shown=file), file=file)
    if not isinstance(data, dict):
        raise not_a_snapshot(file, "it must be an object")
    complete, number = data.get("complete", False), data.get("format", FORMAT)
    targets = data.get("targets", {})
    created = read_moment(data.get("createdAt"))
    if not isinstance(complete, bool):
        raise not_a_snapshot(file, "`complete` must be true or false")
    if not isinstance(number, int) or number > FORMAT:
        raise not_a_snapshot(file, f"its format {number!r} is newer than this retrainctl knows")
    if data.get("createdAt") is not None and created is None:
        raise not_a_snapshot(file, "`createdAt` must be a moment such as 2026-11-02T08:00:00Z")
    if not isinstance(targets, dict) or not all(isinstance(part, dict) for part in targets.values()):
        raise not_a_snapshot(file, "`targets` must hold one object per target")
    environment = data.get("environment")
    return Head(
        complete=complete,
        created_at=created,
        environment=environment if isinstance(environment, str) else None,
        targets=targets,
        encoded=data.get("names") == "encoded",
    )


def of_another(taken: str, ours: str, shown: str) -> InvalidInput:
    """The error for a snapshot of another place than the environment's. taken, ours: both places in words."""
    message = f"the snapshot is of {taken}, not of {ours}"
    hint = "select the snapshot's environment with --env, or take a snapshot of this one"
    finding = Diagnostic(code="RC225", message=message, span=Span(f"{shown}/{HEAD}", 1, 1), hint=hint)
    return InvalidInput([finding], message)


def not_a_snapshot(file: str, why: str) -> InvalidInput:
    """The error for a file that is not as `snapshot pull` writes it."""
    return invalid(
        "RC221",
        f"not a snapshot: {why}",
        span=Span(file, 1, 1),
        hint="take the snapshot again with `retrainctl snapshot pull`",
    )


def json_files(folder: Path, shown: str) -> Iterator[tuple[Path, str | None]]:
    """The JSON files of a folder, by name, with the resource name behind each (None for a shortened one).

    Nothing where there is no such folder; raises `InvalidInput` where it may not be read.
    """
    for name in _names(folder, shown, lambda entry: entry.name.endswith(".json")):
        yield folder / name, decode(name.removesuffix(".json"))


def folders(folder: Path, shown: str) -> Iterator[tuple[Path, str | None]]:
    """The folders in a folder, likewise."""
    for name in _names(folder, shown, os.DirEntry.is_dir):
        yield folder / name, decode(name)


def _names(folder: Path, shown: str, wanted: Callable[[os.DirEntry[str]], bool]) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if not entry.name.startswith(".") and wanted(entry))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as bad:
        raise invalid(
            "RC220",
            f"the folder cannot be read: {bad.strerror}",
            span=Span(shown, 1, 1),
            hint="check the permissions of the folder",
        ) from None
