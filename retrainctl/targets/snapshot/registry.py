"""Opening a snapshot: one reader per target that it can stand for.

A target joins with one line in `READERS` and a module of its own beside `arm.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

from retrainctl.definition.parsing import invalid
from retrainctl.diagnostics import Span
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.environment import (
    EMULATOR_LOCATION,
    EMULATOR_RESOURCE_GROUP,
    EMULATOR_SUBSCRIPTION,
    ArmSettings,
    Environment,
)
from retrainctl.model.resource import Applied, Desired, Observed
from retrainctl.ports import Reader, Reading
from retrainctl.targets.snapshot.applied import read_applied
from retrainctl.targets.snapshot.folder import HEAD, Head, read_head
from retrainctl.targets.snapshot.uncovered import Uncovered


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A snapshot on disk. `shown` is its path as the user typed it; `head` what its `snapshot.json` says."""

    path: Path
    shown: str
    head: Head | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An opened snapshot: readers by target, and what the ledger knew."""

    readers: Mapping[str, Reader]
    applied: Mapping[Address, Applied] = field(default_factory=dict)
    head: Head | None = None


Opener: TypeAlias = Callable[[Source, Environment], Reader]


def _arm(source: Source, environment: Environment) -> Reader:
    settings = environment.arm
    if settings is None and environment.emulator is not None:
        settings = ArmSettings(
            subscription=EMULATOR_SUBSCRIPTION, resource_group=EMULATOR_RESOURCE_GROUP, location=EMULATOR_LOCATION
        )
    if settings is None:
        return Uncovered()
    opening = partial(_open_arm, source, settings)
    nothing_said = source.head is not None and not source.head.targets.get("arm") and not (source.path / "arm").is_dir()
    return _WhenRead(opening) if nothing_said else opening()


def _open_arm(source: Source, settings: ArmSettings) -> Reader:
    from retrainctl.targets.snapshot.arm import SnapshotReader

    return SnapshotReader(source.path, settings, head=source.head, shown=source.shown)


class _WhenRead:
    """A reader that is opened when something is read: what it needs is not imported for a project that has nothing of
    its target."""

    def __init__(self, opening: Callable[[], Reader]) -> None:
        self._opening = opening
        self._opened: Reader | None = None

    def read(self, wanted: Sequence[Desired]) -> Reading:
        return self._reader().read(wanted)

    def reread(self, address: Address, identity: str) -> Observed | None:
        return self._reader().reread(address, identity)

    def _reader(self) -> Reader:
        if self._opened is None:
            self._opened = self._opening()
        return self._opened


def _classic(source: Source, environment: Environment) -> Reader:
    if environment.classic is None or not (source.path / "classic").is_dir():
        return Uncovered()
    from retrainctl.targets.snapshot.classic import ClassicSnapshotReader

    return ClassicSnapshotReader(source.path, environment.classic, head=source.head, shown=source.shown)


def _azureml(source: Source, environment: Environment) -> Reader:
    settings = environment.azureml
    if settings is None or not (source.path / "azureml").is_dir():
        return Uncovered()
    from retrainctl.targets.snapshot.azureml import AzuremlSnapshotReader

    return AzuremlSnapshotReader(source.path, settings, head=source.head, shown=source.shown)


READERS: Final[Mapping[str, Opener]] = MappingProxyType({"arm": _arm, "classic": _classic, "azureml": _azureml})


def open_snapshot(path: Path, environment: Environment, *, shown: str | None = None) -> Snapshot:
    """Opens a definition JSON or a snapshot folder (its `snapshot.json` may be named as well).

    Raises:
        InvalidInput: it is not there, is not readable, or is no snapshot; files of resources are read by the readers.
    """
    name = shown or str(path)
    if path.name == HEAD and path.is_file():
        path, name = path.parent, name.removesuffix(HEAD).rstrip("/\\") or "."
    head: Head | None = None
    applied: Mapping[Address, Applied] = {}
    if path.is_dir():
        head = read_head(path, name)
        applied = read_applied(path, name)
        held = any((path / target).is_dir() for target in READERS)
        if head is None and not held and not any(path.glob("*.json")):
            raise invalid(
                "RC220",
                "the folder holds no definition and no snapshot.json",
                span=Span(name, 1, 1),
                hint="name a definition JSON, or a folder made by `retrainctl snapshot pull`",
            )
    elif not path.exists():
        raise invalid(
            "RC220",
            "the snapshot does not exist",
            span=Span(name, 1, 1),
            hint="name a definition JSON, or a folder made by `retrainctl snapshot pull`",
        )
    source = Source(path=path, shown=name, head=head)
    readers = {target: opener(source, environment) for target, opener in READERS.items()}
    return Snapshot(readers=readers, applied=applied, head=head)
