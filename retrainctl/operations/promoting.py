"""Model versions from one environment to another, as an edit of the manifests.

What can be edited: a variable that the receiving environment declares itself, and a cell of a table that only it uses.
Everything else is refused with the reason. Whether an edit does what it should is not argued but tried: all
environments are read again, and when anything else moved, the files are put back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from retrainctl.diagnostics import Severity, Span
from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.manifest.csvedit import CsvEdit
from retrainctl.manifest.load import Loaded
from retrainctl.manifest.pins import Pin, Source, pins, variable_places
from retrainctl.manifest.yamledit import YamlEdit
from retrainctl.model.resource import Desired
from retrainctl.model.versions import ModelVersion
from retrainctl.plan.guard import matching

_BOM: Final = b"\xef\xbb\xbf"

Read = Callable[[str], Loaded]
"""Reads the project for an environment, as the files are now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One slot that the receiving environment shall serve with another version."""

    address: str
    slot: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One value in a file: what stands there, what shall stand there, and the moves that it makes. column: of a CSV
    file; empty for a YAML scalar."""

    place: Span
    what: str
    old: str
    new: str
    moves: tuple[Move, ...]
    column: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A slot that cannot be promoted by an edit, and why; hint: what to do instead."""

    address: str
    slot: str
    reason: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """What a promotion would do. alike: how many slots serve the same version in both."""

    edits: tuple[Edit, ...]
    refused: tuple[Refused, ...]
    alike: int


class PromotionRefused(RetrainctlError):
    """The edit would move something else as well; nothing was changed."""

    default_code = "RC019"


def propose(source: Loaded, target: Loaded, only: Sequence[str] = ()) -> Promotion:
    """Compares what two environments declare and finds the values to change."""
    wanted = {one.address: one for one in source.desired}
    found: dict[Span, Edit] = {}
    refused: list[Refused] = []
    alike = 0
    for one in target.desired:
        model = wanted.get(one.address)
        if model is None or (only and matching(one.address, tuple(only)) is None):
            continue
        known = pins(one)
        for slot, version in one.slots.items():
            other = model.slots.get(slot)
            if other is None or other.label == version.label:
                alike += other is not None
                continue
            reason = _edit(one, slot, version, other, known.get(slot), target, found)
            if reason is not None:
                refused.append(Refused(address=str(one.address), slot=slot, reason=reason[0], hint=reason[1]))
    return Promotion(edits=tuple(found[place] for place in sorted(found)), refused=tuple(refused), alike=alike)


def _edit(
    one: Desired,
    slot: str,
    version: ModelVersion,
    other: ModelVersion,
    pin: Pin | None,
    target: Loaded,
    found: dict[Span, Edit],
) -> tuple[str, str] | None:
    """Adds the edit for one slot; else why there is none, and what to do."""
    if other.model != version.model:
        return f"it serves another model, {version.model}, not {other.model}", "Change the manifest by hand."
    line = target.models.get(other.model)
    if line is None or line.find(other.version) is None:
        return f"model {other.model} has no version {other.version} there", "Declare the version first."
    place = _place(pin, target)
    if not isinstance(place, Span | None):
        return place
    assert pin is not None
    what = f"vars.{pin.name}" if pin.source is Source.VARIABLE else f"column {pin.name}"
    move = Move(address=str(one.address), slot=slot, before=version.label, after=other.label)
    first = found.get(place)
    if first is not None and first.new != str(other.version):
        return f"{what} would have to be {first.new} for {first.moves[0].address}", "Give each a variable of its own."
    moves = (*first.moves, move) if first is not None else (move,)
    old, new = str(version.version), str(other.version)
    column = pin.name if pin.source is Source.CELL else ""
    found[place] = Edit(place=place, what=what, old=old, new=new, moves=moves, column=column)
    return None


def _place(pin: Pin | None, target: Loaded) -> Span | tuple[str, str]:
    environment = target.environment
    use = "Pin it by a variable, MODEL@{{ vars.NAME }}, that each environment sets."
    match pin:
        case Pin(source=Source.VARIABLE):
            places = variable_places(target.project, environment, pin.name)
            own = [one for one in places if one.level == "environment"]
            if own:
                return own[0].place
            value = environment.vars.get(pin.name)
            return (
                f"vars.{pin.name} is not declared by {environment.name} itself, other environments share it",
                f"Write `vars: {{{pin.name}: {value}}}` under {environment.name} first.",
            )
        case Pin(source=Source.CELL, place=Span() as cell):
            return cell
        case Pin(source=Source.LITERAL):
            return f'the manifest writes "{pin.text}" for every environment', use
        case _:
            return "its version is made by an expression", use


def carry_out(root: Path, promotion: Promotion, environments: Sequence[str], target: str, read: Read) -> list[str]:
    """Makes the edits, then reads every environment again. Returns the files that changed.

    Raises `PromotionRefused` when something else would move, or when a place does not hold what it should; the files
    are then as they were.
    """
    before = {name: _versions(read(name)) for name in environments}
    saved: dict[str, bytes] = {}
    try:
        for file in dict.fromkeys(edit.place.file for edit in promotion.edits):
            saved[file] = (root / file).read_bytes()
            edits = [edit for edit in promotion.edits if edit.place.file == file]
            (root / file).write_bytes(_edited(saved[file], edits))
        _check(promotion, before, target, read)
    except BaseException:
        for file, content in saved.items():
            (root / file).write_bytes(content)
        raise
    return list(saved)


def _edited(content: bytes, edits: Sequence[Edit]) -> bytes:
    """The file with new values; every other byte, comments and line ends among them, stays."""
    mark = _BOM if content.startswith(_BOM) else b""
    text = content.removeprefix(_BOM).decode("utf-8")
    rows, scalars = CsvEdit(text), YamlEdit(text)
    for edit in edits:
        place = (edit.place.line, edit.place.column)
        given = rows.cell(place[0], edit.column) if edit.column else scalars.scalar(place)
        if edit.old not in given:
            raise PromotionRefused(
                f"{edit.place}: here should stand {edit.old}, for {edit.what}", hint="Change the value by hand."
            )
        if edit.column:
            rows.change(place[0], edit.column, edit.new)
        else:
            scalars.change_tail(place, edit.old, edit.new)
    return mark + (rows if edits[0].column else scalars).result().encode("utf-8")


def _check(promotion: Promotion, before: Mapping[str, Mapping[tuple[str, str], str]], target: str, read: Read) -> None:
    meant = {(move.address, move.slot): move.after for edit in promotion.edits for move in edit.moves}
    for name, versions in before.items():
        expected = {**versions, **meant} if name == target else versions
        loaded = read(name)
        errors = [d for d in loaded.diagnostics if d.severity is Severity.ERROR]
        after = _versions(loaded)
        moved = sorted(key for key in {*expected, *after} if after.get(key) != expected.get(key))
        if moved or (errors and name == target):
            address = f"{moved[0][0]} in {name}" if moved else f"an error in {name}: {errors[0].message}"
            more = f" and {len(moved) - 1} more" if len(moved) > 1 else ""
            raise PromotionRefused(
                f"the edit would also change {address}{more}; nothing was changed",
                hint="Leave out --only, or give what shall move by itself a variable of its own.",
            )


def _versions(loaded: Loaded) -> dict[tuple[str, str], str]:
    return {(str(one.address), slot): version.label for one in loaded.desired for slot, version in one.slots.items()}
