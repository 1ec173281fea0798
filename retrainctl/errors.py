"""The root of the exception tree.

RetrainctlError                 here
  InvalidInput(diagnostics)     here: what the user can mend, all findings at once
  UsageError                    here: the command line itself is wrong
  TargetError                   ports: the other side refused, or could not be reached
  SecretUnavailable             ports: a secret reference that cannot be resolved
  PlanError                     plan: Blocked, StalePlan, PlanFileInvalid
  LedgerError                   ports: LedgerUnavailable, LeaseHeld, LeaseLost; ledger: LedgerCorrupt, NotRecorded
  IlearnerError                 ilearner: a model file that cannot be read
Each branch is defined where it is promised.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from retrainctl.diagnostics import Diagnostic


class RetrainctlError(Exception):
    """A failure with a code, a plain sentence and a next step. Never carries a secret."""

    default_code: ClassVar[str] = "RC001"

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint


class InvalidInput(RetrainctlError):
    """The user's files hold errors; `diagnostics` has all of them, warnings included."""

    default_code = "RC002"

    def __init__(self, diagnostics: Iterable[Diagnostic], message: str = "the input is not valid") -> None:
        super().__init__(message)
        self.diagnostics = tuple(diagnostics)


class UsageError(RetrainctlError):
    """The command line is wrong in a way that only the command itself can know (exit code 64)."""

    default_code = "RC003"
