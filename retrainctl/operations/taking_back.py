"""Rollback: the reverse of a run as a plan that is reviewed and applied like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from retrainctl.apply.reverse import reverse
from retrainctl.diagnostics import Diagnostic
from retrainctl.errors import InvalidInput, RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.ledger.ledger import Ledger
from retrainctl.ledger.records import RunRecord
from retrainctl.model.address import Address
from retrainctl.model.change import ResourceChange
from retrainctl.model.environment import Environment
from retrainctl.operations.planning import default_guards, scopes
from retrainctl.operations.settling import BACK, DIRECT, changes_of
from retrainctl.plan.build import Selection
from retrainctl.plan.guard import blocks
from retrainctl.plan.plan import Plan, Source
from retrainctl.ports import Outcome, TargetSet


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """A rollback plan, and what it cannot take back."""

    plan: Plan
    refused: tuple[Diagnostic, ...] = ()


def rollback_plan(
    run: str,
    ledger: Ledger,
    environment: Environment,
    targets: TargetSet,
    *,
    selection: Selection,
    prune: bool,
    created_at: str,
    version: str,
) -> TakenBack:
    """What undoes a run (`last`: the latest that wrote). Live state is read; only what the run changed goes back.

    Raises:
        InvalidInput: nothing at all can be taken back (RC504).
        RetrainctlError: the run was a single command that no plan describes (RC506), or there is none (RC503).
    """
    record = _record(ledger, run)
    _refuse_direct(record, ledger)
    changes: list[ResourceChange] = []
    refused: list[Diagnostic] = []
    warnings: list[tuple[str, str]] = []
    kept: list[Diagnostic] = []
    for change, done in _begun_by(record, ledger, selection):
        live = targets.readers[change.target].reread(change.address, change.identity)
        if not done and (live is None or live.unfinished is None):
            continue
        back = reverse(change, live, prune=prune)
        stays = [f"the former value of {name} is secret and was never stored" for name in back.lost]
        stays += [f"{name} cannot be taken back" for name in back.stays]
        warnings += [("not-restored", f"{change.address}: {why}") for why in stays]
        kept += [_refusal(change.address, why) for why in stays]
        if back.refused is not None:
            refused.append(_refusal(change.address, back.refused))
        elif back.change is not None:
            draft = back.change
            changes.append(replace(draft, steps=targets.planners[draft.target].steps(draft, live)))
    if (refused or kept) and not changes:
        raise InvalidInput([*refused, *kept], f"run {record.summary.info.run} cannot be taken back")
    changes.sort(key=lambda change: change.address)
    plan = Plan(
        environment=environment.name,
        targets=scopes(environment),
        changes=tuple(changes),
        blocked=blocks(changes, replace(default_guards(environment), limits={}), {}, {}),
        warnings=(*warnings, *((d.code, f"{d.address}: {d.message}") for d in refused)),
        complete=not (refused or selection),
        source=Source(commit=record.summary.info.commit),
        created_at=created_at,
        retrainctl_version=version,
    )
    return TakenBack(plan=plan, refused=tuple(refused))


def _record(ledger: Ledger, run: str) -> RunRecord:
    if run != "last":
        return ledger.run(run)
    wrote = [summary for summary in ledger.runs() if summary.writes]
    if not wrote:
        raise RetrainctlError(
            "there is no run to take back: the ledger has no write", code="RC503", hint="See `retrainctl history`."
        )
    return ledger.run(wrote[-1].info.run)


def _refuse_direct(record: RunRecord, ledger: Ledger) -> None:
    """Says of a write that no plan describes what it did and what undoes it, as far as its command knew."""
    direct = [entry for entry in record.entries if entry.step == DIRECT]
    if not direct:
        return
    info, entry = record.summary.info, direct[0]
    done = entry.detail.get("summary") or entry.detail.get("why") or entry.action.value
    planned = [summary.info.run for summary in ledger.runs() if summary.writes and summary.info.digest is not None]
    way = entry.detail.get(BACK) or f"Do the opposite by hand: `retrainctl {info.command.split(' ')[0]} --help`."
    other = f" The last run with a plan is {planned[-1]}." if planned else ""
    raise RetrainctlError(
        f"run {info.run} was the single command `{info.command}` ({entry.address}: {done}); "
        "no plan describes it, so it cannot be taken back",
        code="RC506",
        hint=f"{way}{other}",
    )


def _begun_by(record: RunRecord, ledger: Ledger, selection: Selection) -> Sequence[tuple[ResourceChange, bool]]:
    """The run's changes that it began, and whether a step of each took effect; else one may stand half-way."""
    planned = changes_of(ledger, record.summary.info.run)
    done = {entry.address for entry in record.entries if entry.outcome is Outcome.DONE}
    begun = {entry.address for entry in record.entries}
    return [
        (change, address in done)
        for address, change in planned.items()
        if address in begun and selection.takes(address)
    ]


def _refusal(address: Address, why: str) -> Diagnostic:
    return Diagnostic(
        code="RC504",
        message=why,
        address=str(address),
        hint="Its definition before the run is in the backup: `retrainctl history` names it.",
    )
