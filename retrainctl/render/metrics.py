"""Metrics of two model versions side by side, with the direction in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from retrainctl.plan.risk import BETTER_WHEN
from retrainctl.render.escape import visible

UNKNOWN: Final = "(unknown)"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricView:
    """One metric, old against new. `move` is `up 0.008, better`; `judged` is `better`, `worse` or empty.

    The shares (0 to 1, of the larger absolute value) are for bars; None where a side has no number.
    """

    name: str
    before: str
    after: str
    move: str
    judged: str
    before_share: float | None = None
    after_share: float | None = None

    @property
    def known_before(self) -> bool:
        return self.before != UNKNOWN


def metric_views(before: Any, after: Any) -> tuple[MetricView, ...]:
    """The metrics of the new version in their order, then those that only the old one has."""
    old = before if isinstance(before, dict) else {}
    new = after if isinstance(after, dict) else {}
    names = [*new, *(name for name in old if name not in new)]
    return tuple(_view(name, old.get(name), new.get(name)) for name in names)


def _view(name: str, old: Any, new: Any) -> MetricView:
    was, now = _number(old), _number(new)
    largest = max((abs(n) for n in (was, now) if n is not None), default=0.0)
    move, judged = _move(name, was, now)
    return MetricView(
        name=visible(name),
        before=_shown(old),
        after=_shown(new),
        move=move,
        judged=judged,
        before_share=None if was is None or not largest else abs(was) / largest,
        after_share=None if now is None or not largest else abs(now) / largest,
    )


def _move(name: str, was: float | None, now: float | None) -> tuple[str, str]:
    if was is None or now is None:
        return ("new" if was is None and now is not None else ""), ""
    if was == now:
        return "same", ""
    direction = "up" if now > was else "down"
    wanted = BETTER_WHEN.get(name.casefold())
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
