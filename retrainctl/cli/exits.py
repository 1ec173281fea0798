"""Exit codes (DESIGN.md section 8): what a script can rely on."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Exit(IntEnum):
    """Where several fit: `PARTIAL` over `UNVERIFIED`, `BLOCKED` over `CHANGES`."""

    DONE = 0
    ERROR = 1
    CHANGES = 2
    BLOCKED = 3
    STALE = 4
    PARTIAL = 5
    UNVERIFIED = 6
    LEASE_HELD = 7
    USAGE = 64
    INTERRUPTED = 130
    READER_GONE = 141
    TERMINATED = 143


# By class name, for importing every room only to be ready for its errors would cost every start.
_BY_NAME: Final = {
    "Blocked": Exit.BLOCKED,
    "StalePlan": Exit.STALE,
    "PlanFileInvalid": Exit.STALE,
    "LeaseHeld": Exit.LEASE_HELD,
    "LeaseLost": Exit.LEASE_HELD,
    "JobEnded": Exit.PARTIAL,
    "UsageError": Exit.USAGE,
}


def exit_of(error: BaseException) -> Exit:
    """The code of an error that ends a command: its own class's, else that of the closest class above with one."""
    return next((_BY_NAME[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in _BY_NAME), Exit.ERROR)
