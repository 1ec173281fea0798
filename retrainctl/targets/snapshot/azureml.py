"""Endpoints and deployments of Azure Machine Learning v2 out of a snapshot folder, without network and credentials.

Per workspace a folder: `onlineEndpoints/NAME.json` and `onlineEndpoints/NAME/DEPLOYMENT.json`, batch alike, each the
answer of GET; `known.json` has the names of what else was there, which the rules of traffic are judged by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from retrainctl.definition.azureml_ids import BATCH, DEPLOYMENTS, ONLINE, canonical, last, owner
from retrainctl.definition.encoding import pretty
from retrainctl.definition.file import load_bytes
from retrainctl.definition.parsing import parse
from retrainctl.model.address import Address
from retrainctl.model.environment import AzuremlSettings
from retrainctl.model.resource import Desired, Observed
from retrainctl.model.values import JsonObject
from retrainctl.ports import Reading
from retrainctl.targets.azureml.target import AzuremlReader
from retrainctl.targets.snapshot.folder import Head, json_files, not_a_snapshot, of_another
from retrainctl.targets.snapshot.names import encode
from retrainctl.targets.snapshot.write import SnapshotFile

FOLDER: Final = "azureml"
KNOWN: Final = "known.json"


class AzuremlSnapshotReader:
    """The `azureml` part of a snapshot, as a `ports.Reader`. Files are read when they are needed."""

    def __init__(self, root: Path, settings: AzuremlSettings, *, head: Head | None, shown: str) -> None:
        """Raises `InvalidInput` when the snapshot is of another workspace."""
        scope = head.targets.get("azureml", {}).get("scope") if head is not None else None
        if isinstance(scope, str) and scope.casefold() != settings.scope.casefold():
            raise of_another(scope, settings.scope, shown)
        self._covers = head is not None and head.covers("azureml")
        self._files = _Files(root, settings, shown)
        self._reader = AzuremlReader(client=self._files, scope=settings.scope, parallel=1)

    def read(self, wanted: Sequence[Desired]) -> Reading:
        """What the snapshot holds; what it does not hold is not there, or not covered by one that is not complete."""
        reading = self._reader.read(wanted)
        known = self._files.known()
        facts = dict(reading.facts)
        facts["endpoints"] = sorted({*_texts(facts["endpoints"]), *_texts(known.get("endpoints"))})
        facts["deployments"] = _united(facts["deployments"], known.get("deployments"))
        untold = frozenset() if self._covers else frozenset(d.address for d in wanted) - reading.observed.keys()
        return replace(reading, facts=facts, not_covered=untold)

    def reread(self, address: Address, identity: str) -> Observed | None:
        return self._reader.reread(address, identity)


class _Files:
    """The folder of a workspace, asked as the workspace is (implements `azureml.target.Reads`)."""

    def __init__(self, root: Path, settings: AzuremlSettings, shown: str) -> None:
        place = f"{FOLDER}/{encode(settings.workspace)}"
        self._folder, self._shown, self._scope = root / place, f"{shown}/{place}", settings.scope

    def list(self, path: str) -> Iterator[JsonObject]:
        *above, name = path[len(self._scope) :].strip("/").split("/")
        within = f"{above[0]}/{encode(above[1])}" if name == DEPLOYMENTS else name
        for file, _ in json_files(self._folder / within, f"{self._shown}/{within}"):
            yield _object(file, f"{self._shown}/{within}/{file.name}")

    def get(self, path: str) -> JsonObject | None:
        """An endpoint; of anything else (a model version) it is not known whether it is there."""
        steps = path[len(self._scope) :].strip("/").split("/")
        if len(steps) != 2 or steps[0] not in (ONLINE, BATCH):
            return {}
        name = f"{steps[0]}/{encode(steps[1])}.json"
        file = self._folder / name
        return _object(file, f"{self._shown}/{name}") if file.is_file() else None

    def known(self) -> JsonObject:
        file = self._folder / KNOWN
        return _object(file, f"{self._shown}/{KNOWN}") if file.is_file() else {}


def _object(path: Path, shown: str) -> JsonObject:
    data = parse(load_bytes(path, shown=shown), file=shown)
    if not isinstance(data, dict):
        raise not_a_snapshot(shown, "it must be an object, as the service answers")
    return data


def azureml_files(workspace: str, scope: str, reading: Reading) -> Iterator[SnapshotFile]:
    """The files of what was read, sorted by name."""
    folder = PurePosixPath(FOLDER, encode(workspace))
    found: dict[PurePosixPath, JsonObject] = {}
    for observed in reading.observed.values():
        for document in _documents(observed):
            found[folder / _place(canonical(str(document["id"]), scope), scope)] = document
    found[folder / KNOWN] = {name: reading.facts.get(name) for name in ("endpoints", "deployments")}
    for path, document in sorted(found.items()):
        yield SnapshotFile(path=path, data=pretty(document))


def _documents(observed: Observed) -> Iterable[JsonObject]:
    """What a resource was seen in; of an endpoint that is not there, nothing."""
    document: Any = observed.document
    parts = [document["endpoint"], *document["deployments"].values()] if "serving" in document else [document]
    return [part for part in parts if "id" in part]


def _place(identity: str, scope: str) -> PurePosixPath:
    endpoint = owner(identity)
    collection, name = endpoint[len(scope) :].strip("/").split("/")
    if identity == endpoint:
        return PurePosixPath(collection, f"{encode(name)}.json")
    return PurePosixPath(collection, encode(name), f"{encode(last(identity))}.json")


def _texts(given: Any) -> list[str]:
    return [str(one) for one in given or ()]


def _united(one: Any, other: Any) -> dict[str, Any]:
    maps = [given for given in (one, other) if isinstance(given, Mapping)]
    keys = sorted({key for given in maps for key in given})
    return {key: sorted({name for given in maps for name in _texts(given.get(key))}) for key in keys}
