"""ONNX models: what they take, what they are, and their scores through ONNX Runtime.

Three shapes of model are understood: one input per column (ours, and those of skl2onnx with one initial type per
column), and one input [rows, k] whose columns the metadata key `retrainctl.columns` names as a JSON list.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from retrainctl.ilearner import extras
from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.limits import DEFAULT_LIMITS, Limits
from retrainctl.ilearner.model import Label, Scalar, printable
from retrainctl.ilearner.rows import LABELS, PROBABILITIES, InputColumn, Row, check_columns, number, text
from retrainctl.ilearner.sniff import SNIFF_BYTES, FileKind, sniff
from retrainctl.ilearner.summary import Column, Summary

COLUMNS_KEY: Final = "retrainctl.columns"
"""Metadata key with the column names of a model that takes one [rows, k] input, a JSON list of texts."""
CLASSES_KEY: Final = "retrainctl.classes"
"""Metadata key with the label values of a model that gives probabilities as [rows, classes], a JSON list."""
SUMMARY_KEY: Final = "retrainctl.model"
"""Metadata key of a converted model: the summary of its Studio file, a JSON object."""
TRAINING_KEY: Final = "retrainctl.training"
"""Metadata key of the emulator's models: a JSON object with `algorithm`, `label` and `labelValues`."""

_TEXT: Final = "tensor(string)"
_NUMBERS: Final = {
    "tensor(double)": "float64",
    "tensor(float)": "float32",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
}
_VALUE_TYPES: Final = {_TEXT: "String", "tensor(int64)": "Int64", "tensor(int32)": "Int32"}
LABEL_NAMES: Final = frozenset(("label", "output_label", "variable"))
CHANCE_NAMES: Final = frozenset(("probabilities", "output_probability"))


