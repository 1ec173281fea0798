"""What a pipeline gets beside the report: outputs for later steps, as GitHub and Azure Pipelines take them."""

from __future__ import annotations

from typing import Final

from retrainctl.render.budget import Preset
from retrainctl.render.escape import azdo_data, azdo_property, visible
from retrainctl.render.plan_markdown import MarkdownOptions, plan_markdown
from retrainctl.render.view import PlanView

SUMMARY_LIMIT: Final = 1_048_576
"""Bytes of all summaries of one step; one byte more, and GitHub drops them all while the job stays green."""
_SMALLEST: Final = 4_000


def outputs(view: PlanView) -> dict[str, str]:
    """Name -> value, each on one line: the digest, how many changes, whether it can be applied, and the counts."""
    counts = {action: str(view.counts.get(action, 0)) for action in ("create", "update", "delete", "replace")}
    return {
        "environment": view.environment,
        "digest": view.digest,
        "changes": str(len(view.changes)),
        "applyable": str(view.applyable).lower(),
        "complete": str(view.complete).lower(),
        **counts,
        "drift": str(len(view.drift)),
        "dangers": str(view.risks.get("danger", 0)),
        "warnings": str(view.risks.get("warning", 0)),
        "attention": str(view.attention),
    }


def github_outputs(view: PlanView) -> str:
    """Lines for the file that `GITHUB_OUTPUT` names. Values are `visible`, so that none can begin a line of its own."""
    return "".join(f"{name}={visible(value)}\n" for name, value in outputs(view).items())


def azdo_variables(view: PlanView) -> str:
    """Log commands that set output variables of the step, named `retrainctl.NAME`."""
    return "".join(
        f"##vso[task.setvariable variable={azdo_property(f'retrainctl.{name}')};isOutput=true]{azdo_data(value)}\n"
        for name, value in outputs(view).items()
    )


def azdo_summary(path: str) -> str:
    """The log command that puts a Markdown file on the summary page of the run."""
    return f"##vso[task.uploadsummary]{azdo_data(path)}\n"


def step_summary(view: PlanView, used: int) -> str:
    """The plan as Markdown in what the step's summaries have left, `used` bytes being taken.

    Empty where not even a short one fits: too much would cost the summaries that are there already.
    """
    left = SUMMARY_LIMIT - used
    if left < _SMALLEST:
        return ""
    return plan_markdown(view, MarkdownOptions(preset=Preset(limit=left), hints=True))
