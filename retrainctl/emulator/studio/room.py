"""The room of the Studio API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from retrainctl.emulator.classic.dialect import not_found
from retrainctl.emulator.classic.room import ClassicRoom
from retrainctl.emulator.exchange import Answer, Call
from retrainctl.emulator.frame import Frame, Section
from retrainctl.emulator.knobs import Knob
from retrainctl.emulator.routing import Route
from retrainctl.emulator.studio import records as rows
from retrainctl.emulator.studio.dialect import StudioDialect
from retrainctl.emulator.studio.experiments import Experiments
from retrainctl.emulator.studio.records import Records
from retrainctl.emulator.studio.seeding import Seeding
from retrainctl.emulator.studio.workspace import BASE, Workspace

_EMPTY: Final = ("datasources", "trainedmodels", "transformmodules", "projectcontainers", "notebooks", "gateways")
"""Lists that stay empty: the emulator has no operation yet that adds to them, and says 404 to those that would."""


class StudioRoom:
    """`https://studioapi.azureml.net/api/`, served as `/api/`; what it deploys is in the Classic room."""

    name = "studio"
    tables = rows.DDL
    knobs: tuple[Knob, ...] = ()

    def enter(self, frame: Frame) -> None:
        self._frame = frame
        classic = next(room for room in frame.rooms if isinstance(room, ClassicRoom))
        self._records = Records(frame.store)
        self._workspace = Workspace(frame, self._records)
        self._experiments = Experiments(frame, self._records, classic.records, classic.deployments)
        self._seeding = Seeding(self._records, self._experiments)

    def furnish(self) -> None:
        """A new workspace has no experiments."""

    def routes(self) -> Iterable[Route]:
        dialect = StudioDialect(self._frame)
        yield from self._workspace.routes(dialect)
        yield from self._experiments.routes(dialect)
        for name in _EMPTY:
            yield Route(methods="GET", pattern=f"{BASE}/{name}", handler=_nothing, dialect=dialect)
        yield Route(methods="*", pattern=BASE + "/{*rest}", handler=_unknown, dialect=dialect)

    def sections(self) -> Mapping[str, Section]:
        return {"experiments": self._seeding.experiments}

    def controls(self) -> Mapping[tuple[str, str], Callable[[Call], Any]]:
        """As `control.Controllable` asks: there are none."""
        return {}

    def holdings(self) -> Mapping[str, int]:
        """As `control.Controllable` asks."""
        count = len(self._records.experiments())
        return {"studio/experiments": count} if count else {}


def _nothing(call: Call) -> Answer:
    del call
    return Answer(body=[])


def _unknown(call: Call) -> Answer:
    raise not_found("ResourceNotFound", f"The emulator has no {call.method} {call.path} in the Studio API.")
