"""The name of a slot, service or experiment that was most likely meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

SUFFIX: Final = "[trained model]"
"""What Studio's names of trained models end in."""


def closest(name: str, names: Iterable[str]) -> str | None:
    """The name that was most likely meant; None when nothing is near."""
    import difflib

    by_stem = {_stem(known): known for known in names}
    near = difflib.get_close_matches(_stem(name), by_stem, n=1, cutoff=0.6)
    return by_stem[near[0]] if near else None


def _stem(name: str) -> str:
    """What a name is compared by: no case, single blanks, without the ending that is so often forgotten."""
    return " ".join(name.casefold().split()).removesuffix(SUFFIX).strip()
