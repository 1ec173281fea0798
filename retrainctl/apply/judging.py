"""What is judged about one change: whether it needs a write at all, and what a write has come to. Nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping

from retrainctl.apply.outcome import Fate, Result, Verified
from retrainctl.diff.verify import Mismatch, Verdict, moved, verify
from retrainctl.model.change import Action, ResourceChange
from retrainctl.model.kinds import KindSpec
from retrainctl.model.resource import Knowledge, Observed
from retrainctl.model.values import MISSING, Path
from retrainctl.ports import Outcome, Performed


def by_others(change: ResourceChange, before: Observed | None, now: Observed | None, spec: KindSpec) -> tuple[str, ...]:
    """Fields that are not ours and that changed between our last read and the read-back: the stated gap, seen."""
    if before is None or now is None or change.action is not Action.UPDATE or before.fields == now.fields:
        return ()
    ours = {entry.path for entry in change.fields}
    tops = {path[0] for path in ours} | (set(spec.slots_in) if change.models else set())
    paths = [entry.path for entry in moved(before, now)]
    theirs = {path for path in paths if path and path not in ours and path[0] not in tops}
    return tuple(sorted({".".join(path[:2]) for path in theirs if not _moves_by_itself(path, spec)}))


def _moves_by_itself(path: Path, spec: KindSpec) -> bool:
    trait = spec.trait(path)
    return trait is not None and (trait.condition or trait.advisory)


def early(change: ResourceChange, observed: Observed | None, spec: KindSpec) -> Result | None:
    """The ends that need no write: already done, gone, or no longer what the plan was made against."""
    if change.action is Action.DELETE and observed is None:
        return Result(change=change, fate=Fate.SKIPPED, why="it is gone already")
    if change.action is Action.CREATE:
        if observed is None:
            return None
        done = _done_already(change, observed, spec)
        return done or Result(change=change, fate=Fate.CONFLICTED, why="somebody created it since the plan was made")
    if observed is None:
        return Result(change=change, fate=Fate.CONFLICTED, why="it was deleted since the plan was made")
    if change.fingerprint in (None, observed.fingerprint):
        return None
    if (done := _done_already(change, observed, spec)) is not None:
        return done
    return Result(
        change=change,
        fate=Fate.CONFLICTED,
        why="it changed since the plan was made; plan again",
        mismatches=_moved_fields(change, observed),
    )


def _done_already(change: ResourceChange, observed: Observed, spec: KindSpec) -> Result | None:
    verdict = verify(change, observed, spec)
    if verdict.mismatches or verdict.unreadable or change.action is Action.DELETE:
        return None
    return Result(change=change, fate=Fate.SKIPPED, verified=Verified.YES, why="it is as wanted already")


def _moved_fields(change: ResourceChange, observed: Observed) -> tuple[Mismatch, ...]:
    """Which planned fields are no longer as the plan saw them: from what, to what."""
    found: list[Mismatch] = []
    for entry in change.fields:
        live: object = observed.fields
        for name in entry.path:
            live = live.get(name, MISSING) if isinstance(live, Mapping) else MISSING
        if not entry.secret and live != entry.before:
            found.append(Mismatch(path=entry.path, wanted=entry.before, live=live))  # type: ignore[arg-type]
    for move in change.models:
        state = observed.slots.get(move.slot)
        if state is not None and state.knowledge is Knowledge.UNKNOWN:
            continue
        now = state.uri if state is not None else None
        if now != move.from_uri:
            found.append(Mismatch(path=("models", move.slot), wanted=move.from_uri, live=now))
    return tuple(found)


def fate_of(performed: Performed, verdict: Verdict | None) -> tuple[Fate, Verified, str]:
    """How a write ended, what its read-back says about it, and why in words. verdict None: it could not be read."""
    if performed.outcome is Outcome.FAILED:
        return Fate.FAILED, Verified.NOT_CHECKED, performed.error.message if performed.error else "the service refused"
    matches = verdict is not None and not verdict.mismatches
    if performed.outcome is Outcome.UNKNOWN and not (matches and verdict and not verdict.unreadable):
        why = performed.error.message if performed.error else "the answer was lost after sending"
        return Fate.UNKNOWN, Verified.NOT_CHECKED, why
    if verdict is None:
        return Fate.APPLIED, Verified.NO, "it could not be read back"
    if verdict.mismatches:
        names = ", ".join(".".join(entry.path) or "the resource" for entry in verdict.mismatches)
        return Fate.APPLIED, Verified.NO, f"the read-back shows another value: {names}"
    if verdict.unreadable:
        return Fate.APPLIED, Verified.NOT_READABLE, ""
    return Fate.APPLIED, Verified.YES, ""
