"""After a write: does what stands there now equal what the plan said?"""

from __future__ import annotations

from collections.abc import Mapping

from retrainctl.diff.compare import folded, same_blob
from retrainctl.diff.traits import TraitNode, trait_tree
from retrainctl.fastclass import dataclass
from retrainctl.model.change import Action, ResourceChange
from retrainctl.model.kinds import KindSpec
from retrainctl.model.resource import Observed
from retrainctl.model.values import MISSING, Missing, Path, SecretRef, Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A member that is not as it was written."""

    path: Path
    wanted: Tree | Missing
    live: Tree | Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The read-back of one change. `unreadable` lists what the target never shows."""

    mismatches: tuple[Mismatch, ...] = ()
    unreadable: tuple[Path, ...] = ()


def verify(change: ResourceChange, observed: Observed | None, spec: KindSpec) -> Verdict:
    """Compares the read-back with the plan alone; needs no manifest."""
    if change.action is Action.DELETE:
        gone = observed is None
        return Verdict(mismatches=() if gone else (Mismatch(path=(), wanted=MISSING, live=str(change.address)),))
    if observed is None:
        return Verdict(mismatches=(Mismatch(path=(), wanted=str(change.address), live=MISSING),))
    bad: list[Mismatch] = []
    hidden: list[Path] = []
    if observed.unfinished is not None:
        bad.append(Mismatch(path=(), wanted="the whole change", live=observed.unfinished))
    tree = trait_tree(spec)
    for field in change.fields:
        node, live = tree, _at(observed.fields, field.path)
        skip = isinstance(field.after, SecretRef)
        for name in field.path:
            closed = node.trait is not None and node.trait.whole
            node = node if closed else node.child(name)
            skip = skip or _unshown(node, live)
        if skip:
            hidden.append(field.path)
        else:
            _compare(field.path, field.after, live, node, bad, hidden)
    for move in change.models:
        state = observed.slots.get(move.slot)
        if not spec.slots_readable:
            hidden.append(("models", move.slot))
        elif state is None or not same_blob(state.uri, move.to_uri):
            live_uri: Tree | Missing = MISSING if state is None or state.uri is None else state.uri
            bad.append(Mismatch(path=("models", move.slot), wanted=move.to_uri, live=live_uri))
    return Verdict(mismatches=tuple(bad), unreadable=tuple(hidden))


def moved(planned: Observed, now: Observed) -> tuple[Mismatch, ...]:
    """What differs between the resource as planned against and as it stands now: `wanted` is then, `live` is now."""
    bad: list[Mismatch] = []
    _everything((), planned.fields, now.fields, bad)
    return tuple(bad)


def _everything(path: Path, then: Tree | Missing, now: Tree | Missing, bad: list[Mismatch]) -> None:
    if then == now:
        return
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in sorted({*then, *now}):
            _everything((*path, name), then.get(name, MISSING), now.get(name, MISSING), bad)
        return
    bad.append(Mismatch(path=path, wanted=then, live=now))


def _compare(
    path: Path, want: Tree | Missing, live: Tree | Missing, node: TraitNode, bad: list[Mismatch], hidden: list[Path]
) -> None:
    trait = node.trait
    if isinstance(want, SecretRef) or _unshown(node, live):
        hidden.append(path)
    elif want == live:
        return
    elif isinstance(want, Mapping) and (isinstance(live, Mapping) or live is MISSING):
        closed = trait is not None and trait.whole
        have: Mapping[str, Tree] = {} if live is MISSING else live
        for name in want:
            _compare(
                (*path, name), want[name], have.get(name, MISSING), node if closed else node.child(name), bad, hidden
            )
        if closed:
            bad.extend(
                Mismatch(path=(*path, n), wanted=MISSING, live=have[n]) for n in sorted(have.keys() - want.keys())
            )
    elif live is MISSING and (
        want is None or (trait is not None and trait.default is not None and want == trait.default)
    ):
        return
    elif trait is not None and trait.folded and isinstance(want, str) and isinstance(live, str):
        if folded(want) != folded(live):
            bad.append(Mismatch(path=path, wanted=want, live=live))
    elif trait is not None and trait.advisory:
        hidden.append(path)
    else:
        bad.append(Mismatch(path=path, wanted=want, live=live))


def _unshown(node: TraitNode, live: Tree | Missing) -> bool:
    """Whether a read shows nothing of it, or nothing that may be compared."""
    trait = node.trait
    return trait is not None and trait.write_only and (trait.secret or live is MISSING)


def _at(tree: Mapping[str, Tree], path: Path) -> Tree | Missing:
    node: Tree | Missing = tree
    for name in path:
        if not isinstance(node, Mapping) or name not in node:
            return MISSING
        node = node[name]
    return node
