"""Exceptions of policies and allowed drift: both have an owner, a reason and an end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from retrainctl.diagnostics import Diagnostics, Span
from retrainctl.model.exemption import Exemption

_DATE: Final = len("2026-12-31")


def exemptions(
    entries: Sequence[Mapping[str, Any]], place: Callable[[int, str], Span], found: Diagnostics
) -> tuple[Exemption, ...]:
    """Entries that satisfy the schema as values; an end that no calendar has is reported and left out.

    place: gives the position of a member (its name) of the n-th entry.
    """
    made: list[Exemption] = []
    for position, entry in enumerate(entries):
        try:
            expires = end_of(entry["expires"])
        except (ValueError, OverflowError):
            span = place(position, "expires")
            found.error("RC117", f"there is no such moment: {entry['expires']}", span, "Write e.g. 2026-12-31.")
            continue
        optional = {"path": entry["path"]} if "path" in entry else {}
        made.append(
            Exemption(
                address=entry["address"], owner=entry["owner"], reason=entry["reason"], expires=expires, **optional
            )
        )
    return tuple(made)


def end_of(text: str) -> datetime:
    """The first moment after a date or at a time, in UTC; raises `ValueError` for what no calendar has.

    A date counts to its end; a time without an offset is UTC.
    """
    if len(text) == _DATE:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=1)
    moment = datetime.fromisoformat(text.upper())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
