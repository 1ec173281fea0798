"""The nouns: what a model file holds, as plain frozen values. Its leaves are named tuples: cheap to define."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

Scalar: TypeAlias = bool | int | float | str


class Setting(NamedTuple):
    """A hyper-parameter as the training module was given it."""

    name: str
    value: Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The column that the model predicts.

    `type` is "Numeric", "String", or "AttributeType N" for a number that no public file explains. `value_type` is the
    .NET type of the values. `values` stand as stored: the second is the positive class of a two-class model.
    """

    name: str
    type: str
    value_type: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One input column. `categories` is empty for numbers.

    `slots` is the run of model inputs (first, end) that the column fills, None while the layout is not proven.
    """

    name: str
    type: str
    element_type: str
    nullable: bool
    categories: tuple[str, ...]
    slots: tuple[int, int] | None = None

    @property
    def is_numeric(self) -> bool:
        return self.type == "Numeric"


class Linear(NamedTuple):
    """score = bias + sum of weights[i] * x[i]; float32 values, held as Python floats."""

    bias: float
    weights: tuple[float, ...]


class Affine(NamedTuple):
    """x becomes (x - offset) * scale, per slot; where the scale is 0 the slot is 0."""

    scales: tuple[float, ...]
    offsets: tuple[float, ...]


class Platt(NamedTuple):
    """Probability of the positive class = 1 / (1 + exp(a * score + b))."""

    a: float
    b: float


class Part(NamedTuple):
    """One container inside the file. `decoded` is false when only its header was understood."""

    name: str
    signature: str
    version: str
    loader: str
    size: int
    decoded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictor:
    """What the containers hold. A part that is missing or not decoded is None."""

    linear: Linear | None = None
    normalizer: Affine | None = None
    calibrator: Platt | None = None
    parts: tuple[Part, ...] = ()
    written: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model file that was read to its end and agrees with itself.

    `root_class` is the learner's .NET name. `slot_names` has one name per weight, empty when the file has none.
    `undecoded` says in sentences what stands between this file and a score: empty means that it can be scored and
    converted. `notes` are facts worth telling that do not. `members` lists the root's members with their .NET types.
    `written` is the time of the ZIP entries, ISO 8601 without a zone.
    """

    size: int
    sha256: str
    root_class: str
    libraries: tuple[str, ...]
    objects: int
    members: tuple[tuple[str, str], ...]
    settings: tuple[Setting, ...]
    label: Label | None
    features: tuple[Feature, ...]
    slot_names: tuple[str, ...]
    predictor: Predictor
    undecoded: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def learner(self) -> str:
        """The last component of the root class."""
        return self.root_class.rpartition(".")[2]


def printable(text: str) -> str:
    """Text from a file, safe for a terminal: control and format characters become visible escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
