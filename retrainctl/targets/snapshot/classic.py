"""Classic web services and endpoints out of a snapshot folder, without network and without credentials.

Per workspace a folder: `webservices.json` lists the web services, `SERVICEID/endpoints.json` the endpoints of each
service that was wanted, both as the management API answers, without keys and SAS tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from retrainctl.definition.encoding import pretty
from retrainctl.definition.endpoint import proper
from retrainctl.definition.file import load_bytes
from retrainctl.definition.parsing import parse
from retrainctl.model.address import Address
from retrainctl.model.environment import ClassicSettings
from retrainctl.model.resource import Desired, Observed
from retrainctl.model.values import JsonObject
from retrainctl.ports import Reading, TargetError
from retrainctl.targets.classic.hosts import hosts_of
from retrainctl.targets.classic.ids import parse as parse_identity
from retrainctl.targets.classic.reading import Estate, find_service, read_estate, wanted_services
from retrainctl.targets.snapshot.folder import Head, not_a_snapshot, of_another
from retrainctl.targets.snapshot.names import encode

if TYPE_CHECKING:
    from retrainctl.targets.snapshot.write import SnapshotFile

FOLDER: Final = "classic"
SERVICES: Final = "webservices.json"
ENDPOINTS: Final = "endpoints.json"

_MARKS: Final = (b"?", b"\\", b'Key"', b"SasBlobToken")
"""Text without any of these needs no cleaning; the first two are found fastest, and stand in few files."""


class ClassicSnapshotReader:
    """The `classic` part of a snapshot, as a `ports.Reader`. Lists are read once, when they are first needed."""

    def __init__(self, root: Path, settings: ClassicSettings, *, head: Head | None, shown: str) -> None:
        """Raises `InvalidInput` when the snapshot is of another workspace."""
        self._root = root
        self._settings = settings
        self._head = head
        self._shown = shown
        self._lists: dict[str, list[JsonObject] | None] = {}
        scope = head.targets.get("classic", {}).get("scope") if head is not None else None
        if isinstance(scope, str) and scope != f"/workspaces/{settings.workspace}":
            raise of_another(scope, f"workspace {settings.workspace}", shown)

    def read(self, wanted: Sequence[Desired]) -> Reading:
        """What the snapshot holds. Services without an endpoint list were not taken: what they hold is not covered."""
        hosts_of(self._settings)
        services = self._list(SERVICES)
        if services is None:
            return Reading(not_covered=frozenset(desired.address for desired in wanted))
        endpoints: dict[str, Sequence[JsonObject]] = {}
        untaken: set[str] = set()
        for reference in wanted_services(wanted):
            try:
                identifier = str(find_service(reference, services)["Id"])
            except TargetError:
                continue  # said by `read_estate`, with the resource that wants it
            listed = self._endpoints(identifier)
            if listed is None:
                untaken.add(reference)
            else:
                endpoints[identifier] = listed
        covered = [d for d in wanted if "name" not in d.place or d.place["webService"] not in untaken]
        reading = read_estate(covered, Estate(services=services, endpoints=endpoints), self._settings)
        if len(covered) == len(wanted):
            return reading
        known = {desired.address for desired in covered}
        return Reading(
            observed=reading.observed,
            identities=reading.identities,
            failures=reading.failures,
            not_covered=reading.not_covered | {d.address for d in wanted if d.address not in known},
            facts=reading.facts,
        )

    def reread(self, address: Address, identity: str) -> Observed | None:
        place = parse_identity(identity)
        where = {"webService": place.service, "workspace": place.workspace}
        if place.endpoint is not None:
            where["name"] = place.endpoint
        return self.read([Desired(address=address, place=where)]).observed.get(address)

    def _endpoints(self, service: str) -> list[JsonObject] | None:
        return self._list(f"{encode(service)}/{ENDPOINTS}")

    def _list(self, name: str) -> list[JsonObject] | None:
        if name not in self._lists:
            file = f"{FOLDER}/{encode(self._settings.workspace)}/{name}"
            path = self._root / file
            self._lists[name] = _objects(path, f"{self._shown}/{file}") if path.is_file() else None
        return self._lists[name]


def _objects(path: Path, shown: str) -> list[JsonObject]:
    raw = load_bytes(path, shown=shown)
    data = parse(raw, file=shown)
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise not_a_snapshot(shown, "it must be a list of objects, as the management API answers")
    # What we wrote holds no secret; a file that somebody saved from the API may.
    return [proper(item) for item in data] if any(mark in raw for mark in _MARKS) else data


def classic_files(workspace: str, facts: JsonObject) -> Iterator[SnapshotFile]:
    """The files of a reading's facts: all web services, and all endpoints of those that were read; sorted by name."""
    from retrainctl.targets.snapshot.write import SnapshotFile

    folder = PurePosixPath(FOLDER, encode(workspace))
    listed, services = facts.get("webServices"), facts.get("services")
    if isinstance(listed, Sequence):
        yield SnapshotFile(path=folder / SERVICES, data=_sorted(listed))
    if isinstance(services, Mapping):
        for identifier, entry in sorted(services.items()):
            if isinstance(entry, Mapping):
                path = folder / encode(identifier) / ENDPOINTS
                yield SnapshotFile(path=path, data=_sorted(entry["endpoints"]))


def _sorted(items: Any) -> bytes:
    return pretty(sorted(map(proper, items), key=lambda item: (str(item.get("Name")), str(item.get("Id")))))
