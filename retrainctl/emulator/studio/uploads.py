"""Uploading files: whole in one request, or begun empty and sent in blocks (classic-api.md section 6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from retrainctl.emulator.classic.dialect import bad_argument
from retrainctl.emulator.exchange import Answer, Call
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import WORKSPACE
from retrainctl.emulator.routing import Route
from retrainctl.emulator.studio.asset_records import AssetRecords, Upload
from retrainctl.emulator.studio.dialect import StudioDialect, made
from retrainctl.emulator.studio.storage import ACCOUNT, Storage

FORMATS: Final = {
    "GenericCSV": ".csv",
    "GenericCSVNoHeader": ".nh.csv",
    "GenericTSV": ".tsv",
    "GenericTSVNoHeader": ".nh.tsv",
    "ARFF": ".arff",
    "Zip": ".zip",
    "RData": ".rdata",
    "PlainText": ".txt",
}
"""The file formats of section 9; the extension is that of the blob, which only the emulator sees."""

_MOST_BLOCKS: Final = 50_000


class Uploads:
    """The handlers. Blocks may come in any order, and again: the last one counts until the upload is complete."""

    def __init__(self, frame: Frame, records: AssetRecords, storage: Storage) -> None:
        self._frame = frame
        self._records = records
        self._storage = storage

    def routes(self, dialect: StudioDialect) -> Iterable[Route]:
        for name, handler in (("resourceuploads", self._begin), ("blobuploads", self._block)):
            pattern = f"/api/{name}/workspaces/{{workspace}}"
            yield Route(methods="POST", pattern=pattern, handler=handler, dialect=dialect, streamed=True)

    async def _begin(self, call: Call) -> Answer:
        """A body is the whole file; without one, blocks follow."""
        kind = data_type(call.query.get("datatypeid", ""))
        draft = await self._storage.receive(call)
        identifier = uuid4().hex
        media = call.headers.get("content-type", "application/octet-stream")
        upload = Upload(id=identifier, kind=kind, media=media, name=identifier + FORMATS[kind])
        with self._frame.store.transaction():
            if draft.size:
                self._storage.put(upload.place, draft)
                upload = replace(upload, blocks=1, committed=True)
            else:
                draft.path.unlink(missing_ok=True)
            self._records.put_upload(upload)
        return Answer(status=made(self._frame), body=self._metadata(upload, call), wrote=True)

    async def _block(self, call: Call) -> Answer:
        """One block; with the last missing one the upload is committed."""
        self._find(call)
        blocks, block = _number(call, "numberofblocks"), _number(call, "blockid")
        if not 0 < blocks <= _MOST_BLOCKS or not block < blocks:
            raise bad_argument("BadParameterValue", f"There is no block {block} of {blocks}; blocks count from 0.")
        draft = await self._storage.receive(call)
        with self._frame.store.transaction():
            upload = self._find(call)  # again: other blocks may have come meanwhile
            if upload.committed or upload.blocks not in (0, blocks):
                draft.path.unlink(missing_ok=True)
            else:
                upload = self._add(replace(upload, blocks=blocks), block, self._storage.shelf.contents.adopt(draft))
                self._records.put_upload(upload)
        if upload.blocks != blocks:
            raise bad_argument("BadParameterValue", f"The upload has {upload.blocks} blocks, not {blocks}.")
        return Answer(status=made(self._frame), body=self._metadata(upload, call), wrote=True)

    def _add(self, upload: Upload, block: int, content: str) -> Upload:
        place, shelf = upload.place, self._storage.shelf
        size = shelf.contents.size(content) or 0
        shelf.stage(ACCOUNT, place.container, place.name, f"{block:05d}", content, size)
        staged = shelf.staged(ACCOUNT, place.container, place.name)
        if len(staged) < upload.blocks:
            return upload
        self._storage.join(place, [staged[name][0] for name in sorted(staged)])
        return replace(upload, committed=True)

    def _find(self, call: Call) -> Upload:
        identifier = call.query.get("uploadid", "")
        upload = self._records.upload(identifier)
        if upload is None:
            raise bad_argument("BadParameterValue", f"There is no upload {identifier!r}.")
        return upload

    def _metadata(self, upload: Upload, call: Call) -> dict[str, Any]:
        uri = self._storage.base_uri(call.base) + upload.place.path + self._storage.signature(upload.place)
        return {
            "Id": upload.id,
            "DataTypeId": upload.kind,
            "ContentType": upload.media,
            "Committed": upload.committed,
            "WorkspaceId": WORKSPACE,
            "SharedAccessUri": uri if upload.committed else None,
        }


def data_type(given: str) -> str:
    """A file format in its own spelling.

    Raises:
        Refusal: 400 `DataTypeNotSupported` for any other.
    """
    for name in FORMATS:
        if name.casefold() == given.casefold():
            return name
    raise bad_argument("DataTypeNotSupported", f"{given!r} is no data type; known are {', '.join(FORMATS)}.")


def _number(call: Call, name: str) -> int:
    text = call.query.get(name, "")
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise bad_argument("BadParameterValue", f"{name} must be a number.")
    return int(text)
