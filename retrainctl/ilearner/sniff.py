"""What kind of file this is, by its first bytes and never by its name."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from retrainctl.ilearner.errors import IlearnerError

SNIFF_BYTES: Final = 64
"""How much of the start `sniff` looks at."""

_PICKLE_TEXT: Final = re.compile(rb"\A(?:c[A-Za-z_][\w.]*\n[A-Za-z_]|\((?:[dlt]p?\d*\n|[cSVIFiKMX(]))")
_ONNX_FIELDS: Final = frozenset((0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72, 0xA2))


class FileKind(StrEnum):
    """What the first bytes say. Only the first two are ever opened."""

    STUDIO = "studio"
    ONNX = "onnx"
    PICKLE = "pickle"
    ZIP = "zip"
    PLACEHOLDER = "placeholder"
    OTHER = "other"


def sniff(head: bytes) -> FileKind:
    """The kind of a file from its first `SNIFF_BYTES` bytes (ilearner-format.md section 1, table)."""
    if head[:1] == b"\x00" and head[5:17] == b"\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00\x00\x00":
        return FileKind.STUDIO
    if len(head) > 1 and head[0] == 0x80 and head[1] in (2, 3, 4, 5):
        return FileKind.PICKLE
    if head[:4] == b"PK\x03\x04":
        return FileKind.ZIP
    if head[:2] == b"{}":
        return FileKind.PLACEHOLDER
    # A protobuf ModelProto starts with field 1 (ir_version) as a small varint, then another of its fields.
    if len(head) > 2 and head[0] == 0x08 and 1 <= head[1] <= 0x40 and head[2] in _ONNX_FIELDS:
        return FileKind.ONNX
    if _PICKLE_TEXT.match(head):
        return FileKind.PICKLE
    return FileKind.OTHER


_REFUSALS: Final[dict[FileKind, tuple[str, str, str]]] = {
    FileKind.ONNX: (
        "RC701",
        "this is an ONNX model, not a Studio model file",
        "Score it directly; it needs no conversion.",
    ),
    FileKind.PICKLE: (
        "RC702",
        "this is a Python pickle, as the Azure ML designer writes under the .ilearner name; it is never unpickled",
        "Unpickling runs code from the file. Export the model from its own environment as ONNX instead.",
    ),
    FileKind.PLACEHOLDER: (
        "RC703",
        "this is the empty placeholder {} that the Azure ML designer writes under the .ilearner name",
        "The model itself lies beside it in the designer's output folder; there is nothing to read here.",
    ),
    FileKind.ZIP: (
        "RC704",
        "this is a ZIP archive (a designer download or an ML.NET model), not a Studio model file",
        "Look inside the archive for a model of a kind that can be read.",
    ),
    FileKind.OTHER: (
        "RC701",
        "this is not a Studio model file: a .NET binary stream header "
        "(00, root id, FF FF FF FF, 01 00 00 00, 00 00 00 00) was expected",
        "Check that the download is complete and is the blob that the service points at.",
    ),
}


def refuse(kind: FileKind) -> IlearnerError:
    """The error for a file that is not a Studio stream."""
    code, message, hint = _REFUSALS[kind]
    return IlearnerError(message, offset=0, code=code, hint=hint)
