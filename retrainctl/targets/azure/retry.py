"""Which calls are sent again, and when: only those that cannot do harm twice.

GET and HEAD always. PUT, PATCH and DELETE only when nothing was sent, or when the answer says that nothing was done.
POST never, unless the caller marks the call as harmless. azure-core's own policy is not used: it repeats any status
that carries `Retry-After`, also a 409, and repeats a PATCH after a 500 (components.md section 2).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

from retrainctl.fastclass import dataclass


class Trouble(StrEnum):
    """Why a call did not succeed, as far as sending it again is concerned."""

    NOT_SENT = "not sent"
    """No connection; the service saw nothing. Another attempt may find it."""
    HOPELESS = "hopeless"
    """No connection, and none to be expected: an untrusted certificate, a refused proxy, nobody listening here."""
    LOST = "lost"
    """Sent, but no answer came: it may have been done."""
    REFUSED_FOR_NOW = "refused for now"
    """429, or a 503 that says that nothing was done."""
    BROKEN = "broken"
    """408 or 5xx: it may have been done."""
    FINAL = "final"
    """Any other answer."""


_SAFE = frozenset({"GET", "HEAD"})
_REPEATABLE = frozenset({"PUT", "PATCH", "DELETE"})
_BROKEN = frozenset({408, 500, 502, 503, 504})
# Codes of a 503 with which a service declines before it starts (classic-api.md section 7; Storage: ServerBusy).
_DECLINED = frozenset(
    {
        "initializingcontainers",
        "nomoreresources",
        "requestthrottled",
        "serverbusy",
        "toomanyconcurrentrequests",
        "toomanyhostsbeinginitialized",
        "toomanyhostsbeinginitializedpermodel",
        "toomanyrequests",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """Bounds of trying again.

    attempts: calls in all. connects: attempts that found no connection. refusals: attempts that were told to come back
    later, which is no sign of trouble. first, cap: the back-off grows from `first` seconds, doubling, to `cap`.
    budget: seconds of waiting in all; a longer `Retry-After` ends the call at once.
    """

    attempts: int = 6
    connects: int = 3
    refusals: int = 30
    first: float = 0.5
    cap: float = 20.0
    budget: float = 180.0


def trouble_of(status: int, headers: Mapping[str, str], codes: Iterable[str]) -> Trouble:
    """What kind of trouble an answer's status is; `codes` are the error codes in its body."""
    if status == 429:
        return Trouble.REFUSED_FOR_NOW
    if status == 503 and ("retry-after" in headers or any(code.casefold() in _DECLINED for code in codes)):
        return Trouble.REFUSED_FOR_NOW
    return Trouble.BROKEN if status in _BROKEN else Trouble.FINAL


def may_repeat(method: str, trouble: Trouble, *, harmless: bool) -> bool:
    """Whether a call may be sent again after this trouble. `harmless` marks a POST that only asks."""
    if trouble in (Trouble.FINAL, Trouble.HOPELESS):
        return False
    if method in _SAFE or harmless:
        return True
    return method in _REPEATABLE and trouble in (Trouble.NOT_SENT, Trouble.REFUSED_FOR_NOW)


def delay(rules: RetryRules, attempt: int, asked: float | None, chance: float) -> float:
    """Seconds until attempt number `attempt` + 1 (the first is 1).

    asked: what `Retry-After` says; never undercut, a little jitter on top keeps threads apart.
    chance: a random number in [0, 1).
    """
    if asked is not None:
        return asked + chance * min(1.0, 0.1 * asked)
    step = min(rules.cap, rules.first * 2.0 ** (attempt - 1))
    return step * (0.5 + 0.5 * chance)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that the answer asks us to wait, from any of the forms in use; None when it does not ask.

    A date is measured against the answer's own `Date`, so that a wrong clock on our side does no harm.
    """
    if text := headers.get("retry-after"):
        if (seconds := _number(text)) is not None:
            return seconds
        if (until := _date(text)) is not None:
            base = _date(headers.get("date", "")) or now
            return max(0.0, (until - base).total_seconds())
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if (milliseconds := _number(headers.get(name, ""))) is not None:
            return milliseconds / 1000
    return None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo is not None else None
