"""Whole files: what the writer put in comes out, and a file that contradicts itself is refused."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.limits import DEFAULT_LIMITS, Limits
from retrainctl.ilearner.model import Affine, Label, Linear, Platt, Setting
from retrainctl.ilearner.reader import read_model, read_model_file
from retrainctl.ilearner.source import Source
from tests.support import ilearner_writer as w
from tests.support.ilearner_writer import ModelFile

NORMALIZER = "Predictor\\Predictor\\Normalizer\\Model.bin"
LINEAR = "Predictor\\Predictor\\Model.key"
CALIBRATOR = "Predictor\\Calibrator\\Model.bin"
TOP = "Predictor\\Model.key"


def refused(file: ModelFile) -> IlearnerError:
    with pytest.raises(IlearnerError) as caught:
        read_model(file.bytes())
    return caught.value


def test_a_small_model_is_read_whole() -> None:
    file = ModelFile(scales=[1.0, 1.0, 0.0, 4.0], offsets=[0.0, 0.0, 9.0, 0.5])
    model = read_model(file.bytes())
    assert model.learner == "SupportVectorMachineClassifier"
    assert model.settings == (
        Setting(name="numIterations", value=1),
        Setting(name="lambda", value=0.001),
        Setting(name="allowUnknownLevels", value=True),
    )
    assert model.label == Label(name="outcome", type="String", value_type="String", values=("no", "yes"))
    assert [(f.name, f.type, f.categories, f.slots) for f in model.features] == [
        ("colour", "Categorical", ("blue", "red"), (0, 3)),
        ("size", "Numeric", (), (3, 4)),
    ]
    assert model.slot_names == ("colour_blue_0", "colour_red_1", "colour#unknown__3", "size")
    assert model.predictor.linear == Linear(bias=0.5, weights=tuple(file.dense_weights()))
    assert model.predictor.normalizer == Affine(scales=(1.0, 1.0, 0.0, 4.0), offsets=(0.0, 0.0, 0.0, 0.5))
    assert model.predictor.calibrator == Platt(a=-1.5, b=0.25)
    assert model.predictor.written == "2017-02-15T19:39:38"
    assert model.undecoded == () and model.notes == ()


def test_a_sparse_normalizer_leaves_other_slots_alone() -> None:
    model = read_model(ModelFile(morphs=[2], scales=[0.0]).bytes())
    assert model.predictor.normalizer == Affine(scales=(1.0, 1.0, 0.0, 1.0), offsets=(0.0,) * 4)


def test_sparse_weights_are_spread_out() -> None:
    block = w.linear_block(0.5, [2.0, -3.0], indices=[1, 3], length=4)
    file = ModelFile(weights=[0, 2, 0, -3], entries={LINEAR: w.container("LINEAR2C", 0x20001, "Linear2CExec", block)})
    linear = read_model(file.bytes()).predictor.linear
    assert linear == Linear(bias=0.5, weights=(0.0, 2.0, 0.0, -3.0))


def test_no_weights_at_all_are_zeros() -> None:
    block = w.linear_block(0.5, [], length=4)
    file = ModelFile(weights=[0.0] * 4, entries={LINEAR: w.container("LINEAR2C", 0x20002, "Linear2CExec", block)})
    assert read_model(file.bytes()).predictor.linear == Linear(bias=0.5, weights=(0.0,) * 4)


def test_integer_labels_and_stored_entries_are_read() -> None:
    model = read_model(ModelFile(label_values=(1, 2), stored=True).bytes())
    assert model.label == Label(name="outcome", type="Numeric", value_type="Int32", values=(1, 2))


def test_a_model_without_table_and_normalizer_is_read() -> None:
    model = read_model(ModelFile(table=False, normalizer=False).bytes())
    assert model.predictor.normalizer is None and model.features[1].slots == (3, 4) and model.undecoded == ()


def test_bytes_behind_the_end_are_reported() -> None:
    file = ModelFile(trailing=b"more")
    assert read_model(file.bytes()).notes == (
        f"4 bytes follow the end of the stream at byte {len(file.bytes()) - 4}; they were not read",
    )


def test_file_and_bytes_give_the_same_model(tmp_path: Path) -> None:
    path = tmp_path / "m.ilearner"
    path.write_bytes(ModelFile().bytes())
    assert read_model_file(path) == read_model(ModelFile().bytes())


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (ModelFile(root="Some.Other.BoostedTreeClassifier"), "'BoostedTreeClassifier': no public file proves"),
        (ModelFile(trained=False), "never trained"),
        (ModelFile(label_type=7), "attribute type 7"),
        (ModelFile(settings={"allowUnknownLevels": False}), "unknown levels are off"),
        (
            ModelFile(entries={TOP: w.container("FTREE BC", 0x10005, "FastTreeBinaryExec", b"")}),
            "'FTREE BC' 1.5 (FastTreeBinaryExec), boosted decision trees, two-class: no public file proves its layout",
        ),
        (
            ModelFile(entries={TOP: w.container("LINEAR2C", 0x20001, "Linear2CExec", w.linear_block(0, [1] * 4))}),
            "the predictor 'LINEAR2C' has no calibrator",
        ),
        (
            ModelFile(entries={"Predictor\\Predictor\\Calibrator\\Model.bin": b"x"}),
            "Predictor/Predictor has a second calibrator",
        ),
        (
            ModelFile(entries={NORMALIZER: w.container("PLATTCAL", 0x10001, "PlattCaliExec", bytes(16))}),
            "where 'AFF NORM' is understood",
        ),
        (ModelFile(label_values=(1.0, float("inf"))), "values are not a list that is understood"),
        (ModelFile(entries={TOP: w.container("WHAT", 0x10001, "WhatExec", b"")}), "'WHAT    ' 1.1 (WhatExec): unknown"),
        (
            ModelFile(entries={LINEAR: w.container("LINEAR2C", 0x20003, "Linear2CExec", b"")}),
            "this version or loader was never met",
        ),
        (ModelFile(entries={LINEAR: w.container("PLATTCAL", 0x10001, "PlattCaliExec", bytes(16))}), "where 'LINEAR2C'"),
        (ModelFile(entries={NORMALIZER: w.container("BIN NORM", 0x10001, "BinNormExec", b"")}), "a binning normalizer"),
        (ModelFile(entries={CALIBRATOR: None}), "no model in Predictor/Calibrator"),
        (ModelFile(entries={TOP: None}), "no entry Predictor/Model.key"),
        (ModelFile(entries={"Predictor\\Extra\\Model.bin": b"x" * 300}), "an entry without a known purpose"),
    ],
)
def test_what_is_not_understood_is_said_and_the_rest_is_read(file: ModelFile, words: str) -> None:
    model = read_model(file.bytes())
    assert words in "; ".join(model.undecoded)
    assert model.label is not None and len(model.features) == 2


def test_training_statistics_do_not_stand_in_the_way() -> None:
    assert read_model(ModelFile(entries={"Predictor\\Predictor\\ModelStats\\Model.bin": b"x"}).bytes()).undecoded == ()


def linear_of(block: bytes) -> ModelFile:
    """A file with this block in place of its weights."""
    return ModelFile(entries={LINEAR: w.container("LINEAR2C", 0x20001, "Linear2CExec", block)})


def column(**changes: object) -> list[dict[str, object]]:
    rows = w.attributes([("size", None)])
    rows[0].update(changes)
    return rows


@pytest.mark.parametrize(
    "rows",
    [
        column(type="DateTime"),
        column(elementType={"typeName": "int", "isNullable": False}),
        column(elementType={"typeName": "double", "isNullable": True}),
        column(extra=1),
        column(domain={}),
    ],
)
def test_a_column_of_unknown_form_is_reported(rows: list[dict[str, object]]) -> None:
    model = read_model(ModelFile(attributes=rows, table=False).bytes())
    assert "column 'size'" in model.undecoded[0] and model.features[0].slots is None


@pytest.mark.parametrize(
    ("file", "code", "words"),
    [
        (ModelFile(table_names=["a", "b", "c", "size"]), "RC708", "slot 0 differs"),
        (ModelFile(table_names=["a"], table_weights=[1.0]), "RC708", "slot 0 differs"),
        (ModelFile(table_weights=[0.0, 0.0, 0.0, 1.0]), "RC708", "weights in the model table"),
        (ModelFile(table_weights=[0.0]), "RC708", "one name per weight"),
        (ModelFile(weights=[1.0], table=False, normalizer=False), "RC708", "1 weights for 4 slots"),
        (ModelFile(scales=[1.0], table=False), "RC707", "4 scales expected, found 1"),
        (ModelFile(slope=float("nan")), "RC707", "finite calibrator"),
        (ModelFile(bias=float("inf")), "RC707", "bias: finite"),
        (ModelFile(weights=[1, 2, 3, float("nan")]), "RC707", "weights: finite"),
        (linear_of(struct.pack("<i", 8)), "RC707", "floats of 4 bytes"),
        (linear_of(w.linear_block(0, [], length=-1)), "RC706", "weights expected, found -1"),
        (linear_of(w.linear_block(0, [], length=1 << 30)), "RC706", "weights expected, found 1073741824"),
        (linear_of(w.linear_block(0, [1.0], length=4)), "RC707", "4 weights expected, found 1"),
        (linear_of(w.linear_block(0, [], indices=[1], length=4)), "RC707", "indices without weights"),
        (linear_of(b"\4\0\0\0"), "RC705", "bias: 4 bytes expected, 0 left"),
        (ModelFile(morphs=list(range(5)), scales=[]), "RC707", "scaled features expected, found 5"),
        (ModelFile(morphs=[2, 1], scales=[1.0, 1.0]), "RC707", "rising numbers"),
        (ModelFile(morphs=[9], scales=[1.0]), "RC707", "rising numbers below 4"),
        (ModelFile(attribute_bytes=b"not gzip"), "RC707", "gzip member"),
        (ModelFile(attribute_bytes=gzip.compress(b"[]") + b"x"), "RC707", "nothing behind it"),
        (ModelFile(attribute_bytes=gzip.compress(b"[]")[:-3]), "RC707", "one complete compressed stream"),
        (ModelFile(attribute_bytes=gzip.compress(b"{}")), "RC707", "JSON list"),
        (ModelFile(attribute_bytes=gzip.compress(b"[NaN]")), "RC707", "NaN is not JSON"),
        (ModelFile(attribute_bytes=gzip.compress(b'[{"name":1,"name":2}]')), "RC707", "twice"),
        (ModelFile(attribute_bytes=gzip.compress(b"[" * 40 + b"]" * 40)), "RC706", "more than 16 levels"),
        (ModelFile(attribute_bytes=gzip.compress(b"[" * 60_000)), "RC706", "levels"),
        (ModelFile(attribute_bytes=gzip.compress(b"[" + b"9" * 5000 + b"]")), "RC707", "JSON"),
        (ModelFile(attribute_bytes=gzip.compress(b"[\xff]")), "RC707", "JSON"),
        (ModelFile(attribute_bytes=gzip.compress(bytes(1 << 20))), "RC706", "unpacks to more than"),
        (ModelFile(attributes=column(name="\ud800")), "RC707", "half a character"),
        (ModelFile(attributes=column(name=3)), "RC707", "text 'name'"),
        (ModelFile(attributes=column(isFeature=False)), "RC707", "isFeature true"),
        (ModelFile(features=[("a", None), ("a", None)], table=False), "RC708", "two columns have one name"),
        (
            ModelFile(features=[("a", ["\ud800"])], table=False, weights=[1, 1]),
            "RC707",
            "half a character in a category",
        ),
        (ModelFile(features=[("a", ["x", "x"])]), "RC707", "category stands twice"),
    ],
)
def test_a_damaged_or_contradicting_file_is_refused(file: ModelFile, code: str, words: str) -> None:
    error = refused(file)
    assert words in error.message
    assert error.code == code


def packed(*names: str, **more: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name in names:
            target.writestr(name, b"data")
    return buffer.getvalue()


def patched(data: bytes, signature: bytes, at: int, form: str, value: int) -> bytes:
    """An archive with one field of one of its records changed."""
    changed = bytearray(data)
    struct.pack_into(form, changed, data.rindex(signature) + at, value)
    return bytes(changed)


GOOD = w.archive(ModelFile().parts())


@pytest.mark.parametrize(
    ("predictor", "code", "words"),
    [
        (b"", "RC707", "end record of a ZIP"),
        (bytes(100_000), "RC707", "end record of a ZIP"),
        (b"no archive", "RC707", "end record of a ZIP"),
        (packed("../up"), "RC707", "leaves the archive"),
        (packed("/abs"), "RC707", "leaves the archive"),
        (packed("C:\\x"), "RC707", "leaves the archive"),
        (packed("a\\..\\b"), "RC707", "leaves the archive"),
        (patched(GOOD, b"PK\1\2", 8, "<H", 1), "RC707", "flags 1"),
        (patched(GOOD, b"PK\1\2", 10, "<H", 12), "RC707", "method 12"),
        (patched(GOOD, b"PK\1\2", 42, "<I", 3), "RC707", "local header differs"),
        (patched(GOOD, b"PK\1\2", 42, "<I", 1 << 31), "RC707", "bytes expected, the archive has"),
        (patched(GOOD, b"PK\1\2", 16, "<I", 3), "RC707", "check sum"),
        (patched(GOOD, b"PK\1\2", 24, "<I", 1 << 30), "RC706", "over the limit"),
        (patched(GOOD, b"PK\1\2", 20, "<I", 60_000), "RC707", "overlap"),
        (patched(GOOD, b"PK\1\2", 46, "<B", 65), "RC707", "name differs"),
        (patched(GOOD, b"PK\5\6", 8, "<H", 3), "RC707", "in one piece"),
        (patched(GOOD, b"PK\5\6", 16, "<I", 0), "RC707", "right before the end record"),
        (patched(patched(GOOD, b"PK\5\6", 8, "<H", 20_000), b"PK\5\6", 10, "<H", 20_000), "RC706", "20000 entries"),
        (patched(patched(GOOD, b"PK\5\6", 8, "<H", 3), b"PK\5\6", 10, "<H", 3), "RC707", "too many in the directory"),
        (patched(patched(GOOD, b"PK\5\6", 8, "<H", 5), b"PK\5\6", 10, "<H", 5), "RC707", "directory record expected"),
    ],
)
def test_a_bad_archive_is_refused(predictor: bytes, code: str, words: str) -> None:
    error = refused(ModelFile(predictor=predictor))
    assert words in error.message
    assert (error.code, error.part) == (code, "serializedPredictor")


def test_an_entry_cut_short_is_refused_by_its_own_name() -> None:
    error = refused(ModelFile(predictor=patched(GOOD, b"PK\1\2", 20, "<I", 1)))
    assert (error.code, error.part) == ("RC707", "Predictor/Model.key")


def test_two_entries_of_one_name_are_refused() -> None:
    data = w.archive({"a": b"1", "b": b"2"}).replace(b"b\x01", b"a\x01")
    changed = bytearray(data)
    for mark in (b"PK\3\4", b"PK\1\2"):
        at = data.rindex(mark) + (30 if mark == b"PK\3\4" else 46)
        changed[at] = ord("a")
    assert "two entries are called 'a'" in refused(ModelFile(predictor=bytes(changed))).message


def test_an_entry_name_that_is_no_utf8_is_refused() -> None:
    data = bytearray(w.archive({"ä": b"1"}))
    for mark, at in ((b"PK\3\4", 30), (b"PK\1\2", 46)):
        data[data.rindex(mark) + at] = 0xFF
    assert "name in UTF-8" in refused(ModelFile(predictor=bytes(data))).message


def test_strings_behind_a_block_are_stepped_over() -> None:
    """A container may carry a string table; the layouts that are read do not use it (ilearner-format.md 5.2)."""
    block = struct.pack("<2d", -2.0, 0.5)
    data = bytearray(
        w.container("PLATTCAL", 0x10001, "PlattCaliExec", block + struct.pack("<q", 4) + "ab".encode("utf-16-le"))
    )
    struct.pack_into("<5q", data, 0x18, 16, 0x110, 8, 0x118, 4)
    model = read_model(ModelFile(entries={CALIBRATOR: bytes(data)}).bytes())
    assert model.predictor.calibrator == Platt(a=-2.0, b=0.5)


def broken(offset: int, form: str, value: int) -> ModelFile:
    """A file whose calibrator's container has one header field changed."""
    data = bytearray(w.container("PLATTCAL", 0x10001, "PlattCaliExec", struct.pack("<2d", -1.0, 0.0)))
    struct.pack_into(form, data, offset, value)
    return ModelFile(entries={CALIBRATOR: bytes(data)})


