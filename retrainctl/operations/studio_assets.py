"""Assets of a workspace for single commands: files into datasets and back, outputs of nodes."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from retrainctl.errors import RetrainctlError, UsageError
from retrainctl.model.values import JsonObject
from retrainctl.operations.adopting import slug
from retrainctl.ports import BlobStore, Observer, Progress, StopWaiting, Waiter
from retrainctl.targets.studio import assets
from retrainctl.targets.studio.client import StudioClient
from retrainctl.targets.studio.endpoints import signed_address
from retrainctl.targets.studio.experiments import id_of
from retrainctl.targets.studio.nodes import node_called, port_called
from retrainctl.targets.studio.uploads import (
    BLOCK,
    FORMATS,
    DatasetWish,
    Parcel,
    await_schema,
    format_of,
    name_taken,
    register_request,
    upload,
)

_STDIN: Final = Path("-")


@contextmanager
def parcel_of(file: Path, kind: str | None, stdin: Callable[[], BinaryIO]) -> Iterator[Parcel]:
    """A file as it will be sent; `-`, pipes and the like go to a temporary file first, for their size is not known.

    Args:
        kind: the data format; None for what the file's ending says.
        stdin: gives standard input.

    Raises:
        UsageError: the format is not known.
        RetrainctlError: RC005: it cannot be read; RC957: it is empty.
    """
    from_stdin = file == _STDIN
    if kind is None and from_stdin:
        raise UsageError("standard input has no ending that tells its format", hint="Pass --format.")
    wanted = kind or format_of(file.name)
    name = "standard input" if from_stdin else str(file)
    with ExitStack() as stack:
        try:
            stream, size = stack.enter_context(_sized(stack.enter_context(_opened(file, stdin))))
        except OSError as error:
            raise RetrainctlError(
                f"cannot read {name}: {(error.strerror or str(error)).lower()}", code="RC005", hint="Check the path."
            ) from error
        if not size:
            raise RetrainctlError(f"{name} is empty; nothing was sent", code="RC957", hint="Check the file.")
        yield Parcel(stream=stream, size=size, kind=wanted, file_name=name)


def family_to_replace(listed: Sequence[JsonObject], name: str, kind: assets.AssetKind, *, overwrite: bool) -> str:
    """The family that a new version goes into: the one of this name with `overwrite`, else none (`""`).

    Raises:
        Conflict: RC955: the name is taken, and nobody said to overwrite. Nothing was sent.
        RetrainctlError: RC941: several families have the name.
    """
    try:
        found = assets.find(listed, name, kind)
    except RetrainctlError as error:
        error.hint = "Choose another --name: nothing says into which of them a new version would go."
        raise
    if found is None:
        return ""
    if not overwrite:
        raise name_taken(None, kind.noun, assets.name_of(found))
    return assets.family_of(found)


def output_called(experiment: JsonObject, node: str, port: str | None) -> assets.Output:
    """The output of a node, found without regard to case, as the graph spells it.

    Args:
        node: its id or its comment. port: None where the node has one output only.

    Raises:
        RetrainctlError: RC945: no such node; RC941: several have the comment; RC946: no such port, or several.
    """
    found = node_called(experiment, node)
    return assets.Output(experiment=id_of(experiment), node=str(found.get("Id")), port=port_called(found, port))


def upload_dataset(
    studio: StudioClient, parcel: Parcel, wish: DatasetWish, waiter: Waiter, observer: Observer
) -> JsonObject:
    """Uploads a file, makes a dataset of it and waits for its schema; gives the dataset, cleaned for showing by nobody.

    Ended by a signal, it tells the observer what is left.

    Raises:
        Conflict: RC955: the name was taken meanwhile.
        TargetError: it was not made, or its schema was not (RC958, RC959).
        RetrainctlError: RC964: the file changed.
        StopWaiting: the run was told to end.
    """
    sent = 0

    def told(number: int) -> None:
        nonlocal sent
        sent = number
        observer.progress(Progress(task=f"upload {parcel.file_name}, blocks", done=number, total=parcel.blocks))

    try:
        done = upload(studio, parcel, waiter, told)
    except StopWaiting:
        observer.note(
            f"stopped after {sent:,} of {parcel.blocks:,} blocks: no dataset was made, and what was sent stands in"
            " no list. Run again to upload it from the beginning."
        )
        raise
    request = register_request(studio, wish, str(done["Id"]))
    identifier = assets.make(studio, assets.DATASET, request, wish.name, waiter)
    try:
        return await_schema(studio, identifier, wish.name, waiter)
    except StopWaiting:
        observer.note(
            f'stopped: dataset "{wish.name}" is there as {identifier}; the service goes on making its schema.'
            " Do not upload it again."
        )
        raise


def data_of(studio: StudioClient, dataset: JsonObject, blobs: BlobStore) -> Iterator[bytes]:
    """The bytes of a dataset, piece by piece. Raises RC965 where it has none; `TargetError`."""
    place = dataset.get("DownloadLocation")
    address = signed_address(place, studio) if isinstance(place, dict) else ""
    if not address:
        raise RetrainctlError(
            f'dataset "{assets.name_of(dataset)}" has no data that could be downloaded',
            code="RC965",
            hint="`retrainctl dataset list` shows its size.",
        )
    return blobs.read(address)


def file_name(dataset: JsonObject) -> str:
    """What a downloaded dataset is called unless the user says: its name as a file's, with its format's ending."""
    name = assets.name_of(dataset)
    known = {kind.casefold(): ending for kind, ending in FORMATS.items()}
    ending = known.get(str(dataset.get("DataTypeId") or "").casefold(), "")
    if ending and name.casefold().endswith(ending):
        name = name[: -len(ending)]
    return slug(name) + ending


@contextmanager
def _opened(file: Path, stdin: Callable[[], BinaryIO]) -> Iterator[BinaryIO]:
    """Standard input for `-`, which stays open, else the file. Raises `OSError`."""
    if file == _STDIN:
        yield stdin()
        return
    with file.open("rb") as stream:
        yield stream


@contextmanager
def _sized(source: BinaryIO) -> Iterator[tuple[BinaryIO, int]]:
    """A stream with its size; one that is no regular file is kept on disk first, never in memory."""
    try:
        about = os.fstat(source.fileno())
        regular = stat.S_ISREG(about.st_mode) and source.tell() == 0
    except (OSError, ValueError):
        regular = False
    if regular:
        yield source, about.st_size
        return
    with tempfile.TemporaryFile() as kept:
        while piece := source.read(BLOCK):
            kept.write(piece)
        size = kept.tell()
        kept.seek(0)
        yield kept, size
