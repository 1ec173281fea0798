"""What the ledger remembers of a successful write: the next plan's third witness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from retrainctl.diff.compare import SecretHash
from retrainctl.model.address import Address
from retrainctl.model.change import Action, ResourceChange
from retrainctl.model.kind import KINDS
from retrainctl.model.kinds import KindSpec
from retrainctl.model.resource import Applied, AppliedSlot
from retrainctl.model.values import MISSING, SecretRef, Tree


def after_write(
    change: ResourceChange, former: Applied | None, secret_hash: SecretHash, *, revision: str | None = None
) -> Applied | None:
    """Former knowledge with this change laid over it; None after a deletion. Secrets become their salted hashes.

    revision: as the read-back shows it.
    """
    if change.action is Action.DELETE:
        return None
    fields: dict[str, Any] = _copied(former.fields) if former is not None and change.action is Action.UPDATE else {}
    for entry in change.fields:
        node = fields
        for name in entry.path[:-1]:
            child = node.get(name)
            node[name] = child = child if isinstance(child, dict) else {}
            node = child
        if entry.after is MISSING:
            node.pop(entry.path[-1], None)
        else:
            node[entry.path[-1]] = _hashed(entry.after, change.address, secret_hash)
    slots = dict(former.slots) if former is not None and not _resets(change) else {}
    for move in change.models:
        if move.to_uri is not None:
            new = move.after
            slots[move.slot] = AppliedSlot(
                uri=move.to_uri, model=new.model, version=new.version, sha256=new.sha256, etag=new.etag
            )
    return Applied(
        address=change.address,
        identity=change.identity,
        fields=fields,
        slots=slots,
        created=change.action in (Action.CREATE, Action.REPLACE) or (former is not None and former.created),
        revision=revision,
    )


def in_doubt(change: ResourceChange, former: Applied | None, spec: KindSpec, *, made: bool = False) -> Applied | None:
    """What is left of former knowledge when a change was carried out in part, or nobody knows how far.

    Slots that a read does not show are forgotten where they were to move: the next plan writes them again instead of
    trusting what they served before. None when nothing is forgotten and nothing learned.

    made: a creation has taken place, whatever came after it.
    """
    if change.action is Action.CREATE:
        if former is None and not made:
            return None
        created = made or (former is not None and former.created)
        return Applied(address=change.address, identity=change.identity, created=created)
    if former is None or change.action is not Action.UPDATE or spec.slots_readable:
        return None
    moving = {move.slot for move in change.models}
    slots = {name: slot for name, slot in former.slots.items() if not (name in moving or _resets(change))}
    return replace(former, slots=slots) if len(slots) < len(former.slots) else None


def _resets(change: ResourceChange) -> bool:
    """Whether the change puts every slot back: what we wrote before is served no more."""
    spec = KINDS.get(change.address.kind)
    traits = (spec.trait(entry.path) for entry in change.fields) if spec is not None else ()
    return any(trait is not None and trait.resets_slots for trait in traits)


def _copied(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _copied(value) if isinstance(value, Mapping) else value for name, value in tree.items()}


def _hashed(value: Tree, address: Address, secret_hash: SecretHash) -> Any:
    if isinstance(value, SecretRef):
        return {"$hash": secret_hash(value, address)}
    if isinstance(value, Mapping):
        return {name: _hashed(member, address, secret_hash) for name, member in value.items()}
    return value
