"""The modules that the engine knows, each a function from the values at its ports to the values that it puts out.

Module and port names are Studio's; settings have the names that exported definitions show. Numbers of module errors
are from memory of Studio's catalogue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from retrainctl.emulator.training import choice, features, learners, onnxmodel
from retrainctl.emulator.training.evaluation import evaluate, scored
from retrainctl.emulator.training.failure import ModuleFailed, column_not_found, library_failure, too_few_rows
from retrainctl.emulator.training.graph import Node
from retrainctl.emulator.training.learners import LEARNERS, Learner
from retrainctl.emulator.training.table import Table, Values, as_table, column_of, missing, objects, show
from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.scorer import Scorer, load_scorer

Ports: TypeAlias = Mapping[str, Any]
Outputs: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """A model with its file; `label` is known of those that were trained in this graph."""

    data: bytes
    scorer: Scorer
    label: str | None = None


def model_from(data: bytes, name: str, label: str | None = None) -> TrainedModel:
    """A model from the bytes of its file.

    Raises:
        ModuleFailed: not a file that can be scored.
    """
    try:
        return TrainedModel(data=data, scorer=load_scorer(data), label=label)
    except IlearnerError as error:
        raise library_failure("Score Model", f"the model {name!r} cannot be used: {error.message}") from error


def select_columns(node: Node, ports: Ports) -> Outputs:
    table = as_table(ports.get("Dataset"), _name(node))
    picked = choice.choose(node.settings.get("Select columns", ""), table, _name(node))
    return {"Results dataset": table.take(picked)}


def edit_metadata(node: Node, ports: Ports) -> Outputs:
    """Names and types change; what else Studio keeps about a column has no part in training here."""
    table = as_table(ports.get("Dataset"), _name(node))
    places = choice.choose(node.settings.get("Column", ""), table, _name(node))
    wished = node.settings.get("New Column Name", node.settings.get("New column names", ""))
    names = list(table.names)
    if wished:
        given = [name.strip() for name in wished.split(",")]
        if len(given) != len(places):
            raise ModuleFailed(
                _name(node),
                "0017",
                "InvalidColumnNames",
                f"{len(given)} new column names for {len(places)} columns.",
            )
        for place, name in zip(places, given, strict=True):
            names[place] = name
    kind = node.settings.get("Data Type", "Unchanged")
    columns = list(table.columns)
    for place in places:
        columns[place] = _retyped(columns[place], kind, node)
    return {"Results dataset": Table(names=tuple(names), columns=tuple(columns), label=table.label)}


def _retyped(values: Values, kind: str, node: Node) -> Values:
    if kind in ("Integer", "Double", "Floating point", "Floating Point") and values.dtype.kind != "f":
        numbers = column_of(values.tolist())
        if numbers.dtype.kind != "f" and not missing(values).all():
            raise ModuleFailed(_name(node), "0042", "CouldNotConvertColumn", f"Cannot convert a column to {kind}.")
        return numbers if numbers.dtype.kind == "f" else np.full(len(values), np.nan)
    if kind == "Integer":
        return np.round(values)
    if kind == "String" and values.dtype.kind == "f":
        return objects([show(value) or None for value in values.tolist()])
    return values


def clean_missing(node: Node, ports: Ports) -> Outputs:
    table = as_table(ports.get("Dataset"), _name(node))
    wish = node.settings.get("Columns to be cleaned", "")
    places = choice.choose(wish, table, _name(node)) if wish else list(range(len(table.names)))
    mode = node.settings.get("Cleaning mode", "Custom substitution value")
    gaps = {place: missing(table.columns[place]) for place in places}
    gaps = {place: gap for place, gap in gaps.items() if gap.any()}
    if mode == "Remove entire row":
        if gaps:
            table = table.filter(~np.logical_or.reduce(list(gaps.values())))
    elif mode == "Remove entire column":
        table = table.take([place for place in range(len(table.names)) if place not in gaps])
    else:
        columns = list(table.columns)
        for place, gap in gaps.items():
            columns[place] = _filled(columns[place], gap, mode, node)
        table = Table(names=table.names, columns=tuple(columns), label=table.label)
    return {"Cleaned dataset": table, "Cleaning transformation": None}


def _filled(values: Values, gap: Any, mode: str, node: Node) -> Values:
    filled = values.copy()
    present = values[~gap]
    numeric = values.dtype.kind == "f"
    if mode == "Custom substitution value":
        text = node.settings.get("Replacement value", "0")
        try:
            filled[gap] = float(text) if numeric else text
        except ValueError:
            raise ModuleFailed(
                _name(node), "0002", "ParameterParsing", f"The replacement value {text!r} is not a number."
            ) from None
        return filled
    if not len(present):
        return values
    if mode in ("Replace with mean", "Replace using MICE", "Replace using Probabilistic PCA") and numeric:
        filled[gap] = present.mean()
    elif mode == "Replace with median" and numeric:
        filled[gap] = np.median(present)
    else:
        listed = present.tolist()
        filled[gap] = _mode(listed)
    return filled


def _mode(values: list[Any]) -> Any:
    """The most frequent value, of several the smallest."""
    counts = Counter(values)
    most = max(counts.values())
    return min(value for value, count in counts.items() if count == most)


def split_data(node: Node, ports: Ports) -> Outputs:
    table = as_table(ports.get("Dataset"), _name(node))
    mode = node.settings.get("Splitting mode", "Split Rows")
    if mode != "Split Rows":
        raise ModuleFailed(
            _name(node), "0039", "OperationFailed", f"The emulator does not know the splitting mode {mode!r}."
        )
    fraction = _number(node, "Fraction of rows in the first output dataset", 0.5)
    if not 0 <= fraction <= 1:
        raise ModuleFailed(_name(node), "0008", "ParameterOutOfRange", "The fraction of rows must be from 0 to 1.")
    count = table.rows
    order = np.arange(count)
    if node.settings.get("Randomized split", "True").lower() == "true":
        seed = int(_number(node, "Random seed", 0))
        order = np.random.Generator(np.random.PCG64(abs(seed))).permutation(count)
    if node.settings.get("Stratified split", "False").lower() == "true":
        key = node.settings.get("Stratification key column", "")
        order = _stratified(order, table.columns[choice.one(key, table, _name(node))], fraction)
    cut = round(count * fraction)
    first, second = np.sort(order[:cut]), np.sort(order[cut:])
    return {"Results dataset1": table.filter(first), "Results dataset2": table.filter(second)}


def _stratified(order: Any, values: Values, fraction: float) -> Any:
    """An order whose beginning has of every value about the same share as the whole."""
    seen: dict[Any, int] = {}
    totals: dict[Any, int] = {}
    for value in values.tolist():
        totals[value] = totals.get(value, 0) + 1
    rank = []
    for place in order.tolist():
        value = values[place]
        seen[value] = seen.get(value, 0) + 1
        rank.append(seen[value] / totals[value] > fraction)
    return order[np.argsort(np.array(rank), kind="stable")]


def train_model(node: Node, ports: Ports) -> Outputs:
    module = _name(node)
    learner, table = ports.get("Untrained model"), as_table(ports.get("Dataset"), module)
    if not isinstance(learner, Learner):
        raise ModuleFailed(module, "0033", "InvalidLearner", "No untrained model is connected.")
    if not table.rows:
        raise too_few_rows(module, 0, 1)
    label = choice.one(node.settings.get("Label column", ""), table, module)
    sample = features.sample(table, label, module, two_classes=learner.two_class)
    origin = {
        "algorithm": learner.module,
        "label": sample.label,
        "labelValues": list(sample.classes),
        "rows": len(sample.target),
    }
    data = onnxmodel.build(learners.fit(learner, sample), sample.features, sample.classes, training=origin)
    return {"Trained model": model_from(data, "trained here", sample.label)}


def score_model(node: Node, ports: Ports) -> Outputs:
    module = _name(node)
    model, table = ports.get("Trained model"), as_table(ports.get("Dataset"), module)
    if not isinstance(model, TrainedModel):
        raise ModuleFailed(module, "0018", "InvalidDataset", "No trained model is connected.")
    lacking = [column.name for column in model.scorer.input_columns if table.index(column.name) is None]
    if lacking:
        raise column_not_found(module, lacking[0])
    try:
        scores = model.scorer.score(table.records())
    except IlearnerError as error:
        raise library_failure(module, error.message) from error
    append = node.settings.get("Append score columns to output", "True").lower() == "true"
    return {"Scored dataset": scored(table, scores, append=append, label=model.label)}


def evaluate_model(node: Node, ports: Ports) -> Outputs:
    first = as_table(ports.get("Scored dataset"), _name(node))
    second = ports.get("Scored dataset to compare")
    return {"Evaluation results": evaluate(first, None if second is None else as_table(second, _name(node)))}


def untrained(node: Node, _ports: Ports) -> Outputs:
    return {"Untrained model": Learner(module=_name(node), settings=node.settings)}


MODULES: Final[Mapping[str, Callable[[Node, Ports], Outputs]]] = {
    "Select Columns in Dataset": select_columns,
    "Edit Metadata": edit_metadata,
    "Clean Missing Data": clean_missing,
    "Split Data": split_data,
    "Train Model": train_model,
    "Score Model": score_model,
    "Evaluate Model": evaluate_model,
    **dict.fromkeys(LEARNERS, untrained),
}
"""Import Data is not here: what it reads is fetched by the job before the graph runs."""


def _name(node: Node) -> str:
    return node.module or node.id


def _number(node: Node, setting: str, default: float) -> float:
    text = node.settings.get(setting, "")
    try:
        return float(text) if text else default
    except ValueError:
        raise ModuleFailed(
            _name(node), "0002", "ParameterParsing", f"The parameter {setting!r} cannot be parsed: {text!r}."
        ) from None
