"""From columns to a matrix of numbers: numeric columns as they are, texts as one column per known value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrainctl.emulator.training.failure import ModuleFailed, too_few_rows
from retrainctl.emulator.training.table import Table, missing
from retrainctl.ilearner.rows import LABELS, PROBABILITIES

_MOST_VALUES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One input column. `values` are the known texts in their order; empty for a numeric column."""

    name: str
    values: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """How many columns of the matrix it takes."""
        return len(self.values) or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a learner gets: `matrix` is [rows, sum of widths], `target` numbers, or 0 and 1 for two classes.

    `classes` are the label's values as the table had them, the second one being the positive; empty for a regression.
    """

    features: tuple[Feature, ...]
    matrix: NDArray[np.float64]
    target: NDArray[np.float64]
    label: str
    classes: tuple[Any, ...] = ()


def sample(table: Table, label: int, module: str, *, two_classes: bool) -> Sample:
    """The training sample of a table, without the rows that lack a value.

    Raises:
        ModuleFailed: no features, too few rows, or a label that does not fit the learner.
    """
    keep = ~np.logical_or.reduce([missing(column) for column in table.columns])
    used = table.filter(keep)
    if used.rows < 2:
        raise too_few_rows(module, used.rows, 2)
    places = [place for place in range(len(used.names)) if place != label]
    if not places:
        raise ModuleFailed(module, "0020", "TooFewColumns", "The dataset has no feature column beside the label.")
    for place in places:
        if used.names[place] in (LABELS, PROBABILITIES):
            raise ModuleFailed(
                module, "0028", "DuplicatedColumnName", f"A feature column cannot have the name {used.names[place]!r}."
            )
    features = tuple(_feature(used, place, module) for place in places)
    blocks = [_block(feature, used.columns[place]) for feature, place in zip(features, places, strict=True)]
    classes, target = _target(used, label, module, two_classes=two_classes)
    return Sample(
        features=features,
        matrix=np.hstack(blocks),
        target=target,
        label=used.names[label],
        classes=classes,
    )


def _feature(table: Table, place: int, module: str) -> Feature:
    name = table.names[place]
    if table.numeric(place):
        if not np.isfinite(table.columns[place]).all():
            raise ModuleFailed(module, "0032", "NotANumber", f"The column {name!r} holds an infinite number.")
        return Feature(name=name)
    values = sorted(set(table.columns[place].tolist()))
    if len(values) > _MOST_VALUES:
        raise ModuleFailed(
            module,
            "0056",
            "NonAllowedColumn",
            f"The column {name!r} has {len(values)} values, too many for a category.",
        )
    return Feature(name=name, values=tuple(values))


def _block(feature: Feature, values: NDArray[Any]) -> NDArray[np.float64]:
    if not feature.values:
        return values.reshape(-1, 1)
    places = {value: place for place, value in enumerate(feature.values)}
    block = np.zeros((len(values), feature.width))
    block[np.arange(len(values)), [places[value] for value in values]] = 1.0
    return block


def _target(table: Table, label: int, module: str, *, two_classes: bool) -> tuple[tuple[Any, ...], NDArray[np.float64]]:
    values = table.columns[label]
    if two_classes:
        classes: Sequence[Any] = sorted(set(values.tolist()))
        if len(classes) != 2:
            raise ModuleFailed(
                module,
                "0014",
                "TooFewOrTooManyValues",
                f"The label column {table.names[label]!r} must have two values, not {len(classes)}.",
            )
        return tuple(classes), np.array([value == classes[1] for value in values.tolist()], dtype=np.float64)
    if values.dtype.kind != "f":
        raise ModuleFailed(
            module, "0056", "NonAllowedColumn", f"The label column {table.names[label]!r} must be numeric."
        )
    return (), values
