"""Applying a plan: every check before the first write, the ledger around it, a receipt on every way out."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from retrainctl.apply.books import LedgerBooks
from retrainctl.apply.executor import Tools
from retrainctl.apply.outcome import Receipt, Result, not_attempted
from retrainctl.apply.rollout import Rollout
from retrainctl.apply.run import Check, RunEnd, run_plan
from retrainctl.apply.stopping import Stop
from retrainctl.apply.uploads import Uploads
from retrainctl.diagnostics import Diagnostic
from retrainctl.diff.compare import SecretHash
from retrainctl.errors import InvalidInput, RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.ledger.holder import this_process
from retrainctl.ledger.lease import Lease
from retrainctl.ledger.ledger import Ledger
from retrainctl.ledger.records import RunInfo, Who, run_id
from retrainctl.ledger.run import Run
from retrainctl.model.environment import Environment
from retrainctl.model.values import SecretRef
from retrainctl.operations.comparing import differences
from retrainctl.operations.guarding import Verdict
from retrainctl.operations.planning import scopes
from retrainctl.operations.settling import PLAN, ask
from retrainctl.plan.encode import canonical
from retrainctl.plan.errors import Blocked, StalePlan
from retrainctl.plan.guard import blocks
from retrainctl.plan.plan import Plan, PolicyOutcome
from retrainctl.ports import Clock, LeaseHeld, Observer, SecretResolver, SecretUnavailable, StopWaiting, TargetSet

_log = logging.getLogger(__name__)

_MOST: Final = 10
"""So many reasons are named in one message."""
_TOLERATED: Final = 120.0
"""Seconds that two machines' clocks may be apart."""

MakeCheck = Callable[[Callable[[float], None]], Check | None]
"""Makes what looks at every portion of an apply, given a pause that ends with the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions:
    """What the user may ask of an apply. `max_age` in seconds; `expect_digest` as `plan` printed it.

    reviewed: the document of the plan that has this digest, to say what differs. fresh: what guards that the plan
    itself does not know say about it. saved: the plan comes from a file, and is good for one apply only.
    """

    parallel: int = 8
    expect_digest: str | None = None
    reviewed: Mapping[str, Any] | None = None
    max_age: float | None = None
    saved: bool = False
    command: str = "apply"
    resumes: str | None = None
    fresh: Verdict = field(default_factory=Verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an apply works with, besides the plan."""

    environment: Environment
    targets: TargetSet
    ledger: Ledger
    resolver: SecretResolver
    secret_hash: SecretHash
    clock: Clock
    observer: Observer
    who: Who
    version: str
    entropy: bytes
    uploads: Uploads | None = None


def check(plan: Plan, document: Mapping[str, Any], options: ApplyOptions, around: Surroundings) -> None:
    """All that can forbid an apply before anything is touched. Raises `StalePlan`, `Blocked` or `InvalidInput`."""
    _check_place(plan, around.environment)
    _check_digest(document, options)
    _check_age(plan, options, around.clock.now())
    if options.saved:
        _check_unused(document, around.ledger)
    # Limits were weighed with the whole project at hand; what must not be touched is looked at again.
    own = Verdict(blocked=blocks(plan.changes, replace(around.environment.guards, limits={}), {}, {}))
    check_blocks(Verdict(blocked=plan.blocked, policy=plan.policy), own, options.fresh)
    _check_secrets(plan, around.resolver, around.uploads)


def check_blocks(*verdicts: Verdict) -> None:
    """Raises `Blocked` with every guard and policy that says no, and the flag that passes it."""
    reasons = [
        f"{block.guard}: {f'{block.address}: ' if block.address else ''}{block.message}"
        + (f" (pass with {block.override})" if block.override else "")
        for verdict in verdicts
        for block in verdict.blocked
    ]
    reasons += [
        f"policy {result.rule}: {result.address}: {result.message}"
        for verdict in verdicts
        for result in verdict.policy
        if result.outcome is PolicyOutcome.DENIED
    ]
    if reasons := list(dict.fromkeys(reasons)):
        raise Blocked(_listed(reasons), hint="Change the manifests, or pass the named flag after a review.")


def _listed(sentences: list[str]) -> str:
    more = [f"and {len(sentences) - _MOST} more"] if len(sentences) > _MOST else []
    return "; ".join([*sentences[:_MOST], *more])


def _check_digest(document: Mapping[str, Any], options: ApplyOptions) -> None:
    expected = options.expect_digest
    if not expected or expected == document["digest"]:
        return
    why = ""
    if options.reviewed is not None:
        why = f": {_listed(differences(options.reviewed, document))}"
    hint = "Live state or the manifests moved since the review: review the new plan."
    if options.reviewed is None:
        hint += " --reviewed PLAN, with the plan that was reviewed, says what differs."
    raise StalePlan(f"the plan's digest is {document['digest']}, expected was {expected}{why}", hint=hint)


