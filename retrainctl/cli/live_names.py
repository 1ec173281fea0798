"""Names of what is live, for completion: one or two short calls, and never a start, a sign-in or a trace.

A running emulator is asked for everything; a real Classic workspace too, where its token stands in the environment or
in a file. Azure Resource Manager would need a sign-in: of a real subscription only the project's own names are offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from threading import Thread
from typing import TYPE_CHECKING, Final, cast

from retrainctl.fastclass import dataclass

if TYPE_CHECKING:
    from retrainctl.manifest.load import Loaded
    from retrainctl.targets.arm.client import ArmClient
    from retrainctl.targets.arm.target import ArmTarget
    from retrainctl.targets.classic.client import ClassicClient
    from retrainctl.targets.studio.client import StudioClient
    from retrainctl.wiring.classic import ClassicParts
    from retrainctl.wiring.connect import Outside

_LIMIT: Final = 2.0
"""Seconds that a key press may take; after them there is nothing to offer."""

_AT_HAND: Final = ("env", "file")


def live_names(ask: Callable[[Live], Iterable[object]], loaded: Loaded, environ: Mapping[str, str]) -> list[str]:
    """The names that `ask` finds, sorted, each once; empty where nobody can be asked, or not in time."""
    found: list[str] = []

    def run() -> None:
        # Whatever goes wrong, somebody is only pressing a key; and what is printed then is shown by no shell.
        try:
            names = {str(name) for name in ask(Live(loaded=loaded, environ=environ)) if name}
        except Exception:
            return
        found.extend(sorted(names))

    asking = Thread(target=run, daemon=True)
    asking.start()
    asking.join(_LIMIT)
    return found


class _NobodyToAsk(Exception):
    """The environment has no such service, or reaching it takes more than a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What can be asked in an environment."""

    loaded: Loaded
    environ: Mapping[str, str]

    @property
    def arm(self) -> ArmClient:
        """The subscription of an emulator that runs."""
        from retrainctl.wiring.connect import arm_target

        if self.loaded.environment.arm is None or not self._emulated:
            raise _NobodyToAsk
        target = arm_target(self.loaded.project, self.loaded.environment, self._outside)
        return cast("ArmTarget", target).client

    @property
    def classic(self) -> ClassicClient:
        """The management API of the workspace."""
        return self._parts.client()

    @property
    def studio(self) -> StudioClient:
        """The Studio API of the workspace."""
        return self._parts.studio()

    @property
    def _parts(self) -> ClassicParts:
        from retrainctl.wiring.connect import classic_parts

        settings = self.loaded.environment.classic
        if settings is None or not (self._emulated or getattr(settings.token, "source", "") in _AT_HAND):
            raise _NobodyToAsk
        parts = classic_parts(self.loaded.project, self.loaded.environment, self._outside)
        return cast("ClassicParts", parts)

    @property
    def _outside(self) -> Outside:
        from retrainctl.model.redaction import Redactor
        from retrainctl.wiring.clock import SystemClock
        from retrainctl.wiring.connect import Outside

        return Outside(environ=self.environ, clock=SystemClock(), redactor=Redactor())

    @property
    def _emulated(self) -> bool:
        """Whether the environment is an emulator; one that does not run is not started for this."""
        from retrainctl.wiring.connect import emulator_state
        from retrainctl.wiring.emulator import find

        if self.loaded.environment.emulator is None:
            return False
        if find(emulator_state(self.loaded.project, self.loaded.environment)) is None:
            raise _NobodyToAsk
        return True


def web_services(live: Live) -> Iterable[object]:
    """New web services of the environment's subscription."""
    return [one.get("name") for one in live.arm.list_services()]


def plans(live: Live) -> Iterable[object]:
    """Commitment plans of the environment's subscription."""
    return [one.get("name") for one in live.arm.list_plans()]


def services(live: Live) -> Iterable[object]:
    """Classic web services."""
    return [one.get("Name") for one in live.classic.services()]


def endpoints(live: Live, service: str) -> Iterable[object]:
    """The endpoints of a Classic web service, which stands on the command line as an id or a name."""
    from retrainctl.operations.classic_services import service_called

    client = live.classic
    found = service_called(client, live.loaded, service)
    return [one.get("Name") for one in client.endpoints(str(found["Id"]))]


def experiments(live: Live) -> Iterable[object]:
    """Experiments of the workspace, by the names that people know them by."""
    from retrainctl.targets.studio.experiments import list_experiments, name_of

    return map(name_of, list_experiments(live.studio))


def nodes(live: Live, experiment: str) -> Iterable[object]:
    """The nodes of an experiment, by comment, else by id."""
    from retrainctl.targets.studio.experiments import read_experiment
    from retrainctl.targets.studio.nodes import called, nodes_of

    return map(called, nodes_of(read_experiment(live.studio, experiment)))


def datasets(live: Live) -> Iterable[object]:
    """Datasets of the workspace."""
    from retrainctl.targets.studio.assets import DATASET, list_assets, name_of

    return map(name_of, list_assets(live.studio, DATASET))


def notebooks(live: Live) -> Iterable[object]:
    """Notebooks of the workspace, by their family ids, which is how they are named."""
    from retrainctl.targets.studio.others import list_notebooks

    return [one.get("FamilyId") for one in list_notebooks(live.studio)]
