"""Writes that a single command asks for, without a manifest: through the plan and apply engine, or beside it.

What is a declared kind (`WebService`, `CommitmentPlan`, `Endpoint`) becomes a plan of one change, which `applying`
carries out as any other: lease, ledger, backup, verification, rollback. Everything else goes through `record`.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, TypeVar

from retrainctl.apply.stopping import Stop
from retrainctl.diagnostics import Diagnostic, Severity
from retrainctl.diff.compare import SecretHash
from retrainctl.errors import InvalidInput, RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.ledger.holder import this_process
from retrainctl.ledger.records import Intent, RunInfo, run_id
from retrainctl.model.address import Address
from retrainctl.model.change import Action, Request, ResourceChange, Risk
from retrainctl.model.environment import Environment
from retrainctl.model.kind import KINDS
from retrainctl.model.resource import Applied, Desired, Observed
from retrainctl.model.values import Fields, JsonObject, SecretRef, Tree
from retrainctl.operations.applying import Surroundings
from retrainctl.operations.guarding import GuardSet
from retrainctl.operations.planning import scopes
from retrainctl.operations.settling import DIRECT
from retrainctl.plan.build import Inputs, build
from retrainctl.plan.errors import Blocked
from retrainctl.plan.guard import blocks, matching
from retrainctl.plan.plan import Plan
from retrainctl.ports import Outcome, Planner, Reading, StopWaiting, TargetError, TargetSet, Waiter

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a direct write is planned on. guards: limits, protections, freezes and policies that count."""

    environment: Environment
    targets: TargetSet
    secret_hash: SecretHash
    guards: GuardSet
    created_at: str
    version: str
    allowed: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """One resource's plan. observed: as it is now, None where it is not there.

    refusals: what the service would refuse, where these were asked for in place of an error.
    """

    plan: Plan
    observed: Observed | None
    warnings: tuple[Diagnostic, ...] = ()
    refusals: tuple[Diagnostic, ...] = ()

    @property
    def change(self) -> ResourceChange | None:
        """What will be done; None: it is so already."""
        return self.plan.changes[0] if self.plan.changes else None

    @property
    def requests(self) -> tuple[Request, ...]:
        """The calls in order, secrets as references."""
        return tuple(request for change in self.plan.changes for step in change.steps for request in step.requests)

    @property
    def risks(self) -> tuple[Risk, ...]:
        return self.change.risks if self.change is not None else ()


def plan_write(
    desired: Desired,
    ground: Ground,
    *,
    exists: bool | None = None,
    refusals: bool = True,
    hint: str | None = None,
    gone: Fields | None = None,
    new: Fields | None = None,
    due: Fields | None = None,
) -> Direct:
    """The plan that makes one resource as wished: only what `desired` declares is touched.

    A secret is written whatever the ledger says of it: whoever names one here wants it sent.

    Args:
        desired: its address may be one that no manifest declares.
        exists: True: it must be there (RC901); False: it must not (RC900); None: either.
        refusals: raise what the service would refuse; False: hand it back beside the plan.
        hint: the next step where it exists and must not.
        new: what a resource that does not exist yet gets where nothing else is wished.
        due: conditions as they shall be taken to stand: what a read says of them is not enough to leave them.
        gone: members of open maps (tags) that shall go, as if we had written them and they were declared no more.

    Raises:
        InvalidInput: what the service would refuse.
        TargetError: it cannot be read.
    """
    spec = KINDS[desired.address.kind]
    reading = _read(desired, ground)
    observed = reading.observed.get(desired.address)
    if exists is True and observed is None:
        raise missing(desired.address)
    if exists is False and observed is not None:
        raise RetrainctlError(f"{desired.address} exists already; it was not touched", code="RC900", hint=hint)
    if observed is not None and due:
        observed = replace(observed, fields={**observed.fields, **due})
        reading = replace(reading, observed={**reading.observed, desired.address: observed})
    if observed is None and new:
        desired = replace(desired, fields={**new, **desired.fields})
    planners: Mapping[str, Planner] = ground.targets.planners
    told: list[Diagnostic] = []
    if not refusals:
        planners = {spec.target: _Telling(planners[spec.target], told)}
    known = Applied(address=desired.address, fields={**_unlike(desired.fields), **(gone or {})})
    plan, findings = build(
        Inputs(
            environment=ground.environment.name,
            targets=scopes(ground.environment),
            desired=[desired],
            models={},
            readings={spec.target: reading},
            applied={desired.address: known},
            planners=planners,
            secret_hash=ground.secret_hash,
            guards=ground.guards.guards,
            allowed=ground.allowed,
            policies=ground.guards.judge,
            created_at=ground.created_at,
            version=ground.version,
        )
    )
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise InvalidInput(findings)
    # What the ledger does not know of a write-only value is no drift of anybody's.
    plan = replace(plan, drift=(), adopt=(), complete=False)
    return Direct(plan=plan, observed=observed, warnings=tuple(findings), refusals=tuple(told))


