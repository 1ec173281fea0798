"""The way back: a change that puts the former values where a change put new ones."""

from __future__ import annotations

from collections.abc import Mapping

from retrainctl.fastclass import dataclass
from retrainctl.model.change import Action, FieldChange, ModelChange, ResourceChange, Risk, Severity
from retrainctl.model.kind import KINDS
from retrainctl.model.resource import Observed
from retrainctl.model.values import MISSING, Missing, Tree
from retrainctl.model.versions import ModelVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversed:
    """The reverse of a change as a draft without steps, or why there is none.

    lost: fields whose former value was secret and is gone. stays: what happened once and for all (a refresh).
    """

    change: ResourceChange | None
    refused: str | None = None
    lost: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()


def reverse(change: ResourceChange, live: Observed | None, *, prune: bool) -> Reversed:
    """What undoes `change`, given what stands there now. Creations go only with `prune`."""
    if change.action is Action.CREATE:
        if live is None:
            return Reversed(change=None)
        if not prune:
            return Reversed(change=None, refused="the run created it; --prune deletes it again")
        return Reversed(change=_draft(change, Action.DELETE, live))
    if change.action is Action.DELETE:
        return Reversed(change=None, refused="the run deleted it; create it again from the backup with `export`")
    if live is None:
        return Reversed(change=None, refused="it does not exist any more")
    unknown = [move.slot for move in change.models if move.from_uri is None]
    if unknown:
        return Reversed(change=None, refused=f'what slot "{unknown[0]}" served before the run is not known')
    lost = tuple(".".join(entry.path) for entry in change.fields if entry.secret)
    stays = tuple(".".join(entry.path) for entry in change.fields if _is_condition(change, entry))
    fields = tuple(
        FieldChange(path=entry.path, before=now, after=entry.before)
        for entry in change.fields
        if not (entry.secret or _is_condition(change, entry)) and (now := _now(change, entry, live)) != entry.before
    )
    models = tuple(move for entry in change.models if (move := _back(entry, live)) is not None)
    different = fields or models or live.unfinished is not None
    back = _draft(change, Action.UPDATE, live, fields, models) if different else None
    return Reversed(change=back, lost=lost, stays=stays)


def _is_condition(change: ResourceChange, entry: FieldChange) -> bool:
    spec = KINDS.get(change.address.kind)
    trait = spec.trait(entry.path) if spec is not None else None
    return trait is not None and trait.condition


def _now(change: ResourceChange, entry: FieldChange, live: Observed) -> Tree | Missing:
    """The present value; of what a read does not show, the one that the run wrote."""
    now = _at(live.fields, entry.path)
    spec = KINDS.get(change.address.kind)
    if now is not MISSING or spec is None:
        return now
    shown = (spec.trait(entry.path[:length]) for length in range(1, len(entry.path) + 1))
    return entry.after if any(trait is not None and trait.write_only for trait in shown) else now


def _back(entry: ModelChange, live: Observed) -> ModelChange | None:
    state = live.slots.get(entry.slot)
    now = state.uri if state is not None and state.uri is not None else entry.to_uri
    if now == entry.from_uri:
        return None
    former = entry.before or ModelVersion(model="former", version=1, uri=entry.from_uri)
    current = entry.after if now == entry.to_uri else None
    return ModelChange(slot=entry.slot, before=current, after=former, from_uri=now, to_uri=entry.from_uri)


def _draft(
    change: ResourceChange,
    action: Action,
    live: Observed,
    fields: tuple[FieldChange, ...] = (),
    models: tuple[ModelChange, ...] = (),
) -> ResourceChange:
    risks = (
        Risk(code="rollback", severity=Severity.WARNING, message="takes back what an earlier run changed"),
        *(_deletion() if action is Action.DELETE else ()),
    )
    return ResourceChange(
        address=change.address,
        target=change.target,
        identity=live.identity,
        action=action,
        fields=fields,
        models=models,
        reason="it goes back to what it was before the run",
        risks=risks,
        fingerprint=live.fingerprint,
        after=change.after,
        settings=change.settings,
    )


def _deletion() -> tuple[Risk, ...]:
    return (Risk(code="deletes", severity=Severity.DANGER, message="deletes a resource that the run created"),)


def _at(tree: Tree | Missing, path: tuple[str, ...]) -> Tree | Missing:
    for name in path:
        if not isinstance(tree, Mapping) or name not in tree:
            return MISSING
        tree = tree[name]
    return tree
