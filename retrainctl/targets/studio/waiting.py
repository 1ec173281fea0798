"""Waiting for what the Studio API does by and by: runs, uploads, packages, deployments."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, TypeVar

from retrainctl.targets.azure.bucket import Pause

_T = TypeVar("_T")

_FIRST: Final = 1.0
_LONGEST: Final = 10.0


class StillUnderWay(Exception):
    """The time was up before an end was seen; holds the last state."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


def wait_until(
    look: Callable[[], _T],
    state: Callable[[_T], str],
    ends: Collection[str],
    *,
    pause: Pause,
    limit: float,
    begin: _T | None = None,
) -> _T:
    """Looks with growing pauses (1 s to 10 s) until the state is one of `ends`, whatever its case; gives what was seen.

    begin: what is known already, in place of a first look. limit: seconds. Every end counts, failures too: azuremlps
    looped for ever on states that it did not know (section 9, "poll0").

    Raises `StillUnderWay`; whatever `look` raises.
    """
    wanted = {end.casefold() for end in ends}
    found = look() if begin is None else begin
    wait, waited = _FIRST, 0.0
    while state(found).casefold() not in wanted:
        if waited >= limit:
            raise StillUnderWay(state(found))
        pause(wait)
        waited, wait = waited + wait, min(wait * 1.5, _LONGEST)
        found = look()
    return found
