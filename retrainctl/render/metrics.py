"""Metrics of two model versions side by side, with the direction in words."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from retrainctl.fastclass import dataclass
from retrainctl.model.metrics import BETTER_WHEN
from retrainctl.render.escape import visible

UNKNOWN: Final = "(unknown)"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricView:
    """One metric, old against new. `move` is `up 0.008, better`; `judged` is `better`, `worse` or empty.

    was, now: the values as numbers; None where a side has none.
    """

    name: str
    before: str
    after: str
    move: str
    judged: str
    was: float | None = None
    now: float | None = None

    @property
    def known_before(self) -> bool:
        return self.before != UNKNOWN

    @property
    def shares(self) -> tuple[float | None, float | None]:
        """Both values as shares (0 to 1) of the larger one, for bars."""
        largest = max((abs(n) for n in (self.was, self.now) if n is not None), default=0.0)
        was, now = (None if n is None or not largest else abs(n) / largest for n in (self.was, self.now))
        return was, now


def metric_views(before: Any, after: Any) -> tuple[MetricView, ...]:
    """The metrics of the new version in their order, then those that only the old one has."""
    old = before if isinstance(before, dict) else {}
    new = after if isinstance(after, dict) else {}
    names = [*new, *(name for name in old if name not in new)]
    return tuple([_view(name, old.get(name), new.get(name)) for name in names])


def _view(name: str, old: Any, new: Any) -> MetricView:
    was, now = _number(old), _number(new)
    shown, wanted = _known(name)
    move, judged = _move(wanted, was, now)
    return MetricView(name=shown, before=_shown(old), after=_shown(new), move=move, judged=judged, was=was, now=now)


@lru_cache(maxsize=256)
def _known(name: str) -> tuple[str, str | None]:
    """A metric's name as shown and which direction is better: thousands of changes share a handful of names."""
    return visible(name), BETTER_WHEN.get(name.casefold())


def _move(wanted: str | None, was: float | None, now: float | None) -> tuple[str, str]:
    if was is None or now is None:
        return ("new" if was is None and now is not None else ""), ""
    if was == now:
        return "same", ""
    direction = "up" if now > was else "down"
    judged = "" if wanted is None else "better" if (direction == "up") == (wanted == "higher") else "worse"
    return f"{direction} {abs(now - was):.4g}" + (f", {judged}" if judged else ""), judged


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _shown(value: Any) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, float):
        return f"{value:.6g}"
    return visible(str(value))
