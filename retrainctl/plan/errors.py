"""Why a plan cannot be used."""

from __future__ import annotations

from typing import ClassVar

from retrainctl.errors import RetrainctlError


class PlanError(RetrainctlError):
    """The root of this room's failures."""

    default_code: ClassVar[str] = "RC400"


class PlanFileInvalid(PlanError):
    """A saved plan that is damaged, edited, or of a format that this version does not read (exit code 4)."""

    default_code = "RC401"


class StalePlan(PlanError):
    """The plan was made for something else than what it meets now (exit code 4)."""

    default_code = "RC402"


class Blocked(PlanError):
    """A guard, a limit or a policy forbids the plan (exit code 3)."""

    default_code = "RC403"
