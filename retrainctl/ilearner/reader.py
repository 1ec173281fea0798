"""From bytes to a `Model`: the stream, the parts inside it, and the checks of one against the other."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

from retrainctl.ilearner.archive import Archive
from retrainctl.ilearner.attributes import lay_out, read_attributes
from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.files import cannot_open
from retrainctl.ilearner.graph import Graph, Table, describe, read_label, read_settings, read_table
from retrainctl.ilearner.limits import DEFAULT_LIMITS, Limits
from retrainctl.ilearner.model import Feature, Model, Predictor, Setting
from retrainctl.ilearner.nrbf import read_stream
from retrainctl.ilearner.predictor import read_predictor
from retrainctl.ilearner.sniff import SNIFF_BYTES, FileKind, refuse, sniff
from retrainctl.ilearner.source import Cursor, Source

PROVEN_LEARNERS: Final = {"SupportVectorMachineClassifier": "Two-Class Support Vector Machine"}
"""Root classes that a public file proves, with the name of the Studio module."""


def read_model(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Model:
    """Read a model that is in memory.

    Raises:
        IlearnerError: the bytes are no Studio model, are damaged, contradict themselves, or are over the limits.
    """
    return _read(io.BytesIO(data), len(data), hashlib.sha256(data).hexdigest(), limits)


def read_model_file(path: str | os.PathLike[str], *, limits: Limits = DEFAULT_LIMITS) -> Model:
    """Read a model from a file through a window: large arrays stay on disk, whatever the file's size.

    Raises:
        IlearnerError: as `read_model`, or the file cannot be opened.
    """
    try:
        with Path(path).open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            _check_size(size, limits)
            if (kind := sniff(stream.read(SNIFF_BYTES))) is not FileKind.STUDIO:
                raise refuse(kind)
            stream.seek(0)
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            return _read(stream, size, sha256, limits)
    except OSError as error:
        raise cannot_open(path, error) from error


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.file_bytes:
        raise IlearnerError(f"the file has {size} bytes, the limit is {limits.file_bytes}", offset=0, code="RC706")


def _read(stream: BinaryIO, size: int, sha256: str, limits: Limits) -> Model:
    _check_size(size, limits)
    source = Source(stream, size)
    if (kind := sniff(source.read_at(0, min(size, SNIFF_BYTES)))) is not FileKind.STUDIO:
        raise refuse(kind)
    parsed = read_stream(Cursor(source), limits)
    graph = Graph(parsed, source, limits)
    missing: list[str] = []
    notes: list[str] = []
    if parsed.end != size:
        notes.append(f"{size - parsed.end} bytes follow the end of the stream at byte {parsed.end}; they were not read")
    settings = read_settings(graph)
    label, label_gaps = read_label(graph)
    features, feature_gaps = _features(graph)
    predictor, predictor_gaps = _predictor(graph)
    table, why = read_table(graph)
    if why:
        notes.append(why)
    if graph.member(parsed.root, "IsTrained") is False:
        missing.append("the file says that the learner was never trained")
    learner = parsed.root.layout.name.rpartition(".")[2]
    if learner not in PROVEN_LEARNERS:
        missing.append(f"the learner {learner!r}: no public file proves how it scores")
    missing += (*label_gaps, *feature_gaps, *predictor_gaps)
    slot_names: tuple[str, ...] = ()
    if not feature_gaps and features:
        features, slot_names = _checked_slots(features, settings, predictor, table, missing)
    _check_weights(predictor, table)
    return Model(
        size=size,
        sha256=sha256,
        root_class=parsed.root.layout.name,
        libraries=parsed.libraries,
        objects=len(parsed.objects),
        members=tuple((name, describe(graph, value)) for name, value in graph.members(parsed.root)),
        settings=settings,
        label=label,
        features=features,
        slot_names=slot_names or (table.names[1:] if table else ()),
        predictor=predictor,
        undecoded=tuple(missing),
        notes=tuple(notes),
    )


def _features(graph: Graph) -> tuple[tuple[Feature, ...], tuple[str, ...]]:
    array = graph.root_bytes("serializedFeatureAttributes")
    if array is None:
        return (), ("the file lists no feature columns",)
    if array.size > graph.limits.attribute_bytes:
        raise IlearnerError("a feature list over the limit", offset=array.offset, code="RC706")
    return read_attributes(graph.source.read_at(array.start, array.size), array.start, graph.limits)


def _predictor(graph: Graph) -> tuple[Predictor, tuple[str, ...]]:
    array = graph.root_bytes("serializedPredictor")
    if array is None:
        return Predictor(), ("the file holds no predictor",)
    archive = Archive(graph.source, array.start, array.size, graph.limits, "serializedPredictor")
    return read_predictor(archive, graph.limits)


def _checked_slots(
    features: Sequence[Feature],
    settings: Sequence[Setting],
    predictor: Predictor,
    table: Table | None,
    missing: list[str],
) -> tuple[tuple[Feature, ...], tuple[str, ...]]:
    """Slots derived from the columns, accepted only where the weights or the table's names bear them out."""
    placed, names = lay_out(features)
    if any(setting.name == "allowUnknownLevels" and setting.value is False for setting in settings):
        missing.append("unknown levels are off: no sample shows how a value that was not trained is scored then")
        return tuple(features), ()
    if table is not None and table.names[1:] != names:
        at = next((i for i, (a, b) in enumerate(zip(table.names[1:], names, strict=False)) if a != b), None)
        where = f"slot {at} differs" if at is not None else f"{len(table.names) - 1} slots against {len(names)}"
        raise IlearnerError(
            f"the model table's slot names are not those of the feature columns ({where})",
            offset=table.offset,
            code="RC708",
        )
    if predictor.linear is not None and len(predictor.linear.weights) != len(names):
        raise IlearnerError(
            f"{len(predictor.linear.weights)} weights for {len(names)} slots of the feature columns",
            part="serializedPredictor",
            code="RC708",
        )
    if table is None and predictor.linear is None:
        return tuple(features), ()
    return placed, names


def _check_weights(predictor: Predictor, table: Table | None) -> None:
    """The table repeats the predictor's float32 weights as doubles: equal, or one of them is damaged."""
    linear = predictor.linear
    if table is None or linear is None:
        return
    if table.weights != (linear.bias, *linear.weights):
        raise IlearnerError(
            "the weights in the model table are not those of the predictor", offset=table.offset, code="RC708"
        )
