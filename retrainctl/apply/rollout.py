"""In which portions a plan goes out: dependencies first, and a canary before the rest (DESIGN.md section 4)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from retrainctl.fastclass import dataclass
from retrainctl.model.change import ResourceChange
from retrainctl.plan.guard import matching
from retrainctl.plan.order import waves


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How careful a rollout is.

    canary_percent, canary_addresses: which changes go first (at least one when either is set).
    bake: seconds to wait after the canary. max_failures: how many failures are borne before the run stops; None: any.
    restore: whether a wave that fails is taken back. checks: what to score after a wave.
    """

    canary_percent: float | None = None
    canary_addresses: tuple[str, ...] = ()
    bake: float = 0.0
    max_failures: int | None = None
    restore: bool = False
    checks: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Rollout:
        """Reads the environment's checked `rollout` member."""
        canary = settings.get("canary", {})
        return cls(
            canary_percent=canary.get("percent"),
            canary_addresses=tuple(canary.get("addresses", ())),
            bake=seconds(settings.get("bake", 0)),
            max_failures=settings.get("maxFailures"),
            restore=settings.get("onFailure") == "restore",
            checks=tuple(settings.get("checks", ())),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Changes that go out together."""

    name: str
    changes: tuple[ResourceChange, ...]
    bake: float = 0.0


def portions(changes: Sequence[ResourceChange], rollout: Rollout) -> list[Portion]:
    """The whole plan in order. The canary is taken once, out of the changes that wait for nothing else in the plan."""
    groups = waves(changes)
    found: list[Portion] = []
    for number, group in enumerate(groups, 1):
        name = f"wave {number}" if len(groups) > 1 else "all"
        first = set(_canary(group, rollout)) if number == 1 else set()
        if first and len(first) < len(group):
            ahead = tuple(change for change in group if change.address in first)
            rest = tuple(change for change in group if change.address not in first)
            found.append(Portion(name="canary", changes=ahead, bake=rollout.bake))
            found.append(Portion(name=name if name != "all" else "rest", changes=rest))
        else:
            found.append(Portion(name=name, changes=tuple(group)))
    return found


def _canary(group: Sequence[ResourceChange], rollout: Rollout) -> Iterable[Any]:
    if rollout.canary_addresses:
        return [c.address for c in group if matching(c.address, rollout.canary_addresses) is not None]
    if rollout.canary_percent is None or not group:
        return []
    count = max(1, math.ceil(len(group) * rollout.canary_percent / 100))
    return [change.address for change in group[:count]]


_UNITS = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(duration: str | float) -> float:
    """`90`, `"500ms"`, `"90s"`, `"2m"`, `"1h"`, `"7d"` in seconds; raises `ValueError` on anything else."""
    if isinstance(duration, int | float):
        return float(duration)
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|[smhd])?\s*", duration)
    if match is None:
        raise ValueError(f"not a duration: {duration!r}")
    return float(match[1]) * _UNITS[match[2] or ""]
