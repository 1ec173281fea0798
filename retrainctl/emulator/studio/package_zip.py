"""What is in a package: an experiment with all that another workspace needs to run and deploy it."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5
from zipfile import BadZipFile, ZipFile, ZipInfo

import orjson

from retrainctl.emulator.blob.contents import Draft
from retrainctl.emulator.studio.asset_records import Asset, AssetRecords, Kind
from retrainctl.emulator.studio.experiments import Experiments
from retrainctl.emulator.studio.run_records import RunRecords
from retrainctl.emulator.studio.running import Runs
from retrainctl.emulator.studio.storage import ACCOUNT, UPLOADS, Place, Storage

_FORMAT: Final = 1
_MEMBERS: Final[dict[str, Kind]] = {
    "DataSourceId": "dataset",
    "TrainedModelId": "model",
    "TransformModuleId": "transform",
}
_CREDENTIAL: Final = re.compile(r"\b(key|password|secret|sas|token|credentials?)\b", re.IGNORECASE)
_STAMP: Final = (1980, 1, 1, 0, 0, 0)
_LARGEST: Final = 64 * 1024 * 1024


class Broken(Exception):
    """The package is none; the message is half a sentence."""


class Packer:
    """Callers hold the transaction."""

    def __init__(
        self, experiments: Experiments, runs: Runs, records: RunRecords, assets: AssetRecords, storage: Storage
    ) -> None:
        self._experiments = experiments
        self._runs = runs
        self._records = records
        self._assets = assets
        self._storage = storage

    def pack(self, experiment: Mapping[str, Any], *, clear: bool, author: bool) -> tuple[Draft, int]:
        """The package and how many things are in it.

        Args:
            clear: empty every setting whose name says that it is a credential. Which settings the service took for one
                is not known (guess).
            author: say who made the experiment.
        """
        graph = orjson.loads(orjson.dumps(experiment["Graph"]))
        if clear:
            _clear(graph)
        listed_assets: list[dict[str, Any]] = []
        document = {
            "format": _FORMAT,
            "Description": experiment["Description"],
            "Summary": experiment["Summary"],
            "Creator": experiment["Creator"] if author else None,
            "Graph": graph,
            "WebService": experiment["WebService"],
            "definition": self._runs.base(dict(experiment)),
            "assets": listed_assets,
        }
        path = self._storage.shelf.contents.new_draft()
        with ZipFile(path, "w") as package:
            for number, asset in enumerate(self._named(graph)):
                file = None
                if asset.place is not None:
                    file = f"assets/{number}{_extension(asset.place.name)}"
                    self._write(package, file, asset.place)
                listed_assets.append(
                    {"kind": asset.kind, "id": asset.id, "name": asset.name, "body": asset.body, "file": file}
                )
            package.writestr(ZipInfo("experiment.json", _STAMP), orjson.dumps(document))
        return _draft(path), 1 + len(listed_assets)

    def _named(self, graph: Mapping[str, Any]) -> list[Asset]:
        """The saved assets that ports of a graph name, each once."""
        found: dict[str, Asset] = {}
        for node in graph.get("ModuleNodes") or []:
            for port in node.get("InputPortsInternal") or []:
                for member, kind in _MEMBERS.items():
                    identifier = port.get(member)
                    asset = self._assets.asset(kind, identifier) if identifier else None
                    if asset is not None:
                        found[asset.id] = asset
        return list(found.values())

    def _write(self, package: ZipFile, name: str, place: Place) -> None:
        blob = self._storage.blob(place)
        with package.open(ZipInfo(name, _STAMP), "w", force_zip64=True) as target:
            if blob is not None:
                length = self._storage.shelf.ready(blob)
                for piece in self._storage.shelf.pieces(blob, 0, length):
                    target.write(piece)

    def unpack(self, path: Path) -> int:
        """Make the experiment of a package, a draft, and put its assets beside those that are there.

        Returns:
            how many things the package had.

        Raises:
            Broken: no package, or not one of the emulator's.
        """
        try:
            with ZipFile(path) as package:
                if package.getinfo("experiment.json").file_size > _LARGEST:
                    raise Broken("its experiment is too large")
                document = orjson.loads(package.read("experiment.json"))
                if document.get("format") != _FORMAT:
                    raise Broken("its format is not known")
                arrived = {listed["name"]: self._adopt(package, listed) for listed in document["assets"]}
        except (BadZipFile, KeyError, ValueError, AttributeError, OSError) as error:
            raise Broken(f"it is damaged, or not a package ({error})") from None
        service = document["WebService"]
        _point(document["definition"], {name: place for name, place in arrived.items() if place is not None})
        if document["definition"] is not None and service is not None:
            service["ModelPackageId"] = self._records.keep_origin(document["definition"])
        wish = {
            "Description": document["Description"],
            "Summary": document["Summary"],
            "IsDraft": True,
            "ExperimentGraph": document["Graph"],
            "WebService": service,
        }
        self._experiments.add(wish, document["definition"], call=None, creator=document["Creator"], copied=True)
        return 1 + len(document["assets"])

    def _adopt(self, package: ZipFile, listed: Mapping[str, Any]) -> Place | None:
        """An asset keeps its id; one that is there stays as it is. The place of what arrived."""
        kind: Kind = listed["kind"]
        if self._assets.asset(kind, listed["id"]) is not None:
            return None
        place = None
        if listed["file"] is not None:
            name = f"{uuid5(NAMESPACE_URL, listed['id']).hex}{_extension(PurePath(listed['file']).name)}"
            place = Place(container=UPLOADS, name=name)
            path = self._storage.shelf.contents.new_draft()
            with package.open(listed["file"]) as inner, path.open("wb") as target:
                shutil.copyfileobj(inner, target)
            self._storage.put(place, _draft(path))
        _, family, version = listed["id"].split(".")
        batch = int(version.rpartition("-")[2])
        self._assets.put_asset(
            Asset(
                kind=kind,
                id=listed["id"],
                family=family,
                name=listed["name"],
                batch=batch,
                body=listed["body"],
                place=place,
                outcome="Complete" if kind == "dataset" else "",
            )
        )
        return place


def _point(definition: Mapping[str, Any] | None, places: Mapping[str, Place]) -> None:
    """Saved assets of a definition lie where they were unpacked to: the old addresses are another workspace's."""
    if definition is None:
        return
    for asset in (definition["properties"].get("assets") or {}).values():
        if str(asset.get("type")).lower() == "resource" and asset.get("name") in places:
            place = places[asset["name"]]
            asset["locationInfo"] = {"uri": f"https://{ACCOUNT}.blob.core.windows.net/{place.path}"}


def _extension(name: str) -> str:
    """All that follows the first dot: `.nh.csv` is another format than `.csv`."""
    _, dot, rest = name.partition(".")
    return dot + rest


def _clear(graph: Mapping[str, Any]) -> None:
    for node in graph.get("ModuleNodes") or []:
        for setting in node.get("ModuleParameters") or []:
            if _CREDENTIAL.search(str(setting.get("Name"))):
                setting["Value"] = ""


def _draft(path: Path) -> Draft:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    return Draft(path=path, size=path.stat().st_size, md5=digest.digest())
