"""A model as ONNX: raw columns in, label and probability out (ilearner-format.md section 11).

Each column is an input of rank 1, and each output has rank 1: the form that MLflow's ONNX flavour takes by column name
(azureml-v2.md section 10). Weights are exact. What is done in single precision there is done so here; the sum and the
calibration are in double precision, where single would move a score.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from retrainctl.ilearner import extras
from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.model import Feature, Model
from retrainctl.ilearner.rows import LABELS, PROBABILITIES, Row
from retrainctl.ilearner.scoring import THRESHOLD, Scorable, scorable, score_rows
from retrainctl.ilearner.summary import inspect

OPSET: Final = 13
ML_OPSET: Final = 2
IR_VERSION: Final = 7
NO_LABEL: Final = -(1 << 63)
"""Stands in the label output of a model with integer labels where a missing number leaves no score."""

_FAR: Final = 1e30

METADATA: Final = "retrainctl.model"
"""Metadata key of the summary of the file that was converted, as JSON."""

UNVERIFIED: Final = (
    "No output of the hosted service for a known row is public, so equality with Studio is argued, not shown.",
    f"The label is the second value above a probability of {THRESHOLD}; what Studio did at exactly that is not known.",
    "Studio summed in single precision in an unknown order: scores may differ by 2e-6, probabilities by 2e-7.",
    "A transformation that a service applies before the model is not part of the file and not part of this model.",
)


def convert(model: Model) -> bytes:
    """The model as ONNX (opset 13 and ai.onnx.ml 2). The same file gives the same bytes.

    Raises:
        IlearnerError: RC710 when a part is not understood, RC720 when the library onnx is missing.
    """
    parts = scorable(model)
    onnx = extras.load("onnx", "converting a model")
    return _Builder(onnx, model, parts).build()


class _Builder:
    def __init__(self, onnx: Any, model: Model, parts: Scorable) -> None:
        self._onnx = onnx
        self._helper = extras.load("onnx.helper", "converting a model")
        self._np = extras.load("numpy", "converting a model")
        self._to_array = extras.load("onnx.numpy_helper", "converting a model").from_array
        self._model = model
        self._parts = parts
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._axis = ""
        # Inputs bear the columns' own names, so inner names must avoid them.
        self._taken = {feature.name for feature in model.features} | {LABELS, PROBABILITIES}

    def build(self) -> bytes:
        self._check_names()
        columns = [self._column(feature) for feature in self._model.features]
        vector = self._node("Concat", columns, "slots", axis=1)
        chance = self._chance(self._score(self._normalised(vector)))
        self._label(chance)
        graph = self._helper.make_graph(
            self._nodes, "ilearner", self._inputs, self._outputs(), initializer=self._constants
        )
        make = self._helper.make_opsetid
        model = self._helper.make_model(
            graph,
            producer_name="retrainctl",
            ir_version=IR_VERSION,
            opset_imports=[make("", OPSET), make("ai.onnx.ml", ML_OPSET)],
        )
        self._helper.set_model_props(model, _metadata(self._model))
        data: bytes = model.SerializeToString(deterministic=True)
        return data

    def _check_names(self) -> None:
        for feature in self._model.features:
            if feature.name in ("", LABELS, PROBABILITIES):
                raise IlearnerError(f"a column called {feature.name!r} cannot be an input of ONNX", code="RC711")

    def _name(self, wish: str) -> str:
        name, number = wish, 1
        while name in self._taken:
            number += 1
            name = f"{wish}_{number}"
        self._taken.add(name)
        return name

    def _node(self, kind: str, inputs: Sequence[str], wish: str, *, output: str | None = None, **more: Any) -> str:
        name = output or self._name(wish)
        self._nodes.append(self._helper.make_node(kind, list(inputs), [name], name=name, **more))
        return name

    def _constant(self, wish: str, values: object, dtype: str) -> str:
        name = self._name(wish)
        self._constants.append(self._to_array(self._np.array(values, dtype=dtype), name))
        return name

    def _column(self, feature: Feature) -> str:
        """The slots of one column, shape [rows, slots], single precision."""
        types = self._onnx.TensorProto
        kind = types.DOUBLE if feature.is_numeric else types.STRING
        self._inputs.append(self._helper.make_tensor_value_info(feature.name, kind, ["rows"]))
        if feature.is_numeric:
            single = self._node("Cast", [feature.name], "single", to=types.FLOAT)
            self._axis = self._axis or self._constant("axis", [1], "int64")
            return self._node("Unsqueeze", [single, self._axis], "slot")
        size = len(feature.categories)
        code = self._node(
            "LabelEncoder",
            [feature.name],
            "code",
            domain="ai.onnx.ml",
            keys_strings=list(feature.categories),
            values_int64s=list(range(size)),
            default_int64=size,
        )
        return self._node(
            "OneHotEncoder", [code], "slot", domain="ai.onnx.ml", cats_int64s=list(range(size + 1)), zeros=0
        )

    def _normalised(self, vector: str) -> str:
        normalizer = self._parts.normalizer
        if normalizer is None:
            return vector
        moved = self._node("Sub", [vector, self._constant("offsets", normalizer.offsets, "float32")], "moved")
        return self._node("Mul", [moved, self._constant("scales", normalizer.scales, "float32")], "normalised")

    def _score(self, vector: str) -> str:
        wide = self._node("Cast", [vector], "wide", to=self._onnx.TensorProto.DOUBLE)
        weights = self._constant("weights", self._parts.linear.weights, "float64")
        product = self._node("MatMul", [wide, weights], "product")
        return self._node("Add", [product, self._constant("bias", self._parts.linear.bias, "float64")], "score")

    def _chance(self, score: str) -> str:
        """1 / (1 + exp(a * score + b)), rounded to single precision as the original's result type was."""
        a = self._constant("calibrator_a", self._parts.calibrator.a, "float64")
        b = self._constant("calibrator_b", self._parts.calibrator.b, "float64")
        one = self._constant("one", 1.0, "float64")
        power = self._node("Add", [self._node("Mul", [score, a], "sloped"), b], "power")
        odds = self._node("Add", [self._node("Exp", [power], "odds"), one], "odds_and_one")
        exact = self._node("Reciprocal", [odds], "exact")
        types = self._onnx.TensorProto
        single = self._node("Cast", [exact], "chance", to=types.FLOAT)
        self._node("Cast", [single], "", output=PROBABILITIES, to=types.DOUBLE)
        return single

    def _label(self, chance: str) -> None:
        """The label's value by its place: 0 and 1, or 2 where a missing number left no score."""
        types = self._onnx.TensorProto
        above = self._node("Greater", [chance, self._constant("threshold", THRESHOLD, "float32")], "above")
        place = self._node("Cast", [above], "place", to=types.INT64)
        none = self._node("IsNaN", [chance], "none")
        chosen = self._node("Where", [none, self._constant("no_place", 2, "int64"), place], "chosen")
        values = list(self._parts.label.values)
        texts = isinstance(values[0], str)
        more: dict[str, Any] = (
            {"values_strings": values, "default_string": ""}
            if texts
            else {"values_int64s": values, "default_int64": NO_LABEL}
        )
        self._node("LabelEncoder", [chosen], "", output=LABELS, domain="ai.onnx.ml", keys_int64s=[0, 1], **more)

    def _outputs(self) -> list[Any]:
        types = self._onnx.TensorProto
        kind = types.STRING if isinstance(self._parts.label.values[0], str) else types.INT64
        make = self._helper.make_tensor_value_info
        return [make(LABELS, kind, ["rows"]), make(PROBABILITIES, types.DOUBLE, ["rows"])]


