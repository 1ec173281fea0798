"""Deltas to an ordered, judged, guarded, frozen Plan. Pure: no clock, no network, no files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace

from retrainctl.diagnostics import Diagnostic, Diagnostics, Severity
from retrainctl.diff.compare import SecretHash, compare, removal, settled
from retrainctl.diff.delta import Delta, Drift
from retrainctl.diff.drift import caught_up
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.change import Action, Cause, FieldChange, ModelChange, Request, ResourceChange, Risk, Step
from retrainctl.model.environment import Guards
from retrainctl.model.kind import KINDS
from retrainctl.model.kinds import KindSpec
from retrainctl.model.redaction import without_query
from retrainctl.model.resource import Applied, Desired, Observed
from retrainctl.model.values import Path
from retrainctl.model.versions import ModelLine, ModelVersion
from retrainctl.plan.guard import blocks, matching
from retrainctl.plan.order import waves
from retrainctl.plan.plan import Plan, PolicyResult, Source
from retrainctl.plan.risk import model_risks
from retrainctl.ports import Planner, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Address patterns: only these, without those. Empty `only` means all."""

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.only or self.exclude)

    def takes(self, address: Address) -> bool:
        if self.only and matching(address, self.only) is None:
            return False
        return not self.exclude or matching(address, self.exclude) is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A change that moves models, with what it comes from: `observed` is None where the resource is new."""

    change: ResourceChange
    desired: Desired
    observed: Observed | None


Examine = Callable[[Sequence[Examined]], Mapping[Address, Sequence[Risk]]]
"""Looks into the models themselves, all of a plan at once; gives what it fears by address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything a plan is made from."""

    environment: str
    targets: Mapping[str, str]
    desired: Sequence[Desired]
    models: Mapping[str, ModelLine]
    readings: Mapping[str, Reading]
    applied: Mapping[Address, Applied]
    planners: Mapping[str, Planner]
    secret_hash: SecretHash
    guards: Guards = field(default_factory=Guards)
    allowed: Mapping[str, int] = field(default_factory=dict)
    policies: Callable[[Sequence[ResourceChange]], Iterable[PolicyResult]] | None = None
    examine: Examine | None = None
    selection: Selection = field(default_factory=Selection)
    prune: bool = False
    warnings: tuple[tuple[str, str], ...] = ()
    source: Source = field(default_factory=Source)
    created_at: str = ""
    version: str = ""
    kinds: Mapping[str, KindSpec] = field(default_factory=lambda: KINDS)


@dataclass(slots=True)
class _Gathered:
    changes: list[ResourceChange] = field(default_factory=list)
    moving: list[Examined] = field(default_factory=list)
    drift: list[tuple[Address, Drift]] = field(default_factory=list)
    suppressed: list[tuple[Address, Path, str]] = field(default_factory=list)
    not_covered: list[Address] = field(default_factory=list)
    no_op: int = 0
    adopt: list[Applied] = field(default_factory=list)


def build(inputs: Inputs) -> tuple[Plan, tuple[Diagnostic, ...]]:
    """Compares all, judges each change and weighs the whole. An error among the findings means: no usable plan."""
    findings = Diagnostics()
    got = _Gathered()
    versions = _Versions(inputs.models)
    for desired in sorted(inputs.desired, key=lambda d: d.address):
        if inputs.selection.takes(desired.address):
            _one(inputs, desired, versions, got, findings)
    if inputs.prune:
        _prune(inputs, got, findings)
    if inputs.examine is not None and got.moving:
        _examine(inputs.examine, got)
    got.changes.sort(key=lambda change: change.address)
    waves(got.changes)  # a circle is an error of the plan, not of the apply
    declared = Counter(desired.address.kind for desired in inputs.desired)
    plan = Plan(
        environment=inputs.environment,
        targets=inputs.targets,
        changes=tuple(got.changes),
        drift=tuple(got.drift),
        suppressed=tuple(got.suppressed),
        policy=tuple(inputs.policies(got.changes)) if inputs.policies else (),
        blocked=blocks(got.changes, inputs.guards, declared, inputs.allowed),
        warnings=inputs.warnings,
        not_covered=tuple(got.not_covered),
        complete=not (inputs.selection or got.not_covered),
        no_op=got.no_op,
        adopt=tuple(got.adopt),
        source=inputs.source,
        created_at=inputs.created_at,
        retrainctl_version=inputs.version,
    )
    return plan, tuple(findings)


def _one(
    inputs: Inputs,
    desired: Desired,
    versions: _Versions,
    got: _Gathered,
    findings: Diagnostics,
) -> None:
    address, spec = desired.address, inputs.kinds[desired.address.kind]
    reading = inputs.readings.get(spec.target)
    if reading is None:
        findings.error(
            "RC405",
            f'environment "{inputs.environment}" has no target "{spec.target}", which {address} needs',
            desired.origin,
            f"Add `{spec.target}:` to the environment in the project file.",
        )
        return
    if (failure := reading.failures.get(address)) is not None:
        findings.error(failure.code, failure.message, desired.origin, failure.hint, str(address))
        return
    if address in reading.not_covered:
        got.not_covered.append(address)
        return
    observed, applied = reading.observed.get(address), inputs.applied.get(address)
    planner = inputs.planners[spec.target]
    if observed is not None and settled(desired, observed, applied, spec) and planner.calm(observed, reading.facts):
        _keep(desired, observed, applied, spec, got)
        return
    delta = compare(desired, observed, applied, spec, secret_hash=inputs.secret_hash, version_of=versions.at)
    got.drift.extend((address, drift) for drift in delta.drift)
    got.suppressed.extend((address, entry.path, entry.reason) for entry in delta.suppressed)
    draft = _draft(delta, spec, reading.identities.get(address, ""))
    judged = planner.judge(draft, desired, observed, reading.facts)
    if judged.findings:
        findings.extend(judged.findings)
        if any(finding.severity is Severity.ERROR for finding in judged.findings):
            return
    if draft.action is Action.CREATE and not spec.creatable:
        findings.error(
            "RC406",
            f"{address} does not exist, and a {spec.kind} is never created by retrainctl",
            desired.origin,
            "Deploy it first, or correct its name.",
        )
        return
    replaced = _immutable(draft, spec)
    if replaced and not spec.replaceable:
        findings.extend(_refusal(address, entry) for entry in replaced)
        return
    if replaced:
        draft = replace(draft, action=Action.REPLACE)
    # A planner may ask for work that no field shows (a refresh): steps decide, not only differences.
    steps = planner.steps(draft, observed)
    if draft.action is Action.NO_OP and not steps:
        _keep(desired, observed, applied, spec, got)
        return
    action = Action.UPDATE if draft.action is Action.NO_OP else draft.action
    risks = [*model_risks(draft, applied), *judged.risks]
    if draft.models:
        steps = _with_uploads(draft, steps)
        got.moving.append(Examined(change=draft, desired=desired, observed=observed))
    got.changes.append(
        replace(draft, action=action, steps=steps, risks=tuple(_ranked(risks)), reason=_reason(action, draft))
    )


def _keep(desired: Desired, observed: Observed | None, applied: Applied | None, spec: KindSpec, got: _Gathered) -> None:
    """Counts a resource that is as wished; the ledger learns what others have made so."""
    got.no_op += 1
    if applied is not None and observed is not None:
        learned = caught_up(applied, desired, observed, spec)
        if learned is not None:
            got.adopt.append(learned)


def _with_uploads(change: ResourceChange, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps with the calls that bring local model files to their blobs; a blob that is there is not sent again."""
    uploads = tuple(
        Request(method="PUT", path=move.to_uri, body={"file": move.after.file, "sha256": move.after.sha256})
        for move in change.models
        if move.after.file is not None and move.to_uri is not None
    )
    if not (uploads and steps):
        return steps
    return (replace(steps[0], requests=(*uploads, *steps[0].requests)), *steps[1:])


