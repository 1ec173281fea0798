"""The steps of a deployment's change, from where things stand to where they shall be. Pure.

Steps depend on nothing but the change and what was read: so a move that stopped half-way goes on from where it is, and
the way back is the same computation with the former model as the goal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from retrainctl.definition.azureml import BUSY, SLOT, observe_deployment, state_of
from retrainctl.fastclass import dataclass
from retrainctl.model.change import FieldChange, ResourceChange
from retrainctl.model.kind import KINDS
from retrainctl.model.values import JsonObject, Tree
from retrainctl.patterns import late
from retrainctl.targets.azureml.reading import Company, stand_in
from retrainctl.targets.azureml.requests import fields_with

CREATE: Final = "create"
UPDATE: Final = "update"
SCALE: Final = "scale"
DELETE: Final = "delete"
SMOKE: Final = "smoke"
MIRROR: Final = "mirror"
SHIFT: Final = "traffic"
RETIRE: Final = "retire"

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_TIME: Final = late(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_BAKE: Final = late(r"bake (\d+(?:\.\d+)?) s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One step: what is done to which deployment; `percent` of our share of the traffic, `bake` in seconds after it."""

    verb: str
    name: str = ""
    percent: int = 0
    bake: float = 0.0
    request: JsonObject | None = None

    @property
    def id(self) -> str:
        share = f"-{self.percent}" if self.verb in (MIRROR, SHIFT) else ""
        return f"{self.verb}-{self.name}{share}" if self.name else self.verb

    @property
    def bake_text(self) -> str:
        """As the plan says it, and `bake_of` reads it again."""
        return f", then bake {self.bake:g} s" if self.bake else ""


def parse(step: str) -> Move:
    """The step that an id names, as far as the id says it; raises `ValueError` for any other text."""
    verb, _, rest = step.partition("-")
    if verb in (MIRROR, SHIFT):
        name, _, percent = rest.rpartition("-")
        return Move(verb=verb, name=name, percent=int(percent))
    return Move(verb=verb, name=rest)


def bake_of(wait: str | None) -> float:
    """Seconds that a step waits after it took effect."""
    found = _BAKE.search(wait or "")
    return float(found[1]) if found else 0.0


def moves(change: ResourceChange, seen: Company, scope: str) -> Iterator[Move]:
    """Everything that is still to be done to the existing deployment, in order; nothing where all is well."""
    serving = seen.serving
    assert serving is not None
    wanted = _wanted(change, seen.documents[serving], scope)
    settled = serving in seen.homes and not change.fields and not change.models
    if len(seen.homes) > 1:
        goal = serving if settled else next(name for name in seen.homes if name != serving)
        yield from _towards(goal, change, seen, wanted, scope)
    else:
        yield from _in_place(change, seen, wanted, scope, settled=settled)


def first_moves(change: ResourceChange, homes: tuple[str, ...]) -> Iterator[Move]:
    """The steps of a creation. A blue/green deployment takes the traffic that nobody else has."""
    if len(homes) == 1:
        yield Move(verb=CREATE)
        return
    strategy = _strategy(change)
    yield Move(verb=CREATE, name=homes[0])
    yield from _smoke(homes[0], strategy)
    yield Move(verb=SHIFT, name=homes[0], percent=100)


def last_moves(seen: Company) -> Iterator[Move]:
    """The steps of a deletion."""
    for name in sorted(seen.documents):
        yield Move(verb=DELETE, name=name) if len(seen.documents) > 1 or len(seen.homes) > 1 else Move(verb=DELETE)


def matches(document: JsonObject, wanted: str, scope: str) -> bool:
    """Whether a deployment is what is wanted (`_wanted`), without regard to case."""
    return _form(*_parts(document, scope)) == wanted


def wanted_of(change: ResourceChange, base: JsonObject, scope: str) -> str:
    """What `base` looks like with the change applied, for `matches`."""
    return _wanted(change, base, scope)


def is_fixed(entry: FieldChange, kind: str) -> bool:
    """Whether a field cannot change on an existing deployment."""
    spec = KINDS[kind]
    return any((t := spec.trait(entry.path[:n])) is not None and t.immutable for n in range(1, len(entry.path) + 1))


def fixed_differ(one: JsonObject, other: JsonObject) -> bool:
    """Whether two deployments differ in what an update would silently leave as it is."""

    def fixed(document: JsonObject) -> str:
        properties: Any = document.get("properties") or {}
        return json.dumps([properties.get("endpointComputeType"), properties.get("instanceType")]).casefold()

    return fixed(one) != fixed(other)


