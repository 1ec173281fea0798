"""What a command changes in an experiment's graph: the words of a user made into ids, or every problem at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from retrainctl.definition.nearest import closest
from retrainctl.diagnostics import Diagnostic
from retrainctl.errors import InvalidInput, RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.model.values import JsonObject
from retrainctl.targets.studio import graph
from retrainctl.targets.studio.assets import MODULE, AssetKind, called, family_of, id_of, name_of, newest
from retrainctl.targets.studio.graph import Use


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """One id that goes and the one that comes. places: ports of an asset, nodes of a module."""

    noun: str
    old: str
    new: str
    old_name: str
    new_name: str
    places: int

    def __str__(self) -> str:
        what = "node" if self.noun == MODULE.noun else "port"
        where = f"{self.places} {what}{'s' * (self.places != 1)}"
        old, new = self.old, self.new
        if graph.family_of(old) == graph.family_of(new):
            old, new = (identifier.rpartition(".")[2] for identifier in (old, new))
            return f"{self.noun} {_quoted(self.new_name)}{old} -> {new} ({where})"
        return f"{self.noun} {_quoted(self.old_name)}{old} -> {_quoted(self.new_name)}{new} ({where})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """experiment: as it shall be. swaps: what differs; none: nothing does. looked_at: ports or nodes that could."""

    experiment: JsonObject
    swaps: tuple[Swap, ...]
    looked_at: int


def replacement(experiment: JsonObject, kind: AssetKind, listed: Sequence[JsonObject], existing: str, new: str) -> Edit:
    """One asset in place of another, in every port that takes it.

    Args:
        listed: the assets of that kind that the workspace has.
        existing, new: an id, a family id or a name. All versions of `existing` go that the experiment uses, unless it
            is an id; `new` is the latest version, unless it is an id.

    Raises:
        RetrainctlError: RC956: the workspace does not have the new one; RC954: the experiment does not use the
            existing one; RC941: several have the name.
    """
    uses = graph.assets_used(experiment, kind.port)
    there = _used(uses, kind, listed, existing)
    wanted = _wanted(kind, listed, new)
    ids = {use.identifier: wanted for use in there if not graph.same(use.identifier, wanted)}
    changed = graph.swap_assets(experiment, {kind.port: ids}) if ids else experiment
    return Edit(experiment=changed, swaps=_swaps(kind, uses, ids, listed), looked_at=len(there))


def newest_assets(
    experiment: JsonObject, listed: Sequence[tuple[AssetKind, Sequence[JsonObject]]], name: str | None = None
) -> Edit:
    """The latest version of each asset, or of one, in place of the older ones.

    Args:
        listed: the assets of the workspace, of each kind that counts.
        name: only this one: an id, a family id or a name; `listed` has its kind alone.

    Raises:
        InvalidInput: RC953: what has no family in the workspace any more, all of it.
        RetrainctlError: RC954, RC941 as for `replacement`, where `name` is given.
    """
    problems: list[Diagnostic] = []
    wishes: dict[str, dict[str, str]] = {}
    swaps: list[Swap] = []
    looked_at = 0
    for kind, items in listed:
        uses = graph.assets_used(experiment, kind.port)
        chosen = uses if name is None else _by_family(uses, kind, items, name)
        looked_at += len(chosen)
        wishes[kind.port] = _latest(kind, chosen, items, problems)
        swaps += _swaps(kind, uses, wishes[kind.port], items)
    if problems:
        raise InvalidInput(problems, "some assets of the experiment cannot be updated; nothing was sent")
    changed = graph.swap_assets(experiment, wishes) if swaps else experiment
    return Edit(experiment=changed, swaps=tuple(swaps), looked_at=looked_at)


def newest_modules(experiment: JsonObject, listed: Sequence[JsonObject], name: str | None = None) -> Edit:
    """The latest version of each module, or of those of one name (in any case).

    Raises:
        InvalidInput: RC953: modules whose family is gone, all of them.
        RetrainctlError: RC954: the experiment has no module of that name.
    """
    uses = graph.modules_used(experiment)
    chosen: Sequence[Use] = uses
    if name is not None:
        names = _names(listed)
        here = [(use, names.get(graph.family_of(use.identifier), "")) for use in uses]
        chosen = [use for use, told in here if _plain(told) == _plain(name)]
        if not chosen:
            raise _not_used(MODULE, name, [told for _, told in here if told])
    problems: list[Diagnostic] = []
    ids = _latest(MODULE, chosen, listed, problems)
    if problems:
        raise InvalidInput(problems, "some modules of the experiment cannot be updated; nothing was sent")
    changed = graph.swap_modules(experiment, ids) if ids else experiment
    return Edit(experiment=changed, swaps=_swaps(MODULE, uses, ids, listed), looked_at=len(chosen))


def _latest(
    kind: AssetKind, uses: Iterable[Use], listed: Sequence[JsonObject], problems: list[Diagnostic]
) -> dict[str, str]:
    """Used id -> the latest of its family, where it is another; what has no family there goes to `problems`."""
    latest = {_plain(family_of(item)): id_of(item) for item in newest(listed)}
    found: dict[str, str] = {}
    for use in uses:
        new = latest.get(graph.family_of(use.identifier))
        if new is None:
            problems.append(
                Diagnostic(
                    code="RC953",
                    message=f"{use}: the workspace has no {kind.noun} of the family of {use.identifier}",
                    hint=_MODULE_GONE if kind is MODULE else _ASSET_GONE,
                )
            )
        elif not graph.same(new, use.identifier):
            found[use.identifier] = new
    return found


_ASSET_GONE = "Put another in its place first: `retrainctl experiment replace-asset`."
_MODULE_GONE = "Put another module in its place in Studio, or update the others one by one with --module."


def _swaps(
    kind: AssetKind, uses: Sequence[Use], ids: Mapping[str, str], listed: Sequence[JsonObject]
) -> tuple[Swap, ...]:
    names = _names(listed)
    places = Counter(use.identifier for use in uses)
    return tuple(
        Swap(
            noun=kind.noun,
            old=old,
            new=new,
            old_name=names.get(graph.family_of(old), ""),
            new_name=names.get(graph.family_of(new), ""),
            places=places[old],
        )
        for old, new in ids.items()
    )


def _used(uses: Sequence[Use], kind: AssetKind, listed: Sequence[JsonObject], reference: str) -> list[Use]:
    """The uses of what a user named: of one version where it is an id, else of all versions of a family."""
    exactly = [use for use in uses if graph.same(use.identifier, reference)]
    return exactly or _by_family(uses, kind, listed, reference)


def _by_family(uses: Sequence[Use], kind: AssetKind, listed: Sequence[JsonObject], reference: str) -> list[Use]:
    """The uses of any version of a family: of an id, a family id, or a name that only one family in use has."""
    names = _names(listed)
    here = {family: names.get(family, "") for family in sorted({graph.family_of(use.identifier) for use in uses})}
    chosen = {graph.family_of(reference.strip())} & set(here)
    chosen = chosen or {family for family, name in here.items() if name == reference}
    chosen = chosen or {family for family, name in here.items() if _plain(name) == _plain(reference)}
    found = [use for use in uses if graph.family_of(use.identifier) in chosen]
    if not chosen:
        raise _not_used(kind, reference, [name or family for family, name in here.items()])
    if len(chosen) > 1:
        ids = ", ".join(dict.fromkeys(use.identifier for use in found))
        raise RetrainctlError(
            f'the experiment uses {len(chosen)} {kind.noun}s called "{reference}"',
            code="RC941",
            hint=f"Pass the id of one: {ids}.",
        )
    return found


def _wanted(kind: AssetKind, listed: Sequence[JsonObject], reference: str) -> str:
    """The id of what shall come. An older version of a family that is there counts: lists show the latest only."""
    exact = any(graph.same(id_of(item), reference) for item in listed)
    if not exact and (version := _VERSION.fullmatch(reference)) is not None:
        latest = {_plain(family_of(item)): _VERSION.fullmatch(id_of(item)) for item in newest(listed)}
        there = latest.get(graph.family_of(reference))
        if there is not None and int(version["batch"]) < int(there["batch"]):
            return reference
    return id_of(called(list(listed), reference, kind))


_VERSION: Final = re.compile(r"[^.]+\.[^.]+\.v\d+-\w+-(?P<batch>\d+)")
"""`{workspace}.{family}.v1-default-{batch}`; batches of a workspace count up."""


def _not_used(kind: AssetKind, name: str, known: Sequence[str]) -> RetrainctlError:
    near = closest(name, known)
    there = ", ".join(f'"{one}"' for one in dict.fromkeys(known)) or f"no {kind.noun} at all"
    return RetrainctlError(
        f'the experiment does not use the {kind.noun} "{name}"',
        code="RC954",
        hint=f'Did you mean "{near}"?' if near else f"It uses {there}.",
    )


def _names(listed: Sequence[JsonObject]) -> dict[str, str]:
    """Family -> the name of its latest version."""
    return {_plain(family_of(item)): name_of(item) for item in newest(listed)}


def _plain(text: str) -> str:
    """As names and families are compared: azuremlps takes no case and no blanks around for a difference."""
    return text.casefold().strip()


def _quoted(name: str) -> str:
    return f'"{name}" ' if name else ""
