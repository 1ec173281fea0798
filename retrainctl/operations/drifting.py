"""Drift apart from intent: live against the ledger, what is allowed until a day, and blobs with other bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import partial

from retrainctl.diagnostics import Diagnostic
from retrainctl.diff.compare import same_blob
from retrainctl.diff.delta import Drift
from retrainctl.diff.drift import drift_of
from retrainctl.fastclass import dataclass
from retrainctl.manifest.load import Loaded
from retrainctl.model.address import Address
from retrainctl.model.kind import KINDS
from retrainctl.model.resource import Applied, AppliedSlot, Observed
from retrainctl.model.values import MISSING, Path
from retrainctl.operations.model_files import pieces
from retrainctl.operations.planning import Planned, PlanOptions, read_all, scopes
from retrainctl.plan.allowance import allowed
from retrainctl.plan.build import Selection
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
    contents: Contents | None = None,
    now: datetime,
    selection: Selection,
    source: Source,
    created_at: str,
    version: str,
    warnings: tuple[tuple[str, str], ...] = (),
) -> Planned:
    """A plan that proposes nothing and tells the drift. What could not be read is a finding, and the plan not complete.

    contents: from `content_drift`, where the blobs were asked.
    """
    contents = contents or Contents()
    found = sorted((*comparison.drift, *contents.drift), key=_by_place)
    drift = allowed(found, loaded.environment.allowed_drift, now)
    findings = tuple(
        Diagnostic(code=error.code, message=error.message, hint=error.hint, address=str(address))
        for address, error in (*comparison.failures, *contents.failures)
    )
    moved = {address for address, _ in drift}
    plan = Plan(
        environment=loaded.environment.name,
        targets=scopes(loaded.environment),
        drift=drift,
        warnings=warnings,
        not_covered=tuple(sorted((*comparison.not_covered, *(address for address, _ in comparison.failures)))),
        complete=not (selection or comparison.not_covered or findings),
        no_op=sum(address not in moved for address in comparison.observed),
        source=source,
        created_at=created_at,
        retrainctl_version=version,
    )
    return Planned(plan=plan, findings=findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What the blobs told. failures: by address, what could not be asked."""

    drift: tuple[Found, ...] = ()
    failures: tuple[tuple[Address, TargetError], ...] = ()


def content_drift(
    applied: Mapping[Address, Applied],
    observed: Mapping[Address, Observed | None],
    blobs: BlobStore,
    observer: Observer,
    *,
    parallel: int = 8,
) -> Contents:
    """Blobs that are no longer what was applied although their address is the same: the next update of the service
    would take other bytes than were reviewed.

    Compared with the ledger's ETag, else with its SHA-256; what the ledger knows neither of is not judged. Every blob
    is asked about once, and read only where its ETag does not settle it.
    """
    served = [
        (address, slot, state)
        for address, live in sorted(observed.items())
        if live is not None
        for slot, state in sorted(applied[address].slots.items())
        if (state.sha256 or state.etag) and _still_served(live, slot, state)
    ]
    states = list(dict.fromkeys(state for _, _, state in served))
    told: dict[AppliedSlot, Drift | TargetError | None] = {}
    with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="content") as pool:
        for done, (state, answer) in enumerate(zip(states, pool.map(partial(_content, blobs), states), strict=True), 1):
            told[state] = answer
            observer.progress(Progress(task="read models", done=done, total=len(states)))
    found: list[Found] = []
    failures: dict[Address, TargetError] = {}
    for address, slot, state in served:
        answer = told[state]
        if isinstance(answer, Drift):
            found.append((address, replace(answer, path=("models", slot, *answer.path))))
        elif answer is not None:
            failures[address] = answer
    return Contents(drift=tuple(found), failures=tuple(failures.items()))


def _still_served(live: Observed, slot: str, state: AppliedSlot) -> bool:
    shown = live.slots.get(slot)
    return shown is None or shown.uri is None or same_blob(shown.uri, state.uri)


def _content(blobs: BlobStore, state: AppliedSlot) -> Drift | TargetError | None:
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
    except TargetError as error:
        return error
    if digest.hexdigest() == state.sha256:
        return None
    return Drift(path=("sha256",), applied=state.sha256, live=digest.hexdigest())


def _bare(etag: str | None) -> str:
    """An ETag without its quotes, which some tools leave out."""
    return (etag or "").strip('"')


def _by_place(entry: Found) -> tuple[Address, Path]:
    return entry[0], entry[1].path
