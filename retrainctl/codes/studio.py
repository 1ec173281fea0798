"""Error codes of commands over the Studio API (RC940 to RC969)."""

from __future__ import annotations

from typing import Final

from retrainctl.codes.entry import Code

CODES: Final[dict[str, Code]] = {
    "RC940": Code(
        "No such experiment",
        "No experiment of the workspace has that id or that name.",
        "`retrainctl experiment list` shows what there is; names count letter by letter.",
    ),
    "RC941": Code(
        "Several of one name",
        "More than one item of the workspace has the name, so it does not say which is meant.",
        "Pass the id in place of the name.",
    ),
}