@pytest.mark.parametrize(
    ("offset", "form", "value", "words"),
    [
        (0x00, "<B", 0, "ML 00 MODEL"),
        (0x08, "<I", 0x10002, "container version 1.1"),
        (0x10, "<q", 0x101, "block inside the entry"),
        (0x18, "<q", 1 << 40, "block inside the entry"),
        (0x18, "<q", -1, "block inside the entry"),
        (0x20, "<q", 5, "string table"),
        (0x30, "<q", 5, "string table"),
        (0x40, "<B", 200, "ASCII"),
        (0x4C, "<I", 0x10002, "older than its own readers"),
        (0x68, "<B", 1, "zeros in the unused part"),
        (0x90, "<B", 1, "zeros in the unused part"),
        (0x80, "<q", 0, "tail at the end"),
        (0x88, "<q", 0, "tail at the end"),
        (0x110, "<B", 0, "LEDOM"),
    ],
)
def test_every_rule_of_the_container_header_is_checked(offset: int, form: str, value: int, words: str) -> None:
    error = refused(broken(offset, form, value))
    assert words in error.message
    assert (error.code, error.part) == ("RC707", "Predictor/Calibrator/Model.bin")


def test_a_block_must_be_used_up() -> None:
    block = struct.pack("<2d", -1.0, 0.0) + b"x"
    error = refused(ModelFile(entries={CALIBRATOR: w.container("PLATTCAL", 0x10001, "PlattCaliExec", block)}))
    assert "1 bytes are left" in error.message and error.offset == 0x110


