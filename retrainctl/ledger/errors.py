"""What can be wrong with a ledger: the branch below `LedgerError`, which the store protocol promises.

LedgerError            ports: the ledger cannot do what was asked
  LedgerUnavailable    ports: disk full, no permission, no network
  LeaseHeld            ports: somebody else applies
  LeaseLost            ports: somebody else has the lease now
  LedgerCorrupt        here: a record was changed, removed or damaged
  NotRecorded          here: the ledger holds no such run, backup or document
"""

from __future__ import annotations

from retrainctl.ports import LeaseHeld, LeaseLost, LedgerError, LedgerUnavailable

__all__ = ["LeaseHeld", "LeaseLost", "LedgerCorrupt", "LedgerError", "LedgerUnavailable", "NotRecorded"]


class LedgerCorrupt(LedgerError):
    """The record is not what was written. `file` and `line` (from 1, None for a whole file) say where."""

    default_code = "RC554"

    def __init__(self, file: str, line: int | None, why: str, *, hint: str | None = None) -> None:
        place = file if line is None else f"{file}:{line}"
        super().__init__(
            f"the ledger is damaged at {place}: {why}",
            hint=hint
            or "Restore this file from a copy (version control, blob versions, a backup); nothing was written. "
            "Without a copy, move the whole ledger aside: the next apply starts a new one from what is live.",
        )
        self.file = file
        self.line = line


class NotRecorded(LedgerError):
    """There is no such run, no backup of that resource in it, no such document."""

    default_code = "RC555"
