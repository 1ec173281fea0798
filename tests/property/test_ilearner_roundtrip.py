"""Generated streams and generated models: what goes in comes out, and noise is refused politely."""

from __future__ import annotations

import io
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrainctl.ilearner.compare import compare
from retrainctl.ilearner.conversion import convert, verify
from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.limits import DEFAULT_LIMITS
from retrainctl.ilearner.nrbf import read_stream
from retrainctl.ilearner.reader import read_model
from retrainctl.ilearner.sniff import sniff
from retrainctl.ilearner.source import Cursor, Source
from tests.support import ilearner_writer as w

FULL = os.environ.get("RETRAINCTL_FULL") == "1"
EXAMPLES = settings(max_examples=2_000 if FULL else 100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FEW = settings(max_examples=200 if FULL else 20, deadline=None, suppress_health_check=[HealthCheck.too_slow])

IDS = st.integers(-3, 6)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)


def values(inner: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Records that hold other records."""
    members = st.lists(st.builds(w.Member.object, TEXTS, inner), max_size=3)
    return st.one_of(
        st.builds(w.instance, IDS, TEXTS, members, st.sampled_from((None, 2, 3))),
        st.builds(w.objects, IDS, st.lists(inner, max_size=3), st.integers(0, 3)),
    )


LEAVES = st.one_of(
    st.builds(w.string, IDS, TEXTS),
    st.builds(w.reference, IDS),
    st.just(w.NULL),
    st.builds(w.boxed, st.one_of(st.booleans(), st.integers(-(1 << 31), (1 << 31) - 1), st.floats())),
    st.builds(w.byte_array, IDS, st.binary(max_size=8)),
    st.builds(w.library, st.integers(1, 3)),
    st.builds(w.strings, IDS, st.integers(10, 12), st.lists(TEXTS, max_size=3), st.integers(0, 2)),
    st.binary(min_size=1, max_size=12),
)
RECORDS = st.recursive(LEAVES, values, max_leaves=8)


@EXAMPLES
@given(st.lists(RECORDS, max_size=6))
def test_generated_streams_are_read_or_refused(records: list[bytes]) -> None:
    data = w.stream(w.library(2), *records)
    try:
        stream = read_stream(Cursor(Source(io.BytesIO(data), len(data))), DEFAULT_LIMITS)
    except IlearnerError as error:
        assert error.offset is None or 0 <= error.offset <= len(data)
    else:
        assert stream.end <= len(data) and stream.root.object_id in stream.objects


@EXAMPLES
@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    sniff(noise)
    for data in (noise, w.HEADER + noise):
        with pytest.raises(IlearnerError):
            read_model(data)


NUMBERS = st.floats(-1e6, 1e6, width=32)


@st.composite
def model_files(draw: st.DrawFn) -> w.ModelFile:
    names = draw(
        st.lists(TEXTS.filter(lambda name: name not in ("", "Scored Labels")), min_size=1, max_size=4, unique=True)
    )
    features = [(name, draw(st.none() | st.lists(TEXTS, min_size=1, max_size=4, unique=True))) for name in names]
    slots = len(w.slot_names(features))
    some = st.lists(NUMBERS, min_size=slots, max_size=slots)
    labels: Any = draw(
        st.lists(TEXTS, min_size=2, max_size=2, unique=True)
        | st.lists(st.integers(-(1 << 31), (1 << 31) - 1), min_size=2, max_size=2, unique=True)
    )
    return w.ModelFile(
        features=features,
        bias=draw(NUMBERS),
        weights=draw(some),
        scales=draw(some),
        offsets=draw(some),
        slope=draw(st.floats(-10, 10)),
        intercept=draw(st.floats(-10, 10)),
        label_values=labels,
        label=draw(TEXTS),
        normalizer=draw(st.booleans()),
        table=draw(st.booleans()),
        stored=draw(st.booleans()),
    )


@EXAMPLES
@given(model_files())
def test_a_written_model_is_read_as_it_was_written(file: w.ModelFile) -> None:
    model = read_model(file.bytes())
    assert model.undecoded == ()
    assert [(f.name, f.categories) for f in model.features] == [(n, tuple(c or ())) for n, c in file.features]
    assert model.label is not None
    assert (model.label.name, model.label.values) == (file.label, tuple(file.label_values))
    assert model.predictor.linear is not None and model.predictor.calibrator is not None
    assert list(model.predictor.linear.weights) == file.dense_weights()
    assert (model.predictor.calibrator.a, model.predictor.calibrator.b) == (file.slope, file.intercept)
    assert list(model.slot_names) == file.names()
    assert not compare(model, model).weights


@FEW
@given(model_files())
def test_a_converted_model_scores_like_the_file(file: w.ModelFile) -> None:
    pytest.importorskip("onnxruntime")
    model = read_model(file.bytes())
    deviation = verify(model, convert(model), rows=20)
    assert deviation.largest_probability <= 1e-6