def _check_unused(document: Mapping[str, Any], ledger: Ledger) -> None:
    if (former := ledger.used_plans().get(plan_id(document))) is not None and former.writes:
        raise StalePlan(
            f"this plan was applied before, by run {former.info.run}; a plan is good for one apply",
            hint="Plan again: what is still missing is in the new plan.",
        )


def plan_id(document: Mapping[str, Any]) -> str:
    """Names one making of a plan: the same digest planned again later is another plan."""
    return f"{document['digest']}@{document['created_at']}"


def apply_plan(
    plan: Plan,
    document: Mapping[str, Any],
    options: ApplyOptions,
    around: Surroundings,
    checks: MakeCheck | None = None,
) -> tuple[Receipt, RunEnd]:
    """Carries out a checked plan under the lease. Raises `LeaseHeld` and `LedgerError` only while nothing was sent."""
    stop, started = Stop(around.clock), around.clock.now()

    def receipt(run: str, end: RunEnd, notes: list[str]) -> Receipt:
        known = {result.change.address for result in end.results}
        left = [change for change in plan.changes if change.address not in known]
        why = "the run was told to end" if stop.asked else "the run broke off"
        results = [*end.results, *not_attempted(left, why)]
        return _receipt(run, plan, document, started, around.clock.now(), results, notes + end.notes, stop)

    end = RunEnd()
    if not (plan.changes or plan.adopt):
        return receipt("", end, ["nothing to do"]), end
    with stop.listening():
        try:
            lease = _lease(around, stop)
        except StopWaiting:
            return receipt("", end, []), end
        try:
            if options.saved:  # somebody may have applied it while we waited
                _check_unused(document, around.ledger)
            notes = _clock_behind(around)
            run = around.ledger.begin(_info(plan, document, options, around, started), lease)
            run.attach(PLAN, canonical(document))
        except BaseException:
            _give_back(lease)
            raise
        try:
            notes += _settle(around, run, stop)
            _carry_out(plan, options, around, run, stop, None if checks is None else checks(stop.pause), end)
        except StopWaiting:
            pass  # told to end while it settled what earlier runs had left
        except RetrainctlError as error:
            end.fatal = error
        except Exception as error:
            _log.debug("the apply broke off", exc_info=True)
            end.fatal = RetrainctlError(f"internal error: {type(error).__name__}: {error}")
            end.notes.append(end.fatal.message)
        notes += around.uploads.said if around.uploads is not None else []
        made = receipt(run.info.run, end, notes)
        late = [*_finish(run, made), *_give_back(lease)]
    if end.fatal is not None and not made.wrote:
        raise end.fatal
    return replace(made, notes=(*made.notes, *late)), end


def _info(
    plan: Plan, document: Mapping[str, Any], options: ApplyOptions, around: Surroundings, started: datetime
) -> RunInfo:
    return RunInfo(
        run=run_id(started, around.entropy),
        environment=plan.environment,
        command=options.command,
        who=around.who,
        version=around.version,
        started=started,
        digest=plan_id(document),
        commit=plan.source.commit,
        dirty=bool(plan.source.dirty),
        resumes=options.resumes,
    )


def _carry_out(
    plan: Plan,
    options: ApplyOptions,
    around: Surroundings,
    run: Run,
    stop: Stop,
    checks: Check | None,
    end: RunEnd,
) -> None:
    # Read under the lease and after settling: knowledge from before may lack what another run has written since.
    applied = around.ledger.applied()
    tools = Tools(
        writers=around.targets.writers,
        books=LedgerBooks(run=run, writers=around.targets.writers),
        clock=around.clock,
        observer=around.observer,
        stop=stop,
        secret_hash=around.secret_hash,
        applied=applied,
        parallel=options.parallel,
        uploads=around.uploads,
    )
    if plan.adopt:
        run.adopt(plan.adopt)
    rollout = Rollout.from_settings(around.environment.rollout)
    run_plan(plan.changes, tools, rollout, around.targets.planners, checks, end=end)


def settle_open(around: Surroundings) -> list[str]:
    """Settles what earlier runs left open, in a run of its own; nothing happens when nothing is open.

    A signal meanwhile ends it soon, and then does what it does elsewhere: the caller is not to go on.
    """
    if not around.ledger.unsettled():
        return []
    stop = Stop(around.clock)
    started = around.clock.now()
    notes: list[str] = []
    with stop.listening(), suppress(StopWaiting), _lease(around, stop) as lease:
        info = RunInfo(
            run=run_id(started, around.entropy),
            environment=around.environment.name,
            command="settle",
            who=around.who,
            version=around.version,
            started=started,
        )
        run = around.ledger.begin(info, lease)
        with suppress(StopWaiting):
            notes = _settle(around, run, stop)
        run.finish({"outcome": "settled", "notes": notes})
    if stop.signal is not None:
        signal.raise_signal(stop.signal)
    return notes


