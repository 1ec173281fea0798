"""Drift apart from intent: live against the ledger, what is allowed until a day, and blobs with other bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase

from retrainctl.diagnostics import Diagnostic
from retrainctl.diff.compare import same_blob
from retrainctl.diff.delta import Drift
from retrainctl.diff.drift import drift_of
from retrainctl.manifest.load import Loaded
from retrainctl.model.address import Address
from retrainctl.model.exemption import Exemption
from retrainctl.model.kind import KINDS
from retrainctl.model.resource import Applied, AppliedSlot, Observed
from retrainctl.model.values import MISSING, Path
from retrainctl.operations.model_files import pieces
from retrainctl.operations.planning import Planned, PlanOptions, read_all, scopes
from retrainctl.plan.build import Selection
from retrainctl.plan.guard import matching
from retrainctl.plan.plan import Plan, Source
from retrainctl.ports import BlobStore, NotFound, Observer, Progress, TargetError, TargetSet

Found = tuple[Address, Drift]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Live against the ledger. observed: what is there of each resource that was looked at, None where it is gone.
    failures: what could not be read."""

    drift: tuple[Found, ...]
    observed: Mapping[Address, Observed | None]
    failures: tuple[tuple[Address, TargetError], ...] = ()
    not_covered: tuple[Address, ...] = ()


def compare_live(
    loaded: Loaded,
    targets: TargetSet,
    applied: Mapping[Address, Applied],
    selection: Selection,
    observer: Observer,
) -> Comparison:
    """Reads every resource that the ledger knows, declared or not. Raises `TargetError` when nothing can be read."""
    known = {
        address: applied[address] for address in sorted(applied) if address.kind in KINDS and selection.takes(address)
    }
    declared = [entry for entry in loaded.desired if entry.address in known]
    readings = read_all(declared, targets, applied, PlanOptions(selection=selection), observer)
    observed: dict[Address, Observed | None] = {}
    failures: dict[Address, TargetError] = {}
    left_out: set[Address] = set()
    by_address = {entry.address for entry in declared}
    for address, entry in known.items():
        name = KINDS[address.kind].target
        if (reader := targets.readers.get(name)) is None:
            left_out.add(address)
        elif address not in by_address:
            try:
                observed[address] = reader.reread(address, entry.identity)
            except TargetError as error:
                failures[address] = error
        elif (failure := readings[name].failures.get(address)) is not None:
            failures[address] = failure
        elif address in readings[name].not_covered:
            left_out.add(address)
        else:
            observed[address] = readings[name].observed.get(address)
    return Comparison(
        drift=tuple(
            (address, drift)
            for address, live in sorted(observed.items())
            for drift in drift_of(known[address], live, KINDS[address.kind])
        ),
        observed=observed,
        failures=tuple(sorted(failures.items())),
        not_covered=tuple(sorted(left_out)),
    )


def refresh_plan(
    loaded: Loaded,
    comparison: Comparison,
    *,
    blobs: Iterable[Found] = (),
    now: datetime,
    selection: Selection,
    source: Source,
    created_at: str,
    version: str,
    warnings: tuple[tuple[str, str], ...] = (),
) -> Planned:
    """A plan that proposes nothing and tells the drift. What could not be read is a finding, and the plan not complete.

    blobs: content drift, from `content_drift`.
    """
    drift = allowed(sorted((*comparison.drift, *blobs), key=_by_place), loaded.environment.allowed_drift, now)
    moved = {address for address, _ in drift}
    plan = Plan(
        environment=loaded.environment.name,
        targets=scopes(loaded.environment),
        drift=drift,
        warnings=warnings,
        not_covered=tuple(sorted((*comparison.not_covered, *(address for address, _ in comparison.failures)))),
        complete=not (selection or comparison.not_covered or comparison.failures),
        no_op=sum(address not in moved for address in comparison.observed),
        source=source,
        created_at=created_at,
        retrainctl_version=version,
    )
    findings = tuple(
        Diagnostic(code=error.code, message=error.message, hint=error.hint, address=str(address))
        for address, error in comparison.failures
    )
    return Planned(plan=plan, findings=findings)


def allowed(drift: Iterable[Found], exemptions: Sequence[Exemption], now: datetime) -> tuple[Found, ...]:
    """The drift, each entry that somebody has allowed and whose day has not come with that allowance."""
    standing = [exemption for exemption in exemptions if exemption.counts(now)]
    return tuple((address, replace(entry, allowed=_allowance(address, entry.path, standing))) for address, entry in drift)


def _allowance(address: Address, path: Path, standing: Sequence[Exemption]) -> Exemption | None:
    fitting = (
        one for one in standing if matching(address, (one.address,)) is not None and _covers(one.path, path)
    )
    return max(fitting, key=lambda one: one.expires, default=None)


def _covers(pattern: str, path: Path) -> bool:
    """Whether a pattern names a field or a place above it. Names are compared as they are before `*` and `[...]`."""
    places = [".".join(path[:length]) for length in range(1, len(path) + 1)] or [""]
    return any(place == pattern or fnmatchcase(place, pattern) for place in places)


def content_drift(
    applied: Mapping[Address, Applied],
    observed: Mapping[Address, Observed | None],
    blobs: BlobStore,
    observer: Observer,
) -> list[Found]:
    """Blobs that are no longer what was applied although their address is the same: the next retraining of the
    service, or its next restart, may serve other bytes than were reviewed.

    Compared with the ledger's SHA-256, else with its ETag. What the ledger knows neither of is not judged. Every blob
    is asked about once; only those whose ETag does not settle it are read. Raises `TargetError` but for missing blobs.
    """
    served = [
        (address, slot, state)
        for address, live in sorted(observed.items())
        if live is not None
        for slot, state in sorted(applied[address].slots.items())
        if (state.sha256 or state.etag) and _still_served(live, slot, state)
    ]
    found: list[Found] = []
    seen: dict[tuple[str, str | None, str | None], Drift | None] = {}
    for done, (address, slot, state) in enumerate(served, 1):
        key = (state.uri, state.sha256, state.etag)
        if key not in seen:
            seen[key] = _content(state, blobs)
        if (drift := seen[key]) is not None:
            found.append((address, replace(drift, path=("models", slot, *drift.path))))
        observer.progress(Progress(task="read models", done=done, total=len(served), item=str(address)))
    return found


def _still_served(live: Observed, slot: str, state: AppliedSlot) -> bool:
    shown = live.slots.get(slot)
    return shown is None or shown.uri is None or same_blob(shown.uri, state.uri)


def _content(state: AppliedSlot, blobs: BlobStore) -> Drift | None:
    try:
        facts = blobs.facts(state.uri)
        if state.etag is not None and _bare(state.etag) == _bare(facts.etag):
            return None
        if state.sha256 is None:
            return Drift(path=("etag",), applied=state.etag or MISSING, live=facts.etag or MISSING)
        digest = hashlib.sha256()
        for piece in pieces(blobs, state.uri, facts):
            digest.update(piece)
    except NotFound:
        return Drift(path=("blob",), applied=state.uri, live=MISSING)
    if digest.hexdigest() == state.sha256:
        return None
    return Drift(path=("sha256",), applied=state.sha256, live=digest.hexdigest())


def _bare(etag: str | None) -> str:
    """An ETag without its quotes, which some tools leave out."""
    return (etag or "").strip('"')


def _by_place(entry: Found) -> tuple[Address, Path]:
    return entry[0], entry[1].path
