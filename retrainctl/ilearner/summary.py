"""What a model file is, in words and plain data: the answer to "what are we about to put in production?"."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from retrainctl.ilearner.model import Affine, Feature, Label, Model, Part, Platt, Scalar, Setting, printable
from retrainctl.ilearner.reader import PROVEN_LEARNERS
from retrainctl.ilearner.sniff import FileKind

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One input column of a model.

    `type` is "Numeric", "Categorical", or the file's own word. `slots` is how many model inputs it fills, None when
    that is not proven. `numbers_as_text`: every category is a number, so the training data had lost its types.
    `ignored`: the file's normalizer turns the column into a constant. `scale` and `offset` are that normalizer's.
    """

    name: str
    type: str
    element_type: str
    nullable: bool = False
    categories: tuple[str, ...] = ()
    slots: int | None = None
    numbers_as_text: bool = False
    ignored: bool = False
    scale: float | None = None
    offset: float | None = None

    @property
    def is_numeric(self) -> bool:
        return self.type == "Numeric"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A model at a glance. Holds no weights but the bias.

    `algorithm` is the Studio module's name where a public file proves it, else the learner's class name.
    `scorable` says whether it can be scored and converted here; if not, `undecoded` says what is missing.
    `written` is the file's own time stamp, ISO 8601 without a zone.
    """

    kind: FileKind
    size: int
    sha256: str
    algorithm: str
    root_class: str
    settings: tuple[Setting, ...] = ()
    label: Label | None = None
    columns: tuple[Column, ...] = ()
    slots: int | None = None
    weights: int | None = None
    non_zero_weights: int | None = None
    bias: float | None = None
    normalizer: str | None = None
    calibrator: Platt | None = None
    parts: tuple[Part, ...] = ()
    members: tuple[tuple[str, str], ...] = ()
    libraries: tuple[str, ...] = ()
    written: str | None = None
    scorable: bool
    undecoded: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def positive_value(self) -> Scalar | None:
        """The label value whose probability is scored: the second as stored (ilearner-format.md 3.3)."""
        return self.label.values[1] if self.label and len(self.label.values) == 2 else None

    def to_json(self) -> dict[str, object]:
        """Plain data for JSON, members in a fixed order. Texts from the file are as stored, categories included."""
        return {
            "kind": self.kind.value,
            "size": self.size,
            "sha256": self.sha256,
            "algorithm": self.algorithm,
            "root_class": self.root_class,
            "written": self.written,
            "scorable": self.scorable,
            "settings": {setting.name: json_number(setting.value) for setting in self.settings},
            "label": self._label_json(),
            "columns": [_column_json(column) for column in self.columns],
            "slots": self.slots,
            "weights": self._weights_json(),
            "normalizer": self.normalizer,
            "calibrator": {"kind": "Platt", "a": self.calibrator.a, "b": self.calibrator.b}
            if self.calibrator
            else None,
            "parts": [
                {
                    "name": part.name,
                    "signature": part.signature,
                    "version": part.version,
                    "loader": part.loader,
                    "size": part.size,
                    "decoded": part.decoded,
                }
                for part in self.parts
            ],
            "members": [{"name": name, "type": kind} for name, kind in self.members],
            "libraries": list(self.libraries),
            "undecoded": list(self.undecoded),
            "notes": list(self.notes),
        }

    def _label_json(self) -> dict[str, object] | None:
        if self.label is None:
            return None
        return {
            "name": self.label.name,
            "type": self.label.type,
            "value_type": self.label.value_type,
            "values": [json_number(value) for value in self.label.values],
            "positive_value": None if self.positive_value is None else json_number(self.positive_value),
        }

    def _weights_json(self) -> dict[str, object] | None:
        if self.weights is None:
            return None
        return {"count": self.weights, "non_zero": self.non_zero_weights, "bias": self.bias}


def json_number(value: Scalar) -> Scalar:
    """JSON has no NaN and no infinity: they become text."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _column_json(column: Column) -> dict[str, object]:
    data: dict[str, object] = {"name": column.name, "type": column.type, "element_type": column.element_type}
    if column.nullable:
        data["nullable"] = True
    if column.slots is not None:
        data["slots"] = column.slots
    if column.categories:
        data["categories"] = list(column.categories)
    if column.numbers_as_text:
        data["numbers_as_text"] = True
    if column.scale is not None and column.offset is not None:
        data["scale"] = json_number(column.scale)
        data["offset"] = json_number(column.offset)
    if column.ignored:
        data["ignored"] = True
    return data


def inspect(model: Model) -> Summary:
    """Sum up a model. Cheap: nothing is read again."""
    predictor = model.predictor
    linear, normalizer = predictor.linear, predictor.normalizer
    columns = tuple(_column(feature, normalizer) for feature in model.features)
    return Summary(
        kind=FileKind.STUDIO,
        size=model.size,
        sha256=model.sha256,
        algorithm=PROVEN_LEARNERS.get(model.learner, model.learner),
        root_class=model.root_class,
        settings=model.settings,
        label=model.label,
        columns=columns,
        slots=len(model.slot_names) or (len(linear.weights) if linear else None),
        weights=len(linear.weights) if linear else None,
        non_zero_weights=sum(1 for weight in linear.weights if weight) if linear else None,
        bias=linear.bias if linear else None,
        normalizer="affine" if normalizer else None,
        calibrator=predictor.calibrator,
        parts=predictor.parts,
        members=model.members,
        libraries=model.libraries,
        written=predictor.written,
        scorable=not model.undecoded,
        undecoded=model.undecoded,
        notes=(*model.notes, *_notes(columns)),
    )


def _column(feature: Feature, normalizer: Affine | None) -> Column:
    first, end = feature.slots or (0, 0)
    scale = offset = None
    if feature.is_numeric and normalizer and feature.slots:
        scale, offset = normalizer.scales[first], normalizer.offsets[first]
    return Column(
        name=feature.name,
        type=feature.type,
        element_type=feature.element_type,
        nullable=feature.nullable,
        categories=feature.categories,
        slots=end - first if feature.slots else None,
        numbers_as_text=bool(feature.categories) and all(_NUMBER.match(text) for text in feature.categories),
        ignored=scale == 0.0,
        scale=scale,
        offset=offset,
    )


def _notes(columns: tuple[Column, ...]) -> list[str]:
    notes = []
    texts = [column.name for column in columns if column.numbers_as_text]
    if texts:
        verb = "holds" if len(texts) == 1 else "hold"
        notes.append(
            f"{count(len(texts), 'column')} {verb} numbers as categories "
            f"(the training data had lost its types): {listing(texts)}"
        )
    constant = [column.name for column in columns if column.ignored]
    if constant:
        verb = "is" if len(constant) == 1 else "are"
        notes.append(
            f"{count(len(constant), 'numeric column')} did not vary in training and {verb} ignored: {listing(constant)}"
        )
    return notes


def count(number: int, noun: str) -> str:
    """A number with its noun: 1 column, 2 columns."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listing(names: list[str], most: int = 8) -> str:
    """Names for a sentence, at most `most` of them, safe for a terminal."""
    shown = ", ".join(printable(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
