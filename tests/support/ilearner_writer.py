"""Writes small valid model files, so that the reader is tested without the real ones.

Follows ilearner-format.md sections 2 to 5 and shares no code with the reader.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

LIBRARY = "Microsoft.Analytics.MachineLearning.Local, Version=6.0.0.0"
ROOT = "Microsoft.Analytics.MachineLearning.Local.SupportVectorMachineClassifier"
BASE = "BinaryClassifierBase+"
HEADER = struct.pack("<B4i", 0, 1, -1, 1, 0)
END = b"\x0b"

INT32 = 8
BYTE = 2
INT64 = 9


def text(value: str) -> bytes:
    """A length-prefixed string."""
    data, length, prefix = value.encode("utf-8"), len(value.encode("utf-8")), bytearray()
    while length >= 0x80:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + data


def library(library_id: int, name: str = LIBRARY) -> bytes:
    return struct.pack("<Bi", 12, library_id) + text(name)


def string(object_id: int, value: str) -> bytes:
    return struct.pack("<Bi", 6, object_id) + text(value)


def reference(object_id: int) -> bytes:
    return struct.pack("<Bi", 9, object_id)


NULL = b"\x0a"


def boxed(value: bool | int | float) -> bytes:
    """A setting's value with its type."""
    if isinstance(value, bool):
        return struct.pack("<BB?", 8, 1, value)
    if isinstance(value, int):
        return struct.pack("<BBi", 8, 8, value)
    return struct.pack("<BBd", 8, 6, value)


@dataclass
class Member:
    """A member's name, its binary type with extra information, and its value as bytes."""

    name: str
    kind: bytes
    extra: bytes
    value: bytes

    @classmethod
    def object(cls, name: str, value: bytes) -> Member:
        return cls(name, b"\x02", b"", value)

    @classmethod
    def text(cls, name: str, value: bytes) -> Member:
        return cls(name, b"\x01", b"", value)

    @classmethod
    def number(cls, name: str, value: int, code: int = INT32) -> Member:
        return cls(name, b"\x00", bytes((code,)), struct.pack("<i" if code == INT32 else "<q", value))

    @classmethod
    def boolean(cls, name: str, value: bool) -> Member:
        return cls(name, b"\x00", b"\x01", struct.pack("<?", value))

    @classmethod
    def typed(cls, name: str, type_name: str, value: bytes, library_id: int | None = None) -> Member:
        if library_id is None:
            return cls(name, b"\x03", text(type_name), value)
        return cls(name, b"\x04", text(type_name) + struct.pack("<i", library_id), value)


def instance(object_id: int, name: str, members: Sequence[Member], library_id: int | None = None) -> bytes:
    """A class record with its values; a system class without a library."""
    head = struct.pack("<Bi", 4 if library_id is None else 5, object_id) + text(name)
    head += struct.pack("<i", len(members)) + b"".join(text(member.name) for member in members)
    head += b"".join(member.kind for member in members) + b"".join(member.extra for member in members)
    if library_id is not None:
        head += struct.pack("<i", library_id)
    return head + b"".join(member.value for member in members)


def numbers(object_id: int, code: int, form: str, values: Sequence[float]) -> bytes:
    return struct.pack("<BiiB", 15, object_id, len(values), code) + struct.pack(f"<{len(values)}{form}", *values)


def byte_array(object_id: int, data: bytes) -> bytes:
    return struct.pack("<BiiB", 15, object_id, len(data), BYTE) + data


def strings(object_id: int, first_id: int, values: Sequence[str], nulls: int = 0) -> bytes:
    """A string array, its strings inline with ids from `first_id`, then a run of nulls."""
    body = b"".join(string(first_id + index, value) for index, value in enumerate(values))
    run = struct.pack("<BB", 13, nulls) if nulls else b""
    return struct.pack("<Bii", 17, object_id, len(values) + nulls) + body + run


def objects(object_id: int, items: Sequence[bytes], nulls: int = 0) -> bytes:
    run = struct.pack("<Bi", 14, nulls) if nulls else b""
    return struct.pack("<Bii", 16, object_id, len(items) + nulls) + b"".join(items) + run


def stream(*records: bytes) -> bytes:
    return HEADER + b"".join(records) + END


def container(signature: str, version: int, loader: str, block: bytes) -> bytes:
    """A model container: 256 bytes of header, the block, the tail."""
    tail = 0x100 + len(block)
    head = struct.pack("<8s2I", b"ML\0MODEL", 0x00010001, 0x00010001)
    head += struct.pack("<6q", 0x100, len(block), 0, 0, 0, 0)
    head += signature.encode().replace(b" ", b"\0").ljust(8, b"\0") + struct.pack("<2I", version, version)
    head += loader.encode().ljust(24, b"\0") + bytes(24) + struct.pack("<2q", tail, tail + 8)
    return head.ljust(0x100, b"\0") + block + b"LEDOM\0LM"


