"""Files into a workspace in blocks, and datasets made of them (classic-api.md section 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import BinaryIO, Final

from retrainctl.errors import RetrainctlError, UsageError
from retrainctl.fastclass import dataclass
from retrainctl.model.change import Request
from retrainctl.model.values import JsonObject
from retrainctl.ports import Conflict, Rejected, Waiter
from retrainctl.targets.studio.client import StudioClient
from retrainctl.targets.studio.waiting import StillUnderWay, wait_until

BLOCK: Final = 2 * 1024 * 1024
"""Bytes of a block: what azureml sent; no other size was ever seen."""

FORMATS: Final = {
    "GenericCSVNoHeader": ".nh.csv",
    "GenericTSVNoHeader": ".nh.tsv",
    "GenericCSV": ".csv",
    "GenericTSV": ".tsv",
    "ARFF": ".arff",
    "Zip": ".zip",
    "RData": ".rdata",
    "PlainText": ".txt",
}
"""Data formats of an upload and the ending of files that hold them, the longer endings first (section 9)."""

FROM_ANSWER: Final = "(from the answer)"
"""Stands for what only an answer tells, in requests that are shown before anything is sent."""

SCHEMA_LIMIT: Final = 3600.0
_DONE: Final = frozenset({"complete", "notsupported"})
_ENDS: Final = frozenset({"Complete", "NotSupported", "Failed", "Error", "Cancelled", "Canceled"})
"""The first three are known (section 6); the others are guesses, for waiting on after an end helps nobody."""


def format_of(file_name: str) -> str:
    """The data format that a file's ending stands for. Raises `UsageError` where it stands for none."""
    name = file_name.casefold()
    found = next((kind for kind, ending in FORMATS.items() if name.endswith(ending)), None)
    if found is None:
        raise UsageError(
            f"the ending of {file_name} does not tell its format", hint=f"Pass --format: {', '.join(FORMATS)}."
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What is uploaded.

    stream: at its start. size: bytes, more than none. kind: one of `FORMATS`. file_name: as the user calls it.
    """

    stream: BinaryIO
    size: int
    kind: str
    file_name: str

    @property
    def blocks(self) -> int:
        return -(-self.size // BLOCK)

    def pieces(self) -> Iterator[bytes]:
        """The blocks, one in memory at a time. Raises RC964 when the file is shorter or longer than it was, RC005."""
        left = self.size
        while left:
            wanted = min(BLOCK, left)
            piece = self._read(wanted)
            left -= wanted
            if len(piece) != wanted or (not left and self._read(1)):
                raise RetrainctlError(
                    f"{self.file_name} changed while it was read; nothing was made of what was sent",
                    code="RC964",
                    hint="Run again when nobody writes to it.",
                )
            yield piece

    def _read(self, most: int) -> bytes:
        try:
            return self.stream.read(most)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise RetrainctlError(f"cannot read {self.file_name}: {why}", code="RC005", hint="Run again.") from error


def begin_request(studio: StudioClient, kind: str) -> Request:
    """The call that begins an upload; its body is empty, blocks follow."""
    return Request(method="POST", path=studio.upload_url("resourceuploads", userStorage="true", dataTypeId=kind))


def block_request(studio: StudioClient, parcel: Parcel, number: int, upload: str) -> Request:
    """The call that sends one block; they count from 0."""
    url = studio.upload_url(
        "blobuploads",
        numberOfBlocks=str(parcel.blocks),
        blockId=str(number),
        uploadId=upload,
        dataTypeId=parcel.kind,
    )
    return Request(method="POST", path=url)


def sending_requests(studio: StudioClient, parcel: Parcel) -> list[Request]:
    """The calls of `upload` as far as they are known before: its beginning, and the first block for all of them."""
    return [begin_request(studio, parcel.kind), block_request(studio, parcel, 0, FROM_ANSWER)]


def upload(studio: StudioClient, parcel: Parcel, waiter: Waiter, told: Callable[[int], None]) -> JsonObject:
    """Uploads a file; gives what the service says of it, with its `Id`.

    A block is sent again after a lost answer: under its number it takes the place of the first one (guess; so blocks
    of storage do). Ends between two blocks when the run is told to.

    Args:
        told: hears how many blocks are there, of `parcel.blocks`.

    Raises:
        RetrainctlError: RC964: the file changed meanwhile.
        TargetError: the service took it not.
        StopWaiting: the run was told to end; nothing stands in the workspace's lists.
    """
    what = f"upload {parcel.file_name}"
    answer = studio.send(begin_request(studio, parcel.kind), what, pause=waiter.pause)
    waiter.sent(None, answer.request_id)
    metadata = answer.object()
    identifier = str(metadata.get("Id") or "")
    if not identifier:
        raise Rejected(f"cannot {what}: the service gave the upload no id", code="RC321", request_id=answer.request_id)
    told(0)
    for number, piece in enumerate(parcel.pieces()):
        waiter.pause(0)
        answer = studio.call(
            "POST",
            block_request(studio, parcel, number, identifier).path,
            f"{what} (block {number + 1} of {parcel.blocks})",
            content=piece,
            headers={"Content-Type": "application/octet-stream"},
            harmless=True,
            pause=waiter.pause,
        )
        told(number + 1)
    return {**metadata, **(answer.object() if answer.body else {}), "Id": identifier}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetWish:
    """What an upload becomes. family: whose new version it is; empty for a new dataset."""

    name: str
    kind: str
    description: str
    family: str
    file_name: str


def register_request(studio: StudioClient, wish: DatasetWish, upload: str) -> Request:
    """The call that makes a dataset, or a version of one, of an upload."""
    return Request(
        method="POST",
        path=studio.url("datasources"),
        body={
            "DataSource": {
                "Name": wish.name,
                "DataTypeId": wish.kind,
                "Description": wish.description,
                "FamilyId": wish.family,
                "Owner": "retrainctl",
                "SourceOrigin": "FromResourceUpload",
            },
            "UploadId": upload,
            "UploadedFromFileName": PurePath(wish.file_name).name,
            "ClientPoll": True,
        },
    )


def await_schema(studio: StudioClient, identifier: str, name: str, waiter: Waiter) -> JsonObject:
    """The dataset once the service has looked at its data; none is made for some formats, which is an end too.

    Raises:
        Rejected: RC958: the schema failed; RC959: it is not there after an hour. The dataset stands in the workspace.
        StopWaiting: the run was told to end; the service goes on.
    """
    what = f'make the schema of dataset "{name}"'
    url = studio.url("datasources", identifier)
    try:
        found = wait_until(
            lambda: studio.object(url, f'read dataset "{name}"', pause=waiter.pause),
            _state,
            _ENDS,
            pause=waiter.pause,
            limit=SCHEMA_LIMIT,
        )
    except StillUnderWay as error:
        raise Rejected(
            f"cannot {what}: still {error.state} after an hour; the dataset is there as {identifier}",
            code="RC959",
            hint="Look again later: `retrainctl dataset list --query [].[Name,SchemaStatus]`.",
        ) from error
    if (state := _state(found)).casefold() not in _DONE:
        raise Rejected(
            f"cannot {what}: it is {state}; the dataset is there as {identifier}",
            code="RC958",
            hint="Check that the data is what --format says, then upload it again with --overwrite, or remove it.",
        )
    return found


def name_taken(error: Conflict | None, what: str, name: str) -> Conflict:
    """The 409 for a name that is taken, in words that say what to do; `error` None where it was seen beforehand."""
    known = error or Conflict("", sent=False)
    return Conflict(
        f'{what} "{name}" is there already' + (f" ({known.message})" if known.message else "") + "; it was not touched",
        code="RC955",
        hint="Pass --overwrite to make a new version of it, or choose another --name.",
        status=known.status,
        service_code=known.service_code,
        request_id=known.request_id,
        sent=known.sent,
    )


def _state(dataset: JsonObject) -> str:
    return str(dataset.get("SchemaStatus"))
