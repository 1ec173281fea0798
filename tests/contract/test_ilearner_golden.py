"""The two real model files: every golden fact of ilearner-format.md sections 3, 6 and 10."""

from __future__ import annotations

import hashlib
import io
import math
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import pytest

from retrainctl.ilearner.archive import Archive
from retrainctl.ilearner.limits import DEFAULT_LIMITS
from retrainctl.ilearner.model import Model
from retrainctl.ilearner.nrbf import Instance, PrimitiveArray, Reference, ReferenceArray, Stream, read_stream
from retrainctl.ilearner.reader import read_model_file
from retrainctl.ilearner.source import Cursor, Source
from retrainctl.ilearner.summary import inspect

NUMERIC_IN_A = (
    "Duration in months",
    "Credit amount",
    "Installment rate in percentage of disposable income",
    "Present residence since",
    "Age in years",
    "Number of existing credits at this bank",
    "Number of people being liable to provide maintenance for",
)
NAMES = (
    "Status of checking account",
    "Duration in months",
    "Credit history",
    "Purpose",
    "Credit amount",
    "Savings account/bond",
    "Present employment since",
    "Installment rate in percentage of disposable income",
    "Personal status and sex",
    "Other debtors/guarantors",
    "Present residence since",
    "Property",
    "Age in years",
    "Other installment plans",
    "Housing",
    "Number of existing credits at this bank",
    "Job",
    "Number of people being liable to provide maintenance for",
    "Telephone",
    "Foreign worker",
)


class Golden(NamedTuple):
    """What section 10 says of one file."""

    file: str
    size: int
    sha256: str
    written: str
    label_type: str
    value_type: str
    values: tuple[object, ...]
    weights: int
    non_zero: int
    bias: float
    bias_bits: int
    first: tuple[float, ...]
    last: tuple[float, ...]
    last_non_zero: int
    total: float
    absolute: float
    slope: float
    intercept: float
    ends: tuple[int, ...]
    objects: int
    offsets: dict[str, int]
    linear_sha256: str
    normalizer_sha256: str
    calibrator_sha256: str
    attributes_sha256: str
    attributes_size: int


A = Golden(
    file="Credit_risk.ilearner",
    size=13895,
    sha256="bc589adc9e27643c3ad2cd49a8b3863b2baedfeaa261ae928fd7fe7f6e9cc782",
    written="2017-01-24T00:57:04",
    label_type="Numeric",
    value_type="Int32",
    values=(1, 2),
    weights=74,
    non_zero=28,
    bias=0.4808363914489746,
    bias_bits=0x3EF63030,
    first=(0.0, 0.9523801803588867, 0.0),
    last=(0.4761902391910553, 0.0, 0.0),
    last_non_zero=71,
    total=7.548334052785535,
    absolute=13.279736230149169,
    slope=-0.3348845136449222,
    intercept=0.783572029732814,
    ends=(5, 6, 12, 23, 24, 30, 36, 37, 42, 46, 47, 52, 53, 57, 61, 62, 67, 68, 71, 74),
    objects=125,
    offsets={"table": 1378, "settings": 3758, "label": 4138, "values": 4544, "names": 10920, "weights": 13095},
    linear_sha256="628f2d1cb8fb24e6537447f730ea869ae0900a75347a7c802eda88bf57950161",
    normalizer_sha256="50fd6222c5f48cf9ee5647ee47a899ade661c22f1cb0850f0a00c7853a09f162",
    calibrator_sha256="f1331c27c867599731f761872caccad43f1ba63e04f25c4871e90477cc62af0a",
    attributes_sha256="768f45cdabb2970701d5d4fe2871d18348ab7ce8b3aee81e05f08c9f7cae0282",
    attributes_size=3730,
)
B = Golden(
    file="CreditRisk.ilearner",
    size=36080,
    sha256="e910b26d8732516ba452ea8f0eff27310181e5a733e81719425bffb0cd83c0b6",
    written="2017-02-15T19:39:38",
    label_type="String",
    value_type="String",
    values=("1", "2"),
    weights=651,
    non_zero=43,
    bias=0.4924241304397583,
    bias_bits=0x3EFC1F04,
    first=(0.466417521238327, 0.46641746163368225, 0.0),
    last=(0.46641767024993896, 0.0, 0.0),
    last_non_zero=648,
    total=9.328353282896174,
    absolute=15.858195659605158,
    slope=-0.4163707720050179,
    intercept=1.0253274982064144,
    ends=(5, 36, 42, 53, 535, 541, 547, 552, 557, 561, 566, 571, 624, 628, 632, 637, 642, 645, 648, 651),
    objects=704,
    offsets={"table": 1378, "settings": 5296, "label": 5676, "values": 6031, "names": 12083, "weights": 30488},
    linear_sha256="d057809e1f2dde4e5a2da33d2eb7e993725317f3fa4c911cd666a7854cd1a890",
    normalizer_sha256="b5d0c562d51ff616175302cc38355d1da5b9a06dd87bd2439ec8bec1a077786b",
    calibrator_sha256="68411361072233cfe2ceccf5ea3649097c955a89a1eed9557b24ad1e012925a3",
    attributes_sha256="3634e8d0b2b47008d30cae0e45162f7a90f1e157b781544217a0711a13debdd6",
    attributes_size=8033,
)
FILES = pytest.mark.parametrize("golden", [A, B], ids=["A", "B"])


