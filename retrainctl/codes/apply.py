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
    "RC505": Code(
        "The run was taking its work back",
        "A wave failed, `onFailure: restore` was taking it back, and the run ended in the middle of that.",
        "`retrainctl rollback RUN` takes back the rest; `retrainctl plan` shows what is left.",
    ),
    "RC506": Code(
        "A single command cannot be taken back",
        "The run was a command whose write no plan describes (an association move, a deployment, an upload): there is "
        "no backup to go back to.",
        "Do the opposite; where the command knew it, the message names it. `retrainctl history` shows the run.",
    ),
    "RC550": Code("Ledger error", "The ledger cannot do what was asked.", "Follow the hint of the message."),
    "RC551": Code(
        "Ledger unavailable",
        "The place of the ledger cannot be read or written: the disk is full, rights are missing, the network is down.",
        "Mend the place, or set `ledger:` of the environment to another one. No target was written to after this.",
    ),
    "RC552": Code(
        "Lease held",
        "Somebody else applies to this environment. The message names who, since when and the CI run.",
        "Wait until that run has ended. `retrainctl lease show` tells more, `retrainctl lease steal` takes it away.",
    ),
    "RC553": Code(
        "Lease lost",
        "Another run took the lease over while this one was silent, or somebody stole it.",
        "Nothing more is written. Run `retrainctl apply --resume` once the other run has ended.",
    ),
    "RC554": Code(
        "Ledger damaged",
        "A record or a backup is not what was written: it was changed, removed or damaged. The message names the line.",
        "Restore the file from a copy. Without one, move the ledger aside: the next apply starts a new one.",
    ),
    "RC555": Code("Not recorded", "The ledger holds no such run or document.", "`retrainctl history` lists the runs."),
    "RC556": Code(
        "No backup",
        "The run has no backup of this resource: it created it, or did not touch it.",
        "`retrainctl history ADDRESS` shows the runs that wrote to it.",
    ),
    "RC557": Code(
        "Ledger of a newer version",
        "The ledger was written by a later version of retrainctl in a format that this one cannot read.",
        "Install that version or a later one.",
    ),
    "RC558": Code(
        "Ledger of another environment",
        "The configured ledger holds the runs of another environment.",
        "Give every environment a ledger of its own: `ledger:` in the project file.",
    ),
    "RC559": Code("Run id used", "There already is a run with this id.", "Start again: every run gets its own id."),
}