def test_a_stream_without_a_learner_is_only_described() -> None:
    data = w.stream(
        w.library(2), w.instance(1, "Microsoft.Numerics.Transform", [w.Member.text("name", w.string(3, "x"))], 2)
    )
    model = read_model(data)
    assert (model.learner, model.members) == ("Transform", (("name", "String"),))
    assert model.features == () and len(model.undecoded) >= 3


def learner(*records: bytes, **members: bytes) -> bytes:
    """A stream whose learner has just these members."""
    root = w.instance(1, "A.Learner", [w.Member.object("Base+" + name, value) for name, value in members.items()], 2)
    return w.stream(w.library(2), root, *records)


def test_members_are_described_by_their_types() -> None:
    data = learner(
        w.numbers(3, 6, "d", [1.0]),
        w.strings(4, 10, ["a", "b"]),
        w.instance(5, "Thing", []),
        a=w.boxed(True),
        b=w.boxed(2),
        c=w.boxed(0.5),
        d=w.NULL,
        e=w.reference(3),
        f=w.reference(4),
        g=w.reference(5),
        h=w.string(6, "x"),
    )
    assert read_model(data).members == (
        ("a", "Boolean"),
        ("b", "Int"),
        ("c", "Double"),
        ("d", "null"),
        ("e", "Double[1]"),
        ("f", "Object[2]"),
        ("g", "Thing"),
        ("h", "String"),
    )


