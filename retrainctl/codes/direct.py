"""Error codes of single commands that write without a manifest (RC900 to RC919)."""

from __future__ import annotations

from typing import Final

from retrainctl.codes.entry import Code

CODES: Final[dict[str, Code]] = {
    "RC900": Code(
        "It exists already",
        "The command makes something new, but there is one of that name, and writing it would overwrite it silently.",
        "Choose another name, or pass --update where the command has it: then what exists is changed.",
    ),
    "RC901": Code(
        "No such resource",
        "The command changes or removes something that is not there.",
        "Check the name, --resource-group and --env; the command `list` shows what exists.",
    ),
    "RC902": Code(
        "Nothing to do it with",
        "The environment has no settings for the service that the command is about.",
        "Add `arm`, `classic` or `azureml` to the environment in the project file, or use another --env.",
    ),
}
