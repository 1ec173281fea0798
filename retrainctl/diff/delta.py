"""What comparing yields."""

from __future__ import annotations

from retrainctl.fastclass import dataclass
from retrainctl.model.change import Action, FieldChange, ModelChange
from retrainctl.model.exemption import Exemption
from retrainctl.model.resource import Applied, Desired, Observed
from retrainctl.model.values import Missing, Path, Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """A difference that is none: where, and the rule's reason code."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Live is no longer what we wrote: `applied` is ours, `live` is what stands there now.

    An empty path stands for the whole resource. allowed: on whose word this raises no alarm.
    """

    path: Path
    applied: Tree | Missing
    live: Tree | Missing
    allowed: Exemption | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """One resource compared: what differs, why, and what was seen on the way."""

    action: Action
    desired: Desired | None
    observed: Observed | None
    applied: Applied | None
    fields: tuple[FieldChange, ...] = ()
    models: tuple[ModelChange, ...] = ()
    drift: tuple[Drift, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
