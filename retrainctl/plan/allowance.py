"""Drift that somebody has allowed until a day: listed apart, and no alarm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase

from retrainctl.diff.delta import Drift
from retrainctl.model.address import Address
from retrainctl.model.exemption import Exemption
from retrainctl.model.values import Path
from retrainctl.plan.guard import matching


def allowed(
    drift: Iterable[tuple[Address, Drift]], exemptions: Sequence[Exemption], now: datetime
) -> tuple[tuple[Address, Drift], ...]:
    """The drift; each entry that is allowed at this time with its allowance, the one that lasts longest."""
    standing = [exemption for exemption in exemptions if exemption.counts(now)]
    return tuple((address, replace(entry, allowed=_fitting(address, entry.path, standing))) for address, entry in drift)


def _fitting(address: Address, path: Path, standing: Sequence[Exemption]) -> Exemption | None:
    fitting = (one for one in standing if matching(address, (one.address,)) is not None and _covers(one.path, path))
    return max(fitting, key=lambda one: one.expires, default=None)


def _covers(pattern: str, path: Path) -> bool:
    """Whether a pattern names a field or a place above it; a name that holds `[...]` is first taken as it is."""
    places = [".".join(path[:length]) for length in range(1, len(path) + 1)] or [""]
    return any(place == pattern or fnmatchcase(place, pattern) for place in places)
