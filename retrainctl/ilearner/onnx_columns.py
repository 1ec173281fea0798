"""An ONNX model in the one form that MLflow's ONNX flavour feeds rightly (azureml-v2.md section 10, way A).

The flavour gets a data frame: of several inputs each takes the column of its name as a tensor of rank 1, one single
input takes all columns as [rows, k]. An output of [rows, k] would silently be flattened into k times as many rows. So
columns become inputs of rank 1, and every output becomes one value per row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from retrainctl.ilearner import extras
from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.model import printable
from retrainctl.ilearner.onnx_scoring import CHANCE_NAMES, CLASSES_KEY, LABEL_NAMES
from retrainctl.ilearner.rows import LABELS, PROBABILITIES

_PURPOSE: Final = "packaging a model"


def framed(data: bytes) -> bytes:
    """The model with inputs and outputs as MLflow's ONNX flavour takes them; the same bytes where it has them already.

    Outputs bear the names of the service afterwards: "Scored Labels", "Scored Probabilities". The same model gives the
    same bytes. data: a model that `OnnxModel` loads.

    Raises:
        IlearnerError: RC713, an output that is not a table of one value or one value per class for every row.
    """
    return _Framing(data).done()


class _Framing:
    def __init__(self, data: bytes) -> None:
        onnx = extras.load("onnx", _PURPOSE)
        self._data = data
        self._helper = extras.load("onnx.helper", _PURPOSE)
        self._numpy = extras.load("numpy", _PURPOSE)
        self._tensor = extras.load("onnx.numpy_helper", _PURPOSE).from_array
        self._model = onnx.load_model_from_string(data)
        self._graph = self._model.graph
        self._classes = {prop.key: prop.value for prop in self._model.metadata_props}.get(CLASSES_KEY)
        self._taken = _names(self._graph)
        self._before: list[Any] = []
        self._after: list[Any] = []
        self._constants: dict[tuple[int, ...], str] = {}

    def done(self) -> bytes:
        self._inputs()
        self._outputs()
        if not (self._before or self._after):
            return self._data
        nodes = [*self._before, *self._graph.node, *self._after]
        del self._graph.node[:]
        self._graph.node.extend(nodes)
        made: bytes = self._model.SerializeToString(deterministic=True)
        return made

    def _inputs(self) -> None:
        known = {constant.name for constant in self._graph.initializer}
        inputs = [item for item in self._graph.input if item.name not in known]
        wanted = 2 if len(inputs) == 1 else 1
        for item in inputs:
            shape = item.type.tensor_type.shape.dim
            if len(shape) == wanted:
                continue
            inner = self._fresh(item.name)
            _rename(self._graph, item.name, inner)
            form = (-1, 1) if len(shape) == 2 else (-1,)
            self._before.append(self._reshape(item.name, inner, form))
            rows = "rows"
            item.CopyFrom(
                self._helper.make_tensor_value_info(
                    item.name, item.type.tensor_type.elem_type, [rows] if wanted == 1 else [rows, 1]
                )
            )

    def _outputs(self) -> None:
        outputs = list(self._graph.output)
        del self._graph.output[:]
        for item in outputs:
            if not item.type.HasField("tensor_type"):
                raise _unfit(f"output {item.name!r} is no tensor")
            shape = item.type.tensor_type.shape.dim
            shown = LABELS if item.name in LABEL_NAMES else PROBABILITIES if item.name in CHANCE_NAMES else item.name
            if len(shape) == 2 and shape[1].dim_value != 1:
                self._split(item, shape[1].dim_value)
            elif len(shape) not in (1, 2):
                raise _unfit(f"output {item.name!r} has {len(shape)} dimensions")
            elif shown == item.name:
                self._graph.output.append(item)
            else:
                self._free(shown)
                self._after.append(self._helper.make_node("Identity", [item.name], [shown], name=self._fresh(shown)))
                self._publish(shown, item)

    def _split(self, item: Any, width: int) -> None:
        """One output of [rows, classes] as one output of [rows] per class; of two classes only that of the second."""
        if width < 2:
            raise _unfit(f"how many columns output {item.name!r} has is not said")
        labels = self._labels(width)
        places = [1] if width == 2 else range(width)
        for place in places:
            name = PROBABILITIES if width == 2 else f'{PROBABILITIES} for Class "{labels[place]}"'
            self._free(name)
            at = self._fresh("place")
            self._graph.initializer.append(self._tensor(self._numpy.array(place, dtype="int64"), at))
            self._after.append(
                self._helper.make_node("Gather", [item.name, at], [name], name=self._fresh(name), axis=1)
            )
            self._publish(name, item)

    def _labels(self, width: int) -> list[object]:
        try:
            found = json.loads(self._classes or "")
        except (ValueError, RecursionError):
            found = None
        return found if isinstance(found, list) and len(found) == width else list(range(width))

    def _publish(self, name: str, like: Any) -> None:
        kind = like.type.tensor_type.elem_type
        wide = len(like.type.tensor_type.shape.dim) == 2 and like.type.tensor_type.shape.dim[1].dim_value == 1
        shape = ["rows", 1] if wide else ["rows"]
        self._graph.output.append(self._helper.make_tensor_value_info(name, kind, shape))

    def _reshape(self, source: str, target: str, form: tuple[int, ...]) -> Any:
        constant = self._constants.get(form)
        if constant is None:
            constant = self._constants[form] = self._fresh("form")
            self._graph.initializer.append(self._tensor(self._numpy.array(form, dtype="int64"), constant))
        return self._helper.make_node("Reshape", [source, constant], [target], name=self._fresh(f"{source} shaped"))

    def _fresh(self, wish: str) -> str:
        name, number = f"{wish} (framed)", 1
        while name in self._taken:
            number += 1
            name = f"{wish} (framed {number})"
        self._taken.add(name)
        return name

    def _free(self, name: str) -> None:
        if name in self._taken:
            raise _unfit(f"the name {name!r} is taken inside the model")
        self._taken.add(name)


def _unfit(message: str) -> IlearnerError:
    return IlearnerError(
        f"this ONNX model cannot be deployed without code: {printable(message)}",
        code="RC713",
        hint="Package it with an own scoring script: `models package --as script`.",
    )


def _names(graph: Any) -> set[str]:
    """Every name of a tensor or a node, inner graphs included."""
    found: set[str] = set()
    for one in _graphs(graph):
        found.update(item.name for item in (*one.input, *one.output, *one.initializer))
        for node in one.node:
            found.update((node.name, *node.input, *node.output))
    return found


def _graphs(graph: Any) -> Iterator[Any]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*attribute.graphs, *((attribute.g,) if attribute.HasField("g") else ())):
                yield from _graphs(inner)


def _rename(graph: Any, old: str, new: str) -> None:
    """Every use of a tensor under another name; an inner graph sees the outer one's tensors too."""
    for one in _graphs(graph):
        for node in one.node:
            if old in node.input:
                node.input[:] = _replaced(node.input, old, new)


def _replaced(names: Iterable[str], old: str, new: str) -> list[str]:
    return [new if name == old else name for name in names]
