"""Blue/green moves through the command line: step by step, killed at every write, resumed and taken back.

The workspace is one in memory that refuses what the service refuses and looks at itself after every write; the process
that is killed is a real one.
"""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from retrainctl.targets.azureml.planner import AzuremlPlanner
from retrainctl.targets.azureml.target import AzuremlTarget
from retrainctl.wiring import connect
from tests.support.azureml_workspace import SCOPE, Workspace
from tests.support.inside import Inside

KILLED = 9
PROJECT = """
apiVersion: retrainctl/v1
kind: Project
metadata: {name: churn}
spec:
  environments:
    test:
      azureml:
        subscription: 00000000-0000-0000-0000-000000000001
        resourceGroup: local
        workspace: local
        location: South Central US
"""
MANIFEST = """
apiVersion: retrainctl/v1
kind: Model
metadata: {name: churn}
spec: {versions: [{version: 1, registered: "azureml:churn:1"}, {version: 2, registered: "azureml:churn:2"}]}
---
apiVersion: retrainctl/v1
kind: OnlineEndpoint
metadata: {name: churn}
spec: {auth_mode: key}
---
apiVersion: retrainctl/v1
kind: OnlineDeployment
metadata: {name: churn}
spec:
  endpoint_name: churn
  model: churn@1
  instance_type: Standard_DS3_v2
  instance_count: 1
  strategy: {blueGreen: {smoke: ../sample.json, mirror: {percent: 10}, traffic: [{percent: 10}, {percent: 50}]}}
"""
STEPS = [
    *("create-green", "smoke-green", "mirror-green-10", "traffic-green-10", "traffic-green-50"),
    *("traffic-green-100", "retire-blue"),
]
WRITES = len(STEPS) - 1
"""The smoke test writes nothing."""


class Kept(Workspace):
    """A workspace that outlives the process that writes to it."""

    def __init__(self, place: Path) -> None:
        super().__init__(models={f"{SCOPE}/models/churn/versions/{number}" for number in (1, 2)})
        self.place = place
        if place.exists():
            self.store, self.clock, self.problems, self.scored = pickle.loads(place.read_bytes())

    def start(self, method: str, path: str, body: Any = None, pause: Any = None) -> Any:
        if self.kill_at and self.writes + 1 == self.kill_at and not self.after_write:
            os._exit(KILLED)
        at, self.kill_at = self.kill_at, 0
        answer = super().start(method, path, body, pause)
        self.kill_at = at
        self._save()
        if self.kill_at and self.writes == self.kill_at:
            os._exit(KILLED)
        return answer

    def score(self, endpoint: Any, request: Any, deployment: str | None = None, pause: Any = None) -> Any:
        answer = super().score(endpoint, request, deployment, pause)
        self._save()
        return answer

    def _save(self) -> None:
        self.place.write_bytes(pickle.dumps((self.store, self.clock, self.problems, self.scored)))


