"""Error codes of planning: plan files, guards, what cannot be planned."""

from __future__ import annotations

from typing import Final

from retrainctl.codes.entry import Code

CODES: Final[dict[str, Code]] = {
    "RC400": Code(
        "The plan cannot be made", "Planning met something that it cannot go on from.", "Read the message; plan again."
    ),
    "RC401": Code(
        "The plan file is not usable",
        "The file is damaged, was edited after it was made, or has a format that this version does not read.",
        "Make it again with `retrainctl plan --out FILE` and apply the file as it is.",
    ),
    "RC402": Code(
        "The plan is stale",
        "It was made for another environment or target, is older than --max-age, was applied before, or its digest is "
        "not the expected one.",
        "Plan again, review the new plan, and apply that.",
    ),
    "RC403": Code(
        "Blocked by a guard",
        "A limit, a protection, a freeze or a policy of the environment forbids this plan.",
        "Make the plan smaller, or pass the named flag with the exact count after a review.",
    ),
    "RC404": Code(
        "Resources wait for each other",
        "`metadata.after` and references form a circle, so that none can be first.",
        "Remove one of the named dependencies.",
    ),
    "RC405": Code(
        "The environment lacks a target",
        "A manifest declares a resource of a target that the chosen environment does not configure.",
        "Add the target's settings to the environment, or choose another one with --env.",
    ),
    "RC406": Code(
        "This kind is never created",
        "The resource does not exist, and resources of this kind can only be adopted.",
        "Deploy it with its own tool first, or correct its name.",
    ),
    "RC407": Code(
        "The field cannot be changed",
        "The service fixes this field when the resource is created.",
        "Set it back to the live value, or declare a new resource under another name.",
    ),
    "RC408": Code(
        "Nothing matches the selection",
        "--only or --exclude name addresses that no manifest declares.",
        "Use KIND/NAME as `retrainctl plan` prints it; `*` stands for any text.",
    ),
    "RC409": Code(
        "The trusted guards cannot be read",
        "--guards-from names a Git ref that is not here, or that does not hold this project or this environment.",
        "Fetch the ref (git fetch origin main); a new project or environment has no guards before it is merged.",
    ),
}