def a_list(object_id: int, items: bytes, size: int) -> bytes:
    return w.instance(object_id, "List`1", [w.Member.object("_items", items), w.Member.number("_size", size)])


def test_a_list_longer_than_its_array_is_refused() -> None:
    label = w.instance(
        3,
        "Attribute",
        [
            w.Member.text("F+<Name>k__BackingField", w.string(20, "y")),
            w.Member.object("F+<Type>k__BackingField", w.instance(-21, "Kind", [w.Member.number("value__", 4)])),
        ],
    )
    members = {"LabelAttribute": w.reference(3), "LabelValues": w.reference(4)}
    with pytest.raises(IlearnerError, match="a list of 0 to 2 items expected, found 3"):
        read_model(learner(label, a_list(4, w.reference(5), 3), w.strings(5, 30, ["a", "b"]), **members))
    odd = read_model(learner(label, a_list(4, w.reference(3), 1), **members))
    assert "the label's values are not a list that is understood" in odd.undecoded


def test_a_label_without_a_name_is_refused() -> None:
    with pytest.raises(IlearnerError, match="a label attribute with a name and a type"):
        read_model(learner(w.instance(3, "Attribute", []), LabelAttribute=w.reference(3)))


def table(titles: list[str], names: bytes, weights: bytes) -> bytes:
    """A learner whose model table has these two columns."""
    return learner(
        w.instance(3, "DataTable", [w.Member.object("featureColumns", w.reference(4))]),
        w.instance(
            4, "Labeled", [w.Member.object("items", w.reference(5)), w.Member.object("indexToName", w.reference(6))]
        ),
        a_list(5, w.reference(7), 2),
        a_list(6, w.reference(8), len(titles)),
        w.objects(7, [names, weights]),
        w.strings(8, 40, titles),
        modelTable=w.reference(3),
    )


