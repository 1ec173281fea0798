"""What a reader may spend on one file: declared numbers, checked before anything is allocated."""

from __future__ import annotations

from typing import Final, NamedTuple

MIB: Final = 1 << 20


class Limits(NamedTuple):
    """Upper bounds; ilearner-format.md section 8 has what real files need (704 objects, depth 2, 36 kB).

    `elements` counts the items of all reference arrays and the members of all objects together, null runs included:
    five bytes of a stream can ask for two thousand million of them. `text_bytes` is the sum of all strings and names.
    `entry_bytes` and `archive_bytes` bound what is unpacked, `attribute_ratio` how far the feature list may expand.
    `onnx_bytes` bounds a whole file held in memory (ONNX only: Studio streams are read through a window).
    """

    file_bytes: int = 512 * MIB
    objects: int = 1_000_000
    elements: int = 2_000_000
    text_bytes: int = 64 * MIB
    string_bytes: int = MIB
    class_name_bytes: int = 4096
    class_members: int = 1000
    libraries: int = 256
    depth: int = 64
    attribute_bytes: int = 64 * MIB
    attribute_ratio: int = 200
    attribute_depth: int = 16
    entries: int = 10_000
    entry_bytes: int = 64 * MIB
    archive_bytes: int = 256 * MIB
    slots: int = 2_000_000
    onnx_bytes: int = 512 * MIB


DEFAULT_LIMITS: Final = Limits()
