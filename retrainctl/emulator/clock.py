"""Time as the emulator sees it: the machine's, or one that a test sets and moves."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import formatdate


class Clock:
    """Seconds since 1970 as a float; real until `set`, then it stands still until moved or released."""

    __slots__ = ("_manual",)

    def __init__(self) -> None:
        self._manual: float | None = None

    def now(self) -> float:
        return time.time() if self._manual is None else self._manual

    def set(self, moment: float | None) -> None:
        """Stand still at `moment`; None goes back to the machine's time."""
        self._manual = moment

    def advance(self, seconds: float) -> None:
        self._manual = self.now() + seconds

    @property
    def manual(self) -> bool:
        return self._manual is not None


def stamp(moment: float) -> str:
    """`2017-04-26T17:05:31.0254444Z`: seven digits as .NET writes them, without trailing zeros."""
    whole = int(moment)
    digits = f"{moment - whole:.7f}"[2:].rstrip("0")
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{digits}Z" if digits else f"{text}Z"


def compact_stamp(moment: float) -> str:
    """`20170426T170531Z`, as in `x-ms-routing-request-id`."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y%m%dT%H%M%SZ")


def http_date(moment: float) -> str:
    """The form of the `Date` header."""
    return formatdate(moment, usegmt=True)


def parse_moment(text: str) -> float:
    """Seconds since 1970 from an ISO 8601 text; without an offset it is UTC.

    Raises:
        ValueError: the text is no date.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()
