"""The sections `datasets`, `trainedModels`, `transforms` and `modules` of a seed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import orjson

from retrainctl.emulator.frame import Loaded, Section, SeedSource
from retrainctl.emulator.identity import WORKSPACE
from retrainctl.emulator.seed import fields
from retrainctl.emulator.studio.asset_records import Asset, AssetRecords, Kind
from retrainctl.emulator.studio.catalogue import GLOBAL_WORKSPACE
from retrainctl.emulator.studio.datasets import LOOKED_AT, schema_status
from retrainctl.emulator.studio.module_zip import BuildFailed, read_definitions
from retrainctl.emulator.studio.modules import Modules
from retrainctl.emulator.studio.promotion import MEMBERS
from retrainctl.emulator.studio.storage import Storage
from retrainctl.emulator.studio.uploads import FORMATS
from retrainctl.emulator.studio.versions import NOUNS, Versions, Wish

_SECTIONS: Final[dict[str, Kind]] = {"datasets": "dataset", "trainedModels": "model", "transforms": "transform"}
_FIELDS: Final = ("name", "file", "description", "recorded")
_BY_EXTENSION: Final = {extension: name for name, extension in FORMATS.items()}


class AssetSeeding:
    """Loads assets; what is there already, by name or id, stays as it is."""

    def __init__(self, records: AssetRecords, storage: Storage, versions: Versions, modules: Modules) -> None:
        self._records = records
        self._storage = storage
        self._versions = versions
        self._modules = modules

    def sections(self) -> dict[str, Section]:
        found: dict[str, Section] = {name: partial(self._assets, name, kind) for name, kind in _SECTIONS.items()}
        return {**found, "modules": self._own_modules}

    def _assets(self, section: str, kind: Kind, items: list[Any], source: SeedSource) -> Loaded:
        """Each `{name, file, description?}`, or `{recorded}`: a file with a list as the service answered it.

        A dataset may have a `format`, else its file's extension says it, and be a `sample` of Microsoft's.
        """
        known = (*_FIELDS, "format", "sample") if kind == "dataset" else _FIELDS
        new: list[str] = []
        present: list[str] = []
        for index, item in enumerate(items):
            place = (section, index)
            entry = fields(item, known, (), source, *place)
            if ("recorded" in entry) == ("file" in entry):
                raise source.error(f"a {NOUNS[kind]} has either a file or a recorded", *place)
            if "recorded" in entry:
                self._recorded(kind, str(entry["recorded"]), source, place, new, present)
                continue
            name = str(fields(item, known, ("name",), source, *place)["name"])
            if self._records.named(kind, name):
                present.append(name)
            else:
                self._add(kind, entry, source, place)
                new.append(name)
        return Loaded(new=tuple(new), present=tuple(present))

    def _add(self, kind: Kind, entry: dict[str, Any], source: SeedSource, place: tuple[str | int, ...]) -> None:
        file = source.path(str(entry["file"]), *place, "file")
        data_type = MEMBERS[kind][1] if kind != "dataset" else _format(entry, file, source, place)
        sample = bool(entry.get("sample"))
        try:
            draft = self._storage.copied(file)
            with file.open("rb") as content:
                head = content.read(LOOKED_AT)
        except OSError as error:
            raise source.error(f"{file.name} cannot be read: {error.strerror}", *place, "file") from error
        name = str(entry["name"])
        wish = Wish(
            name=name,
            description=str(entry.get("description") or ""),
            family=uuid5(NAMESPACE_URL, f"{kind}/{name}").hex,
            data_type=data_type,
            origin="FromResourceUpload",
            owner="Microsoft Corporation" if sample else "owner",
            file_name=file.name,
            extension=file.suffix,
            workspace=GLOBAL_WORKSPACE if sample else WORKSPACE,
        )
        self._versions.add(kind, wish, draft, outcome=schema_status(data_type, head) if kind == "dataset" else "")

    def _recorded(
        self,
        kind: Kind,
        name: str,
        source: SeedSource,
        place: tuple[str | int, ...],
        new: list[str],
        present: list[str],
    ) -> None:
        """Documents that lists show again as they were, in the same order; there are no bytes behind them."""
        path = source.path(name, *place, "recorded")
        try:
            documents = orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
            assets = [_asset(kind, document) for document in documents]
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise source.error(f"{path.name} is no recorded list: {error}", *place, "recorded") from error
        for asset in reversed(assets):
            if self._records.asset(kind, asset.id) is None:
                self._records.put_asset(asset)
                new.append(asset.name)
            else:
                present.append(asset.name)

    def _own_modules(self, items: list[Any], source: SeedSource) -> Loaded:
        """Each `{file}`, the Zip of custom modules."""
        new: list[str] = []
        present: list[str] = []
        for index, item in enumerate(items):
            place = ("modules", index, "file")
            entry = fields(item, ("file",), ("file",), source, "modules", index)
            path = source.path(str(entry["file"]), *place)
            try:
                data = path.read_bytes()
                names = [definition.name for definition in read_definitions(data)]
                if all(self._records.named("module", name) for name in names):
                    present.extend(names)
                    continue
                self._modules.add(data, "")
            except (OSError, BuildFailed) as error:
                raise source.error(f"{path.name} is no custom module: {error}", *place) from error
            new.extend(names)
        return Loaded(new=tuple(new), present=tuple(present))


def _format(entry: dict[str, Any], file: Path, source: SeedSource, place: tuple[str | int, ...]) -> str:
    given = entry.get("format") or _BY_EXTENSION.get(file.suffix.lower())
    if given not in FORMATS:
        raise source.error(
            f"{given or file.suffix or 'a file without extension'} is no format of datasets",
            *place,
            "format" if "format" in entry else "file",
            hint=f"known are: {', '.join(FORMATS)}",
        )
    return str(given)


def _asset(kind: Kind, document: dict[str, Any]) -> Asset:
    return Asset(
        kind=kind,
        id=str(document["Id"]),
        family=str(document["FamilyId"]),
        name=str(document["Name"]),
        batch=int(document["Batch"]),
        body=document,
        latest=bool(document["IsLatest"]),
    )
