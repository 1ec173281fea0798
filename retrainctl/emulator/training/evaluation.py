"""Evaluate Model: the metrics of one or two scored datasets, under the names that Studio wrote.

The names are from memory of the product (issue 5): no evaluation of the real service was recorded.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from retrainctl.emulator.training.failure import ModuleFailed, too_few_rows
from retrainctl.emulator.training.table import Table, missing, objects
from retrainctl.ilearner.rows import LABELS, PROBABILITIES

MODULE: Final = "Evaluate Model"
_LEAST_CHANCE: Final = 1e-15


def evaluate(scored: Table, compared: Table | None) -> Table:
    """One row of metrics per scored dataset.

    Raises:
        ModuleFailed: a dataset without scores or without its label, or without a row that has both.
    """
    rows = [_metrics(table) for table in (scored, compared) if table is not None]
    names = list(rows[0])
    if any(list(row) != names for row in rows):
        raise ModuleFailed(MODULE, "0018", "InvalidDataset", "The two scored datasets are of different kinds.")
    return Table(names=tuple(names), columns=tuple(np.array([row[name] for row in rows]) for name in names))


def _metrics(table: Table) -> dict[str, float]:
    if table.index(LABELS) is None:
        raise ModuleFailed(MODULE, "0018", "InvalidDataset", "The dataset is not scored: it has no Scored Labels.")
    if table.label is None or table.index(table.label) is None:
        raise ModuleFailed(MODULE, "0024", "LabelColumnNotFound", "The scored dataset has no label column.")
    truth, labels = _column(table, table.label), _column(table, LABELS)
    chances = _column(table, PROBABILITIES) if table.index(PROBABILITIES) is not None else None
    keep = ~(missing(truth) | missing(labels))
    if not keep.any():
        raise too_few_rows(MODULE, 0, 1)
    if chances is None:
        return _regression(truth[keep], labels[keep])
    return _two_class(truth[keep], labels[keep], chances[keep])


def _column(table: Table, name: str) -> NDArray[Any]:
    place = table.index(name)
    assert place is not None
    return table.columns[place]


def _regression(truth: NDArray[Any], scores: NDArray[Any]) -> dict[str, float]:
    if truth.dtype.kind != "f" or scores.dtype.kind != "f":
        raise ModuleFailed(MODULE, "0056", "NonAllowedColumn", "Label and scores of a regression must be numeric.")
    errors = truth - scores
    deviations = truth - truth.mean()
    absolute, square = float(np.abs(deviations).sum()), float((deviations**2).sum())
    relative = float((errors**2).sum()) / square if square else float("nan")
    return {
        "Mean Absolute Error": float(np.abs(errors).mean()),
        "Root Mean Squared Error": float(np.sqrt((errors**2).mean())),
        "Relative Absolute Error": float(np.abs(errors).sum()) / absolute if absolute else float("nan"),
        "Relative Squared Error": relative,
        "Coefficient of Determination": 1.0 - relative,
    }


def _two_class(truth: NDArray[Any], labels: NDArray[Any], chances: NDArray[Any]) -> dict[str, float]:
    positive = _positive(truth, labels, chances)
    actual = np.array([value == positive for value in truth.tolist()])
    said = np.array([value == positive for value in labels.tolist()])
    hits = float((actual & said).sum())
    precision = hits / float(said.sum()) if said.any() else 0.0
    recall = hits / float(actual.sum()) if actual.any() else 0.0
    loss = _log_loss(actual, np.asarray(chances, dtype=np.float64))
    prior = float(actual.mean())
    entropy = _log_loss(actual, np.full(len(actual), prior))
    return {
        "Accuracy": float((actual == said).mean()),
        "Precision": precision,
        "Recall": recall,
        "F-Score": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        "AUC": _area(actual, np.asarray(chances, dtype=np.float64)),
        "Average Log Loss": loss,
        "Training Log Loss": 100.0 * (entropy - loss) / entropy if 0 < prior < 1 else float("nan"),
    }


def _positive(truth: NDArray[Any], labels: NDArray[Any], chances: NDArray[Any]) -> Any:
    """The class whose probability the scores are: the one that is said where the probability is above one half."""
    above = np.flatnonzero(np.asarray(chances, dtype=np.float64) > 0.5)
    if len(above):
        return labels[above[0]]
    below = labels[0]
    return next((value for value in sorted(set(truth.tolist()), reverse=True) if value != below), None)


def _log_loss(actual: NDArray[np.bool_], chances: NDArray[np.float64]) -> float:
    clipped = np.clip(chances, _LEAST_CHANCE, 1 - _LEAST_CHANCE)
    return float(-np.where(actual, np.log(clipped), np.log1p(-clipped)).mean())


def _area(actual: NDArray[np.bool_], chances: NDArray[np.float64]) -> float:
    """Area under the ROC curve by ranks; ties count half. NaN when there is only one class."""
    positives = int(actual.sum())
    negatives = len(actual) - positives
    if not positives or not negatives:
        return float("nan")
    _, places, counts = np.unique(chances, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2.0)[places]
    return float((ranks[actual].sum() - positives * (positives + 1) / 2.0) / (positives * negatives))


def scored(table: Table, scores: list[dict[str, object]], *, append: bool, label: str | None) -> Table:
    """A dataset with the columns that a model gave, at its end, or these columns alone."""
    base = table if append else Table(names=(), columns=())
    names = list(scores[0]) if scores else [LABELS]
    for name in names:
        cells = [row[name] for row in scores]
        numeric = all(value is None or isinstance(value, (int, float)) for value in cells)
        values = (
            np.array([np.nan if value is None else value for value in cells], dtype=np.float64)
            if numeric
            else objects([None if value is None else str(value) for value in cells])
        )
        base = base.with_column(name, values)
    return Table(names=base.names, columns=base.columns, label=label)
