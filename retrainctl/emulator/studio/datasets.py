"""Datasets: list, read, register an upload, promote a node's output, delete a family (classic-api.md section 6)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any, Final

import orjson

from retrainctl.emulator.classic.dialect import bad_argument, json_body
from retrainctl.emulator.exchange import Answer, Call
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.routing import Route
from retrainctl.emulator.studio.asset_records import Asset, AssetRecords, Upload
from retrainctl.emulator.studio.catalogue import GLOBAL_WORKSPACE
from retrainctl.emulator.studio.dialect import StudioDialect, created, missing
from retrainctl.emulator.studio.promotion import Promotion
from retrainctl.emulator.studio.storage import Storage
from retrainctl.emulator.studio.uploads import FORMATS, data_type
from retrainctl.emulator.studio.versions import Versions, Wish, shown
from retrainctl.emulator.studio.workspace import BASE

_REALISTIC: Final = 5.0
"""Seconds until a schema is there under `realistic` (guess)."""

LOOKED_AT: Final = 1024 * 1024
"""Bytes from the start of a file that its schema is made of."""


class Datasets:
    """The handlers."""

    def __init__(
        self, frame: Frame, records: AssetRecords, storage: Storage, versions: Versions, promotion: Promotion
    ) -> None:
        self._frame = frame
        self._records = records
        self._storage = storage
        self._versions = versions
        self._promotion = promotion

    def routes(self, dialect: StudioDialect) -> Iterable[Route]:
        every = BASE + "/datasources"
        for method, pattern, handler in (
            ("GET", every, self._list),
            ("POST", every, self._post),
            ("GET", every + "/{dataset}", self._get),
            ("DELETE", every + "/family/{family}", self._delete),
        ):
            yield Route(methods=method, pattern=pattern, handler=handler, dialect=dialect)

    def _list(self, call: Call) -> Answer:
        old = self._frame.knobs.text("studio-lists") == "all"
        return Answer(body=[self._shown(asset, call) for asset in self._records.assets("dataset", old=old)])

    def _get(self, call: Call) -> Answer:
        identifier = call.params["dataset"]
        asset = self._records.asset("dataset", identifier)
        if asset is None:
            raise missing("dataset", identifier)
        return Answer(body=self._shown(asset, call))

    def _post(self, call: Call) -> Answer:
        wish = json_body(call)
        if wish.get("ExperimentId"):
            return created(self._frame, self._promotion.promote("dataset", wish).id)
        return created(self._frame, self._register(call, wish).id)

    def _register(self, call: Call, wish: dict[str, Any]) -> Asset:
        """A version from an upload; the schema is made by and by."""
        name, description, family = self._versions.read("dataset", wish.get("DataSource"))
        upload = self._uploaded(wish)
        members = wish["DataSource"]
        kind = data_type(str(members.get("DataTypeId") or upload.kind))
        told = f"{call.path} {orjson.dumps(wish).decode()}"
        failed = self._frame.knobs.fires("studio-schema-fail", call.method, told)
        return self._versions.add(
            "dataset",
            Wish(
                name=name,
                description=description,
                family=family,
                data_type=kind,
                owner=str(members.get("Owner") or "owner"),
                origin=str(members.get("SourceOrigin") or "FromResourceUpload"),
                upload=upload.id,
                file_name=str(wish.get("UploadedFromFileName") or ""),
                extension=FORMATS[kind],
            ),
            upload.place,
            due=self._frame.clock.now() + self._seconds(),
            outcome="Failed" if failed else schema_status(kind, self._storage.read(upload.place, LOOKED_AT)),
        )

    def _uploaded(self, wish: dict[str, Any]) -> Upload:
        identifier = str(wish.get("UploadId") or "")
        upload = self._records.upload(identifier)
        if upload is None:
            raise bad_argument("BadParameterValue", f"There is no upload {identifier!r}.")
        if not upload.committed:
            raise bad_argument("BadParameterValue", f"The upload {identifier} is not complete: blocks are missing.")
        return upload

    def _delete(self, call: Call) -> Answer:
        """All versions with their bytes; Microsoft's samples are not the workspace's to delete (guess)."""
        family = call.params["family"]
        versions = self._records.family("dataset", family)
        if not versions or versions[0].id.startswith(GLOBAL_WORKSPACE):
            if self._frame.knobs.text("studio-missing-family") == "204":
                return Answer(status=204)
            raise missing("dataset family", family)
        for asset in versions:
            if asset.place is not None:
                self._storage.drop(asset.place)
        self._records.drop_family("dataset", family)
        return Answer(wrote=True)

    def _seconds(self) -> float:
        knobs = self._frame.knobs
        return _REALISTIC if knobs.on("realistic") else knobs.number("studio-schema-seconds")

    def _shown(self, asset: Asset, call: Call) -> dict[str, Any]:
        """As an answer shows it now; what was seeded from a recorded list stays as it was recorded."""
        body = shown(asset)
        if asset.place is None:
            return body
        waiting = asset.due > self._frame.clock.now()
        status = self._frame.knobs.text("studio-schema-wait") if waiting else asset.outcome
        location = self._storage.endpoint(
            asset.place, call.base, name=asset.name, file_type=body["DataTypeId"], size=body["Size"]
        )
        nothing = self._storage.endpoint(None, call.base, name="", file_type="", size=0)
        return {
            **body,
            "VisualizeEndPoint": nothing,
            "SchemaEndPoint": nothing,
            "SchemaStatus": status,
            "DownloadLocation": location,
        }


def schema_status(kind: str, head: bytes) -> str:
    """The end of making a schema: `NotSupported` for what has no columns, `Failed` for rows of unequal length.

    Which formats have a schema, and what makes it fail, was never recorded (guess).
    """
    separator = {"GenericCSV": ",", "GenericCSVNoHeader": ",", "GenericTSV": "\t", "GenericTSVNoHeader": "\t"}.get(kind)
    if kind == "ARFF":
        return "Complete" if b"@data" in head.lower() else "Failed"
    if separator is None:
        return "NotSupported"
    cut = head[: head.rfind(b"\n") + 1] if len(head) == LOOKED_AT else head
    try:
        rows = csv.reader(io.StringIO(cut.decode("utf-8-sig"), newline=""), delimiter=separator, strict=True)
        widths = {len(row) for row in rows if row}
    except (UnicodeDecodeError, csv.Error):
        return "Failed"
    return "Complete" if len(widths) == 1 else "Failed"
