"""A first model version for examples: it says the same of every row, so that any training is better."""

from __future__ import annotations

import numpy as np

from retrainctl.emulator.training import features, onnxmodel
from retrainctl.emulator.training.failure import column_not_found
from retrainctl.emulator.training.learners import LinearFit
from retrainctl.emulator.training.table import read_csv

_MODULE = "Baseline"


def baseline_model(data: bytes, label: str, rows: int | None = None) -> bytes:
    """The file of a model that predicts the mean of the label, or for two classes their shares.

    Args:
        data: the CSV that the columns and the mean are taken from.
        rows: use only so many rows from the start.

    Raises:
        ModuleFailed: the label is not there, or is neither numeric nor of two classes.
    """
    table = read_csv(data, _MODULE)
    if rows is not None:
        table = table.filter(np.arange(min(rows, table.rows)))
    place = table.index(label)
    if place is None:
        raise column_not_found(_MODULE, label)
    sample = features.sample(table, place, _MODULE, two_classes=not table.numeric(place))
    mean = float(sample.target.mean())
    bias = float(np.log(mean / (1 - mean))) if sample.classes else mean
    fit = LinearFit(weights=np.zeros(sample.matrix.shape[1]), bias=bias)
    origin = {
        "algorithm": _MODULE,
        "label": label,
        "labelValues": list(sample.classes),
        "rows": len(sample.target),
    }
    return onnxmodel.build(fit, sample.features, sample.classes, training=origin)
