"""Where local model files will be: decided at plan time, so that the plan names the blob that the apply writes.

A file's blob is named after its content and stands beside what the slot serves now: in the same account and container.
After the apply the slot serves that blob, and the same file gives the same URI again: nothing is left to do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from retrainctl.apply.uploads import content_sha256
from retrainctl.diagnostics import Diagnostic, Diagnostics
from retrainctl.fastclass import dataclass
from retrainctl.manifest.load import Loaded
from retrainctl.model.address import Address
from retrainctl.model.environment import EMULATOR_RESOURCE_GROUP, Environment
from retrainctl.model.kind import KINDS
from retrainctl.model.resource import Applied, Desired
from retrainctl.model.versions import ModelLine, ModelVersion
from retrainctl.ports import Reading
from retrainctl.targets.azure.clouds import PUBLIC, cloud_of
from retrainctl.targets.blob.place import blob_uri, place_of

CONTAINER: Final = "models"
"""Where files go when nothing tells better."""

_FOLDER: Final = "retrainctl"
_ROOT: Final = "$root"
_OURS: Final = re.compile(rf"/{_FOLDER}/([0-9a-f]{{64}})\.ilearner\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What is wished, every version that is a file with its URI and hash.

    models: the files under the URIs of their blobs too. findings: what has no place, or other bytes than declared.
    """

    desired: Sequence[Desired]
    models: Mapping[str, ModelLine]
    findings: tuple[Diagnostic, ...] = ()


def place_files(
    loaded: Loaded,
    readings: Mapping[str, Reading],
    applied: Mapping[Address, Applied],
    *,
    takes: Callable[[Address], bool] = lambda _: True,
) -> Placed:
    """Gives every version that is a local file its place, in the resources that were read and that `takes` chooses.

    A project without such files is left as it is.
    """
    files = [version for line in loaded.models.values() for version in line.local()]
    if not files:
        return Placed(desired=loaded.desired, models=loaded.models)
    placing = _Placing(loaded, readings, applied)
    desired = [placing.one(entry) if takes(entry.address) else entry for entry in loaded.desired]
    return Placed(desired=desired, models=placing.known(files), findings=tuple(placing.found))


