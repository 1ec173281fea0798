"""Blue/green moves against the real emulator: deployments that fail or hang, and a real process that is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from retrainctl.wiring import emulator
from tests.support.command import environment
from tests.support.inside import Inside

FULL = bool(os.environ.get("RETRAINCTL_FULL"))
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
ENDPOINT = (
    f"{SUBSCRIPTION}/resourceGroups/local/providers/Microsoft.MachineLearningServices"
    "/workspaces/local/onlineEndpoints/churn"
)
STEPS = ("create", "mirror 10", "traffic 10", "traffic 50", "traffic 100", "retire")
"""The writes of a move, in order; the smoke test, which comes second, writes nothing."""
KILLS = range(1, len(STEPS) + 1) if FULL else (1, 4)
LIVE = ("--env", "local", "--var", "bake=50ms")


class Move:
    """The example project with its emulator, where version 1 serves as `blue`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.do = Inside(folder, environment())
        self.handle = emulator.ensure_running(folder / ".retrainctl" / "emulator", seeds=[folder / "seed"])
        self.http = httpx.Client(
            base_url=self.handle.url,
            headers={"Authorization": f"Bearer {self.handle.token}"},
            params={"api-version": "2026-07-01"},
        )
        self.version = 1
        self.do("apply", *LIVE, "--yes")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return emulator.control(self.handle, method, path, body)

    def faults(self, **knobs: Any) -> None:
        self.control("PUT", "faults", {name.replace("_", "-"): str(value) for name, value in knobs.items()})

    def point_at(self, version: int) -> None:
        manifest = self.folder / "manifests" / "churn.yaml"
        manifest.write_text(manifest.read_text().replace(f"model: churn@{self.version}", f"model: churn@{version}"))
        self.version = version

    def start(self) -> subprocess.Popen[str]:
        """An apply in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "retrainctl", "apply", *LIVE, "--yes"],
            cwd=self.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def last(self) -> int:
        writes = self.control("GET", "writes")["writes"]
        return writes[-1]["n"] if writes else 0

    def writes(self, since: int) -> list[str]:
        found = self.control("GET", f"writes?since={since}")["writes"]
        return [one["path"] for one in found if "/onlineEndpoints/" in one["path"] and one["method"] != "POST"]

    def until(self, count: int, since: int, process: subprocess.Popen[str]) -> None:
        """Waits until so many writes of the move have reached the service."""
        while len(self.writes(since)) < count:
            assert process.poll() is None, process.communicate()
            time.sleep(0.002)

    def traffic(self) -> dict[str, int]:
        shares: dict[str, int] = self.http.get(ENDPOINT).raise_for_status().json()["properties"]["traffic"]
        return shares

    def deployments(self) -> dict[str, tuple[str, str]]:
        """Name to version of the model and state."""
        found = self.http.get(f"{ENDPOINT}/deployments").raise_for_status().json()["value"]
        return {
            one["name"]: (one["properties"]["model"].rpartition("/")[2], one["properties"]["provisioningState"])
            for one in found
        }

    def must_hold(self) -> None:
        """Whatever happened: all the traffic is on deployments that are ready."""
        traffic, deployments = self.traffic(), self.deployments()
        assert sum(traffic.values()) == 100
        for name in traffic:
            assert deployments[name][1] not in ("Creating", "Failed"), (traffic, deployments)

    def unsettled(self) -> bool:
        document = json.loads(self.do("plan", *LIVE, "--output", "json").out)
        return any(warning["code"] == "unsettled" for warning in document["warnings"])

    def planned(self) -> list[str]:
        """The steps that a plan still finds to do."""
        document = json.loads(self.do("plan", *LIVE, "--output", "json").out)
        changes = [one for one in document["resource_changes"] if one["address"] == "OnlineDeployment/churn"]
        return [step["id"] for one in changes for step in one.get("steps", ())]

    def finished(self) -> None:
        """One deployment, with the wanted version and all the traffic; nothing left to do."""
        ((name, state),) = self.deployments().items()
        assert state == (str(self.version), "Succeeded")
        assert self.traffic() == {name: 100}
        assert "No changes" in self.do("plan", *LIVE, "--detailed-exitcode").out


@pytest.fixture
def move(tmp_path: Path, repo: Path) -> Iterator[Move]:
    folder = tmp_path / "move"
    shutil.copytree(repo / "manifests" / "azureml-blue-green", folder)
    try:
        found = Move(folder)
        yield found
        found.http.close()
    finally:
        emulator.stop(folder / ".retrainctl" / "emulator")


def test_a_green_deployment_that_fails_leaves_the_traffic_where_it_is(move: Move) -> None:
    move.point_at(2)
    move.faults(op_fail="first:1,PUT,/deployments/green")
    said = move.do("apply", *LIVE, "--yes", code=5)
    assert "emulator fault op-fail" in said.out + said.err
    assert "UserContainerStart: Failed" in said.out + said.err, "the container's log is shown"
    assert move.traffic() == {"blue": 100}
    assert move.deployments() == {"blue": ("1", "Succeeded"), "green": ("2", "Failed")}
    assert move.planned()[0] == "create-green"
    move.do("apply", *LIVE, "--yes")
    move.finished()


@pytest.mark.parametrize("ends", ["succeed", "fail"])
def test_a_green_deployment_that_hangs_is_left_and_taken_up_again(move: Move, ends: str) -> None:
    move.point_at(2)
    move.faults(op_hang="first:1,PUT,/deployments/green")
    since = move.last()
    process = move.start()
    move.until(1, since, process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert move.traffic() == {"blue": 100}
    assert move.deployments()["green"] == ("2", "Creating")
    assert move.unsettled()
    # The service makes up its mind: its 30 minutes are over.
    move.control("POST", "operations", {"outcome": ends})
    move.do("apply", *LIVE, "--yes")
    move.finished()


def test_a_killed_process_leaves_a_move_that_a_plan_tells_and_an_apply_finishes(move: Move) -> None:
    move.point_at(2)
    move.do("apply", *LIVE, "--yes")
    move.faults(op_seconds="0.3", op_polls="1")
    for number, write in enumerate(KILLS):
        move.point_at(3 - move.version)
        since = move.last()
        whole = move.planned()
        process = move.start()
        move.until(write, since, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        move.must_hold()
        assert move.unsettled(), f"the plan says that the run was interrupted (killed after write {write})"
        left = move.planned()
        assert set(left) <= set(whole) and len(left) <= len(whole)
        assert write == len(STEPS) or left, f"{write} of {len(STEPS)} writes were sent, the plan finds nothing to do"
        move.do("apply", *LIVE, "--yes", *(("--resume",) if number % 2 else ()))
        move.must_hold()
        move.finished()
