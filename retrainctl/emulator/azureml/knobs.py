"""What the evidence leaves open about this provider, as switches."""

from __future__ import annotations

from typing import Final

from retrainctl.emulator.knobs import Knob

LOST: Final = "lost"
KNOBS: Final = (
    Knob(
        name="regenerate-keys-poll",
        form="choice",
        default=LOST,
        choices=(LOST, "told"),
        meaning="the Location of regenerateKeys: 404 OperationNotFound, as recorded twice, or the operation",
    ),
)
