"""The metrics that Evaluate Model writes, and which way each gets better.

The names are from memory of the product (issue 5): no evaluation of the real service was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_HIGHER: Final = (
    "Accuracy",
    "Precision",
    "Recall",
    "F-Score",
    "AUC",
    "Coefficient of Determination",
    "Overall Accuracy",
    "Average Accuracy",
    "Micro-averaged Precision",
    "Macro-averaged Precision",
    "Micro-averaged Recall",
    "Macro-averaged Recall",
)
_LOWER: Final = (
    "Average Log Loss",
    "Mean Absolute Error",
    "Root Mean Squared Error",
    "Relative Absolute Error",
    "Relative Squared Error",
)
_EITHER: Final = ("Training Log Loss",)
"""Its name says a loss, the product's documentation the advantage over a random prediction: a gate must say."""

NAMES: Final = (*_HIGHER, *_LOWER, *_EITHER)
"""As Studio spelt them."""

BETTER_WHEN: Final[Mapping[str, str]] = {
    **{name.casefold(): "higher" for name in _HIGHER},
    **{name.casefold(): "lower" for name in _LOWER},
}
"""Metric name without case -> `higher` or `lower`."""


def folded(name: str) -> str:
    """What metric names are compared by: no case, blanks as one."""
    return " ".join(name.split()).casefold()
