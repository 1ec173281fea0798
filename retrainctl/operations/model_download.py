"""A model version as a file of the user's: whole and with the recorded bytes, or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.model.versions import ModelVersion
from retrainctl.operations.adopting import slug
from retrainctl.operations.model_files import pieces
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
    with _whole(out) as file:
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


@contextmanager
def _whole(out: Path) -> Iterator[BinaryIO]:
    """A file that takes its name when the block ends well, and leaves nothing behind when it does not."""
    part: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
        part = Path(name)
        with os.fdopen(handle, "wb") as file:
            yield file
        part.chmod(0o644)
        part.replace(out)
    except OSError as error:
        raise RetrainctlError(
            f"cannot write {out}: {(error.strerror or str(error)).lower()}",
            code="RC007",
            hint="Check that its folder exists, is writable and has space.",
        ) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
