"""The ports of the modules that the emulator can run, and what flows through them.

Names are those of `training.modules`; of other modules the ports are known that their edges name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

DATASET: Final = "Dataset"
MODEL: Final = "ILearnerDotNet"
TRANSFORM: Final = "ITransformDotNet"
UNTRAINED: Final = "UntrainedLearner"
"""Data types of ports: the first three are those of saved assets (6.1), the fourth is a guess."""


class Ports(NamedTuple):
    """Input and output ports in their order. `optional`: inputs that a module runs without."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    optional: tuple[str, ...] = ()


_LEARNER: Final = Ports((), ("Untrained model",))

KNOWN: Final[Mapping[str, Ports]] = {
    "Import Data": Ports((), ("Results dataset",)),
    "Select Columns in Dataset": Ports(("Dataset",), ("Results dataset",)),
    "Edit Metadata": Ports(("Dataset",), ("Results dataset",)),
    "Clean Missing Data": Ports(("Dataset",), ("Cleaned dataset", "Cleaning transformation")),
    "Split Data": Ports(("Dataset",), ("Results dataset1", "Results dataset2")),
    "Train Model": Ports(("Untrained model", "Dataset"), ("Trained model",)),
    "Score Model": Ports(("Trained model", "Dataset"), ("Scored dataset",)),
    "Evaluate Model": Ports(
        ("Scored dataset", "Scored dataset to compare"), ("Evaluation results",), ("Scored dataset to compare",)
    ),
    "Two-Class Logistic Regression": _LEARNER,
    "Two-Class Boosted Decision Tree": _LEARNER,
    "Linear Regression": _LEARNER,
    "Boosted Decision Tree Regression": _LEARNER,
}
"""Every module that the training engine has, and Import Data."""

_TYPES: Final = {
    "trained model": MODEL,
    "untrained model": UNTRAINED,
    "transformation": TRANSFORM,
    "cleaning transformation": TRANSFORM,
}


def type_of(port: str) -> str:
    """The data type that a port of this name has: whatever is no model and no transform is a dataset."""
    return _TYPES.get(port.lower(), DATASET)


def ports_of(module: str, *, fed: Iterable[str] = (), read: Iterable[str] = ()) -> Ports:
    """A module's ports: the known ones first, then those that edges lead into (`fed`) or out of (`read`)."""
    known = KNOWN.get(module, Ports((), ()))
    return Ports(_joined(known.inputs, fed), _joined(known.outputs, read), known.optional)


def _joined(known: tuple[str, ...], named: Iterable[str]) -> tuple[str, ...]:
    """Names are compared without regard to case (section 9)."""
    found = {name.lower(): name for name in known}
    for name in named:
        found.setdefault(name.lower(), name)
    return tuple(found.values())
