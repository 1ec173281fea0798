"""Desired against live, with what we last wrote as the third witness.

Only declared fields are compared: what is not declared is not ours. Values come normalised, so equality decides and
nothing here knows a kind by name; its traits say which fields are closed, keyed, write-only or secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cache
from typing import Final, TypeAlias

from retrainctl.diff.delta import Delta, Drift, Suppressed
from retrainctl.diff.traits import TraitNode, trait_tree
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.change import Action, Cause, FieldChange, ModelChange
from retrainctl.model.kinds import KindSpec, Unreadable
from retrainctl.model.redaction import without_query
from retrainctl.model.resource import Applied, AppliedSlot, Desired, Knowledge, Observed, SlotState
from retrainctl.model.values import MISSING, Missing, Path, SecretRef, Tree
from retrainctl.model.versions import ModelVersion

SecretHash: TypeAlias = Callable[[SecretRef, Address], str | None]
"""Short salted hash of a referenced secret, or None where the reference does not resolve here."""

_SCALARS: Final = frozenset({str, int, bool, float})
"""Where two of one type are equal and no trait says otherwise, there is nothing to look into."""

VersionOf: TypeAlias = Callable[[str, str], ModelVersion | None]
"""The declared version that has this URI (without query); the second text is the model that most likely has it."""


def compare(
    desired: Desired,
    observed: Observed | None,
    applied: Applied | None,
    spec: KindSpec,
    *,
    secret_hash: SecretHash,
    version_of: VersionOf,
) -> Delta:
    """Compares one resource. A resource that is not there is a creation with every declared field."""
    walk = _Walk(desired=desired, secret_hash=secret_hash)
    tree = trait_tree(spec)
    if observed is None:
        walk.create(tree)
    else:
        written = applied.fields if applied is not None else {}
        # What is declared as a model is told as a move, not once more as a field of the definition.
        walk.told = frozenset(
            state.path for slot in desired.slots if (state := observed.slots.get(slot)) is not None and state.path
        )
        for name in sorted(desired.fields):
            want, live, node = desired.fields[name], observed.fields.get(name, MISSING), tree.child(name)
            # Only what a read does not show is looked at although it seems to be as wished.
            hidden = node.trait is not None and node.trait.write_only
            if want != live or type(want) not in _SCALARS or hidden or type(want) is not type(live):
                walk.member((name,), want, live, written.get(name, MISSING), node)
    models = tuple(
        move
        for slot in sorted(desired.slots)
        if (move := _slot(slot, desired, observed, applied, spec, version_of, reset=walk.resets)) is not None
    )
    if observed is None:
        action = Action.CREATE
    else:
        action = Action.UPDATE if walk.changes or models else Action.NO_OP
        walk.suppressed.extend(
            Suppressed(path=n.path, reason=n.reason) for n in observed.normalised if n.path[0] in desired.fields
        )
    drift = [*walk.drift, *(_slot_drift(move, applied) for move in models if move.cause is not Cause.INTENT)]
    return Delta(
        action=action,
        desired=desired,
        observed=observed,
        applied=applied,
        fields=tuple(walk.changes),
        models=models,
        drift=tuple(drift),
        suppressed=tuple(walk.suppressed),
    )


def settled(desired: Desired, observed: Observed, applied: Applied | None, spec: KindSpec) -> bool:
    """Whether everything is as wished at first sight: nearly all resources of a plan, at the cost of a comparison.

    False says nothing: `compare` finds out.
    """
    live, unreadable = observed.fields, _write_only(spec)
    for name, want in desired.fields.items():
        found = live.get(name, MISSING)
        if want != found or type(want) is not type(found) or type(want) not in _SCALARS or name in unreadable:
            return False
    if observed.normalised and any(entry.path[0] in desired.fields for entry in observed.normalised):
        return False
    if not desired.slots:
        return True
    if not spec.slots_readable and (applied is None or _other_revision(applied, observed)):
        return False
    for slot, wanted in desired.slots.items():
        written = applied.slots.get(slot) if applied is not None else None
        serves = observed.slots.get(slot) if spec.slots_readable else written
        if serves is None or wanted.uri is None or serves.uri != wanted.uri:
            return False
        if written is not None and written.sha256 != wanted.sha256:
            return False
    return True


@cache
def _write_only(spec: KindSpec) -> frozenset[str]:
    """The fields that a read does not show, or not as they were written."""
    return frozenset(trait.path[0] for trait in spec.traits if trait.write_only)


def removal(applied: Applied, observed: Observed) -> Delta:
    """The deletion of a resource that we created and that no manifest declares any more."""
    return Delta(action=Action.DELETE, desired=None, observed=observed, applied=applied)


def same_blob(one: str | None, other: str | None) -> bool:
    """Whether two URIs name one blob: the query (a SAS), http or https and the host's case do not count."""
    if one is None or other is None:
        return one is other
    return one == other or _blob_key(one) == _blob_key(other)


