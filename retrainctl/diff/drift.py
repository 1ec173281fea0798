"""Live against the ledger alone: what of our last write no longer stands, whatever the manifests say by now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from retrainctl.diff.compare import same_blob
from retrainctl.diff.delta import Drift
from retrainctl.diff.traits import TraitNode, trait_tree
from retrainctl.diff.verify import Mismatch, verify
from retrainctl.model.change import Action, FieldChange, ModelChange, ResourceChange
from retrainctl.model.kinds import KindSpec
from retrainctl.model.resource import Applied, AppliedSlot, Desired, Observed
from retrainctl.model.values import MISSING, Missing, Path, Tree
from retrainctl.model.versions import ModelVersion

WHOLE: Final[Path] = ()
"""Stands for the resource itself."""


def drift_of(applied: Applied, observed: Observed | None, spec: KindSpec) -> tuple[Drift, ...]:
    """Fields and slots that are not as we last wrote them. What a read does not show is not judged; a resource that
    is gone is drift as a whole."""
    if observed is None:
        return (Drift(path=WHOLE, applied=applied.identity or str(applied.address), live=MISSING),)
    if _as_written(applied, observed, spec):
        return ()
    tree = trait_tree(spec)
    wanted = {name: kept for name, value in applied.fields.items() if (kept := _shown(value, tree.child(name))) != {}}
    written = ResourceChange(
        address=applied.address,
        target=spec.target,
        identity=observed.identity,
        action=Action.UPDATE,
        fields=tuple(FieldChange(path=(name,), before=MISSING, after=value) for name, value in sorted(wanted.items())),
        models=tuple(_served(slot, applied.slots[slot]) for slot in sorted(applied.slots)),
    )
    verdict = verify(written, observed, spec)
    found = [
        Drift(path=entry.path, applied=entry.wanted, live=entry.live)
        for entry in verdict.mismatches
        if not _is_our_move(entry, applied, spec)
    ]
    if not spec.slots_readable and _made_anew(applied, observed):
        # What the slots serve cannot be read, but what we put into them was put into something else.
        found += [
            Drift(path=("models", slot), applied=state.uri, live=MISSING)
            for slot, state in sorted(applied.slots.items())
        ]
    return tuple(found)


def _as_written(applied: Applied, observed: Observed, spec: KindSpec) -> bool:
    """Whether nothing differs at first sight: nearly all resources of a plan, at the cost of a comparison."""
    live = observed.fields
    for name, value in applied.fields.items():
        if live.get(name, MISSING) != value:
            return False
    if not spec.slots_readable:
        return not (applied.slots and _made_anew(applied, observed))
    return all(
        (state := observed.slots.get(slot)) is not None and state.uri == written.uri
        for slot, written in applied.slots.items()
    )


def caught_up(applied: Applied, desired: Desired, observed: Observed, spec: KindSpec) -> Applied | None:
    """What we have applied, once what others have made so in the meantime is what we want; None: nothing to learn."""
    drift = drift_of(applied, observed, spec)
    if not drift:
        return None
    fields, slots = applied.fields, dict(applied.slots)
    for entry in drift:
        if not entry.path or entry.live is MISSING:
            continue
        if entry.path[0] == "models" and entry.path[1] in desired.slots:
            wanted = desired.slots[entry.path[1]]
            if wanted.uri is not None and isinstance(entry.live, str) and same_blob(entry.live, wanted.uri):
                slots[entry.path[1]] = AppliedSlot(
                    uri=wanted.uri, model=wanted.model, version=wanted.version, sha256=wanted.sha256, etag=wanted.etag
                )
        elif _member(desired.fields, entry.path) == entry.live:
            fields = _with(fields, entry.path, entry.live)
    learned = replace(applied, fields=fields, slots=slots)
    return learned if learned != applied else None


def _member(tree: Tree | Missing, path: Path) -> Tree | Missing:
    for name in path:
        if not isinstance(tree, Mapping) or name not in tree:
            return MISSING
        tree = tree[name]
    return tree


def _with(tree: Mapping[str, Tree], path: Path, value: Tree) -> dict[str, Tree]:
    """The tree with another value at a path, what it shares with the old one left as it is."""
    below = tree.get(path[0])
    inner = _with(below if isinstance(below, Mapping) else {}, path[1:], value) if len(path) > 1 else value
    return {**tree, path[0]: inner}


def _is_our_move(entry: Mismatch, applied: Applied, spec: KindSpec) -> bool:
    """A slot that we moved after we had written the field that holds it."""
    if not entry.path or entry.path[0] not in spec.slots_in or not isinstance(entry.live, str):
        return False
    return any(same_blob(entry.live, slot.uri) for slot in applied.slots.values())


def _shown(value: Tree, node: TraitNode) -> Tree:
    """A written value without what cannot be compared: hashes of secrets, and what says how things stand."""
    if node.trait is not None and node.trait.condition:
        return {}
    if not isinstance(value, Mapping):
        return value
    if set(value) == {"$hash"}:
        return {}
    if node.trait is not None and node.trait.whole:
        return value
    kept = {name: _shown(member, node.child(name)) for name, member in value.items()}
    return {name: member for name, member in kept.items() if member != {} or value[name] == {}}


def _served(slot: str, state: AppliedSlot) -> ModelChange:
    version = ModelVersion(model=state.model or "", version=state.version or 0, uri=state.uri)
    return ModelChange(slot=slot, before=None, after=version, from_uri=None, to_uri=state.uri)


def _made_anew(applied: Applied, observed: Observed) -> bool:
    return None not in (applied.revision, observed.revision) and applied.revision != observed.revision
