"""Modules: Microsoft's and the workspace's own, and building those from a Zip (classic-api.md section 6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from uuid import uuid4

from retrainctl.emulator.classic.dialect import bad_argument, json_body
from retrainctl.emulator.exchange import Answer, Call
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import WORKSPACE
from retrainctl.emulator.routing import Route
from retrainctl.emulator.studio.asset_records import Asset, AssetRecords, Build
from retrainctl.emulator.studio.catalogue import MICROSOFT, module_id
from retrainctl.emulator.studio.dialect import StudioDialect, created, date, missing
from retrainctl.emulator.studio.module_zip import BuildFailed, Definition, read_definitions
from retrainctl.emulator.studio.storage import UPLOADS, Place, Storage
from retrainctl.emulator.studio.workspace import BASE

_REALISTIC: Final = 10.0
"""Seconds that a build takes under `realistic` (guess)."""


class Modules:
    """The handlers. A build ends when somebody looks after its time: nothing runs in between."""

    def __init__(self, frame: Frame, records: AssetRecords, storage: Storage) -> None:
        self._frame = frame
        self._records = records
        self._storage = storage

    def routes(self, dialect: StudioDialect) -> Iterable[Route]:
        for method, pattern, handler in (
            ("GET", BASE + "/modules", self._list),
            ("POST", BASE + "/modules/custom", self._build),
            ("GET", BASE + "/modules/custom", self._status),
        ):
            yield Route(methods=method, pattern=pattern, handler=handler, dialect=dialect)

    def _list(self, call: Call) -> Answer:
        """The workspace's own ones first; `ReleaseState` tells them apart (6), the word for the others is a guess."""
        del call
        self._settle()
        old = self._frame.knobs.text("studio-lists") == "all"
        own = [{**asset.body, "IsLatest": asset.latest} for asset in self._records.assets("module", old=old)]
        return Answer(body=[*own, *_MICROSOFT])

    def _build(self, call: Call) -> Answer:
        """The body is the metadata of an upload; the answer the id of the activity."""
        identifier = str(json_body(call).get("Id") or "")
        upload = self._records.upload(identifier)
        if upload is None or not upload.committed:
            raise bad_argument("BadParameterValue", f"There is no complete upload {identifier!r}.")
        if upload.kind != "Zip":
            raise bad_argument("DataTypeNotSupported", f"A custom module is a Zip, not {upload.kind}.")
        error = ""
        knobs = self._frame.knobs
        if knobs.fires("studio-module-fail", call.method, call.path):
            error = "Error 0114: Failed to build custom module."
        work = _REALISTIC if knobs.on("realistic") else knobs.number("studio-module-seconds")
        activity = uuid4().hex
        due = self._frame.clock.now() + work
        self._records.put_build(Build(id=activity, upload=upload.id, due=due, error=error))
        return created(self._frame, activity)

    def _status(self, call: Call) -> Answer:
        """`[status, module id or error]`; the word `Failed` is a guess, clients take all but two words as such."""
        self._settle()
        activity = call.query.get("activitygroupid", "")
        build = self._records.build(activity)
        if build is None:
            raise missing("activity", activity)
        if build.error:
            ready = build.due <= self._frame.clock.now()
            return Answer(body=["Failed", build.error] if ready else ["Pending", None])
        return Answer(body=["Finished", build.module] if build.module else ["Pending", None])

    def add(self, data: bytes, upload: str) -> str:
        """All modules of a Zip; the id of the first. A module of a known name is a new version of it (guess).

        Raises:
            BuildFailed: nothing was added.
        """
        identifiers = [self._version(definition, data, upload) for definition in read_definitions(data)]
        return identifiers[0]

    def _settle(self) -> None:
        """End the builds whose time is over."""
        with self._frame.store.transaction():
            for build in self._records.builds_due(self._frame.clock.now()):
                upload = self._records.upload(build.upload)
                data = b"" if upload is None else self._storage.read(upload.place)
                try:
                    self._records.end_build(build.id, self.add(data, build.upload), "")
                except BuildFailed as error:
                    self._records.end_build(build.id, "", str(error))

    def _version(self, definition: Definition, data: bytes, upload: str) -> str:
        before = self._records.named("module", definition.name)
        family, batch = before[0].family if before else uuid4().hex, self._records.next_batch()
        identifier = f"{WORKSPACE}.{family}.v1-default-{batch}"
        place = Place(container=UPLOADS, name=f"{uuid4().hex}.zip")
        self._storage.put(place, data)
        body = module_body(
            identifier,
            definition.name,
            description=definition.description,
            category=definition.category,
            release="Custom",
            language=(definition.language, "3.1.0"),
            deterministic=definition.deterministic,
            upload=upload,
            size=len(data),
            created=date(self._frame.clock.now()),
            owner=definition.owner or "owner",
        )
        asset = Asset(
            kind="module", id=identifier, family=family, name=definition.name, batch=batch, body=body, place=place
        )
        self._records.put_asset(asset)
        return identifier


def module_body(
    identifier: str,
    name: str,
    *,
    description: str = "",
    category: str = "",
    release: str = "Release",
    language: tuple[str, str] = ("DotNet", "4.5.0"),
    deterministic: bool = True,
    upload: str | None = None,
    size: int = 0,
    created: str = "/Date(0)/",
    owner: str = "Microsoft Corporation",
) -> dict[str, Any]:
    """A module with the members that azuremlps reads; values that nobody recorded are guesses."""
    _, family, version = identifier.split(".")
    return {
        "Id": identifier,
        "Name": name,
        "Description": description,
        "Category": category,
        "FamilyId": family,
        "IsDeterministic": deterministic,
        "IsBlocking": True,
        "ModuleType": "Normal",
        "ReleaseState": release,
        "ModuleLanguage": {"Language": language[0], "Version": language[1]},
        "ResourceUploadId": upload,
        "Size": size,
        "CreatedDate": created,
        "Owner": owner,
        "IsLatest": True,
        "IsDeprecated": False,
        "SourceOrigin": "FromResourceUpload",
        "ClientVersion": None,
        "ServiceVersion": "0",
        "Batch": int(version.rpartition("-")[2]),
    }


_MICROSOFT: Final = [
    module_body(module_id(family), name, category=category) for family, (name, category, _) in MICROSOFT.items()
]