def _clock_behind(around: Surroundings) -> list[str]:
    """Says so when this machine's clock is behind what the ledger has seen; its own records never go back."""
    runs = around.ledger.runs()
    if not runs:
        return []
    last = runs[-1].finished or runs[-1].info.started
    behind = (last - around.clock.now()).total_seconds()
    if behind <= _TOLERATED:
        return []
    note = (
        f"this machine's clock is {behind / 60:.0f} min behind the last run in the ledger; the history goes on from "
        f"{_iso(last)}"
    )
    around.observer.note(note)
    return [note]


def _lease(around: Surroundings, stop: Stop) -> Lease:
    def waiting(held: LeaseHeld) -> None:
        around.observer.note(f"waiting for the lease: {held.message}")

    def pause(seconds: float) -> None:
        if stop.asked:  # nothing is under way yet that would need the time
            raise StopWaiting
        stop.pause(seconds)

    return around.ledger.acquire(this_process(around.who), pause=pause, waiting=waiting)


def _settle(around: Surroundings, run: Run, stop: Stop) -> list[str]:
    """Settles what earlier runs left open, so that no write builds on a guess. Lets `StopWaiting` out."""
    unsettled = [item for item in around.ledger.unsettled() if item.run != run.info.run]
    if not unsettled:
        return []
    found = ask(unsettled, around.ledger, around.targets.writers, _StopWaiter(stop), around.observer)
    run.settle(found.settlements)
    return found.notes


@dataclass(frozen=True, slots=True)
class _StopWaiter:
    stop: Stop

    def pause(self, seconds: float) -> None:
        self.stop.pause(seconds)

    def sent(self, operation: str | None, request_id: str | None) -> None:
        """Nothing is sent while settling."""


def _finish(run: Run, receipt: Receipt) -> list[str]:
    """Writes the receipt to the ledger. Where that fails it still reaches the user, and `--resume` settles the run."""
    try:
        run.finish(receipt.document())
    except RetrainctlError as error:
        return [f"the receipt could not be written to the ledger: {error.message}"]
    return []


def _give_back(lease: Lease) -> list[str]:
    """Releases the lease. Where that fails it lapses by itself, and no receipt is lost for it."""
    try:
        lease.release()
    except RetrainctlError as error:
        return [f"the lease could not be given back and will lapse: {error.message}"]
    return []


def _receipt(
    run: str,
    plan: Plan,
    document: Mapping[str, Any],
    started: datetime,
    ended: datetime,
    results: list[Result],
    notes: list[str],
    stop: Stop,
) -> Receipt:
    return Receipt(
        run=run,
        environment=plan.environment,
        digest=document["digest"],
        started=_iso(started),
        ended=_iso(ended),
        results=tuple(results),
        notes=tuple(notes),
        signal=stop.signal,
    )


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _check_place(plan: Plan, environment: Environment) -> None:
    if plan.environment != environment.name:
        raise StalePlan(
            f'the plan was made for environment "{plan.environment}", not for "{environment.name}"',
            hint=f"Pass --env {plan.environment}, or plan again.",
        )
    here = scopes(environment)
    for target in sorted({change.target for change in plan.changes}):
        if plan.targets.get(target) != here.get(target):
            raise StalePlan(
                f'the plan was made for {plan.targets.get(target)}, environment "{environment.name}" '
                f"is {here.get(target, 'without that target')} now",
                hint="Plan again.",
            )


def _check_age(plan: Plan, options: ApplyOptions, now: datetime) -> None:
    if options.max_age is None:
        return
    made = datetime.fromisoformat(plan.created_at.replace("Z", "+00:00"))
    age = (now - made).total_seconds()
    if age < -_TOLERATED:
        raise StalePlan(
            f"the plan was made at {plan.created_at}, which is in the future here: how old it is cannot be told",
            hint="Set this machine's clock right, or plan again.",
        )
    if age > options.max_age:
        raise StalePlan(
            f"the plan is {age / 60:.0f} min old, --max-age allows {options.max_age / 60:.0f} min", hint="Plan again."
        )


def _check_secrets(plan: Plan, resolver: SecretResolver, uploads: Uploads | None) -> None:
    """Every secret that the plan needs, resolved before the first write: all that are missing at once."""
    missing: list[Diagnostic] = []
    for change in plan.changes:
        needs: list[Callable[[], object]] = [
            partial(resolver.resolve, reference)
            for reference in {ref for entry in change.fields for ref in _references(entry.after)}
        ]
        if uploads is not None:
            needs.append(partial(uploads.check, change))
        for need in needs:
            try:
                need()
            except SecretUnavailable as error:
                missing.append(
                    Diagnostic(
                        code=error.code,
                        message=error.message,
                        span=change.origin,
                        hint=error.hint,
                        address=str(change.address),
                    )
                )
    if missing:
        raise InvalidInput(missing, "secrets are missing; nothing was written")


def _references(value: object) -> Iterator[SecretRef]:
    if isinstance(value, SecretRef):
        yield value
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _references(member)
