"""Files that a command writes for its user: whole and under their name, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from retrainctl.errors import RetrainctlError


def must_be_free(out: Path | None, *, overwrite: bool) -> None:
    """Raises `RetrainctlError` (RC004) where a file would be replaced that nobody said to replace."""
    if out is not None and str(out) != "-" and not overwrite and out.is_file():
        raise RetrainctlError(
            f"{out} is already there", code="RC004", hint="Choose another --out, or pass --overwrite."
        )


def write_pieces(pieces: Iterable[bytes], out: Path) -> int:
    """Writes a file piece by piece; gives its size. Raises `RetrainctlError` (RC007), and what the pieces raise."""
    size = 0
    with whole_file(out) as file:
        for piece in pieces:
            size += len(piece)
            file.write(piece)
    return size


@contextmanager
def whole_file(out: Path) -> Iterator[BinaryIO]:
    """A file that takes its name when the block ends well, and leaves nothing behind when it does not.

    Raises `RetrainctlError` (RC007) when it cannot be written.
    """
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
