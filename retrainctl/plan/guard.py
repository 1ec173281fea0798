"""Blast-radius limits and protections (DESIGN.md section 4, Guards)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from retrainctl.model.address import Address
from retrainctl.model.change import Action, ResourceChange
from retrainctl.model.environment import Guards
from retrainctl.model.kind import KINDS
from retrainctl.plan.plan import Block

_LIMITED: Mapping[str, frozenset[Action]] = {
    "creates": frozenset({Action.CREATE}),
    "updates": frozenset({Action.UPDATE}),
    "deletes": frozenset({Action.DELETE, Action.REPLACE}),
}
_PERCENT_FROM = 10


def blocks(
    changes: Sequence[ResourceChange], guards: Guards, declared: Mapping[str, int], allowed: Mapping[str, int]
) -> tuple[Block, ...]:
    """Every guard that says no. `declared` counts the declared resources by kind; `allowed` is `--allow NAME=COUNT`."""
    return (*_limits(changes, guards, declared, allowed), *_protections(changes, guards))


def _limits(
    changes: Sequence[ResourceChange], guards: Guards, declared: Mapping[str, int], allowed: Mapping[str, int]
) -> Iterator[Block]:
    for name, actions in _LIMITED.items():
        limit = guards.limits.get(name)
        if limit is None:
            continue
        by_kind = Counter(change.address.kind for change in changes if change.action in actions)
        total = sum(by_kind.values())
        if isinstance(limit, int):
            if total > limit and allowed.get(name) != total:
                yield _limit(name, f"{total} {name}, the limit is {limit}", total, allowed)
            continue
        percent = float(limit.rstrip("% "))
        for kind, count in sorted(by_kind.items()):
            base = declared.get(kind, 0)
            if base < _PERCENT_FROM or count * 100 <= percent * base or allowed.get(name) == total:
                continue
            share = 100 * count / base
            message = f"{count} of {base} {kind} resources in {name} ({share:.0f} %), the limit is {percent:g} %"
            yield _limit(name, message, total, allowed)


def _limit(name: str, message: str, total: int, allowed: Mapping[str, int]) -> Block:
    if name in allowed:
        message += f"; --allow {name}={allowed[name]} does not equal the count"
    return Block(guard=f"limits.{name}", message=message, override=f"--allow {name}={total}")


def _protections(changes: Sequence[ResourceChange], guards: Guards) -> Iterator[Block]:
    for change in changes:
        if (rule := matching(change.address, guards.freeze)) is not None:
            yield Block(guard="freeze", message=f"{rule} is frozen: no write at all", address=change.address)
        elif (rule := matching(change.address, guards.protect)) is not None and (what := _forbidden(change)):
            yield Block(guard="protect", message=f"{rule} is protected: {what} is forbidden", address=change.address)


def _forbidden(change: ResourceChange) -> str | None:
    if change.action in (Action.DELETE, Action.REPLACE):
        return change.action.value
    if any(field.path == ("readOnly",) and field.after is True for field in change.fields):
        return "readOnly"
    spec = KINDS.get(change.address.kind)
    if spec is not None and any((t := spec.trait(entry.path)) and t.resets_slots for entry in change.fields):
        return "a refresh that overwrites the models"
    return None


def matching(address: Address, patterns: Sequence[str]) -> str | None:
    """The first pattern (`KIND/NAME` with `*`, `?`, `[...]`) that the address matches."""
    text = str(address)
    return next((pattern for pattern in patterns if pattern == text or fnmatchcase(text, pattern)), None)