def _examine(examine: Examine, got: _Gathered) -> None:
    """Adds what the models themselves tell to the risks of their changes."""
    found = examine(got.moving)
    got.changes = [
        replace(change, risks=tuple(_ranked((*change.risks, *more)))) if (more := found.get(change.address)) else change
        for change in got.changes
    ]


def _prune(inputs: Inputs, got: _Gathered, findings: Diagnostics) -> None:
    declared = {desired.address for desired in inputs.desired}
    for address, applied in sorted(inputs.applied.items()):
        spec = inputs.kinds.get(address.kind)
        if address in declared or not applied.created or spec is None or not spec.deletable:
            continue
        if not inputs.selection.takes(address):
            continue
        reading = inputs.readings.get(spec.target)
        observed = reading.observed.get(address) if reading is not None else None
        if observed is None:
            continue
        delta = removal(applied, observed)
        draft = _draft(delta, spec, observed.identity, address)
        judged = inputs.planners[spec.target].judge(draft, None, observed, reading.facts if reading else {})
        findings.extend(judged.findings)
        if any(finding.severity is Severity.ERROR for finding in judged.findings):
            continue
        steps = inputs.planners[spec.target].steps(draft, observed)
        reason = "no manifest declares it any more, and retrainctl created it"
        got.changes.append(replace(draft, steps=steps, risks=judged.risks, reason=reason))