@pytest.fixture(scope="module")
def exports(shared: Path) -> Path:
    return shared / "arm" / "exports"


def model_of(exports: Path, golden: Golden) -> Model:
    return read_model_file(exports / golden.file)


def stream_of(exports: Path, golden: Golden) -> tuple[bytes, Stream]:
    data = (exports / golden.file).read_bytes()
    return data, read_stream(Cursor(Source(io.BytesIO(data), len(data))), DEFAULT_LIMITS)


@FILES
def test_identity_and_settings(exports: Path, golden: Golden) -> None:
    model = model_of(exports, golden)
    assert (model.size, model.sha256, model.predictor.written) == (golden.size, golden.sha256, golden.written)
    assert model.root_class == "Microsoft.Analytics.MachineLearning.Local.SupportVectorMachineClassifier"
    assert {setting.name: setting.value for setting in model.settings} == {
        "numIterations": 1,
        "lambda": 0.001,
        "normalizeFeatures": False,
        "performProjection": False,
        "randomNumberSeed": 10,
        "allowUnknownLevels": True,
    }
    assert model.undecoded == () and model.notes == ()
    assert all("Version=6.0.0.0" in library for library in model.libraries) and len(model.libraries) == 6


@FILES
def test_label(exports: Path, golden: Golden) -> None:
    label = model_of(exports, golden).label
    assert label is not None
    assert (label.name, label.type, label.value_type) == ("Credit risk", golden.label_type, golden.value_type)
    assert label.values == golden.values
    assert inspect(model_of(exports, golden)).positive_value == golden.values[1]


@FILES
def test_features_and_slots(exports: Path, golden: Golden) -> None:
    features = model_of(exports, golden).features
    assert tuple(feature.name for feature in features) == NAMES
    assert tuple(feature.slots[1] for feature in features if feature.slots) == golden.ends
    numeric = tuple(feature.name for feature in features if feature.is_numeric)
    assert numeric == (NUMERIC_IN_A if golden is A else ())
    if golden is B:
        assert len(features[4].categories) == 481


@FILES
def test_weights_and_bias(exports: Path, golden: Golden) -> None:
    linear = model_of(exports, golden).predictor.linear
    assert linear is not None
    weights = linear.weights
    assert (linear.bias, struct.unpack("<I", struct.pack("<f", linear.bias))[0]) == (golden.bias, golden.bias_bits)
    assert (len(weights), sum(1 for weight in weights if weight)) == (golden.weights, golden.non_zero)
    assert (weights[:3], weights[-3:]) == (golden.first, golden.last)
    assert max(index for index, weight in enumerate(weights) if weight) == golden.last_non_zero
    assert math.fsum(weights) == pytest.approx(golden.total, abs=1e-12)
    assert math.fsum(map(abs, weights)) == pytest.approx(golden.absolute, abs=1e-12)


def test_normalizer_of_a(exports: Path) -> None:
    normalizer = model_of(exports, A).predictor.normalizer
    assert normalizer is not None
    pairs = list(zip(normalizer.scales, normalizer.offsets, strict=True))
    assert pairs[5] == (1491.04296875, 0.9993293285369873)
    assert pairs[36] == pairs[46] == pairs[61] == (4.206361770629883, 0.7615941762924194)
    assert pairs[67] == (4.939896106719971, 0.7615941762924194)
    unknown = {end - 1 for end, start in zip(A.ends, (0, *A.ends), strict=False) if end - start > 1}
    zero = {index for index, (scale, _) in enumerate(pairs) if scale == 0}
    assert zero == unknown | {23, 52}
    rest = set(range(74)) - zero - {5, 36, 46, 61, 67}
    assert {pairs[index] for index in rest} == {(1.0, 0.0)}


