"""What a run of `retrain` came to, as a document: the JSON form, and what text and JUnit are made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

VERSION: Final = "1.0"

ORDER: Final = (
    "failed",
    "stuck",
    "vanished",
    "cancelled",
    "refused",
    "left",
    "gate_failed",
    "submitted",
    "accepted",
)
"""Worst first."""

WORDS: Final[Mapping[str, str]] = {
    "failed": "failed",
    "stuck": "stuck",
    "vanished": "vanished",
    "cancelled": "cancelled",
    "refused": "not run",
    "left": "left open",
    "gate_failed": "gate failed",
    "submitted": "submitted",
    "accepted": "accepted",
}

BAD: Final = frozenset({"failed", "stuck", "vanished", "cancelled", "refused", "left"})


def verdict(document: Mapping[str, Any]) -> str:
    """One sentence: how many models are good, and what became of the others."""
    counts = document["counts"]
    total = sum(counts.values())
    if not total:
        return "Nothing was retrained."
    parts = [f"{counts[state]:,} {WORDS[state]}" for state in reversed(ORDER) if counts.get(state)]
    models = "1 model" if total == 1 else f"{total:,} models"
    return f"{models}: {', '.join(parts)}."