def linear_block(
    bias: float, weights: Sequence[float], indices: Sequence[int] = (), length: int | None = None
) -> bytes:
    size = len(weights) if length is None else length
    head = struct.pack("<ifii", 4, bias, size, len(indices)) + struct.pack(f"<{len(indices)}i", *indices)
    return head + struct.pack("<i", len(weights)) + struct.pack(f"<{len(weights)}f", *weights)


def affine_block(
    features: int, scales: Sequence[float], offsets: Sequence[float], indices: Sequence[int] | None
) -> bytes:
    head = struct.pack("<iii", 4, features, -1 if indices is None else len(indices))
    head += struct.pack(f"<{len(indices or ())}i", *(indices or ()))
    head += struct.pack("<i", len(scales)) + struct.pack(f"<{len(scales)}f", *scales)
    return head + struct.pack("<i", len(offsets)) + struct.pack(f"<{len(offsets)}f", *offsets)


def archive(entries: Mapping[str, bytes], *, padding: int = 7, stored: bool = False) -> bytes:
    """A ZIP with backslashes in its names and zeros behind its end."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as target:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name, (2017, 2, 15, 19, 39, 38))
            entry.filename = name  # ZipInfo may turn the separators of the platform round
            entry.compress_type = target.compression
            target.writestr(entry, data)
    return buffer.getvalue() + bytes(padding)


Feature = tuple[str, Sequence[str] | None]


def attributes(features: Sequence[Feature]) -> list[dict[str, object]]:
    """The feature list as JSON data; a feature without categories is a number."""
    rows: list[dict[str, object]] = []
    for name, categories in features:
        kind = "double" if categories is None else "string"
        row: dict[str, object] = {
            "name": name,
            "type": "Numeric" if categories is None else "Categorical",
            "isFeature": True,
            "elementType": {"typeName": kind, "isNullable": False},
        }
        if categories is not None:
            row["domain"] = {"categoryType": "string", "isNullable": False, "categories": list(categories)}
        rows.append(row)
    return rows


def slot_names(features: Sequence[Feature]) -> list[str]:
    names: list[str] = []
    for name, categories in features:
        if categories is None:
            names.append(name)
        else:
            names += [f"{name}_{category}_{index}" for index, category in enumerate(categories)]
            names.append(f"{name}#unknown__{len(categories) + 1}")
    return names


def proxy(values: Sequence[float]) -> bytes:
    """The weight column's own form."""
    name = "ExieDenseArray".encode("utf-16-le")
    head = b"\x01" + bytes(5) + struct.pack("<i", 14) + name + struct.pack("<3iq", 0, 11, 1, len(values))
    return head + struct.pack(f"<{len(values)}d", *values) + bytes(8)


def single(value: float) -> float:
    """A number as single precision holds it."""
    result: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return result


