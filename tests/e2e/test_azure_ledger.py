"""Apply over a ledger in Azure Blob, against Azurite, from the command line: kill, resume, wait, refuse the zombie."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from retrainctl.ledger.ledger import Ledger
from retrainctl.model.values import Secret
from retrainctl.targets.blob.ledger_store import AzureLedgerStore
from retrainctl.wiring import emulator
from retrainctl.wiring.clock import SystemClock
from tests.support import azurite
from tests.support.command import Shell
from tests.support.estate import make_estate
from tests.support.inside import Inside

SERVICES = 20
PROJECT = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {{name: estate}}
spec:
  vars: {{version: 2}}
  environments:
    local:
      emulator: {{}}
      ledger: azblob://{account}/{container}/estate/local
      storage: {{{account}: {{key: {{env: LEDGER_KEY}}, endpoint: "{endpoint}"}}}}
"""


@pytest.fixture(scope="module")
def judge() -> Iterator[azurite.Azurite]:
    with azurite.running() as running:
        yield running


class Estate:
    def __init__(self, shell: Shell, judge: azurite.Azurite, container: str) -> None:
        self.shell = shell
        self.judge = judge
        self.container = container
        make_estate(shell.folder, SERVICES)
        text = PROJECT.format(account=judge.account, container=container, endpoint=judge.endpoint)
        (shell.folder / "retrainctl.yaml").write_text(text)
        shell.environ["LEDGER_KEY"] = judge.key
        self.do = Inside(shell.folder, shell.environ)
        self.handle = emulator.ensure_running(shell.folder / ".retrainctl/emulator", seeds=[shell.folder / "seed"])

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return emulator.control(self.handle, method, path, body)

    def writes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", "writes")["writes"]
        return found

    def effects(self) -> list[str]:
        return [write["path"] for write in self.writes() if write["effect"] == "done"]

    def start(self, *more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "retrainctl", "apply", "--yes", *more],
            cwd=self.shell.folder,
            env=self.shell.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until_writes(self, count: int, process: subprocess.Popen[str]) -> None:
        while len(self.writes()) < count:
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)

    def verify(self) -> None:
        place = f"azblob://{self.judge.account}/{self.container}/estate/local"
        store = AzureLedgerStore(place, Secret(self.judge.key), endpoint=self.judge.endpoint)
        try:
            assert Ledger(store, environment="local", clock=SystemClock()).verify().records > 0
        finally:
            store.close()


@pytest.fixture
def estate(shell: Shell, judge: azurite.Azurite) -> Iterator[Estate]:
    from azure.storage.blob import ContainerClient

    credential = {"account_name": judge.account, "account_key": judge.key}
    with ContainerClient(judge.endpoint, f"e2e-{uuid4().hex[:12]}", credential=credential) as container:
        container.create_container()
        yield Estate(shell, judge, container.container_name)


def test_apply_history_status_rollback(estate: Estate) -> None:
    do = estate.do
    assert "20 applied (20 verified)" in do("apply", "--yes").out
    assert "No changes" in do("plan", "--detailed-exitcode").out
    assert not (estate.shell.folder / ".retrainctl/ledger").exists(), "nothing of it is kept here"
    assert "20 writes, 20 done" in do("history").out
    assert "demand@2" in do("status").out
    assert "Nobody holds the lease." in do("lease", "show").out
    assert do("plan", "--refresh-only", "--detailed-exitcode").code == 0
    do("rollback", "last", "--yes")
    assert "20 updates" in do("plan").out
    estate.verify()


def test_killed_resumed_nothing_lost_nothing_twice(estate: Estate) -> None:
    """Nobody on this store can see that the holder is dead: the next apply waits until its lease has lapsed."""
    estate.control("PUT", "faults", {"op-seconds": "0.3", "op-polls": "1", "throttle": "0.02"})
    process = estate.start()
    estate.until_writes(6, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    plan = json.loads(estate.do("plan", "--output", "json").out)
    assert [warning["code"] for warning in plan["warnings"]].count("unsettled") > 0
    assert json.loads(estate.do("lease", "show", "--output", "json").out)["held"]
    resumed = estate.do("apply", "--resume", "--yes")
    assert "waiting for the lease" in resumed.err
    assert "No changes" in estate.do("plan", "--detailed-exitcode").out
    assert len(estate.effects()) == len(set(estate.effects())) == SERVICES
    estate.verify()


def test_a_zombie_writes_nothing_more(estate: Estate) -> None:
    """It slept through its lease; what it does on waking up is refused, and it says so."""
    estate.control("PUT", "faults", {"op-seconds": "0.3", "op-polls": "1"})
    zombie = estate.start("--parallel", "4", "--receipt", "zombie.json")
    estate.until_writes(4, zombie)
    zombie.send_signal(signal.SIGSTOP)
    try:
        after = estate.do("apply", "--yes")
        assert "waiting for the lease" in after.err
        done = len(estate.writes())
        assert len(estate.effects()) == len(set(estate.effects())) == SERVICES
    finally:
        zombie.send_signal(signal.SIGCONT)
    out, err = zombie.communicate(timeout=120)
    assert zombie.returncode in (5, 7), (zombie.returncode, out, err)
    assert "Traceback" not in err
    assert "lease was lost" in " ".join((out + err).split())
    assert len(estate.writes()) == done, "the zombie wrote after it had lost its lease"
    assert "No changes" in estate.do("plan", "--detailed-exitcode").out
    estate.verify()


def test_two_that_live_do_not_both_apply(estate: Estate) -> None:
    estate.control("PUT", "faults", {"op-hang": "always"})
    first = estate.start()
    estate.until_writes(1, first)
    # A sign of life of the first is seen within a third of its lease: then there is no point in waiting longer.
    second = estate.do("apply", "--yes", "--only", "WebService/svc-20", code=7)
    assert f"process {first.pid}" in second.err
    first.kill()
    first.communicate()