def plan_removal(address: Address, place: Mapping[str, str], ground: Ground) -> Direct:
    """The plan that removes one resource.

    Raises:
        RetrainctlError: RC901: it is not there; a service that says yes to any deletion does not hide that.
    """
    spec = KINDS[address.kind]
    desired = Desired(address=address, place=place)
    observed = _read(desired, ground).observed.get(address)
    if observed is None:
        raise missing(address)
    draft = ResourceChange(
        address=address,
        target=spec.target,
        identity=observed.identity,
        action=Action.DELETE,
        fingerprint=observed.fingerprint,
        reason="the command asks for it",
    )
    planner = ground.targets.planners[spec.target]
    judged = planner.judge(draft, None, observed, {})
    change = replace(draft, steps=planner.steps(draft, observed), risks=judged.risks)
    plan = Plan(
        environment=ground.environment.name,
        targets=scopes(ground.environment),
        changes=(change,),
        policy=tuple(ground.guards.judge([change])) if ground.guards.judge is not None else (),
        blocked=blocks([change], ground.guards.guards, {}, ground.allowed),
        complete=False,
        created_at=ground.created_at,
        retrainctl_version=ground.version,
    )
    return Direct(plan=plan, observed=observed, warnings=judged.findings)


def missing(address: Address) -> RetrainctlError:
    """That there is no such resource."""
    return RetrainctlError(
        f"{address} does not exist at the target", code="RC901", hint="Check the name, --env and the resource group."
    )


def record(
    around: Surroundings,
    *,
    address: Address,
    command: str,
    summary: str,
    write: Callable[[Waiter], _T],
    action: Action = Action.UPDATE,
    target: str = "arm",
    identity: str = "",
    detail: JsonObject | None = None,
) -> _T:
    """Carries out a write that no plan describes: under the lease, announced before, its result noted after.

    Args:
        address: what `history` lists it under; the kind need not be a declared one.
        command: as `history` shows it (`association move`).
        summary: one sentence on what is done, without secrets; the ledger keeps it.
        write: sends; gets a waiter that ends with the run. What it returns is returned.
        detail: what else the history shall know, without secrets; `settling.BACK` in it says what takes it back.

    Raises:
        TargetError: what `write` raised; the ledger says whether it failed or nobody knows.
        LeaseHeld, LedgerError: nothing was sent.
        Blocked: the resource is frozen.
    """
    if (rule := matching(address, around.environment.guards.freeze)) is not None:
        raise Blocked(f"freeze: {address}: {rule} is frozen: no write at all", hint="Take it off `freeze` first.")
    stop, started = Stop(around.clock), around.clock.now()
    with _ending_as(stop), stop.listening():
        lease = around.ledger.acquire(this_process(around.who), pause=stop.pause)
        with lease:
            info = RunInfo(
                run=run_id(started, around.entropy),
                environment=around.environment.name,
                command=command,
                who=around.who,
                version=around.version,
                started=started,
            )
            run = around.ledger.begin(info, lease)
            about = {"summary": summary, **(detail or {})}
            run.intend(
                [Intent(address=address, step=DIRECT, action=action, target=target, identity=identity, detail=about)]
            )
            waiter = _Waiter(stop, lambda operation, request: run.sent(address, DIRECT, operation, request))
            outcome, why = Outcome.UNKNOWN, "the run broke off before the answer"
            try:
                answer = write(waiter)
                outcome, why = Outcome.DONE, summary
            except TargetError as error:
                unclear = error.sent and (error.status is None or error.status >= 500)
                outcome, why = Outcome.UNKNOWN if unclear else Outcome.FAILED, error.message
                raise
            except StopWaiting:
                why = "the run was told to end before the answer"
                raise
            except RetrainctlError as error:
                outcome, why = Outcome.FAILED, error.message
                raise
            finally:
                run.result(
                    address,
                    DIRECT,
                    outcome,
                    removed=action is Action.DELETE and outcome is Outcome.DONE,
                    detail={**about, "why": why},
                )
                run.finish({"outcome": _RECEIPT[outcome], "notes": [why]})
    return answer