def _towards(goal: str, change: ResourceChange, seen: Company, wanted: str, scope: str) -> Iterator[Move]:
    """All of our share to `goal`, which is made first where it is not as wanted; then the rest is retired."""
    strategy = _strategy(change)
    rest = [name for name in seen.documents if name != goal]
    has = seen.traffic.get(goal, 0)
    made = seen.ready(goal) and matches(seen.documents[goal], wanted, scope)
    if not made and has and rest:
        # It cannot be written under traffic: what serves beside it takes all of it meanwhile.
        yield Move(verb=SHIFT, name=rest[0], percent=100)
        has = 0
    if not made:
        yield Move(verb=CREATE, name=goal)
    share = seen.share
    missing = share - has if share or seen.others else 100
    moving = bool(change.fields or change.models)
    if missing and moving:
        yield from _smoke(goal, strategy)
        if rest and share and not has and (mirror := strategy.get("mirror")):
            yield Move(verb=MIRROR, name=goal, percent=mirror["percent"], bake=_seconds(mirror.get("bake", 0)))
        for step in strategy.get("traffic", ()) if rest and share else ():
            if step["percent"] * share > has * 100:
                bake = _seconds(step.get("bake", 0))
                yield Move(verb=SHIFT, name=goal, percent=step["percent"], bake=bake)
    mirrored = any(name in seen.mirror for name in seen.documents)
    if missing or mirrored:
        bake = _seconds(strategy.get("bake", 0)) if rest and moving else 0.0
        yield Move(verb=SHIFT, name=goal, percent=100, bake=bake)
    for name in rest:
        yield Move(verb=RETIRE, name=name)


def _in_place(change: ResourceChange, seen: Company, wanted: str, scope: str, *, settled: bool) -> Iterator[Move]:
    """An update; or, where a field cannot change, the deployment anew, with a stand-in for its traffic meanwhile."""
    (home,) = seen.homes
    spare = stand_in(home)
    if home in seen.documents and matches(seen.documents[home], wanted, scope) and seen.ready(home):
        # What is left of a replacement.
        if spare in seen.documents:
            yield from _hand_over(spare, home, seen)
        return
    if spare not in seen.documents and not any(is_fixed(entry, change.address.kind) for entry in change.fields):
        if not settled:
            yield from _updates(change)
        elif home in seen.documents and state_of(seen.documents[home]) not in BUSY:
            yield Move(verb=UPDATE)  # it failed: only another write brings it back (5.4)
        return
    under_way = home in seen.documents and seen.traffic.get(home, 0) > 0
    standing = spare in seen.documents and matches(seen.documents[spare], wanted, scope) and seen.ready(spare)
    # The stand-in also keeps what no manifest says while there is no other deployment to read it from.
    if home in seen.documents and not standing:
        yield Move(verb=CREATE, name=spare)
    if under_way:
        yield Move(verb=SHIFT, name=spare, percent=100)
    if home in seen.documents:
        yield Move(verb=RETIRE, name=home)
    yield Move(verb=CREATE, name=home)
    yield from _hand_over(spare, home, seen, sure=under_way)


def _hand_over(spare: str, home: str, seen: Company, *, sure: bool = False) -> Iterator[Move]:
    if sure or seen.traffic.get(spare, 0):
        yield Move(verb=SHIFT, name=home, percent=100)
    yield Move(verb=RETIRE, name=spare)


def _updates(change: ResourceChange) -> Iterator[Move]:
    """Where the instance count changes beside something else, it goes first: the service scales first anyway (5.2)."""
    scales = any(entry.path[0] == "sku" for entry in change.fields)
    more = change.models or any(entry.path[0] != "sku" for entry in change.fields)
    if scales and more:
        yield Move(verb=SCALE)
    yield Move(verb=UPDATE)


def _smoke(name: str, strategy: Mapping[str, Any]) -> Iterator[Move]:
    if (smoke := strategy.get("smoke")) is not None:
        yield Move(verb=SMOKE, name=name, request=smoke["request"])


def _strategy(change: ResourceChange) -> Mapping[str, Any]:
    found = change.settings.get("strategy")
    return found if isinstance(found, Mapping) else {}


def _wanted(change: ResourceChange, base: JsonObject, scope: str) -> str:
    fields, uri = _parts(base, scope)
    for move in change.models:
        uri = move.to_uri
    return _form(fields_with(fields, change.fields), uri)


def _parts(document: JsonObject, scope: str) -> tuple[Mapping[str, Tree], str | None]:
    from retrainctl.model.address import Address

    found = observe_deployment(Address("OnlineDeployment", "x"), "", document, scope)
    return found.fields, found.slots[SLOT].uri


def _form(fields: Mapping[str, Tree], uri: str | None) -> str:
    present = {name: value for name, value in fields.items() if value is not None and value != {}}
    return json.dumps([present, uri], sort_keys=True, default=str).casefold()


def _seconds(given: str | float) -> float:
    if isinstance(given, int | float):
        return float(given)
    found = _TIME.fullmatch(given)
    return float(found[1]) * _UNITS[found[2] or "s"] if found else 0.0
