"""Rules put aside for some resources, for a while, on somebody's word."""

from __future__ import annotations

from datetime import datetime

from retrainctl.fastclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """Who answers for it, why, and until when.

    address: a pattern of addresses (`Endpoint/rent*`). path: of fields, names joined by full stops (`tags.*`); a place
    above a field covers it. expires: the first moment at which it no longer counts.
    """

    address: str
    owner: str
    reason: str
    expires: datetime
    path: str = "*"

    def counts(self, now: datetime) -> bool:
        """Whether it still stands."""
        return now < self.expires