def test_normalizer_of_b(exports: Path) -> None:
    normalizer = model_of(exports, B).predictor.normalizer
    assert normalizer is not None
    zero = [index for index, scale in enumerate(normalizer.scales) if scale == 0]
    assert zero == [end - 1 for end in B.ends]
    assert set(normalizer.scales) == {0.0, 1.0} and set(normalizer.offsets) == {0.0}


@FILES
def test_calibrator_and_parts(exports: Path, golden: Golden) -> None:
    predictor = model_of(exports, golden).predictor
    assert predictor.calibrator is not None
    assert (predictor.calibrator.a, predictor.calibrator.b) == (golden.slope, golden.intercept)
    assert [(part.name, part.signature, part.loader, part.decoded) for part in predictor.parts] == [
        ("Predictor/Calibrator/Model.bin", "PLATTCAL", "PlattCaliExec", True),
        ("Predictor/Model.key", "PMIXCALP", "PMixCaliPredExec", True),
        ("Predictor/Predictor/Model.key", "LINEAR2C", "Linear2CExec", True),
        ("Predictor/Predictor/Normalizer/Model.bin", "AFF NORM", "AffineNormExec", True),
    ]


@FILES
def test_record_offsets_and_objects(exports: Path, golden: Golden) -> None:
    data, stream = stream_of(exports, golden)
    root = dict(zip(stream.root.layout.names, stream.root.values, strict=True))
    assert (stream.root.offset, stream.end, len(stream.objects)) == (358, len(data), golden.objects)

    def target(name: str) -> Instance | PrimitiveArray | ReferenceArray:
        reference = root[f"BinaryClassifierBase+{name}"]
        assert isinstance(reference, Reference)
        found = stream.objects[reference.object_id]
        assert not isinstance(found, str)
        return found

    assert target("modelTable").offset == golden.offsets["table"]
    assert target("<Settings>k__BackingField").offset == golden.offsets["settings"]
    assert target("<LabelAttribute>k__BackingField").offset == golden.offsets["label"]
    assert target("<LabelValues>k__BackingField").offset == golden.offsets["values"]
    predictor, attributes = target("serializedPredictor"), target("serializedFeatureAttributes")
    assert (predictor.offset, attributes.offset) == (2042, 3076)
    names = [found for found in stream.objects.values() if isinstance(found, ReferenceArray)]
    assert max(names, key=lambda array: len(array.items)).offset == golden.offsets["names"]
    assert golden.offsets["weights"] in [f.offset for f in stream.objects.values() if isinstance(f, PrimitiveArray)]
    assert reachable(stream) == set(stream.objects)


def reachable(stream: Stream) -> set[int]:
    """Ids of all objects that the root leads to."""
    found: set[int] = set()
    waiting: list[object] = [Reference(stream.root.object_id)]
    by_text = {id(value): object_id for object_id, value in stream.objects.items() if isinstance(value, str)}
    while waiting:
        item = waiting.pop()
        if isinstance(item, (Reference, Instance, PrimitiveArray, ReferenceArray)):
            object_id = item.object_id
        elif isinstance(item, str) and id(item) in by_text:
            object_id = by_text[id(item)]
        else:
            continue
        if object_id in found:
            continue
        found.add(object_id)
        held = stream.objects[object_id]
        if isinstance(held, Instance):
            waiting.extend(held.values)
        elif isinstance(held, ReferenceArray):
            waiting.extend(held.items)
    return found


@FILES
def test_hashes_of_the_parts_inside(exports: Path, golden: Golden) -> None:
    data, stream = stream_of(exports, golden)
    arrays = [f for f in stream.objects.values() if isinstance(f, PrimitiveArray) and f.offset in (2042, 3076)]
    predictor, attributes = sorted(arrays, key=lambda array: array.offset)
    archive = Archive(
        Source(io.BytesIO(data), len(data)), predictor.start, predictor.size, DEFAULT_LIMITS, "serializedPredictor"
    )
    hashes = {name: hashlib.sha256(archive.read(entry)).hexdigest() for name, entry in archive.entries.items()}
    assert hashes == {
        "Predictor/Model.key": "6f3826dfa5c021f8881b294439d91d4bbe74280eac94abaf994b3160551cb433",
        "Predictor/Predictor/Model.key": golden.linear_sha256,
        "Predictor/Predictor/Normalizer/Model.bin": golden.normalizer_sha256,
        "Predictor/Calibrator/Model.bin": golden.calibrator_sha256,
    }
    unpacked = zlib.decompress(data[attributes.start : attributes.start + attributes.size], 31)
    assert (len(unpacked), hashlib.sha256(unpacked).hexdigest()) == (golden.attributes_size, golden.attributes_sha256)
