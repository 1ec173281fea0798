"""What the engine knows about a kind: data, so that comparing, planning and applying know no kind by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from retrainctl.fastclass import dataclass
from retrainctl.model.values import Json, Path


class Unreadable(StrEnum):
    """What to plan when the live value cannot be read and the ledger knows nothing."""

    ASSUME = "assume"
    """Take it that the value is as declared (a storage key, a commitment plan)."""
    WRITE = "write"
    """Write it, saying that the former value is unknown (a Classic slot)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTrait:
    """How one field behaves. `path` is the field's place; a `*` stands for any member name.

    immutable: cannot change on an existing resource; a change is refused at plan time or planned as a replacement.
    write_only: what was read does not show it, unless something else did; then it is judged from the ledger by hash.
    secret: never shown, not even by hash of the bare value.
    whole: a closed map: members that are not declared are removed. Otherwise undeclared members are not ours.
    keyed: an open map of which we own the declared keys; a key that we wrote and that is declared no more is removed.
    default: what the server shows when nothing was set; equal to absent.
    folded: text compared without blanks and case (locations).
    advisory: the service may show another value than the one it was given: what we wrote last still stands.
    condition: says how things stand, not what somebody set: a difference is never drift, and a new resource has none.
    resets_slots: a change puts every slot back to what the service was made with: declared ones are written again.
    """

    path: Path
    immutable: bool = False
    write_only: bool = False
    secret: bool = False
    whole: bool = False
    keyed: bool = False
    folded: bool = False
    advisory: bool = False
    condition: bool = False
    resets_slots: bool = False
    default: Json = None
    unreadable: Unreadable = Unreadable.ASSUME


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KindSpec:
    """One plannable kind.

    target: the plug-in that reads and writes it (`arm`, `classic`, ...).
    place: manifest members that say where the resource is, not what it is (`name`, `resourceGroup`, `webService`).
    references: fields whose value is another resource's address (`commitmentPlan`), with that resource's kind.
    slots: whether it has trained model slots.
    slots_in: fields of a read resource that show its slots, so that a move is not taken for another field's change.
    slots_readable: whether a read shows reliably what a slot serves (else the ledger is asked).
    registers: whether versions are registered with the target, each under an identity of its own, before a slot can
        point at them: a local file then needs a hash, but no place among blobs.
    creatable, deletable: whether an apply may create or delete it. An adopted kind is neither.
    replaceable: whether a change of an immutable field may be planned as delete and create.
    """

    kind: str
    target: str
    place: tuple[str, ...]
    traits: tuple[FieldTrait, ...] = ()
    references: Mapping[str, str] = field(default_factory=dict)
    slots: bool = False
    slots_in: tuple[str, ...] = ()
    slots_readable: bool = True
    registers: bool = False
    creatable: bool = True
    deletable: bool = True
    replaceable: bool = False

    def trait(self, path: Path) -> FieldTrait | None:
        """The trait of exactly this path, wildcards matched; None when the field has none."""
        for trait in self.traits:
            if len(trait.path) == len(path) and all(t in ("*", p) for t, p in zip(trait.path, path, strict=True)):
                return trait
        return None
