"""From the archive to the numbers: the containers of a calibrated linear predictor (ilearner-format.md 5.3).

Each layout here is stated by dotnet/machinelearning (MIT) and was met, byte by byte, in a real file. Layouts that
only sources state (5.4) are named and left alone.
"""

from __future__ import annotations

import math
import struct
from typing import Final

from retrainctl.ilearner.archive import Archive, Entry
from retrainctl.ilearner.container import HEADER_BYTES, Container, Header, read_container, read_header, version_text
from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.limits import Limits
from retrainctl.ilearner.model import Affine, Linear, Part, Platt, Predictor
from retrainctl.ilearner.source import Cursor

_FLOAT_BYTES: Final = 4

# Signature -> (loader, versions) that a real file has proven; LINEAR2C 2.2 only adds a sub-model beside the block.
_KNOWN: Final[dict[str, tuple[str, frozenset[int]]]] = {
    "PMIXCALP": ("PMixCaliPredExec", frozenset((0x00010001,))),
    "LINEAR2C": ("Linear2CExec", frozenset((0x00020001, 0x00020002))),
    "AFF NORM": ("AffineNormExec", frozenset((0x00010003,))),
    "PLATTCAL": ("PlattCaliExec", frozenset((0x00010001,))),
}

# What public sources call the containers that no file has proven yet.
_NAMED: Final[dict[str, str]] = {
    "CALIPRED": "a calibrated predictor",
    "BCALPRED": "a calibrated predictor",
    "FTWTCALP": "a calibrated tree predictor",
    "LIN RGRS": "linear regression",
    "POI RGRS": "Poisson regression",
    "OLS RGRS": "ordinary least squares regression",
    "MULTI LR": "multiclass logistic regression",
    "TLC OVA": "one-versus-all multiclass",
    "FTREE BC": "boosted decision trees, two-class",
    "FTREE RE": "boosted decision trees, regression",
    "FFORE BC": "a fast forest, two-class",
    "FFORE RE": "a fast forest, regression",
    "LDSVM BC": "a locally-deep SVM",
    "KMEANS": "k-means clustering",
    "PCA ANOM": "PCA-based anomaly detection",
    "BIN NORM": "a binning normalizer",
    "NAIVECAL": "a naive calibrator",
    "PAV  CAL": "an isotonic calibrator",
}


def read_predictor(archive: Archive, limits: Limits) -> tuple[Predictor, tuple[str, ...]]:
    """The predictor in the archive, and in sentences what of it is not decoded.

    Raises:
        IlearnerError: a container breaks the rules of its own format.
    """
    return _Loader(archive, limits).load()


class _Loader:
    def __init__(self, archive: Archive, limits: Limits) -> None:
        self._archive = archive
        self._limits = limits
        self._parts: dict[str, Part] = {}
        self._missing: list[str] = []

    def load(self) -> tuple[Predictor, tuple[str, ...]]:
        linear: Linear | None = None
        normalizer: Affine | None = None
        calibrator: Platt | None = None
        folder = "Predictor"
        root = self._open(folder)
        if root is None:
            self._missing.append("the archive has no entry Predictor/Model.key")
        elif root.header.signature != "PMIXCALP":
            self._missing.append(f"the predictor {root.header.signature!r} has no calibrator: no probability is known")
        else:
            _finish(root)
            linear, normalizer = self._linear("Predictor/Predictor")
            calibrator = self._platt("Predictor/Calibrator")
        for name in self._archive.entries:
            if name not in self._parts:
                self._name_only(self._archive.entries[name])
                # An entry that nobody asked for might change the score. Training statistics cannot.
                if root is not None and "/ModelStats/" not in name:
                    self._missing.append(f"{name} is an entry without a known purpose")
        written = max((entry.written for entry in self._archive.entries.values() if entry.written), default=None)
        predictor = Predictor(
            linear=linear,
            normalizer=normalizer,
            calibrator=calibrator,
            parts=tuple(self._parts[name] for name in sorted(self._parts)),
            written=written,
        )
        return predictor, tuple(self._missing)

    def _open(self, folder: str, *, optional: bool = False) -> Container | None:
        """The container that a model folder holds, if it is one that is decoded."""
        entries = self._archive.entries
        entry = entries.get(f"{folder}/Model.key") or entries.get(f"{folder}/Model.bin")
        if entry is None:
            if not optional and folder != "Predictor":
                self._missing.append(f"the archive has no model in {folder}")
            return None
        header = read_header(self._archive.peek(entry, HEADER_BYTES), entry.name)
        if not _proven(header):
            self._name_only(entry)
            self._missing.append(_unproven(header, entry.name))
            return None
        container = read_container(self._archive.read(entry), entry.name)
        self._parts[entry.name] = _part(entry, header, decoded=True)
        return container

    def _name_only(self, entry: Entry) -> None:
        try:
            header = read_header(self._archive.peek(entry, HEADER_BYTES), entry.name)
        except IlearnerError:
            header = Header(signature="", version=0, loader="")
        self._parts[entry.name] = _part(entry, header, decoded=False)

    def _expect(self, container: Container | None, signature: str) -> Container | None:
        if container is not None and container.header.signature != signature:
            self._missing.append(
                f"{container.part} is {container.header.signature!r} where {signature!r} is understood"
            )
            return None
        return container

    def _linear(self, folder: str) -> tuple[Linear | None, Affine | None]:
        container = self._expect(self._open(folder), "LINEAR2C")
        if container is None:
            return None, None
        linear = _linear_block(container.block, self._limits)
        _finish(container)
        if f"{folder}/Calibrator/Model.bin" in self._archive.entries:
            self._missing.append(f"{folder} has a second calibrator")
        inner = self._open(f"{folder}/Normalizer", optional=True)
        if inner is None:
            return linear, None
        inner = self._expect(inner, "AFF NORM")
        if inner is None:
            return linear, None
        normalizer = _affine_block(inner.block, len(linear.weights))
        _finish(inner)
        return linear, normalizer

    def _platt(self, folder: str) -> Platt | None:
        container = self._expect(self._open(folder), "PLATTCAL")
        if container is None:
            return None
        block = container.block
        start = block.offset
        a, b = block.f64("calibrator slope"), block.f64("calibrator offset")
        if not (math.isfinite(a) and math.isfinite(b)):
            raise block.fail("two finite calibrator values expected", offset=start, code="RC707")
        _finish(container)
        return Platt(a=a, b=b)


