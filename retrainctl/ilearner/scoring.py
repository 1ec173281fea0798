"""Reference scoring in NumPy: the arithmetic of the file, step by step (ilearner-format.md sections 5.3 and 6).

Normalising is done in single precision, as the original did. The sum is done in double precision over the exact
single-precision weights and inputs: the original summed in single precision in an order that is not known, and the
double sum lies in the middle of what any order gives (it differs by at most 2e-6 in the score).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from retrainctl.ilearner import extras
from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.model import Affine, Label, Linear, Model, Platt, Scalar
from retrainctl.ilearner.rows import InputColumn, Row, check_columns, number, text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

THRESHOLD: Final = 0.5
"""A probability above this scores the positive class. Whether Studio took > or >= is not known (section 11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRow:
    """One row's result. All three are None when a value was missing: such a row has no score.

    `score` is the model's raw output before calibration.
    """

    label: Scalar | None
    probability: float | None
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorable:
    """The parts of a model that a score needs, all present and sound."""

    linear: Linear
    normalizer: Affine | None
    calibrator: Platt
    label: Label


def scorable(model: Model) -> Scorable:
    """The parts of a model that can be scored and converted.

    Raises:
        IlearnerError: RC710 with everything that is missing; nothing is guessed.
    """
    gaps = list(model.undecoded)
    predictor, label = model.predictor, model.label
    if not gaps and not (predictor.linear and predictor.calibrator and model.features):
        gaps.append("the feature columns or the predictor are not complete")
    if label is None or len(set(map(str, label.values))) != 2 or len(label.values) != 2:
        gaps.append("a label with two values is needed")
    elif not all(isinstance(value, (int, str)) and not isinstance(value, bool) for value in label.values):
        gaps.append(f"label values of type {label.value_type} were never met")
    if gaps or predictor.linear is None or predictor.calibrator is None or label is None:
        raise IlearnerError(
            "this model can be inspected, but not scored or converted: " + "; ".join(gaps),
            code="RC710",
            hint="A sample file of this kind, shared in an issue of the project, is what closes the gap.",
        )
    return Scorable(
        linear=predictor.linear, normalizer=predictor.normalizer, calibrator=predictor.calibrator, label=label
    )


def input_columns(model: Model) -> tuple[InputColumn, ...]:
    """The columns that a row must have, in the file's order."""
    return tuple(InputColumn(name=feature.name, numeric=feature.is_numeric) for feature in model.features)


def score_rows(model: Model, rows: Sequence[Row]) -> list[ScoredRow]:
    """Score rows of raw values by column name; columns that the model does not use are not looked at.

    Numbers are taken as they are: a transformation that the service applies in front of the model is not in the file.

    Raises:
        IlearnerError: the model cannot be scored, a column is missing, or a number is none.
    """
    parts = scorable(model)
    np = extras.load("numpy", "scoring a model")
    check_columns(rows, input_columns(model))
    inputs, missing = _encode(np, model, rows)
    scores = _scores(np, parts, inputs)
    a, b = parts.calibrator.a, parts.calibrator.b
    with np.errstate(over="ignore"):
        chances = (1.0 / (1.0 + np.exp(a * scores + b))).astype(np.float32).astype(np.float64)
    low, high = parts.label.values
    return [
        ScoredRow(label=None, probability=None, score=None)
        if index in missing or math.isnan(chance)
        else ScoredRow(label=high if chance > THRESHOLD else low, probability=chance, score=score)
        for index, (chance, score) in enumerate(zip(chances.tolist(), scores.tolist(), strict=True))
    ]


def _scores(np: Any, parts: Scorable, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
    if parts.normalizer:
        offsets = np.array(parts.normalizer.offsets, dtype=np.float32)
        scales = np.array(parts.normalizer.scales, dtype=np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            inputs = (inputs - offsets) * scales
    weights = np.array(parts.linear.weights, dtype=np.float64)
    result: NDArray[np.float64] = inputs.astype(np.float64) @ weights + parts.linear.bias
    return result


def _encode(np: Any, model: Model, rows: Sequence[Row]) -> tuple[NDArray[np.float32], frozenset[int]]:
    """The slots of every row, and the rows with a missing value."""
    matrix = np.zeros((len(rows), len(model.slot_names)), dtype=np.float32)
    missing: set[int] = set()
    for feature in model.features:
        first, end = feature.slots or (0, 0)
        places: Mapping[str, int] = {category: first + i for i, category in enumerate(feature.categories)}
        for index, row in enumerate(rows):
            if feature.is_numeric:
                figure = number(row[feature.name], index, feature.name)
                if math.isnan(figure):
                    missing.add(index)
                else:
                    matrix[index, first] = figure
                continue
            word = text(row[feature.name], index, feature.name)
            if word is None:
                missing.add(index)
            else:
                matrix[index, places.get(word, end - 1)] = 1.0
    return matrix, frozenset(missing)
