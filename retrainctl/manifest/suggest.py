"""Did you mean: the nearest of the names that exist."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

_SHOWN: Final = 12
_COMPARED: Final = 1000


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known name that a word was probably meant to be; None when nothing is near."""
    from difflib import get_close_matches

    names = [name for name, _ in zip(known, range(_COMPARED), strict=False)]
    folded = {name.casefold(): name for name in names}
    if (same := folded.get(word.casefold())) is not None:
        return same
    near = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def hint(word: str, known: Sequence[str], what: str) -> str:
    """One or two sentences: the nearest name if there is one, and the names that exist (`what` calls them)."""
    near = closest(word, known)
    guess = f'Did you mean "{near}"? ' if near else ""
    return guess + listed(known, what)


def listed(known: Sequence[str], what: str) -> str:
    """The names that exist, cut where the list gets long."""
    if not known:
        return f"There are no {what}."
    shown = ", ".join(known[:_SHOWN])
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return f"Known {what}: {shown}{more}."
