"""Live state into files, so that plans need no network and no credentials: `snapshot pull`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath

from retrainctl.manifest.load import Loaded
from retrainctl.model.address import Address
from retrainctl.model.kind import KINDS
from retrainctl.model.resource import Applied
from retrainctl.operations.planning import PlanOptions, read_all, scopes
from retrainctl.ports import Observer, TargetSet
from retrainctl.targets.snapshot.classic import classic_files
from retrainctl.targets.snapshot.folder import Head
from retrainctl.targets.snapshot.write import SnapshotFile, arm_file, write_snapshot


def pull(
    root: Path,
    loaded: Loaded,
    targets: TargetSet,
    applied: Mapping[Address, Applied],
    *,
    observer: Observer,
    now: datetime,
) -> tuple[PurePosixPath, ...]:
    """Makes the folder hold what is live of every declared resource. Returns the files that changed.

    Raises the first `TargetError` when something cannot be read: half a snapshot would look like deletions.
    """
    readings = read_all(loaded.desired, targets, applied, PlanOptions(), observer)
    for reading in readings.values():
        for failure in reading.failures.values():
            raise failure
    files: list[SnapshotFile] = [
        arm_file(observed.identity, dict(observed.document))
        for name, reading in readings.items()
        if name == "arm"
        for observed in reading.observed.values()
    ]
    if loaded.environment.classic is not None and "classic" in readings:
        files.extend(classic_files(loaded.environment.classic.workspace, readings["classic"].facts))
    if loaded.environment.azureml is not None and "azureml" in readings:
        from retrainctl.targets.snapshot.azureml import azureml_files

        settings = loaded.environment.azureml
        files.extend(azureml_files(settings.workspace, settings.scope, readings["azureml"]))
    head = Head(
        complete=True,
        created_at=now,
        environment=loaded.environment.name,
        targets={name: {"scope": scope} for name, scope in scopes(loaded.environment).items()},
        encoded=True,
    )
    return write_snapshot(root, head, files, applied=_known(loaded, applied))


def _known(loaded: Loaded, applied: Mapping[Address, Applied]) -> Iterable[Applied]:
    declared = {entry.address for entry in loaded.desired}
    return [entry for address, entry in sorted(applied.items()) if address in declared and address.kind in KINDS]
