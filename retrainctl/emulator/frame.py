"""The house that the APIs move into: shared services in one place, and what a room must bring."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from retrainctl.emulator.clock import Clock
from retrainctl.emulator.identity import Identity
from retrainctl.emulator.knobs import Knob, Knobs
from retrainctl.emulator.operations import DDL as OPERATIONS_DDL
from retrainctl.emulator.operations import KNOBS as OPERATION_KNOBS
from retrainctl.emulator.operations import Operations
from retrainctl.emulator.resources import DDL as RESOURCES_DDL
from retrainctl.emulator.resources import Resources
from retrainctl.emulator.routing import Route, Router
from retrainctl.emulator.store import Store
from retrainctl.emulator.tally import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What seeding one section did: names that are new, and names that were there before and stay as they are."""

    new: tuple[str, ...] = ()
    present: tuple[str, ...] = ()


class SeedSource(Protocol):
    """Where the items of a section come from: a folder with `seed.yaml`, or one file."""

    def path(self, text: str, *place: str | int) -> Path:
        """A file that an item names, inside the seed folder; an error with the item's position if it is not there."""
        ...

    def error(self, message: str, *place: str | int, hint: str | None = None) -> Exception:
        """An error at the item's position, to be raised."""
        ...


Section = Callable[[list[Any], SeedSource], Loaded]
BlobLookup = Callable[[str, str], bool]
"""(account, path without leading slash) -> whether the blob is there."""


class Room(Protocol):
    """One API, or one family of them. A new room is one more entry in `rooms.ROOMS`."""

    name: str
    tables: str
    """DDL of its tables, repeatable."""

    knobs: tuple[Knob, ...]
    """Its own switches: what the evidence leaves open."""

    def enter(self, frame: Frame) -> None:
        """Keep the frame, define the effects of operations. The tables exist, nothing is served yet."""
        ...

    def furnish(self) -> None:
        """Put in place what exists from the start; called when the state is new and after a reset. Repeatable."""
        ...

    def routes(self) -> Iterable[Route]: ...

    def sections(self) -> Mapping[str, Section]:
        """Sections of `seed.yaml` that this room loads."""
        ...


class Frame:
    """The shared services, and the rooms over them."""

    def __init__(self, database: Path | str, rooms: Iterable[Room], clock: Clock | None = None) -> None:
        self.rooms = tuple(rooms)
        self.clock = clock or Clock()
        self.knobs = Knobs()
        self.tally = Tally()
        self.store = Store(database, [OPERATIONS_DDL, RESOURCES_DDL, *(room.tables for room in self.rooms)])
        self.resources = Resources(self.store)
        self.identity = Identity(self.store, self.clock)
        self.operations = Operations(self.store, self.clock, self.knobs, self.tally)
        self.router = Router()
        self.sections: dict[str, Section] = {}
        self.blob_exists: BlobLookup = _no_blobs
        """Set by the room that keeps blobs; until then there are none."""
        for knob in OPERATION_KNOBS:
            self.knobs.define(knob)
        for room in self.rooms:
            for knob in room.knobs:
                self.knobs.define(knob)
            room.enter(self)
            self.sections.update(room.sections())
        self.furnish()
        for room in self.rooms:
            for route in room.routes():
                self.router.add(route)
        self.operations.restore()

    def furnish(self) -> None:
        with self.store.transaction():
            for room in self.rooms:
                room.furnish()

    def reset(self) -> None:
        """Everything as in a new state; tokens stay valid, faults go off."""
        self.store.clear()
        self.furnish()
        self.operations.restore()
        self.knobs.reset()
        self.tally.clear()
        self.clock.set(None)

    def close(self) -> None:
        self.store.close()


def _no_blobs(_account: str, _path: str) -> bool:
    return False
