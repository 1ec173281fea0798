"""Opening files whose kind is not known yet."""

from __future__ import annotations

import os
from pathlib import Path

from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.limits import Limits
from retrainctl.ilearner.sniff import SNIFF_BYTES, FileKind, sniff


def kind_of(path: str | os.PathLike[str]) -> FileKind:
    """The kind of a file, by its first bytes."""
    try:
        with Path(path).open("rb") as stream:
            return sniff(stream.read(SNIFF_BYTES))
    except OSError as error:
        raise cannot_open(path, error) from error


def load_bytes(path: str | os.PathLike[str], limits: Limits) -> bytes:
    """A whole file in memory, within `limits.onnx_bytes`."""
    try:
        with Path(path).open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > limits.onnx_bytes:
                raise IlearnerError(
                    f"the file has {size} bytes, the limit is {limits.onnx_bytes}", offset=0, code="RC706"
                )
            return stream.read()
    except OSError as error:
        raise cannot_open(path, error) from error


def cannot_open(path: str | os.PathLike[str], error: OSError) -> IlearnerError:
    """The error for a file that the system does not let us read."""
    return IlearnerError(
        f"{os.fspath(path)} cannot be read: {error.strerror or error}", code="RC709", hint="Check path and rights."
    )