def score_onnx(data: bytes, rows: Sequence[Row]) -> list[dict[str, object]]:
    """Score rows with an ONNX model; each result has "Scored Labels" and, from a classifier, "Scored Probabilities".

    Raises:
        IlearnerError: the model cannot be loaded, or a row does not fit it.
    """
    return OnnxModel(data).score(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Port:
    """An input or an output. `width` is the fixed number of columns of a rank 2 tensor."""

    name: str
    type: str
    rank: int
    width: int | None


class OnnxModel:
    """A loaded model: load once, score often."""

    def __init__(self, data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> None:
        if len(data) > limits.onnx_bytes:
            raise IlearnerError(f"{len(data)} bytes, the limit is {limits.onnx_bytes}", offset=0, code="RC706")
        if sniff(data[:SNIFF_BYTES]) is not FileKind.ONNX:
            raise IlearnerError("an ONNX model expected", offset=0, code="RC701")
        self._np = extras.load("numpy", "scoring an ONNX model")
        runtime = extras.load("onnxruntime", "scoring an ONNX model")
        _refuse_external_data(data)
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        with _translated("cannot load this model"):
            self._session = runtime.InferenceSession(
                bytes(data), options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
            self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
            self._inputs = tuple(_port(item) for item in self._session.get_inputs())
            self._outputs = tuple(_port(item) for item in self._session.get_outputs())
        self._wide = len(self._inputs) == 1 and self._inputs[0].rank == 2 and self._inputs[0].width != 1
        self.input_columns: tuple[InputColumn, ...] = self._input_columns()
        described = _object(self.metadata.get(SUMMARY_KEY))
        self._origin = described if isinstance(described.get("sha256"), str) else None
        self._training = _object(self.metadata.get(TRAINING_KEY))
        self.columns: tuple[Column, ...] = _described(self.input_columns, self._origin)

    def _input_columns(self) -> tuple[InputColumn, ...]:
        for item in self._inputs:
            if item.type != _TEXT and item.type not in _NUMBERS:
                raise _unfit(f"input {item.name!r} has type {item.type}")
            if item.rank > 2 or item.rank == 0 or (item.rank == 2 and item.width != 1 and not self._wide):
                raise _unfit(f"input {item.name!r} is not one column")
        if not self._wide:
            return tuple(InputColumn(name=item.name, numeric=item.type != _TEXT) for item in self._inputs)
        names = _names(self.metadata.get(COLUMNS_KEY))
        item = self._inputs[0]
        if names is None or (item.width is not None and item.width != len(names)):
            raise _unfit(
                f"input {item.name!r} takes several columns and the metadata key {COLUMNS_KEY} does not name them"
            )
        return tuple(InputColumn(name=name, numeric=item.type != _TEXT) for name in names)

    @property
    def column_types(self) -> Mapping[str, str]:
        """ONNX's type of every input column, such as `tensor(double)`."""
        if self._wide:
            return dict.fromkeys((column.name for column in self.input_columns), self._inputs[0].type)
        return {item.name: item.type for item in self._inputs}

    @property
    def output_types(self) -> tuple[tuple[str, str], ...]:
        """ONNX's name and type of every output, in order."""
        return tuple((item.name, item.type) for item in self._outputs)

    def score(self, rows: Sequence[Row]) -> list[dict[str, object]]:
        """One result per row, in order. A row with a missing value has None in place of its scores."""
        check_columns(rows, self.input_columns)
        if not rows:
            return []
        values, missing = self._values(rows)
        feeds = self._feeds(values, len(rows))
        with _translated("cannot score these rows"):
            outputs = self._session.run(None, feeds)
        columns = self._results(outputs, len(rows))
        results: list[dict[str, object]] = []
        for index in range(len(rows)):
            row: dict[str, object] = {name: column[index] for name, column in columns.items()}
            broken = any(isinstance(value, float) and math.isnan(value) for value in row.values())
            results.append(dict.fromkeys(row) if broken or index in missing else row)
        return results

    def _values(self, rows: Sequence[Row]) -> tuple[dict[str, list[Any]], frozenset[int]]:
        """The columns' values, and the rows with a missing one (a placeholder stands there)."""
        missing: set[int] = set()
        values: dict[str, list[Any]] = {}
        for column in self.input_columns:
            held: list[Any] = []
            for index, row in enumerate(rows):
                if column.numeric:
                    figure = number(row[column.name], index, column.name)
                    if math.isnan(figure):
                        missing.add(index)
                        figure = 0.0
                    held.append(figure)
                else:
                    word = text(row[column.name], index, column.name)
                    if word is None:
                        missing.add(index)
                    held.append(word or "")
            values[column.name] = held
        return values, frozenset(missing)

    def _feeds(self, values: dict[str, list[Any]], count: int) -> dict[str, Any]:
        for item in self._inputs:
            if "int" in item.type:
                self._whole_numbers(values if self._wide else {item.name: values[item.name]})
        if self._wide:
            item = self._inputs[0]
            table = self._np.array([values[column.name] for column in self.input_columns], dtype=_dtype(item.type))
            return {item.name: self._np.ascontiguousarray(table.T)}
        feeds = {}
        for item in self._inputs:
            column = self._np.array(values[item.name], dtype=_dtype(item.type))
            feeds[item.name] = column.reshape(count, 1) if item.rank == 2 else column
        return feeds

    def _whole_numbers(self, values: dict[str, list[Any]]) -> None:
        """An integer input would cut off what stands behind the point."""
        for name, held in values.items():
            for index, value in enumerate(held):
                if not value.is_integer() or abs(value) > 1 << 31:
                    raise IlearnerError(
                        f"row {index + 1}, column {printable(name)!r}: a whole number expected, found {value}",
                        code="RC722",
                    )

    def _results(self, outputs: Sequence[Any], count: int) -> dict[str, list[object]]:
        """Outputs as columns, under Studio's names where the model uses a converter's."""
        columns: dict[str, list[object]] = {}
        for described, output in zip(self._outputs, outputs, strict=True):
            name = described.name
            if isinstance(output, list):  # skl2onnx's ZipMap: one mapping from class to probability per row
                zipped: Sequence[object] = list(output[0])
                columns.update(self._chances(zipped, [[row[key] for key in zipped] for row in output]))
                continue
            if output.shape[:1] != (count,) or output.ndim > 2:
                raise _unfit(f"output {name!r} has shape {output.shape}, not one value per row")
            if output.ndim == 2 and output.shape[1] != 1:
                classes = _classes(self.metadata.get(CLASSES_KEY), output.shape[1])
                columns.update(self._chances(classes, output.tolist()))
                continue
            shown = LABELS if name in LABEL_NAMES else PROBABILITIES if name in CHANCE_NAMES else name
            columns[shown] = output.reshape(count).tolist()
        return columns

    def _chances(self, classes: Sequence[object], table: Sequence[Sequence[float]]) -> dict[str, list[object]]:
        """Two classes give one column, that of the second; more give one per class, as Studio names them."""
        if len(classes) == 2:
            return {PROBABILITIES: [row[1] for row in table]}
        return {
            f'{PROBABILITIES} for Class "{label}"': [row[place] for row in table] for place, label in enumerate(classes)
        }

    def summary(self, data: bytes) -> Summary:
        """What the model is, as far as an ONNX file says it; more when it was converted here."""
        origin = self._origin
        return Summary(
            kind=FileKind.ONNX,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            algorithm=self.metadata.get("retrainctl.algorithm") or str(self._training.get("algorithm", "ONNX")),
            root_class="",
            label=self._label(),
            columns=self.columns,
            scorable=True,
            notes=(f"converted from the Studio model with SHA-256 {origin['sha256']}",) if origin else (),
        )

    def _label(self) -> Label | None:
        """The label from the metadata and from the type of its output; None without an output called a label."""
        found = self._origin.get("label") if self._origin else None
        if isinstance(found, dict):
            return Label(
                name=str(found.get("name")),
                type=str(found.get("type")),
                value_type=str(found.get("value_type")),
                values=_scalars(found.get("values")),
            )
        for output in self._outputs:
            if output.name == LABELS or output.name in LABEL_NAMES:
                return Label(
                    name=str(self._training.get("label", "")),
                    type="String" if output.type == _TEXT else "Numeric",
                    value_type=_VALUE_TYPES.get(output.type, "Double"),
                    values=_scalars(self._training.get("labelValues")),
                )
        return None


def inspect_onnx(data: bytes) -> Summary:
    """The summary of an ONNX model: its input columns and label, and its origin when it was converted here."""
    return OnnxModel(data).summary(data)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """The runtime's own exceptions share no base class, and broken names fail as UnicodeDecodeError."""
    try:
        yield
    except Exception as error:
        raise IlearnerError(f"ONNX Runtime {what}: {printable(str(error))[:200]}", code="RC712") from None


def _port(item: Any) -> _Port:
    return _Port(name=item.name, type=item.type, rank=len(item.shape), width=_width(item.shape))


def _unfit(message: str) -> IlearnerError:
    return IlearnerError(
        f"this ONNX model cannot be scored by column name: {printable(message)}",
        code="RC712",
        hint="Give it one input per column, of shape [rows] or [rows, 1].",
    )


def _dtype(kind: str) -> Any:
    return object if kind == _TEXT else _NUMBERS[kind]


def _width(shape: Sequence[object]) -> int | None:
    """The fixed number of columns of a rank 2 input."""
    last = shape[-1] if len(shape) == 2 else None
    return last if isinstance(last, int) else None


def _names(value: str | None) -> list[str] | None:
    try:
        names = json.loads(value or "")
    except (ValueError, RecursionError):
        return None
    return names if isinstance(names, list) and names and all(isinstance(name, str) for name in names) else None


def _classes(value: str | None, width: int) -> Sequence[object]:
    try:
        classes = json.loads(value or "")
    except (ValueError, RecursionError):
        return range(width)
    return classes if isinstance(classes, list) and len(classes) == width else range(width)


def _object(value: str | None) -> dict[str, Any]:
    """A JSON object out of the metadata, empty when it is none."""
    try:
        found = json.loads(value or "")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _scalars(values: object) -> tuple[Scalar, ...]:
    listed = values if isinstance(values, list) else ()
    return tuple(value for value in listed if isinstance(value, (bool, int, float, str)))


def _described(inputs: Sequence[InputColumn], origin: dict[str, Any] | None) -> tuple[Column, ...]:
    """The inputs with what their origin knew of them."""
    listed = origin.get("columns") if origin else None
    known = {item.get("name"): item for item in listed or () if isinstance(item, dict)}
    return tuple(_column(column, known.get(column.name, {})) for column in inputs)


def _column(column: InputColumn, known: Mapping[str, Any]) -> Column:
    categories, scale, offset = known.get("categories"), known.get("scale"), known.get("offset")
    ranged = column.numeric and isinstance(scale, float) and isinstance(offset, float)
    return Column(
        name=column.name,
        type="Numeric" if column.numeric else "Categorical",
        element_type="double" if column.numeric else "string",
        categories=tuple(map(str, categories)) if isinstance(categories, list) else (),
        scale=scale if ranged else None,
        offset=offset if ranged else None,
    )


def _refuse_external_data(data: bytes) -> None:
    """A model may name files beside it to be read as weights: bytes from a blob must not choose files of ours."""
    onnx = extras.load("onnx", "scoring an ONNX model")
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's DecodeError, and whatever its C code raises
        raise IlearnerError(f"an ONNX model expected ({type(error).__name__})", offset=0, code="RC712") from None
    bodies = [node for function in model.functions for node in function.node]
    for tensor in (*_graph_tensors(model.graph), *_node_tensors(bodies)):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise IlearnerError("the ONNX model keeps its weights in other files", code="RC712")


def _graph_tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _node_tensors(graph.node)


def _node_tensors(nodes: Iterable[Any]) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for graph in (*attribute.graphs, *((attribute.g,) if attribute.HasField("g") else ())):
                yield from _graph_tensors(graph)