def array(object_id: int, name: str, held: bytes) -> bytes:
    return w.instance(object_id, "Array", [w.Member.object(name, held)])


NAMES = array(50, "elements", w.strings(51, 60, ["Bias"]))


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (learner(w.instance(3, "DataTable", []), modelTable=w.reference(3)), "the model table has no columns"),
        (table(["Tree", "Leaf"], w.NULL, w.NULL), "not one of names and weights"),
        (table(["Feature", "Weight"], w.NULL, w.NULL), "columns are not arrays"),
        (table(["Feature", "Weight"], NAMES, array(70, "serializedArray", w.byte_array(71, b"short"))), "unknown form"),
        (
            table(["Feature", "Weight"], NAMES, array(70, "serializedArray", w.byte_array(71, bytes(90)))),
            "unknown form",
        ),
    ],
)
def test_a_model_table_of_another_form_is_noted(data: bytes, note: str) -> None:
    assert note in read_model(data).notes[0]


def test_more_weights_than_slots_are_over_the_limit() -> None:
    data = table(["Feature", "Weight"], NAMES, array(70, "serializedArray", w.byte_array(71, w.proxy([1.0] * 99))))
    with pytest.raises(IlearnerError, match="more weights than the limit allows"):
        read_model(data, limits=Limits(slots=50))


