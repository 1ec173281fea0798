"""The ledger and the lease: whole, readable, and free."""

from __future__ import annotations

from collections.abc import Iterator

from retrainctl.diagnostics import Severity
from retrainctl.operations.doctoring.report import Fact, Patient, Said, problem


def ledger(patient: Patient) -> Iterator[Said]:
    """Reads the whole ledger and checks every hash; raises `LedgerCorrupt` where one does not fit."""
    book = patient.ledger()
    book.verify()
    open_writes = list(book.unsettled())
    if open_writes:
        first = ", ".join(sorted({str(one.intent.address) for one in open_writes})[:3])
        yield problem(
            "RC935",
            f"{len(open_writes)} writes of earlier runs have no known end: {first}",
            severity=Severity.WARNING,
        )
    yield Fact(f"{book.place}: whole; runs: {len(book.runs())}")


def lease(patient: Patient) -> Iterator[Said]:
    """Who may apply now, and whether that one still lives."""
    state = patient.ledger().lease()
    if not state.held:
        yield Fact("nobody holds the lease")
        return
    who = state.owner or "an unknown holder"
    if state.alive is False:
        yield problem(
            "RC934",
            f"the lease is held by {who}, whose process is dead",
            "The next apply takes it over; `retrainctl lease steal` does so at once.",
            severity=Severity.WARNING,
        )
        return
    expires = state.expires
    lapsed = expires is not None and expires <= patient.clock.now()
    since = f" since {state.since:%Y-%m-%dT%H:%M:%SZ}" if state.since is not None else ""
    yield problem(
        "RC934",
        f"the lease is held by {who}{since}" + (", who gave no sign of life in time" if lapsed else ""),
        severity=Severity.WARNING,
    )
