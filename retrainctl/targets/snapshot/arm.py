"""Web services and commitment plans out of exported JSON: live state without network and without credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from retrainctl.definition import commitmentplan
from retrainctl.definition.document import read, read_plan
from retrainctl.definition.file import load_bytes
from retrainctl.definition.observe import observe
from retrainctl.diagnostics import Diagnostic
from retrainctl.errors import InvalidInput
from retrainctl.model.address import Address
from retrainctl.model.environment import ArmSettings
from retrainctl.model.resource import Desired, Observed
from retrainctl.ports import Reading
from retrainctl.targets.arm import ids
from retrainctl.targets.snapshot.arm_files import (
    PLAN,
    SERVICE,
    Entry,
    FolderFiles,
    LooseFiles,
    Place,
    entry_of,
    loose_folder,
)
from retrainctl.targets.snapshot.folder import Head, of_another
from retrainctl.targets.snapshot.lazy import Documents, LazyDocument, LazyFields, Stored

_TYPES: Final = {SERVICE: ids.web_service, PLAN: ids.commitment_plan}


class SnapshotReader:
    """The `arm` part of a snapshot, as a `ports.Reader`.

    `path` is a definition JSON, or a folder. A single file and a folder without `snapshot.json` cover only what they
    hold; of a complete snapshot's resource groups, what has no file does not exist.
    """

    def __init__(
        self, path: Path, settings: ArmSettings, *, head: Head | None = None, shown: str | None = None
    ) -> None:
        """Scans the folder, or reads the file.

        Args:
            head: what `snapshot.json` says, where there is one.
            shown: the path as the user typed it.

        Raises:
            InvalidInput: the file cannot be read, or the snapshot is of another subscription.
        """
        self._settings = settings
        self._head = head
        self._shown = shown or str(path)
        self._documents = Documents()
        self._held: dict[Path, dict[str, Any]] = {}
        self._known: dict[str, tuple[Place, Entry]] = {}
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._files = self._open(path)
        self._check_subscription()

    def read(self, wanted: Sequence[Desired]) -> Reading:
        places = {d.address: self._place(d) for d in wanted if d.address.kind in _TYPES}
        findings: list[Diagnostic] = []
        observed = self._read(places, self._files.assign(places.values()), findings)
        missing = {address: place for address, place in places.items() if address not in observed}
        if missing and not findings:
            taken = {entry.path for _, entry in self._known.values()}
            observed |= self._read(missing, self._files.search(missing.values(), taken), findings)
        if findings:
            raise InvalidInput(findings)
        unknown = (a for a, place in missing.items() if a not in observed and not self._covers(place))
        return Reading(
            observed=observed,
            identities={address: self._identity(place) for address, place in places.items()},
            not_covered=frozenset((*unknown, *(d.address for d in wanted if d.address not in places))),
            facts={"snapshot": self._facts()},
        )

    def reread(self, address: Address, identity: str) -> Observed | None:
        known = self._known.get(ids.key(identity))
        if known is None:
            resource = ids.parse(identity)
            place = Place(kind=address.kind, group=resource.resource_group, name=resource.name)
            entry = self._files.find(place)
            if entry is None:
                return None
            known = (place, entry)
        return self._observe(address, *known)

    def entries(self) -> tuple[Entry, ...]:
        """Every file of the snapshot, for importing it."""
        return tuple(self._files.entries())

    def document(self, entry: Entry) -> dict[str, Any]:
        """The definition or plan in a file; raises `InvalidInput`."""
        if (held := self._held.get(entry.path)) is not None:
            return held
        data = load_bytes(entry.path, shown=entry.shown)
        return read_plan(data, file=entry.shown) if entry.kind == PLAN else read(data, file=entry.shown)

    def _open(self, path: Path) -> FolderFiles | LooseFiles:
        group = self._settings.resource_group
        if not path.is_dir():
            entry, document = entry_of(path, self._shown, load_bytes(path, shown=self._shown))
            self._held[path] = document
            return LooseFiles([entry], group)
        if (path / "arm").is_dir() or not (loose := loose_folder(path, self._shown)):
            encoded = self._head is not None and self._head.encoded
            return FolderFiles(path, self._shown, encoded=encoded)
        return LooseFiles(loose, group)

    def _check_subscription(self) -> None:
        taken = self._part().get("subscription")
        if isinstance(taken, str) and taken.casefold() != self._settings.subscription.casefold():
            raise of_another(f"subscription {taken}", self._settings.subscription, self._shown)

    def _part(self) -> Mapping[str, Any]:
        return {} if self._head is None else self._head.targets.get("arm", {})

    def _place(self, desired: Desired) -> Place:
        return Place(
            kind=desired.address.kind,
            group=desired.place.get("resourceGroup") or self._settings.resource_group,
            name=desired.place.get("name") or desired.address.name,
        )

    def _identity(self, place: Place) -> str:
        return _TYPES[place.kind](self._settings.subscription, place.group, place.name)

    def _read(
        self, places: Mapping[Address, Place], entries: Mapping[Place, Entry], findings: list[Diagnostic]
    ) -> dict[Address, Observed]:
        """Reads the files of these resources; what is wrong with one does not hide what is wrong with the next."""
        observed: dict[Address, Observed] = {}
        for address, place in places.items():
            if (entry := entries.get(place)) is None:
                continue
            try:
                found = self._observe(address, place, entry)
            except InvalidInput as bad:
                findings.extend(bad.diagnostics)
                continue
            if found is not None:
                observed[address] = found
                self._known[ids.key(found.identity)] = (place, entry)
        return observed

    def _covers(self, place: Place) -> bool:
        if self._head is None or not self._head.covers("arm"):
            return False
        groups = self._part().get("resourceGroups")
        return not isinstance(groups, list) or place.group.casefold() in {str(group).casefold() for group in groups}

    def _observe(self, address: Address, place: Place, entry: Entry) -> Observed | None:
        """None when the file turns out to be about another resource."""
        document = self.document(entry)
        if not self._files.holds(entry, place, document):
            return None
        identity = self._identity(place)
        if entry.kind == PLAN:
            return commitmentplan.observe(address, identity, document)
        found = observe(address, identity, document, now=self._taken())
        return found if entry.path in self._held else self._lazy(found, entry)

    def _taken(self) -> datetime | None:
        return None if self._head is None else self._head.created_at

    def _lazy(self, found: Observed, entry: Entry) -> Observed:
        """The same, its large parts left on disk."""
        stored = Stored(self._documents, entry.path, entry.shown, found.fingerprint)
        names = tuple(found.fields)
        fields = LazyFields(stored, found.fields, self._names.setdefault(names, names))
        return replace(found, fields=fields, document=LazyDocument(stored))

    def _facts(self) -> dict[str, Any]:
        if self._head is None:
            return {"complete": False}
        said = self._head.to_json()
        return {name: said[name] for name in ("complete", "createdAt", "environment")}
