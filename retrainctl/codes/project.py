"""Error codes of the project file, the settings and the command line."""

from __future__ import annotations

from typing import Final

from retrainctl.codes.entry import Code

CODES: Final[dict[str, Code]] = {
    "RC001": Code("Internal error", "retrainctl met a state it does not know.", "Report it with the output of -vv."),
    "RC002": Code("Invalid input", "One or more files hold errors.", "Mend each listed finding and run again."),
    "RC003": Code("Wrong usage", "The command line cannot be carried out as given.", "See the command's --help."),
    "RC004": Code(
        "A file would be replaced",
        "`init`, `import` and `export` write new files and never replace one without being told.",
        "Choose another folder or file, or move the old one away.",
    ),
}