def _metadata(model: Model) -> dict[str, str]:
    """Where the ONNX model comes from and what is not verified, for whoever finds it later."""
    summary = inspect(model)
    return {
        "retrainctl.source_sha256": model.sha256,
        "retrainctl.algorithm": summary.algorithm,
        "retrainctl.unverified": json.dumps(UNVERIFIED),
        METADATA: json.dumps(summary.to_json(), ensure_ascii=True, separators=(",", ":")),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """How far the ONNX model is from the reference over generated rows."""

    rows: int
    largest_probability: float
    different_labels: int


def generated_rows(model: Model, count: int, *, seed: int = 0) -> list[dict[str, object]]:
    """Rows of every kind of value: categories, unseen texts, and numbers across the trained range and beyond."""
    scorable(model)
    chance = random.Random(seed)  # noqa: S311 - test rows, not secrets
    normalizer = model.predictor.normalizer
    rows: list[dict[str, object]] = []
    for _ in range(count):
        row: dict[str, object] = {}
        for feature in model.features:
            if not feature.is_numeric:
                unseen = chance.random() < 0.05
                row[feature.name] = "value never seen" if unseen else chance.choice(feature.categories)
                continue
            scale, offset = 1.0, 0.0
            if normalizer and feature.slots and normalizer.scales[feature.slots[0]]:
                scale, offset = normalizer.scales[feature.slots[0]], normalizer.offsets[feature.slots[0]]
            # A scale near nought would ask for numbers that no row can hold.
            row[feature.name] = max(-_FAR, min(_FAR, offset + chance.uniform(-0.5, 1.5) / scale))
        rows.append(row)
    return rows


def verify(model: Model, onnx_model: bytes, *, rows: int = 1000, seed: int = 0) -> Deviation:
    """Score generated rows with the reference and with ONNX Runtime, and say how far they are apart."""
    from retrainctl.ilearner.onnx_scoring import score_onnx

    generated: Sequence[Row] = generated_rows(model, rows, seed=seed)
    reference = score_rows(model, generated)
    scored = score_onnx(onnx_model, generated)
    gaps = [0.0]
    labels = 0
    for ours, theirs in zip(reference, scored, strict=True):
        value = theirs.get(PROBABILITIES)
        if ours.probability is None or not isinstance(value, float):
            gaps.append(math.inf)
        else:
            gaps.append(abs(ours.probability - value))
        labels += ours.label != theirs.get(LABELS)
    return Deviation(rows=rows, largest_probability=max(gaps), different_labels=labels)