@dataclass
class Stand:
    """A project and its workspace."""

    run: Inside
    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def connect(self, *, kill_at: int = 0, after: bool = False) -> Kept:
        here = Kept(self.folder / "workspace.bin")
        here.kill_at, here.after_write = kill_at, after
        self.monkeypatch.setattr(
            connect,
            "azureml_target",
            lambda project, environment, outside: AzuremlTarget(
                client=here,  # type: ignore[arg-type]
                planner=AzuremlPlanner(settings=environment.azureml),
                parallel=1,
            ),
        )
        return here

    def say(self, old: str, new: str) -> None:
        file = self.folder / "manifests" / "churn.yaml"
        file.write_text(file.read_text().replace(old, new))

    def killed(self, *arguments: str, kill_at: int, after: bool) -> None:
        """Runs a command in a process of its own that ends without a word before or after a write."""
        self.connect(kill_at=kill_at, after=after)
        child = os.fork()
        if child == 0:
            try:
                self.run(*arguments, code=None)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "retrainctl.yaml").write_text(PROJECT)
    (tmp_path / "manifests" / "churn.yaml").write_text(MANIFEST)
    (tmp_path / "sample.json").write_text(json.dumps({"input_data": {"columns": ["a"], "index": [0], "data": [[1]]}}))
    environ = {"RETRAINCTL_ENV": "test", "NO_COLOR": "1", "PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    found = Stand(Inside(tmp_path, environ), tmp_path, monkeypatch)
    here = found.connect()
    found.run("apply", "--yes")
    assert (here.traffic("churn"), here.deployments("churn")) == ({"blue": 100}, {"blue": "1"})
    found.run("plan", "--detailed-exitcode")
    found.say("model: churn@1", "model: churn@2")
    return found


def test_a_move_is_planned_step_by_step_and_goes_back_the_same_way(stand: Stand) -> None:
    here = stand.connect()
    stand.run("plan", "--json", "plan.json", "--detailed-exitcode", code=2)
    (change,) = json.loads((stand.folder / "plan.json").read_text())["resource_changes"]
    assert [step["id"] for step in change["steps"]] == STEPS
    assert [(move["from"], move["to"]) for move in change["model_changes"]] == [("churn@1", "churn@2")]
    stand.run("apply", "--yes")
    assert (here.traffic("churn"), here.deployments("churn")) == ({"green": 100}, {"green": "2"})
    assert here.scored == ["blue", "green"]
    stand.run("plan", "--detailed-exitcode")
    stand.run("rollback", "last", "--yes")
    assert (here.traffic("churn"), here.deployments("churn")) == ({"blue": 100}, {"blue": "1"})
    assert here.scored == ["blue", "green", "blue"]
    assert here.problems == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", range(1, WRITES + 1))
def test_a_move_that_is_killed_is_gone_on_with(stand: Stand, write: int, after: bool) -> None:
    stand.killed("apply", "--yes", kill_at=write, after=after)
    here = stand.connect()
    assert here.deployments("churn")
    assert sum(here.traffic("churn").values()) == 100
    stand.run("apply", "--resume", "--yes")
    assert (here.traffic("churn"), here.deployments("churn")) == ({"green": 100}, {"green": "2"})
    stand.run("plan", "--detailed-exitcode")
    assert here.problems == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", range(1, WRITES + 1))
def test_a_move_that_is_killed_is_finished_by_a_new_plan(stand: Stand, write: int, after: bool) -> None:
    stand.killed("apply", "--yes", kill_at=write, after=after)
    here = stand.connect()
    stand.run("apply", "--yes")
    assert (here.traffic("churn"), here.deployments("churn")) == ({"green": 100}, {"green": "2"})
    stand.run("plan", "--detailed-exitcode")
    assert here.problems == []


@pytest.mark.parametrize("write", range(1, WRITES + 1))
def test_a_move_that_is_killed_is_taken_back(stand: Stand, write: int) -> None:
    stand.killed("apply", "--yes", kill_at=write, after=True)
    here = stand.connect()
    run = json.loads(stand.run("history", "--output", "json").out)
    last = (run["runs"] if isinstance(run, dict) else run)[-1]["run"]
    stand.run("rollback", last, "--yes")
    assert here.traffic("churn") == {"blue": 100}
    assert here.deployments("churn") == {"blue": "1"}
    assert here.problems == []


def test_a_deployment_that_does_not_answer_gets_no_traffic(stand: Stand) -> None:
    here = stand.connect()
    here.silent.add("green")
    said = stand.run("apply", "--yes", code=None)
    assert "does not answer the smoke request" in said.out + said.err
    assert here.traffic("churn") == {"blue": 100}
    stand.run("rollback", "last", "--yes")
    assert here.deployments("churn") == {"blue": "1"}


def test_a_deployment_that_fails_gets_no_traffic_and_is_written_again(stand: Stand) -> None:
    here = stand.connect()
    here.failing.add("green")
    said = stand.run("apply", "--yes", code=None)
    assert "ResourceNotReady" in said.out + said.err
    assert "User container has crashed" in said.out + said.err
    assert here.traffic("churn") == {"blue": 100}
    here.failing.clear()
    stand.run("apply", "--yes")
    assert (here.traffic("churn"), here.deployments("churn")) == ({"green": 100}, {"green": "2"})
    assert here.problems == []
