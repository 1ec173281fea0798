"""A writer is killed at random points: whatever it acknowledged is there, and the next run goes on from it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from retrainctl.ledger.holder import this_process
from retrainctl.ledger.ledger import Ledger
from retrainctl.ledger.local import LocalLedgerStore
from retrainctl.ledger.records import Settlement
from retrainctl.ports import Outcome
from tests.support.ledgers import BOB, begin, open_ledger, take, whole_run

WRITER = Path(__file__).parents[2] / "support" / "ledger_writer.py"
ROUNDS = 200 if os.environ.get("RETRAINCTL_FULL") else 40


@contextmanager
def writer(repo: Path, folder: Path, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, str(WRITER), str(folder), *map(str, arguments)],
        cwd=repo,
        env={**os.environ, "PYTHONPATH": str(repo)},
        stdout=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def killed_after(repo: Path, folder: Path, seed: int, lines: int, delay: float) -> list[str]:
    """Starts a writer, kills it some time after it said so many lines, and gives every line that it said."""
    with writer(repo, folder, seed) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    assert all(said), "the writer ended by itself"
    return [line.decode().rstrip("\n") for line in said]


def acknowledged(said: list[str]) -> dict[str, set[int]]:
    """Per resource the versions whose result was acknowledged."""
    results: dict[str, set[int]] = {}
    for line in said:
        kind, *rest = line.split()
        if kind == "result":
            results.setdefault(rest[0], set()).add(int(rest[1]))
    return results


def settle_all(ledger: Ledger) -> None:
    with take(ledger, BOB) as lease:
        run = begin(ledger, lease, BOB, digest=None)
        run.settle([Settlement(unsettled=item, outcome=Outcome.FAILED) for item in ledger.unsettled()])
        run.finish({})


def test_a_killed_writer_loses_nothing_that_it_acknowledged(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torn = 0
    for seed in range(ROUNDS):
        chance = random.Random(seed)
        # Every fourth round goes on in the same ledger, so that crashes pile up as they do in life.
        folder = tmp_path / f"ledger-{seed // 4}"
        said = killed_after(repo, folder, seed, lines=chance.randrange(1, 120), delay=chance.random() * 0.01)
        run = said[0].removeprefix("begun ")

        ledger = open_ledger(LocalLedgerStore(folder))
        torn += ledger.verify().torn
        entries = ledger.run(run).entries
        known = {(e.address.name, s.version) for e in entries if e.applied for s in e.applied.slots.values()}
        lost = {(name, version) for name, versions in acknowledged(said).items() for version in versions} - known
        assert not lost, f"seed {seed}: acknowledged but not recorded: {lost}"
        intents = sum(line.startswith("intent ") for line in said)
        assert len(entries) >= intents, f"seed {seed}: acknowledged intents are missing"
        without_result = {e.address for e in entries if e.outcome is None}
        assert {u.intent.address for u in ledger.unsettled() if u.run == run} == without_result
        for entry in entries[:3]:
            number = int(entry.address.name.removeprefix("rentalloc"))
            assert ledger.backup_of(run, entry.address).definition == f"before {number}".encode() * 50

        settle_all(ledger)
        after = open_ledger(LocalLedgerStore(folder))
        assert after.verify().torn == 0
        assert not after.unsettled()
        assert after.runs()[-1].finished is not None
    with capsys.disabled():
        print(f"\n  ledger: {ROUNDS} kill points, {torn} torn bytes met")


def test_a_dead_holder_is_superseded_at_once(repo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    with writer(repo, folder, 1) as process:
        assert process.stdout is not None
        process.stdout.readline()
        ledger = open_ledger(LocalLedgerStore(folder))
        state = ledger.lease()
        assert (state.held, state.alive) == (True, True)
        process.send_signal(signal.SIGKILL)
        while ledger.lease().alive:
            time.sleep(0.005)
        # Nobody has reaped it yet: it still has a process number, and is dead all the same.
        assert process.returncode is None
        with ledger.acquire(this_process(BOB), pause=lambda _: pytest.fail("a dead holder is not waited for")) as lease:
            assert lease.fence == 2


def test_a_stopped_holder_is_superseded_when_its_time_is_up_and_writes_nothing_after(
    repo: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "ledger"
    with writer(repo, folder, 1, 0.6) as zombie:
        assert zombie.stdout is not None
        said = [zombie.stdout.readline() for _ in range(9)]
        zombie.send_signal(signal.SIGSTOP)
        run = said[0].decode().split()[1]

        ledger = open_ledger(LocalLedgerStore(folder))
        time.sleep(0.7)  # by now its last sign of life is older than its lease
        successor = whole_run(ledger, [], who=BOB)
        assert ledger.lease().fence == 2
        recorded = len(ledger.run(run).entries)

        zombie.send_signal(signal.SIGCONT)
        assert zombie.wait(timeout=30) == 7
        said += zombie.stdout.readlines()
    assert said[-1] == b"lost\n"
    after = open_ledger(LocalLedgerStore(folder))
    after.verify()
    assert len(after.run(run).entries) == recorded
    assert sum(line.startswith(b"intent ") for line in said) <= recorded
    assert [r.info.run for r in after.runs()] == [run, successor]