class _Placing:
    def __init__(self, loaded: Loaded, readings: Mapping[str, Reading], applied: Mapping[Address, Applied]) -> None:
        self.found = Diagnostics()
        self._loaded = loaded
        self._readings = readings
        self._applied = applied
        self._hashes: dict[str, str | None] = {}
        self._served: set[str] = set()

    def one(self, desired: Desired) -> Desired:
        """The resource with its files placed; as it is where nothing is known of its live state."""
        reading = self._readings.get(KINDS[desired.address.kind].target)
        if reading is None or desired.address in reading.failures or desired.address in reading.not_covered:
            return desired
        slots = {slot: self._slot(desired, slot, version) for slot, version in desired.slots.items()}
        return desired if slots == desired.slots else replace(desired, slots=slots)

    def _slot(self, desired: Desired, slot: str, version: ModelVersion) -> ModelVersion:
        served = self._serves(desired, slot)
        if served is not None and _OURS.search(served):
            self._served.add(served)
        if version.file is None:
            return version
        if KINDS[desired.address.kind].registers:
            sha256 = version.sha256 if "://" in version.file else self._sha256(version)
            return replace(version, sha256=sha256)
        sha256 = self._sha256(version)
        base = None if sha256 is None else self._beside(desired, slot, version, served)
        if base is None:
            return version
        address, container = base
        return replace(version, uri=blob_uri(address, container, f"{_FOLDER}/{sha256}.ilearner"), sha256=sha256)

    def _serves(self, desired: Desired, slot: str) -> str | None:
        """What the slot serves now: as read where that can be relied on, else as last written."""
        spec = KINDS[desired.address.kind]
        reading = self._readings.get(spec.target)
        observed = reading.observed.get(desired.address) if reading is not None else None
        written = self._applied.get(desired.address)
        read = observed.slots.get(slot) if observed is not None else None
        entry = written.slots.get(slot) if written is not None else None
        shown = None if read is None else read.uri
        last = None if entry is None else entry.uri
        return shown if observed is not None and spec.slots_readable else last or shown

    def _beside(self, desired: Desired, slot: str, version: ModelVersion, served: str | None) -> tuple[str, str] | None:
        """Address of the account, and the container. An account that the environment names goes before one that it
        does not: to what Studio itself made, nobody else can write."""
        environment = self._loaded.environment
        suffix = _suffix(environment)
        endpoints = {name: entry.endpoint for name, entry in environment.storage.items() if entry.endpoint}
        place = None if served is None else place_of(served, suffix=suffix, endpoints=endpoints)
        accounts = list(environment.storage)
        if place is not None and (place.account in accounts or not accounts):
            return place.base, CONTAINER if place.container == _ROOT else place.container
        if environment.emulator is not None:
            accounts = [EMULATOR_RESOURCE_GROUP]
        if len(accounts) == 1:
            (account,) = accounts
            return endpoints.get(account, f"https://{account}{suffix}").rstrip("/"), CONTAINER
        serves = "serves nothing in a known storage account" if served is None or place is None else f"serves {served}"
        names = f"names {len(accounts)} storage accounts" if accounts else "names no storage account"
        self.found.error(
            "RC650",
            f'{version.label} is a local file, and it is not clear where its blob shall be: slot "{slot}" '
            f"{serves}, and environment {environment.name} {names}",
            desired.span(("models", slot)),
            "Name one account under `storage` of the environment, or give the version a `uri`.",
            str(desired.address),
        )
        return None

    def _sha256(self, version: ModelVersion) -> str | None:
        """The hash of the version's file; None, reported once, where the file is not the declared one."""
        assert version.file is not None
        if version.file not in self._hashes:
            self._hashes[version.file] = self._hash(version, self._loaded.project.root / version.file)
        return self._hashes[version.file]

    def _hash(self, version: ModelVersion, path: Path) -> str | None:
        address = f"Model/{version.model}"
        try:
            actual = content_sha256(path)
        except OSError as error:
            message = f"{version.file} cannot be read: {error.strerror}"
            self.found.error("RC143", message, version.origin, "Check the file and its rights.", address)
            return None
        if version.sha256 is not None and actual != version.sha256:
            message = f"{version.file} is not what {version.label} declares: its SHA-256 is {actual}"
            hint = "Restore the file, or record it as a new version."
            self.found.error("RC148", message, version.origin, hint, address)
            return None
        return actual

    def known(self, files: Sequence[ModelVersion]) -> Mapping[str, ModelLine]:
        """The models, with the files whose blobs are served now under those blobs' URIs."""
        if not self._served:
            return self._loaded.models
        served = {found[1]: uri for uri in sorted(self._served) if (found := _OURS.search(uri))}
        more: dict[str, list[ModelVersion]] = {}
        for version, sha256 in self._hashed(files):
            if (uri := served.get(sha256)) is not None:
                more.setdefault(version.model, []).append(replace(version, uri=uri, sha256=sha256))
        models = dict(self._loaded.models)
        for name, versions in more.items():
            models[name] = replace(models[name], versions=(*models[name].versions, *versions))
        return models

    def _hashed(self, files: Sequence[ModelVersion]) -> Iterator[tuple[ModelVersion, str]]:
        """Files that can be read; those that no slot wants say nothing when they cannot."""
        for version in files:
            assert version.file is not None
            if version.file not in self._hashes:
                try:
                    self._hashes[version.file] = content_sha256(self._loaded.project.root / version.file)
                except OSError:
                    self._hashes[version.file] = None
            if (sha256 := self._hashes[version.file]) is not None:
                yield version, sha256


def _suffix(environment: Environment) -> str:
    return (cloud_of(environment.arm.endpoint) if environment.arm is not None else PUBLIC).blob
