"""Error codes of applying and of the ledger. RC500 to RC549: applying; RC550 to RC599: the ledger and its lease."""

from __future__ import annotations

from typing import Final

from retrainctl.codes.entry import Code

CODES: Final[dict[str, Code]] = {
    "RC500": Code(
        "The apply cannot start", "Something that the apply needs is not there.", "Read the message and its next step."
    ),
    "RC501": Code(
        "Not confirmed",
        "The apply asks before it writes, and there was nobody to answer or the answer was no.",
        "Run it in a terminal, or pass --yes.",
    ),
    "RC502": Code(
        "Writes of an earlier run are not settled",
        "A run ended before the service answered; what became of its writes is not known yet.",
        "Run `retrainctl apply --resume`.",
    ),
    "RC503": Code(
        "There is no run to take back", "The ledger knows no run that wrote anything.", "See `retrainctl history`."
    ),
    "RC504": Code(
        "A resource cannot be taken back",
        "What it was before the run is not known, or it was created or deleted by the run.",
        "Pass --prune for created resources; otherwise use the backup that `retrainctl history` names.",
    ),
}