def test_arrays_and_lists_over_the_limit_are_not_loaded() -> None:
    with pytest.raises(IlearnerError, match="a feature list over the limit"):
        read_model(ModelFile().bytes(), limits=Limits(attribute_bytes=10))
    with pytest.raises(IlearnerError, match="30 numbers, the limit is 25"):
        read_model(
            table(
                ["Feature", "Weight"], array(50, "elements", w.numbers(51, 6, "d", [1.0] * 30)), array(70, "x", w.NULL)
            ),
            limits=DEFAULT_LIMITS._replace(elements=25),
        )


def test_a_file_that_shrinks_while_it_is_read_is_an_error() -> None:
    with pytest.raises(IlearnerError, match="4 bytes expected, 2 left"):
        Source(io.BytesIO(b"ab"), 10).read_at(0, 4)


def test_a_huge_array_stays_on_disk(tmp_path: Path) -> None:
    """300 MiB of padding behind the archive: read in a few MiB, and refused when the limit says so."""
    path = tmp_path / "large.ilearner"
    padding = 300 << 20
    small = replace(ModelFile(), predictor=b"@PREDICTOR@").bytes()
    before, after = small.split(b"@PREDICTOR@")
    before = before[:-5] + struct.pack("<iB", len(GOOD) + padding, w.BYTE)
    with path.open("wb") as target:
        target.write(before + GOOD)
        target.seek(padding, io.SEEK_CUR)
        target.write(after)
    tracemalloc.start()
    try:
        model = read_model_file(path)
        with pytest.raises(IlearnerError, match="the limit is 67108864") as caught:
            read_model_file(path, limits=Limits(file_bytes=64 << 20))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert model.size > padding and model.undecoded == ()
    assert caught.value.code == "RC706"
    assert peak < 8 << 20


def test_a_huge_file_of_nothing_is_refused_by_its_first_bytes(tmp_path: Path) -> None:
    path = tmp_path / "zeros.ilearner"
    with path.open("wb") as target:
        target.truncate(300 << 20)
    with pytest.raises(IlearnerError, match="not a Studio model file"):
        read_model_file(path)


def test_json_lists_as_written_by_the_writer_are_what_studio_writes() -> None:
    """The writer's own shape, so that a change of it is noticed: ilearner-format.md section 4."""
    assert json.dumps(w.attributes([("c", ["x"])]), separators=(",", ":")) == (
        '[{"name":"c","type":"Categorical","isFeature":true,"elementType":{"typeName":"string","isNullable":false},'
        '"domain":{"categoryType":"string","isNullable":false,"categories":["x"]}}]'
    )