@dataclass
class ModelFile:
    """A two-class SVM, by default a small one; every part can be replaced to make a file that is wrong in one place."""

    features: Sequence[Feature] = (("colour", ("blue", "red")), ("size", None))
    bias: float = 0.5
    weights: Sequence[float] | None = None
    scales: Sequence[float] | None = None
    offsets: Sequence[float] = ()
    morphs: Sequence[int] | None = None
    slope: float = -1.5
    intercept: float = 0.25
    label: str = "outcome"
    label_values: Sequence[str] | Sequence[int] | Sequence[float] = ("no", "yes")
    label_type: int | None = None
    settings: Mapping[str, bool | int | float] = field(
        default_factory=lambda: {"numIterations": 1, "lambda": 0.001, "allowUnknownLevels": True}
    )
    root: str = ROOT
    trained: bool = True
    normalizer: bool = True
    table: bool = True
    table_names: Sequence[str] | None = None
    table_weights: Sequence[float] | None = None
    attributes: list[dict[str, object]] | None = None
    attribute_bytes: bytes | None = None
    entries: Mapping[str, bytes | None] = field(default_factory=dict)
    predictor: bytes | None = None
    stored: bool = False
    trailing: bytes = b""

    def names(self) -> list[str]:
        return slot_names(self.features)

    def dense_weights(self) -> list[float]:
        if self.weights is not None:
            return [single(value) for value in self.weights]
        return [single((-1) ** slot * (slot + 1) / 7) for slot in range(len(self.names()))]

    def parts(self) -> dict[str, bytes]:
        """The archive's entries, those of `entries` put over the usual ones; None leaves one out."""
        weights = self.dense_weights()
        scales = self.scales if self.scales is not None else [1.0] * len(weights)
        usual: dict[str, bytes | None] = {
            "Predictor\\Predictor\\Normalizer\\Model.bin": container(
                "AFF NORM",
                0x00010003,
                "AffineNormExec",
                affine_block(len(weights), scales, self.offsets, self.morphs),
            )
            if self.normalizer
            else None,
            "Predictor\\Predictor\\Model.key": container(
                "LINEAR2C", 0x00020001, "Linear2CExec", linear_block(self.bias, weights)
            ),
            "Predictor\\Calibrator\\Model.bin": container(
                "PLATTCAL", 0x00010001, "PlattCaliExec", struct.pack("<2d", self.slope, self.intercept)
            ),
            "Predictor\\Model.key": container("PMIXCALP", 0x00010001, "PMixCaliPredExec", b""),
        }
        return {name: data for name, data in {**usual, **self.entries}.items() if data is not None}

    def attribute_data(self) -> bytes:
        if self.attribute_bytes is not None:
            return self.attribute_bytes
        rows = attributes(self.features) if self.attributes is None else self.attributes
        return gzip.compress(json.dumps(rows, separators=(",", ":")).encode(), mtime=0)

    def bytes(self) -> bytes:
        predictor = archive(self.parts(), stored=self.stored) if self.predictor is None else self.predictor
        records = [
            library(2),
            self._root(),
            byte_array(6, predictor),
            byte_array(7, self.attribute_data()),
            self._settings(),
            self._label(),
            self._label_values(),
            *(self._table() if self.table else ()),
        ]
        return stream(*records) + self.trailing

    def _root(self) -> bytes:
        backing = f"{BASE}<{{}}>k__BackingField"
        members = [
            Member.typed(BASE + "modelTable", "DataTable", reference(5) if self.table else NULL, 2),
            Member(BASE + "serializedPredictor", b"\x07", bytes((BYTE,)), reference(6)),
            Member(BASE + "serializedFeatureAttributes", b"\x07", bytes((BYTE,)), reference(7)),
            Member.typed(backing.format("Settings"), "SupportVectorMachineSettings", reference(8), 2),
            Member.boolean(backing.format("IsTrained"), self.trained),
            Member.typed(backing.format("FeatureAttributes"), "IList`1", NULL),
            Member.typed(backing.format("LabelAttribute"), "StringAttribute", reference(9), 2),
            Member.typed(backing.format("LabelValues"), "List`1", reference(10)),
        ]
        return instance(1, self.root, members, 2)

    def _settings(self) -> bytes:
        members = [Member.typed(name, "System.Object", boxed(value)) for name, value in self.settings.items()]
        return instance(8, "SupportVectorMachineSettings", members, 2)

    def _label(self) -> bytes:
        texts = all(isinstance(value, str) for value in self.label_values)
        number = (4 if texts else 1) if self.label_type is None else self.label_type
        kind = instance(-20, "AttributeType", [Member.number("value__", number)], 2)
        prefix = "FeatureAttribute+<{}>k__BackingField"
        members = [
            Member.text(prefix.format("Name"), string(21, self.label)),
            Member.typed(prefix.format("Type"), "AttributeType", kind, 2),
            Member.boolean(prefix.format("IsFeature"), False),
        ]
        return instance(9, "StringAttribute" if texts else "NumericAttribute", members, 2)

    def _label_values(self) -> bytes:
        size = len(self.label_values)
        members = [Member.object("_items", reference(11)), Member.number("_size", size), Member.number("_version", 2)]
        values = instance(10, "System.Collections.Generic.List`1", members)
        texts = [value for value in self.label_values if isinstance(value, str)]
        if len(texts) == size:
            return values + strings(11, 1000, texts, nulls=2)
        integers = [value for value in self.label_values if isinstance(value, int)]
        if len(integers) == size:
            return values + numbers(11, INT32, "i", integers)
        return values + numbers(11, 6, "d", [float(value) for value in self.label_values])

    def _table(self) -> list[bytes]:
        names = ["Bias", *(self.names() if self.table_names is None else self.table_names)]
        weights = self.dense_weights() if self.table_weights is None else list(self.table_weights)
        return [
            instance(5, "DataTable", [Member.object("featureColumns", reference(12)), Member.object("Name", NULL)], 2),
            instance(
                12,
                "LabeledList`1",
                [Member.object("items", reference(13)), Member.object("indexToName", reference(14))],
                2,
            ),
            instance(13, "List`1", [Member.object("_items", reference(15)), Member.number("_size", 2)]),
            instance(14, "List`1", [Member.object("_items", reference(16)), Member.number("_size", 2)]),
            objects(15, [reference(17), reference(18)], nulls=2),
            strings(16, 2000, ["Feature", "Weight"], nulls=2),
            instance(17, "ObjectDenseArray`1", [Member.object("elements", reference(19))], 2),
            instance(18, "NativeNumericDenseArraySerializeProxy", [Member.object("serializedArray", reference(22))], 2),
            strings(19, 3000, names),
            byte_array(22, proxy([single(self.bias), *weights])),
        ]
