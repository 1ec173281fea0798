"""The traits of a kind as a tree, so that one walk over the fields meets each trait where it belongs."""

from __future__ import annotations

from dataclasses import field
from functools import cache

from retrainctl.fastclass import dataclass
from retrainctl.model.kinds import FieldTrait, KindSpec


@dataclass(frozen=True, slots=True)
class TraitNode:
    """The trait of a place, and the nodes below it; `*` matches any member name."""

    trait: FieldTrait | None = None
    below: dict[str, TraitNode] = field(default_factory=dict)

    def child(self, name: str) -> TraitNode:
        return self.below.get(name) or self.below.get("*") or NOTHING


NOTHING = TraitNode()


@cache
def trait_tree(spec: KindSpec) -> TraitNode:
    """Built once per kind."""
    return _grow(spec.traits, 0)


def _grow(traits: tuple[FieldTrait, ...], depth: int) -> TraitNode:
    own = next((t for t in traits if len(t.path) == depth), None)
    names = dict.fromkeys(t.path[depth] for t in traits if len(t.path) > depth)
    below = {
        name: _grow(tuple(t for t in traits if len(t.path) > depth and t.path[depth] == name), depth + 1)
        for name in names
    }
    return TraitNode(own, below)
