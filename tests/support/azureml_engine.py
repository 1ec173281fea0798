"""Manifests of Azure Machine Learning against a workspace in memory: planned and applied by the engine itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from retrainctl.manifest.load import load
from retrainctl.model.change import ResourceChange
from retrainctl.operations.planning import PlanOptions, make_plan
from retrainctl.plan.order import waves
from retrainctl.plan.plan import Plan, Source
from retrainctl.ports import Outcome, TargetSet
from retrainctl.targets.azureml.planner import AzuremlPlanner
from retrainctl.targets.azureml.target import AzuremlTarget
from tests.support.azureml_workspace import SCOPE, SETTINGS, Workspace
from tests.support.memory import Silent

PROJECT = (
    "apiVersion: retrainctl/v1\nkind: Project\nmetadata: {name: t}\nspec: {environments: {local: {emulator: {}}}}\n"
)


class Patient:
    """A waiter that does not wait."""

    def pause(self, seconds: float) -> None: ...

    def sent(self, operation: str | None, request_id: str | None) -> None: ...


@dataclass
class Estate:
    """A project folder and the workspace that it describes."""

    folder: Path
    here: Workspace = field(default_factory=Workspace)

    def __post_init__(self) -> None:
        (self.folder / "manifests").mkdir(parents=True, exist_ok=True)
        (self.folder / "retrainctl.yaml").write_text(PROJECT)
        planner = AzuremlPlanner(settings=SETTINGS)
        self.target = AzuremlTarget(client=self.here, planner=planner, parallel=1)  # type: ignore[arg-type]
        self.planner = planner
        self.here.models |= {f"{SCOPE}/models/churn/versions/{number}" for number in (1, 2, 3)}

    def write(self, text: str, name: str = "all.yaml") -> None:
        (self.folder / "manifests" / name).write_text(text)

    def plan(self) -> Plan:
        """Raises `InvalidInput` with what is refused."""
        targets = TargetSet(
            readers={"azureml": self.target}, planners={"azureml": self.planner}, writers={"azureml": self.target}
        )
        loaded = load(self.folder / "retrainctl.yaml", "local", {}, {})
        return make_plan(
            loaded,
            targets,
            {},
            PlanOptions(),
            observer=Silent(),
            secret_hash=lambda *_: None,
            source=Source(),
            created_at="",
            version="",
        ).plan

    def apply(self) -> Plan:
        """Plans and applies; every step succeeds."""
        plan = self.plan()
        for wave in waves(plan.changes):
            for change in wave:
                self.carry_out(change)
        assert self.here.problems == []
        return plan

    def carry_out(self, change: ResourceChange) -> None:
        observed = self.target.reread(change.address, change.identity)
        if change.fingerprint is not None:
            assert observed is not None
            assert observed.fingerprint == change.fingerprint, change.address
        for step in change.steps:
            performed = self.target.perform(change, step, observed, Patient())
            assert performed.outcome is Outcome.DONE, (change.address, step.id, performed.error)