def _blob_key(uri: str) -> str:
    scheme, mark, rest = without_query(uri).partition("://")
    if not mark:
        return scheme
    host, slash, path = rest.partition("/")
    family = "https" if scheme.lower() in ("http", "https") else scheme.lower()
    return f"{family}://{host.lower()}{slash}{path}"


@dataclass(slots=True)
class _Walk:
    """One pass over the declared fields, collecting what differs."""

    desired: Desired
    secret_hash: SecretHash
    changes: list[FieldChange] = field(default_factory=list)
    drift: list[Drift] = field(default_factory=list)
    suppressed: list[Suppressed] = field(default_factory=list)
    resets: bool = False
    told: frozenset[Path] = frozenset()

    def create(self, tree: TraitNode) -> None:
        for name, want in sorted(self.desired.fields.items()):
            trait = tree.child(name).trait
            if trait is None or not trait.condition:
                self._change((name,), want, MISSING, MISSING, secret=isinstance(want, SecretRef))

    def member(self, path: Path, want: Tree, live: Tree | Missing, written: Tree | Missing, node: TraitNode) -> None:
        trait = node.trait
        unshown = trait is not None and trait.write_only and (trait.secret or live is MISSING)
        if isinstance(want, SecretRef) or unshown:
            self._unreadable(path, want, written, node)
        elif isinstance(want, Mapping) and (isinstance(live, Mapping) or live is MISSING):
            self._mapping(path, want, {} if live is MISSING else live, written, node)
        elif _equal(want, live, node):
            return
        elif trait is not None and trait.condition and want == written and live is MISSING:
            # A snapshot says nothing of it; what was written last is the best that is known.
            self.suppressed.append(Suppressed(path=path, reason="not_readable"))
        elif trait is not None and trait.advisory and want == written and live is not MISSING:
            self.suppressed.append(Suppressed(path=path, reason="advisory"))
        else:
            self.resets = self.resets or (trait is not None and trait.resets_slots)
            condition = trait is not None and trait.condition
            self._change(path, want, live, written, cause=Cause.INTENT if condition else None)

    def _mapping(
        self,
        path: Path,
        want: Mapping[str, Tree],
        live: Mapping[str, Tree],
        written: Tree | Missing,
        node: TraitNode,
    ) -> None:
        ours = written if isinstance(written, Mapping) else {}
        closed = node.trait is not None and node.trait.whole
        keyed = node.trait is not None and node.trait.keyed
        if closed and want == live:
            return
        for name in sorted(want):
            below = node if closed else node.child(name)
            self.member((*path, name), want[name], live.get(name, MISSING), ours.get(name, MISSING), below)
        for name in sorted(live.keys() - want.keys()):
            if closed or (keyed and name in ours):
                self._change((*path, name), MISSING, live[name], ours.get(name, MISSING))

    def _unreadable(self, path: Path, want: Tree, written: Tree | Missing, node: TraitNode) -> None:
        """What a read does not show is judged from the ledger: by value, or by hash where it is secret."""
        secret = isinstance(want, SecretRef) or (node.trait is not None and node.trait.secret)
        if written is MISSING:
            if node.trait is not None and node.trait.unreadable is Unreadable.WRITE:
                self._change(path, want, MISSING, MISSING, secret=secret, knowledge=Knowledge.UNKNOWN)
            else:
                self.suppressed.append(Suppressed(path=path, reason="not_readable"))
            return
        ours = self._comparable(want)
        if ours is None:
            self.suppressed.append(Suppressed(path=path, reason="secret_unavailable"))
        elif ours != written:
            self._change(path, want, written, written, secret=secret, knowledge=Knowledge.APPLIED, cause=Cause.INTENT)

    def _comparable(self, want: Tree) -> Tree | None:
        """The desired value in the ledger's form: each secret as its hash; None when one does not resolve here."""
        if isinstance(want, SecretRef):
            found = self.secret_hash(want, self.desired.address)
            return None if found is None else {"$hash": found}
        if isinstance(want, Mapping):
            pairs = {name: self._comparable(value) for name, value in want.items()}
            return None if any(value is None for value in pairs.values()) else pairs
        return want

    def _change(
        self,
        path: Path,
        want: Tree | Missing,
        live: Tree | Missing,
        written: Tree | Missing,
        *,
        secret: bool = False,
        knowledge: Knowledge = Knowledge.LIVE,
        cause: Cause | None = None,
    ) -> None:
        if path in self.told:
            return
        if cause is None:
            cause = _cause(want, live, written)
        if cause is not Cause.INTENT:
            self.drift.append(Drift(path=path, applied=written, live=live))
        self.changes.append(
            FieldChange(
                path=path,
                before=live,
                after=want,
                cause=cause,
                secret=secret,
                knowledge=knowledge,
                span=self.desired.span(path),
            )
        )


