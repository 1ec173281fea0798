"""The model file: an ONNX graph with one input per raw column, in double precision, under Studio's output names.

Built directly from the fit. `skl2onnx` gives the same predictions (a test compares them) but takes many times as long,
and a thousand retrainings wait for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from retrainctl.emulator.training.features import Feature
from retrainctl.emulator.training.learners import Fit, LinearFit, TreesFit
from retrainctl.ilearner.rows import LABELS, PROBABILITIES

TRAINING_KEY: Final = "retrainctl.training"
"""Metadata key: a JSON object with the algorithm, the label column and its values, and the number of rows."""

_OPSETS: Final = (("", 17), ("ai.onnx.ml", 5))
_IR_VERSION: Final = 9
_LESS_OR_EQUAL: Final = 0


def build(fit: Fit, features: Sequence[Feature], classes: Sequence[Any], *, training: dict[str, Any]) -> bytes:
    """The file's bytes; equal arguments give equal bytes.

    Args:
        features: in the order of the matrix that `fit` was made from.
        classes: the label's two values, the positive one last; empty for a regression.
        training: what the file says about its origin; JSON.
    """
    graph = _Builder([feature.name for feature in features])
    matrix = graph.matrix(features)
    score = graph.linear(matrix, fit) if isinstance(fit, LinearFit) else graph.trees(matrix, fit)
    if classes:
        graph.classify(score, classes)
    else:
        graph.rename(score, LABELS)
        graph.output(LABELS, "DOUBLE")
    return graph.serialize({TRAINING_KEY: json.dumps(training, ensure_ascii=False, sort_keys=True)})


class _Builder:
    """Collects nodes, constants, inputs and outputs; every method returns the name of the tensor that it made."""

    def __init__(self, taken: Iterable[str]) -> None:
        """`taken`: names of columns; the inner tensors get names that none of them can be."""
        import onnx
        from onnx import helper, numpy_helper

        self._prefix = "/"
        while any(name.startswith(self._prefix) for name in taken):
            self._prefix += "/"
        self._onnx = onnx
        self._helper = helper
        self._tensor = numpy_helper.from_array
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def _add(self, kind: str, inputs: Sequence[str], output: str = "", *, domain: str = "", **attributes: Any) -> str:
        name = output or f"{self._prefix}{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(kind, list(inputs), [name], domain=domain, **attributes))
        return name

    def _constant(self, value: Any) -> str:
        name = f"{self._prefix}constant{len(self._constants)}"
        self._constants.append(self._tensor(value, name))
        return name

    def matrix(self, features: Sequence[Feature]) -> str:
        """[rows, width] of doubles from one [rows, 1] input per feature; an unknown text is a row of zeros."""
        kinds = self._onnx.TensorProto
        flat = self._constant(np.array([0, -1], dtype=np.int64)) if any(f.values for f in features) else ""
        blocks = []
        for feature in features:
            kind = kinds.STRING if feature.values else kinds.DOUBLE
            self._inputs.append(self._helper.make_tensor_value_info(feature.name, kind, [None, 1]))
            block = feature.name
            if feature.values:
                values = list(feature.values)
                block = self._add("OneHotEncoder", [block], domain="ai.onnx.ml", cats_strings=values, zeros=1)
                block = self._add("Cast", [self._add("Reshape", [block, flat])], to=kinds.DOUBLE)
            blocks.append(block)
        return self._add("Concat", blocks, axis=1) if len(blocks) > 1 else blocks[0]

    def linear(self, matrix: str, fit: LinearFit) -> str:
        weights = self._constant(fit.weights.reshape(-1, 1).astype(np.float64))
        product = self._add("MatMul", [matrix, weights])
        return self._add("Add", [product, self._constant(np.array([[fit.bias]], dtype=np.float64))])

    def trees(self, matrix: str, fit: TreesFit) -> str:
        """Features are cut to single precision first, as they were in training."""
        kinds = self._onnx.TensorProto
        cut = self._add("Cast", [self._add("Cast", [matrix], to=kinds.FLOAT)], to=kinds.DOUBLE)
        total = self._add("TreeEnsemble", [cut], domain="ai.onnx.ml", **self._ensemble(fit))
        return self._add("Add", [total, self._constant(np.array([[fit.bias]], dtype=np.float64))])

    def _ensemble(self, fit: TreesFit) -> dict[str, Any]:
        """Attributes of `TreeEnsemble`: inner nodes and leaves of all trees in two lists of their own."""
        roots: list[int] = []
        columns: dict[str, list[int]] = {name: [] for name in ("feature", "true", "true_leaf", "false", "false_leaf")}
        splits: list[float] = []
        leaves: list[float] = []
        for tree in fit.trees:
            _append_tree(tree, roots, columns, splits, leaves)
        inner = len(splits)
        return {
            "aggregate_function": 1,
            "n_targets": 1,
            "post_transform": 0,
            "tree_roots": roots,
            "nodes_featureids": columns["feature"],
            "nodes_modes": self._tensor(np.full(inner, _LESS_OR_EQUAL, dtype=np.uint8), "modes"),
            "nodes_splits": self._tensor(np.array(splits, dtype=np.float64), "splits"),
            "nodes_truenodeids": columns["true"],
            "nodes_trueleafs": columns["true_leaf"],
            "nodes_falsenodeids": columns["false"],
            "nodes_falseleafs": columns["false_leaf"],
            "leaf_targetids": [0] * len(leaves),
            "leaf_weights": self._tensor(np.array(leaves, dtype=np.float64), "leaves"),
        }

    def classify(self, score: str, classes: Sequence[Any]) -> None:
        """Probability of the second class, and the class itself where that is above one half."""
        kinds = self._onnx.TensorProto
        chance = self._add("Sigmoid", [score], PROBABILITIES)
        above = self._add("Greater", [chance, self._constant(np.array([[0.5]], dtype=np.float64))])
        place = self._add("Cast", [above], to=kinds.INT64)
        texts = all(isinstance(value, str) for value in classes)
        known = np.array(classes, dtype=object if texts else np.float64)
        self._add("Gather", [self._constant(known), place], LABELS, axis=0)
        self.output(LABELS, "STRING" if texts else "DOUBLE")
        self.output(PROBABILITIES, "DOUBLE")

    def rename(self, tensor: str, name: str) -> None:
        self._add("Identity", [tensor], name)

    def output(self, name: str, kind: str) -> None:
        code = getattr(self._onnx.TensorProto, kind)
        self._outputs.append(self._helper.make_tensor_value_info(name, code, [None, 1]))

    def serialize(self, metadata: dict[str, str]) -> bytes:
        graph = self._helper.make_graph(self._nodes, "model", self._inputs, self._outputs, self._constants)
        opsets = [self._helper.make_opsetid(domain, version) for domain, version in _OPSETS]
        model = self._helper.make_model(graph, opset_imports=opsets, producer_name="retrainctl emulator")
        model.ir_version = _IR_VERSION
        self._helper.set_model_props(model, metadata)
        data: bytes = model.SerializeToString(deterministic=True)
        return data


def _append_tree(
    tree: tuple[Any, ...], roots: list[int], columns: dict[str, list[int]], splits: list[float], leaves: list[float]
) -> None:
    """One tree; a lone leaf becomes a node whose two ways lead to that leaf, for a tree needs a root."""
    feature, threshold, left, right, value = (part.tolist() for part in tree)
    roots.append(len(splits))
    if left[0] == -1:
        leaf = len(leaves)
        leaves.append(value[0])
        _append_node(columns, splits, 0, 0.0, (leaf, 1), (leaf, 1))
        return
    places: list[tuple[int, int]] = []
    inner, ends = len(splits), len(leaves)
    for node, child in enumerate(left):
        if child == -1:
            places.append((ends, 1))
            leaves.append(value[node])
            ends += 1
        else:
            places.append((inner, 0))
            inner += 1
    for node, child in enumerate(left):
        if child != -1:
            _append_node(columns, splits, feature[node], threshold[node], places[child], places[right[node]])


def _append_node(
    columns: dict[str, list[int]],
    splits: list[float],
    feature: int,
    split: float,
    true: tuple[int, int],
    false: tuple[int, int],
) -> None:
    splits.append(split)
    columns["feature"].append(feature)
    for name, (place, leaf) in (("true", true), ("false", false)):
        columns[name].append(place)
        columns[name + "_leaf"].append(leaf)
