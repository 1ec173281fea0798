"""From manifests and live state to a plan: what `plan` does, and what `apply` does first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime

from retrainctl.diagnostics import Diagnostic, Severity
from retrainctl.diff.compare import SecretHash
from retrainctl.errors import InvalidInput
from retrainctl.fastclass import dataclass
from retrainctl.manifest.load import Loaded
from retrainctl.model.address import Address
from retrainctl.model.change import ResourceChange
from retrainctl.model.environment import Environment, Guards
from retrainctl.model.kind import KINDS
from retrainctl.model.resource import Applied, Desired
from retrainctl.plan.allowance import allowed
from retrainctl.plan.build import Examine, Inputs, Selection, build
from retrainctl.plan.plan import Plan, PolicyResult, Source
from retrainctl.ports import Observer, Progress, Reading, TargetSet


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What the user may ask of a plan."""

    selection: Selection = field(default_factory=Selection)
    prune: bool = False
    allowed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan and the warnings that were found on the way."""

    plan: Plan
    findings: tuple[Diagnostic, ...] = ()


def make_plan(
    loaded: Loaded,
    targets: TargetSet,
    applied: Mapping[Address, Applied],
    options: PlanOptions,
    *,
    observer: Observer,
    secret_hash: SecretHash,
    source: Source,
    created_at: str,
    version: str,
    warnings: tuple[tuple[str, str], ...] = (),
    guards: Guards | None = None,
    policies: Callable[[Sequence[ResourceChange]], Iterable[PolicyResult]] | None = None,
    examine: Examine | None = None,
    now: datetime | None = None,
) -> Planned:
    """Reads live state and compares. `now` decides which drift is still allowed.

    Raises `InvalidInput` with every finding of the run, `TargetError` when a target cannot be read at all.
    """
    findings = list(loaded.diagnostics)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise InvalidInput(findings)
    findings += _unmatched(loaded.desired, applied, options.selection)
    readings = read_all(loaded.desired, targets, applied, options, observer)
    desired: Sequence[Desired] = loaded.desired
    models = loaded.models
    if [one for line in models.values() for one in line.local()]:  # else nothing of what knows blobs is even imported
        from retrainctl.operations.placing import place_files

        placed = place_files(loaded, readings, applied, takes=options.selection.takes)
        desired, models = placed.desired, placed.models
        findings += placed.findings
    plan, found = build(
        Inputs(
            environment=loaded.environment.name,
            targets=scopes(loaded.environment),
            desired=desired,
            models=models,
            readings=readings,
            applied=applied,
            planners=targets.planners,
            secret_hash=secret_hash,
            guards=guards if guards is not None else default_guards(loaded.environment),
            allowed=options.allowed,
            policies=policies,
            examine=examine,
            selection=options.selection,
            prune=options.prune,
            warnings=warnings,
            source=source,
            created_at=created_at,
            version=version,
        )
    )
    findings += found
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise InvalidInput(findings)
    if now is not None and plan.drift:
        plan = replace(plan, drift=allowed(plan.drift, loaded.environment.allowed_drift, now))
    return Planned(plan=plan, findings=tuple(findings))


def read_all(
    desired: Sequence[Desired],
    targets: TargetSet,
    applied: Mapping[Address, Applied],
    options: PlanOptions,
    observer: Observer,
) -> dict[str, Reading]:
    """One reading per target that has something to read."""
    wanted: defaultdict[str, list[Desired]] = defaultdict(list)
    for entry in desired:
        if options.selection.takes(entry.address):
            wanted[KINDS[entry.address.kind].target].append(entry)
    readings: dict[str, Reading] = {}
    for name, reader in targets.readers.items():
        entries = wanted.get(name, [])
        reading = reader.read(entries) if entries else Reading()
        if options.prune:
            reading = _with_orphans(reading, name, desired, applied, targets)
        readings[name] = reading
        if entries:
            observer.progress(Progress(task=f"read {name}", done=len(entries), total=len(entries)))
    return readings


def _with_orphans(
    reading: Reading,
    target: str,
    desired: Sequence[Desired],
    applied: Mapping[Address, Applied],
    targets: TargetSet,
) -> Reading:
    """The reading with what we created and no manifest declares any more: candidates of `--prune`."""
    declared = {entry.address for entry in desired}
    found = {
        address: observed
        for address, entry in applied.items()
        if entry.created
        and address not in declared
        and (spec := KINDS.get(address.kind)) is not None
        and spec.target == target
        and (observed := targets.readers[target].reread(address, entry.identity)) is not None
    }
    return replace(reading, observed={**reading.observed, **found})


def scopes(environment: Environment) -> dict[str, str]:
    """Target name -> the place that it stands for, so that a plan is never applied elsewhere."""
    found: dict[str, str] = {}
    if environment.arm is not None:
        found["arm"] = f"/subscriptions/{environment.arm.subscription}"
    if environment.classic is not None:
        found["classic"] = f"/workspaces/{environment.classic.workspace}"
    if environment.azureml is not None:
        found["azureml"] = environment.azureml.scope
    return found


def default_guards(environment: Environment) -> Guards:
    """The declared guards; `deletes: 0` where nothing else is said, except in an emulator environment."""
    guards = environment.guards
    if environment.emulator is not None or "deletes" in guards.limits:
        return guards
    return replace(guards, limits={**guards.limits, "deletes": 0})


def _unmatched(
    desired: Sequence[Desired], applied: Mapping[Address, Applied], selection: Selection
) -> list[Diagnostic]:
    from retrainctl.plan.guard import matching

    known = [*(entry.address for entry in desired), *applied]
    return [
        Diagnostic(
            code="RC408",
            message=f"no declared resource matches {pattern}",
            hint="Use KIND/NAME as the plan prints it; `*` stands for any text.",
        )
        for pattern in (*selection.only, *selection.exclude)
        if not any(matching(address, (pattern,)) for address in known)
    ]