def _equal(want: Tree, live: Tree | Missing, node: TraitNode) -> bool:
    trait = node.trait
    if live is MISSING:
        return want is None or (trait is not None and trait.default is not None and want == trait.default)
    if isinstance(want, bool) is not isinstance(live, bool):
        return False
    if want == live:
        return True
    if trait is not None and trait.folded and isinstance(want, str) and isinstance(live, str):
        return folded(want) == folded(live)
    return False


def folded(text: str) -> str:
    """A location without blanks and case (arm-webservices.md section 1: `southcentralus` is `South Central US`)."""
    return text.replace(" ", "").casefold()


def _cause(want: object, live: object, written: object) -> Cause:
    if written is MISSING or written == live:
        return Cause.INTENT
    return Cause.DRIFT if written == want else Cause.BOTH


def _slot(
    slot: str,
    desired: Desired,
    observed: Observed | None,
    applied: Applied | None,
    spec: KindSpec,
    version_of: VersionOf,
    *,
    reset: bool = False,
) -> ModelChange | None:
    wanted = desired.slots[slot]
    written = applied.slots.get(slot) if applied is not None else None
    state = _slot_state(slot, observed, written, spec, stale=_other_revision(applied, observed))
    moved = wanted.uri is None or not same_blob(state.uri, wanted.uri)
    if not (moved or reset or observed is None or _other_bytes(written, wanted)):
        return None
    return ModelChange(
        slot=slot,
        before=_former(state, written, wanted.model, version_of),
        after=wanted,
        from_uri=None if state.uri is None else without_query(state.uri),
        to_uri=wanted.uri,
        cause=_slot_cause(state, written, wanted),
        knowledge=state.knowledge,
        span=desired.span(("models", slot)),
    )


def _slot_state(
    slot: str, observed: Observed | None, written: AppliedSlot | None, spec: KindSpec, *, stale: bool
) -> SlotState:
    """What the slot serves: as read where a read is reliable, else as we last wrote it, else unknown.

    stale: what we wrote went into something that stands there no more.
    """
    if observed is None:
        return SlotState(uri=None, knowledge=Knowledge.LIVE)
    if spec.slots_readable:
        return observed.slots.get(slot) or SlotState(uri=None, knowledge=Knowledge.UNKNOWN)
    if written is None or stale:
        return SlotState(uri=None, knowledge=Knowledge.UNKNOWN)
    return SlotState(uri=written.uri, knowledge=Knowledge.APPLIED)


def _other_revision(applied: Applied | None, observed: Observed | None) -> bool:
    """Whether the resource was made anew, or put back, by somebody else since our last write."""
    if applied is None or observed is None or applied.revision is None or observed.revision is None:
        return False
    return applied.revision != observed.revision


def _other_bytes(written: AppliedSlot | None, wanted: ModelVersion) -> bool:
    """The URI stayed but the blob behind it was replaced: the service still serves its copy of the old bytes."""
    if written is None or not same_blob(written.uri, wanted.uri):
        return False
    return bool(written.sha256 and wanted.sha256 and written.sha256 != wanted.sha256)


def _former(state: SlotState, written: AppliedSlot | None, near: str, version_of: VersionOf) -> ModelVersion | None:
    if state.uri is None:
        return None
    uri = without_query(state.uri)
    if (known := version_of(uri, near)) is not None:
        return known
    if written is not None and written.model and written.version and same_blob(written.uri, uri):
        return ModelVersion(model=written.model, version=written.version, uri=uri, sha256=written.sha256)
    return None


def _slot_cause(state: SlotState, written: AppliedSlot | None, wanted: ModelVersion) -> Cause:
    if written is None or state.knowledge is not Knowledge.LIVE or same_blob(written.uri, state.uri):
        return Cause.INTENT
    return Cause.DRIFT if same_blob(written.uri, wanted.uri) else Cause.BOTH


def _slot_drift(move: ModelChange, applied: Applied | None) -> Drift:
    written = applied.slots.get(move.slot) if applied is not None else None
    return Drift(
        path=("models", move.slot),
        applied=MISSING if written is None else written.uri,
        live=MISSING if move.from_uri is None else move.from_uri,
    )
