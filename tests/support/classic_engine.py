"""The whole middle over a workspace in memory: plan, apply, what the ledger would know, plan again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
from retrainctl.ports import Clock
from retrainctl.targets.azure.retry import RetryRules
from retrainctl.targets.classic.target import ClassicTarget
from tests.support.classic_cases import SETTINGS, Workspace, target
from tests.support.memory import MemoryBooks, Silent
from tests.support.wire import Wire


@dataclass
class Engine:
    """Plans and applies like the operations do. `here` answers the calls; `books` remember.

    connect: a target and its clock in place of one that talks to `here`.
    """

    here: Any = field(default_factory=Workspace)
    connect: Callable[[], tuple[ClassicTarget, Clock]] | None = None
    settings: ClassicSettings = SETTINGS
    books: MemoryBooks = field(default_factory=MemoryBooks)
    guards: Guards = field(default_factory=Guards)
    parallel: int = 4
    classic: ClassicTarget = field(init=False)
    clock: Clock = field(init=False)
    line: Wire = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """As another process would begin: nothing is remembered but the books."""
        # One attempt: an executor's pauses are real time, this clock is not.
        if self.connect is None:
            self.classic, self.line = target(self.here, settings=self.settings, rules=RetryRules(attempts=1))
            self.clock = self.line.clock
        else:
            self.close()
            self.classic, self.clock = self.connect()

    def close(self) -> None:
        """Ends the connections of a real target."""
        if self.connect is not None and hasattr(self, "classic"):
            self.classic.client.pipeline.close()

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
        clock = self.clock
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
