"""The reader of a target that a snapshot says nothing about."""

from __future__ import annotations

from collections.abc import Sequence

from retrainctl.model.address import Address
from retrainctl.model.resource import Desired, Observed
from retrainctl.ports import Reading


class Uncovered:
    """Knows nothing, and says so."""

    def read(self, wanted: Sequence[Desired]) -> Reading:
        return Reading(not_covered=frozenset(desired.address for desired in wanted))

    def reread(self, address: Address, identity: str) -> Observed | None:
        return None
