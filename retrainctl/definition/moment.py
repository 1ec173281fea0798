"""Moments as .NET writes them: ISO 8601 in UTC, up to seven digits of a second, no closing zeros."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from retrainctl.patterns import late

_MOMENT: Final = late(
    r"(?P<whole>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d+))?(?P<zone>[Zz]|[+-]\d\d:?\d\d)?"
)


def utc(text: str) -> str:
    """The same moment in .NET's form; a moment without zone counts as UTC. Text that is no moment stays as it is."""
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        return text
    whole, zone = match["whole"].replace(" ", "T"), match["zone"]
    if zone is not None and zone not in "Zz":
        try:
            whole = datetime.fromisoformat(whole + zone).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        except (ValueError, OverflowError):
            return text
    fraction = (match["fraction"] or "")[:7].rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


def read_moment(text: object) -> datetime | None:
    """The moment as a value, microseconds at best; None where the text is none."""
    if not isinstance(text, str) or _MOMENT.fullmatch(text.strip()) is None:
        return None
    whole, _, fraction = utc(text).removesuffix("Z").partition(".")
    try:
        moment = datetime.fromisoformat(whole).replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment.replace(microsecond=int(fraction[:6].ljust(6, "0"))) if fraction else moment