def _draft(delta: Delta, spec: KindSpec, identity: str, address: Address | None = None) -> ResourceChange:
    desired, observed = delta.desired, delta.observed
    known = address or (desired.address if desired is not None else None)
    assert known is not None
    entries: list[FieldChange | ModelChange] = [*delta.models, *delta.fields]
    cause = entries[0] if entries else None
    return ResourceChange(
        address=known,
        target=spec.target,
        identity=observed.identity if observed is not None else identity,
        action=delta.action,
        fields=delta.fields,
        models=delta.models,
        origin=(cause.span if cause is not None else None) or (desired.origin if desired is not None else None),
        fingerprint=observed.fingerprint if observed is not None else None,
        after=desired.after if desired is not None else (),
        settings=desired.settings if desired is not None else {},
    )


def _immutable(change: ResourceChange, spec: KindSpec) -> list[FieldChange]:
    if change.action is not Action.UPDATE:
        return []
    return [f for f in change.fields if (trait := _trait_above(spec, f.path)) is not None and trait]


def _trait_above(spec: KindSpec, path: Path) -> bool:
    return any((t := spec.trait(path[:n])) is not None and t.immutable for n in range(1, len(path) + 1))


def _refusal(address: Address, entry: FieldChange) -> Diagnostic:
    name = ".".join(entry.path)
    return Diagnostic(
        code="RC407",
        message=f"{address}: {name} of an existing resource cannot be changed",
        span=entry.span,
        hint=f"Set {name} back to the live value, or declare a new resource under another name.",
        address=str(address),
    )


def _reason(action: Action, change: ResourceChange) -> str:
    if action is Action.CREATE:
        return "it does not exist yet"
    if action is Action.REPLACE:
        return "a field that cannot change on an existing resource is different"
    causes = {entry.cause for entry in change.fields} | {entry.cause for entry in change.models}
    if causes == {Cause.DRIFT}:
        return "somebody changed it since the last apply"
    if causes & {Cause.DRIFT, Cause.BOTH}:
        return "the manifest asks for it, and somebody changed it since the last apply"
    return "the manifest asks for it"


def _ranked(risks: Iterable[Risk]) -> list[Risk]:
    rank = {"danger": 0, "warning": 1, "note": 2}
    return sorted(risks, key=lambda risk: (rank[risk.severity], risk.code, risk.message))


class _Versions:
    """The declared versions by URI; all of them are looked through only where the nearest model does not know it."""

    def __init__(self, models: Mapping[str, ModelLine]) -> None:
        self._models = models
        self._known: dict[str, tuple[ModelLine, int]] | None = None

    def at(self, uri: str, near: str) -> ModelVersion | None:
        """The version that has this URI without query; `near` is the model that most likely has it."""
        line = self._models.get(near)
        if line is not None and (place := _place_of(uri, line)) is not None:
            return line.versions[place]
        if self._known is None:
            self._known = {
                without_query(one): (line, place)
                for line in self._models.values()
                for place, one in enumerate(line.uris())
                if one
            }
        found = self._known.get(uri)
        return None if found is None else found[0].versions[found[1]]


def _place_of(uri: str, line: ModelLine) -> int | None:
    for place, one in enumerate(line.uris()):
        if one == uri or (one and without_query(one) == uri):
            return place
    return None
