"""The summary of any supported file, by its first bytes."""

from __future__ import annotations

import os

from retrainctl.ilearner.files import kind_of, load_bytes
from retrainctl.ilearner.limits import DEFAULT_LIMITS, Limits
from retrainctl.ilearner.reader import read_model, read_model_file
from retrainctl.ilearner.sniff import SNIFF_BYTES, FileKind, sniff
from retrainctl.ilearner.summary import Summary, inspect


def inspect_bytes(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Summary:
    """The summary of a Studio or an ONNX model, by the first bytes.

    Raises:
        IlearnerError: another kind of file, or a damaged one.
    """
    if sniff(data[:SNIFF_BYTES]) is FileKind.ONNX:
        from retrainctl.ilearner.onnx_scoring import inspect_onnx

        return inspect_onnx(data)
    return inspect(read_model(data, limits=limits))


def inspect_file(path: str | os.PathLike[str], *, limits: Limits = DEFAULT_LIMITS) -> Summary:
    """As `inspect_bytes`, from a file; a Studio file is read through a window."""
    if kind_of(path) is FileKind.ONNX:
        return inspect_bytes(load_bytes(path, limits), limits=limits)
    return inspect(read_model_file(path, limits=limits))