@contextmanager
def _ending_as(stop: Stop) -> Iterator[None]:
    """Ends a run that was told to end as its signal would have ended it where nothing is under way."""
    try:
        yield
    except StopWaiting as error:
        if stop.signal == signal.SIGTERM:
            signal.raise_signal(signal.SIGTERM)
        raise KeyboardInterrupt from error


_RECEIPT: Final = {Outcome.DONE: "applied", Outcome.FAILED: "failed", Outcome.UNKNOWN: "partial"}


@dataclass(frozen=True, slots=True)
class _Waiter:
    stop: Stop
    note: Callable[[str | None, str | None], None]

    def pause(self, seconds: float) -> None:
        self.stop.pause(seconds)

    def sent(self, operation: str | None, request_id: str | None) -> None:
        self.note(operation, request_id)


@dataclass(frozen=True, slots=True)
class _Telling:
    """A planner that only tells what would be refused."""

    planner: Planner
    told: list[Diagnostic]

    def judge(
        self, change: ResourceChange, desired: Desired | None, observed: Observed | None, facts: JsonObject
    ) -> Any:
        judged = self.planner.judge(change, desired, observed, facts)
        self.told.extend(f for f in judged.findings if f.severity is Severity.ERROR)
        return replace(judged, findings=tuple(f for f in judged.findings if f.severity is not Severity.ERROR))

    def calm(self, observed: Observed, facts: JsonObject) -> bool:
        return self.planner.calm(observed, facts)

    def steps(self, change: ResourceChange, observed: Observed | None) -> Any:
        return self.planner.steps(change, observed)


def _read(desired: Desired, ground: Ground) -> Reading:
    spec = KINDS[desired.address.kind]
    reader = ground.targets.readers.get(spec.target)
    if reader is None:
        raise RetrainctlError(
            f'environment "{ground.environment.name}" has no target "{spec.target}", which {desired.address} needs',
            code="RC902",
            hint=f"Add `{spec.target}:` to the environment in the project file.",
        )
    reading = reader.read([desired])
    if (failure := reading.failures.get(desired.address)) is not None:
        raise failure
    return reading


_UNLIKE: Final = {"$hash": "whatever it was"}


def _unlike(fields: Mapping[str, Tree]) -> dict[str, Tree]:
    """What the ledger would have to say of each secret so that it is written, and nothing of the rest."""
    found: dict[str, Tree] = {}
    for name, item in fields.items():
        if isinstance(item, SecretRef):
            found[name] = _UNLIKE
        elif isinstance(item, Mapping) and (below := _unlike(item)):
            found[name] = below
    return found
