"""Error codes of this area."""

from __future__ import annotations

from typing import Final

from retrainctl.codes.entry import Code

CODES: Final[dict[str, Code]] = {
    "RC801": Code(
        "Emulator not installed",
        "The emulator is an optional part, and one of its packages is missing.",
        "Install it: pip install 'retrainctl[emulator]'.",
    ),
    "RC802": Code(
        "Emulator does not start",
        "The emulator process ended or was not ready in time; the message has the last lines of its log.",
        "Mend what the log names. A state folder that cannot be used may be removed: it holds only emulated services.",
    ),
    "RC803": Code(
        "Emulator runs without TLS",
        "An emulator already serves this state folder over http, and https was asked for.",
        "Run `retrainctl emulator down`, then `retrainctl emulator up --https`.",
    ),
    "RC804": Code(
        "Emulator does not answer",
        "A process holds the state folder, but its control API does not answer, refuses the call, or it does not end.",
        "See emulator.log in the state folder; end the process by hand if need be.",
    ),
    "RC805": Code(
        "Emulator state unusable",
        "The state folder cannot be written, is damaged, or was made by another version.",
        "Remove the folder, or name another one with --state.",
    ),
    "RC806": Code(
        "Unknown fault or value",
        "The name is no fault or switch of the emulator, or the value is not one that it takes.",
        "`retrainctl emulator faults` lists all names with their values and meanings.",
    ),
    "RC807": Code(
        "Seed not valid",
        "A seed is a definition JSON, or a folder with seed.yaml that names existing files. Nothing of it was loaded.",
        "Mend the place that the message names.",
    ),
    "RC808": Code(
        "No emulator running",
        "The command needs a running emulator, and none serves this state folder.",
        "Run `retrainctl emulator up`, or name the right folder with --state.",
    ),
}
