"""A model version as a file of the user's: whole and with the recorded bytes, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.model.versions import ModelVersion
from retrainctl.operations.adopting import slug
from retrainctl.operations.model_files import pieces
from retrainctl.operations.whole_file import whole_file
from retrainctl.ports import BlobStore

_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """A version's file. `checked`: whether its hash was declared, and is this one."""

    path: Path
    size: int
    sha256: str
    checked: bool


def file_name(version: ModelVersion) -> str:
    """What a downloaded version is called unless the user says."""
    return f"{slug(version.model)}-{version.version}.ilearner"


def download(version: ModelVersion, store: BlobStore, root: Path, out: Path, *, replace: bool) -> Downloaded:
    """Writes a version to `out`, whole and with the declared hash, or not at all.

    Raises:
        RetrainctlError: RC004 when there is a file already, RC659 for other bytes than declared, RC007 when it cannot
            be written, RC143 when a local file cannot be read.
        TargetError: what the store says.
    """
    if out.exists() and not replace:
        raise RetrainctlError(f"{out} is already there", code="RC004", hint="Choose another --out, or pass --force.")
    digest, size = hashlib.sha256(), 0
    with whole_file(out) as file:
        for piece in _bytes(version, store, root):
            digest.update(piece)
            size += len(piece)
            file.write(piece)
        sha256 = digest.hexdigest()
        if version.sha256 is not None and version.sha256 != sha256:
            raise RetrainctlError(
                f"{version.label} has other bytes than declared: its SHA-256 is {sha256}; nothing was written",
                code="RC148" if version.file is not None else "RC659",
                hint="Find out who replaced it, or record its content as a new version.",
            )
    return Downloaded(path=out, size=size, sha256=sha256, checked=version.sha256 is not None)


def _bytes(version: ModelVersion, store: BlobStore, root: Path) -> Iterator[bytes]:
    if version.file is None:
        assert version.uri is not None
        yield from pieces(store, version.uri, store.facts(version.uri))
        return
    try:
        with (root / version.file).open("rb") as stream:
            while piece := stream.read(_PIECE):
                yield piece
    except OSError as error:
        raise RetrainctlError(
            f"{version.file} cannot be read: {error.strerror}", code="RC143", hint="Check the path."
        ) from error
