"""A whole plan, portion after portion: what waits is skipped when what it waits for failed; too many failures stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace

from retrainctl.apply.executor import Tools, run_wave
from retrainctl.apply.outcome import Fate, Result, Verified, not_attempted
from retrainctl.apply.reverse import reverse
from retrainctl.apply.rollout import Portion, Rollout, portions
from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.change import ResourceChange
from retrainctl.ports import Planner, StopWaiting, TargetError

Check = Callable[[Sequence[Result]], Sequence[str]]
"""Looks at a portion that has been applied (scores it, say); every sentence that it gives is a failure."""

_BAD = frozenset({Fate.FAILED, Fate.CONFLICTED, Fate.UNKNOWN, Fate.IN_FLIGHT})


@dataclass(slots=True, kw_only=True)
class RunEnd:
    """What a run came to. Results in the plan's order. `check_failed`: applied, but a check says no (exit code 6)."""

    results: list[Result] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fatal: RetrainctlError | None = None
    check_failed: bool = False


def run_plan(
    changes: Sequence[ResourceChange],
    tools: Tools,
    rollout: Rollout,
    planners: Mapping[str, Planner],
    check: Check | None = None,
    *,
    end: RunEnd | None = None,
) -> RunEnd:
    """Carries out all changes; every one gets exactly one result.

    end: is filled as the run goes on, so that what has been done is known even when this breaks off.
    """
    end = end if end is not None else RunEnd()
    done: dict[Address, Result] = {}
    stopped = ""
    for portion in portions(changes, rollout):
        if stopped:
            _keep(done, not_attempted(portion.changes, stopped))
            continue
        ready, waiting = _parted(portion, done)
        _keep(done, waiting)
        wave = run_wave(ready, tools)
        _keep(done, wave.results)
        end.results = list(done.values())
        end.fatal = end.fatal or wave.fatal
        complaints = _complaints(check, wave.results) if check is not None and not tools.stop.asked else []
        end.check_failed = end.check_failed or bool(complaints)
        end.notes += complaints
        stopped = _verdict(portion, end.results, complaints, rollout, wave.fatal)
        if stopped and rollout.restore and wave.fatal is None:
            end.notes += _restore(wave.results, done, tools, planners, stopped)
        if not stopped:
            stopped = _bake(portion, tools)
    if stopped:
        end.notes.insert(0, stopped)
    end.results = [done[change.address] for change in changes]
    return end


def _complaints(check: Check, results: Sequence[Result]) -> list[str]:
    """What the checks find; one that cannot be carried out has found nothing good."""
    try:
        return list(check(results))
    except RetrainctlError as error:
        return [f"a check could not be carried out: {error.message}"]


def _parted(portion: Portion, done: Mapping[Address, Result]) -> tuple[list[ResourceChange], list[Result]]:
    ready: list[ResourceChange] = []
    skipped: list[Result] = []
    for change in portion.changes:
        blocker = next(
            (a for a in change.after if (r := done.get(a)) is not None and r.fate not in (Fate.APPLIED, Fate.SKIPPED)),
            None,
        )
        if blocker is None:
            ready.append(change)
        else:
            skipped += not_attempted([change], f"it waits for {blocker}, which is {done[blocker].fate}")
    return ready, skipped


def _verdict(
    portion: Portion,
    results: Sequence[Result],
    complaints: Sequence[str],
    rollout: Rollout,
    fatal: RetrainctlError | None,
) -> str:
    """Why the run goes no further, or an empty text."""
    if fatal is not None:
        return fatal.message
    if complaints:
        return f"stopped after the {portion.name}: a check failed"
    failures = sum(result.fate in _BAD or result.verified is Verified.NO for result in results)
    if rollout.max_failures is not None and failures > rollout.max_failures:
        return f"stopped after the {portion.name}: {failures} failures, the limit is {rollout.max_failures}"
    if portion.name == "canary" and failures:
        return f"stopped after the canary: {failures} of its changes failed"
    return ""


def _bake(portion: Portion, tools: Tools) -> str:
    if not portion.bake or tools.stop.asked:
        return ""
    tools.observer.note(f"baking the {portion.name} for {portion.bake:g} s")
    try:
        tools.stop.pause(portion.bake)
    except StopWaiting:
        return "the run was told to end"
    return "the run was told to end" if tools.stop.asked else ""


def _restore(
    results: Sequence[Result],
    done: dict[Address, Result],
    tools: Tools,
    planners: Mapping[str, Planner],
    why: str,
) -> list[str]:
    """Takes back what a failed portion applied. Results of what was restored say so; gives a note on the others."""
    drafts: list[ResourceChange] = []
    notes: list[str] = []
    for result in results:
        if result.fate is not Fate.APPLIED:
            continue
        change = result.change
        try:
            live = tools.writers[change.target].reread(change.address, change.identity)
        except TargetError as error:
            notes.append(f"{change.address} was not restored: {error.message}")
            continue
        back = reverse(change, live, prune=False)
        notes += [f"{change.address}: {name} was not restored, its former value was never stored" for name in back.lost]
        notes += [f"{change.address}: {name} cannot be taken back" for name in back.stays]
        if back.change is None:
            notes.append(f"{change.address} was not restored: {back.refused or 'nothing to take back'}")
        else:
            drafts.append(replace(back.change, steps=planners[change.target].steps(back.change, live)))
    for end in run_wave(drafts, replace(tools, restoring=True)).results if drafts else ():
        address = end.change.address
        if end.fate in (Fate.APPLIED, Fate.SKIPPED) and end.verified is not Verified.NO:
            done[address] = replace(done[address], fate=Fate.RESTORED, verified=end.verified, why=f"taken back: {why}")
        else:
            notes.append(f"{address} was not restored: {end.why or end.fate.value}")
    return notes


def _keep(done: dict[Address, Result], results: Sequence[Result]) -> None:
    done.update({result.change.address: result for result in results})