def _proven(header: Header) -> bool:
    known = _KNOWN.get(header.signature)
    return known is not None and known[0] == header.loader and header.version in known[1]


def _unproven(header: Header, name: str) -> str:
    what = f"{name} is a container {header.signature!r} {version_text(header.version)} ({header.loader})"
    if header.signature in _KNOWN:
        return f"{what}: this version or loader was never met"
    meaning = _NAMED.get(header.signature.strip())
    return f"{what}, {meaning}: no public file proves its layout" if meaning else f"{what}: unknown"


def _part(entry: Entry, header: Header, *, decoded: bool) -> Part:
    return Part(
        name=entry.name,
        signature=header.signature,
        version=version_text(header.version),
        loader=header.loader,
        size=entry.size,
        decoded=decoded,
    )


def _finish(container: Container) -> None:
    """A block must be consumed exactly: a byte left over means that the layout was misread."""
    block = container.block
    if block.offset != block.end:
        raise block.fail(f"the end of the block expected, {block.end - block.offset} bytes are left", code="RC707")


def _floats(block: Cursor, count: int, what: str) -> tuple[float, ...]:
    start = block.offset
    values: tuple[float, ...] = struct.unpack(f"<{count}f", block.take(count * _FLOAT_BYTES, what))
    if not all(map(math.isfinite, values)):
        raise block.fail(f"{what}: finite numbers expected", offset=start, code="RC707")
    return values


def _indices(block: Cursor, count: int, length: int, what: str) -> tuple[int, ...]:
    """Strictly rising slot numbers below `length`."""
    start = block.offset
    values: tuple[int, ...] = struct.unpack(f"<{count}i", block.take(count * 4, what))
    last = -1
    for value in values:
        if not last < value < length:
            raise block.fail(f"{what}: rising numbers below {length} expected", offset=start, code="RC707")
        last = value
    return values


def _float_size(block: Cursor) -> None:
    start = block.offset
    if block.i32("size of a float") != _FLOAT_BYTES:
        raise block.fail("floats of 4 bytes expected", offset=start, code="RC707")


def _linear_block(block: Cursor, limits: Limits) -> Linear:
    """LINEAR2C: size, bias, length, indices (none = dense), weights. Source: `LinearPredictor.cs`."""
    _float_size(block)
    (bias,) = _floats(block, 1, "bias")
    start = block.offset
    length = block.i32("number of weights")
    if not 0 <= length <= limits.slots:
        raise block.fail(f"0 to {limits.slots} weights expected, found {length}", offset=start, code="RC706")
    indices = _indices(block, block.count("index count", item_bytes=4), length, "weight indices")
    start = block.offset
    count = block.count("weight count", item_bytes=_FLOAT_BYTES)
    if count != (len(indices) or length) and count != 0:
        raise block.fail(f"{len(indices) or length} weights expected, found {count}", offset=start, code="RC707")
    values = _floats(block, count, "weights")
    if indices and count == 0:
        raise block.fail("indices without weights", offset=start, code="RC707")
    if not indices:
        return Linear(bias=bias, weights=values or (0.0,) * length)
    weights = [0.0] * length
    for index, value in zip(indices, values, strict=True):
        weights[index] = value
    return Linear(bias=bias, weights=tuple(weights))


def _affine_block(block: Cursor, slots: int) -> Affine:
    """AFF NORM 1.3: size, features, scaled ones (-1 = all), scales, offsets. Source: `NormalizeColumnSng.cs`."""
    _float_size(block)
    start = block.offset
    features = block.i32("number of features")
    if features != slots:
        raise block.fail(
            f"{slots} features expected, as the predictor has weights, found {features}", offset=start, code="RC708"
        )
    start = block.offset
    morphs = block.i32("number of scaled features")
    if not -1 <= morphs <= features:
        raise block.fail(f"-1 to {features} scaled features expected, found {morphs}", offset=start, code="RC707")
    indices = _indices(block, morphs, features, "scaled features") if morphs >= 0 else range(features)
    scales = _part_of(block, len(indices), "scales", may_be_absent=False)
    offsets = _part_of(block, len(indices), "offsets", may_be_absent=True)
    dense_scales, dense_offsets = [1.0] * features, [0.0] * features
    for index, scale, offset in zip(indices, scales, offsets, strict=True):
        dense_scales[index] = scale
        dense_offsets[index] = offset if scale else 0.0
    return Affine(scales=tuple(dense_scales), offsets=tuple(dense_offsets))


def _part_of(block: Cursor, expected: int, what: str, *, may_be_absent: bool) -> tuple[float, ...]:
    start = block.offset
    count = block.count(f"count of {what}", item_bytes=_FLOAT_BYTES)
    if count == 0 and may_be_absent:
        return (0.0,) * expected
    if count != expected:
        raise block.fail(f"{expected} {what} expected, found {count}", offset=start, code="RC707")
    return _floats(block, count, what)
