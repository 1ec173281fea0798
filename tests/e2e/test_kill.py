"""SIGKILL in the middle of an apply, again and again: nothing is lost, nothing is done twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from retrainctl.ledger.ledger import Ledger
from retrainctl.ledger.local import LocalLedgerStore
from retrainctl.wiring import emulator
from retrainctl.wiring.clock import SystemClock
from tests.support.command import Shell
from tests.support.estate import make_estate
from tests.support.inside import Inside

FULL = bool(os.environ.get("RETRAINCTL_FULL"))
RANDOM_POINTS = 200 if FULL else 20
BOUNDARY_STEP = 1 if FULL else 2
RESOURCES = 50
FAULTS = {"op-seconds": "0.03", "op-polls": "1", "latency": "1ms..6ms", "throttle": "0.02", "throttle-retry-after": "0"}


class Bench:
    """One project with its emulator. Every round applies another version than the one before.

    What is killed is a process of its own; what is looked at afterwards runs in this one.
    """

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.do = Inside(shell.folder, shell.environ)
        make_estate(shell.folder, RESOURCES)
        self.state = shell.folder / ".retrainctl" / "emulator"
        self.handle = emulator.ensure_running(self.state, seeds=[shell.folder / "seed"])

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return emulator.control(self.handle, method, path, body)

    def start(self, version: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "retrainctl", "apply", "--yes", "--var", f"version={version}"],
            cwd=self.shell.folder,
            env=self.shell.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def ledger(self) -> Ledger:
        store = LocalLedgerStore(self.shell.folder / ".retrainctl" / "ledger" / "local")
        return Ledger(store, environment="local", clock=SystemClock())

    def check(self, version: int, since: int) -> None:
        """Resumes, and holds what must hold after any death."""
        unsettled = len(self.ledger().unsettled())
        plan = self.do("plan", "--var", f"version={version}", "--output", "json")
        document = json.loads(plan.out)
        if unsettled:
            assert any(w["code"] == "unsettled" for w in document["warnings"]), "a clean slate before the unknowns"
        self.do("apply", "--resume", "--yes", "--parallel", "16", "--var", f"version={version}")
        self.do("apply", "--yes", "--var", f"version={version}")
        after = self.do("plan", "--detailed-exitcode", "--var", f"version={version}")
        assert "No changes" in after.out
        writes = self.control("GET", f"writes?since={since}")["writes"]
        effects = [w["path"] for w in writes if w["effect"] == "done"]
        assert len(effects) == len(set(effects)) == RESOURCES, "a write that took effect was sent twice"
        self.ledger().verify()

    def last_write(self) -> int:
        writes = self.control("GET", "writes")["writes"]
        return writes[-1]["n"] if writes else 0


@pytest.mark.timeout(7200)
def test_kill_at_random_points(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(shell)
    bench.control("PUT", "faults", FAULTS)
    begun = time.monotonic()
    bench.start(2).wait()
    whole = time.monotonic() - begun
    chance = random.Random(20261120)
    killed = 0
    version = 2
    for _ in range(RANDOM_POINTS):
        version = 3 if version != 3 else 4
        since = bench.last_write()
        process = bench.start(version)
        time.sleep(chance.uniform(0.3, 1.0) * whole)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        bench.check(version, since)
    with capsys.disabled():
        print(f"\nkill points: {RANDOM_POINTS} random ({killed} hit a living apply)")
    assert killed >= RANDOM_POINTS // 2


@pytest.mark.timeout(7200)
def test_kill_at_write_boundaries(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """Right after the n-th write reached the service, for n spread over all of them (all, in the full profile)."""
    bench = Bench(shell)
    bench.control("PUT", "faults", FAULTS)
    boundaries = range(1, RESOURCES + 1, BOUNDARY_STEP)
    version = 1
    for boundary in boundaries:
        version = 2 if version != 2 else 3
        since = bench.last_write()
        process = bench.start(version)
        while process.poll() is None and bench.last_write() < since + boundary:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        bench.check(version, since)
    with capsys.disabled():
        print(f"\nkill points: {len(boundaries)} write boundaries")


def test_a_killed_apply_leaves_its_lease_to_the_next(shell: Shell) -> None:
    bench = Bench(shell)
    process = bench.start(2)
    while not (Path(shell.folder) / ".retrainctl/ledger/local").is_dir() and process.poll() is None:
        time.sleep(0.001)
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    begun = time.monotonic()
    shell("apply", "--yes")
    assert time.monotonic() - begun < 20, "the lease of a dead process was waited for"
