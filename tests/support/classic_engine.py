"""The whole middle over a workspace in memory: plan, apply, what the ledger would know, plan again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from retrainctl.apply.executor import Tools, run_wave
from retrainctl.apply.outcome import Result
from retrainctl.apply.stopping import Stop
from retrainctl.diagnostics import Diagnostic
from retrainctl.model.address import Address
from retrainctl.model.environment import ClassicSettings, Guards
from retrainctl.model.resource import Applied, Desired
from retrainctl.model.versions import ModelLine, ModelVersion
from retrainctl.plan.build import Inputs, build
from retrainctl.plan.plan import Plan
from retrainctl.targets.classic.target import ClassicTarget
from tests.support.classic_cases import SETTINGS, Workspace, target
from tests.support.memory import MemoryBooks, Silent
from tests.support.wire import Wire


@dataclass
class Engine:
    """Plans and applies like the operations do. `here` answers the calls; `books` remember."""

    here: Any = field(default_factory=Workspace)
    settings: ClassicSettings = SETTINGS
    books: MemoryBooks = field(default_factory=MemoryBooks)
    guards: Guards = field(default_factory=Guards)
    parallel: int = 4
    classic: ClassicTarget = field(init=False)
    line: Wire = field(init=False)

    def __post_init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """As another process would begin: nothing is remembered but the books."""
        self.classic, self.line = target(self.here, settings=self.settings)

    @property
    def applied(self) -> Mapping[Address, Applied]:
        return dict(self.books.applied)

    def plan(self, desired: Iterable[Desired], **more: Any) -> tuple[Plan, tuple[Diagnostic, ...]]:
        wanted = list(desired)
        versions: dict[str, dict[int, ModelVersion]] = {}
        for one in wanted:
            for version in one.slots.values():
                versions.setdefault(version.model, {})[version.version] = version
        reading = self.classic.read(wanted) if wanted else None
        return build(
            Inputs(
                environment="test",
                targets={"classic": "here"},
                desired=wanted,
                models={name: ModelLine(name=name, versions=tuple(v.values())) for name, v in versions.items()},
                readings={} if reading is None else {"classic": reading},
                applied=self.applied,
                planners={"classic": self.classic.planner},
                secret_hash=lambda ref, address: None,
                guards=self.guards,
                **more,
            )
        )

    def apply(self, plan: Plan) -> list[Result]:
        clock = self.line.clock
        tools = Tools(
            writers={"classic": self.classic},
            books=self.books,
            clock=clock,
            observer=Silent(),
            stop=Stop(clock),
            secret_hash=lambda ref, address: None,
            applied=self.applied,
            parallel=self.parallel,
        )
        return list(run_wave(plan.changes, tools).results)

    def run(self, desired: Iterable[Desired]) -> list[Result]:
        plan, findings = self.plan(desired)
        assert not findings, findings
        return self.apply(plan)
