"""When the ledger's place fails: a clear error before any write, and the exit codes that the design names."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from retrainctl.ledger.ledger import Ledger
from retrainctl.ledger.local import LocalLedgerStore
from retrainctl.wiring import emulator
from tests.support.command import Ran, Shell
from tests.support.estate import make_estate
from tests.support.inside import Inside
from tests.support.ledgers import ManualClock

SERVICES = 12
_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 24, 1, 2
_KIB = 1024


def file_limit(size: int) -> Callable[[], None]:
    """A disk that takes files of at most `size` bytes, as far as the process can tell."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def humble() -> None:
    """Permission bits count for root too."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
            assert libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0, os.strerror(ctypes.get_errno())


class Estate:
    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.do = Inside(shell.folder, shell.environ)
        make_estate(shell.folder, SERVICES)
        self.handle = emulator.ensure_running(shell.folder / ".retrainctl/emulator", seeds=[shell.folder / "seed"])

    @property
    def ledger(self) -> Path:
        return self.shell.folder / ".retrainctl/ledger/local"

    def writes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = emulator.control(self.handle, "GET", "writes")["writes"]
        return found

    def run(self, *arguments: str, under: Callable[[], None]) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "retrainctl", *arguments],
            cwd=self.shell.folder,
            # A limit on files would leave half a bytecode file behind for everybody else.
            env={**self.shell.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            preexec_fn=under,
            timeout=120,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def refused(self, ran: Ran, code: int, *said: str) -> None:
        """A clear error, and nothing was written."""
        assert ran.code == code, ran
        assert "Traceback" not in ran.err
        assert "internal error" not in ran.err
        text = " ".join(ran.err.split())
        assert "error[RC" in text
        assert "= help: " in text
        for part in said:
            assert part in text, ran.err
        assert self.writes() == []


@pytest.fixture
def estate(shell: Shell) -> Estate:
    return Estate(shell)


def test_a_full_disk_is_told_before_any_write(estate: Estate) -> None:
    ran = estate.run("apply", "--yes", under=file_limit(8 * _KIB))
    estate.refused(ran, 1, "RC551", "File too large")
    assert "12 applied" in estate.do("apply", "--yes").out


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"NO RIGHT TO MOUNT A SMALL DISK, a disk that fills up is not tested: {done.stderr.strip()}")


@pytest.fixture
def disk(estate: Estate) -> Iterator[Path]:
    """A disk of its own for the ledger."""
    folder = estate.ledger.parent
    folder.mkdir(parents=True)
    mount("-t", "tmpfs", "-o", "size=16m", "none", str(folder))
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def used(disk: Path) -> int:
    about = os.statvfs(disk)
    return (about.f_blocks - about.f_bfree) * about.f_frsize


def test_a_disk_that_fills_in_the_middle_stops_and_loses_nothing(estate: Estate, disk: Path) -> None:
    """How much an apply needs, a first one tells; the second one gets three quarters of that."""
    estate.do("apply", "--yes", "--parallel", "1", "--var", "version=5")
    since, needs = len(estate.writes()), used(disk)
    mount("-o", f"remount,size={needs + needs * 3 // 4}", str(disk))
    ran = estate.shell("apply", "--yes", "--parallel", "1", "--receipt", "r.json", code=5)
    assert "internal error" not in ran.err
    assert "No space left on device" in " ".join(ran.out.split())
    counts = json.loads((estate.shell.folder / "r.json").read_text())["counts"]
    effects = [write["path"] for write in estate.writes()[since:] if write["effect"] == "done"]
    assert 0 < counts["applied"] <= len(effects) < SERVICES
    assert sum(counts[fate] for fate in ("applied", "not_attempted", "in_flight", "unknown")) == SERVICES
    assert "RC551" in estate.shell("apply", "--resume", "--yes", code=1).err, "the disk is still full"
    mount("-o", "remount,size=16m", str(disk))
    assert "No changes" not in estate.do("plan").out
    estate.do("apply", "--resume", "--yes")
    assert "No changes" in estate.do("plan", "--detailed-exitcode").out
    effects = [write["path"] for write in estate.writes()[since:] if write["effect"] == "done"]
    assert len(effects) == len(set(effects)) == SERVICES


def test_a_folder_that_cannot_be_written(estate: Estate) -> None:
    parent = estate.ledger.parent
    parent.mkdir(parents=True)
    parent.chmod(0o555)
    try:
        ran = estate.run("apply", "--yes", under=humble)
    finally:
        parent.chmod(0o755)
    estate.refused(ran, 1, "RC551", "Permission denied", "`ledger:`")


def test_a_ledger_that_cannot_be_read(estate: Estate) -> None:
    estate.do("apply", "--yes", "--only", "WebService/svc-1")
    before = len(estate.writes())
    (estate.ledger / "runs").chmod(0)
    try:
        for arguments in (("apply", "--yes"), ("plan",), ("history",), ("rollback", "last", "--yes"), ("status",)):
            ran = estate.run(*arguments, under=humble)
            assert ran.code == 1, ran
            assert "RC551" in ran.err
            assert "Permission denied" in ran.err
            assert len(estate.writes()) == before
    finally:
        (estate.ledger / "runs").chmod(0o700)


def test_a_ledger_in_the_way_of_a_file(estate: Estate) -> None:
    estate.ledger.parent.mkdir(parents=True)
    estate.ledger.write_text("this was a folder once")
    estate.refused(estate.do("apply", "--yes", code=None), 1, "RC551")


@pytest.mark.parametrize("line", [1, 3, -1])
def test_a_tampered_line_is_named(estate: Estate, line: int) -> None:
    estate.do("apply", "--yes", "--only", "WebService/svc-1")
    before = len(estate.writes())
    (stream,) = (estate.ledger / "runs").iterdir()
    lines = stream.read_bytes().splitlines(keepends=True)
    number = line if line > 0 else len(lines)
    lines[number - 1] = lines[number - 1].replace(b'"time":"20', b'"time":"19', 1)
    stream.write_bytes(b"".join(lines))
    for arguments in (("apply", "--yes"), ("plan",), ("apply", "--resume", "--yes"), ("history",)):
        ran = estate.do(*arguments, code=1)
        assert "RC554" in ran.err
        assert f"{stream.name}:{number}" in ran.err
        assert "Restore this file from a copy" in " ".join(ran.err.split())
    assert len(estate.writes()) == before


def test_a_run_that_was_removed_is_noticed(estate: Estate) -> None:
    for n in (1, 2):
        estate.do("apply", "--yes", "--only", f"WebService/svc-{n}")
    (estate.ledger / "runs/00000001.jsonl").unlink()
    assert "RC554" in estate.do("apply", "--yes", code=1).err


def test_the_lease_of_a_living_apply_is_exit_7(estate: Estate) -> None:
    emulator.control(estate.handle, "PUT", "faults", {"op-hang": "always"})
    holder = subprocess.Popen(
        [sys.executable, "-m", "retrainctl", "apply", "--yes"],
        cwd=estate.shell.folder,
        env=estate.shell.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not estate.writes():
            assert holder.poll() is None
        ran = estate.do("apply", "--yes", "--only", "WebService/svc-12", code=7)
        assert "RC552" in ran.err
        assert f"process {holder.pid}" in ran.err
    finally:
        holder.kill()
        holder.wait()


def test_a_clock_that_was_set_back_is_said_and_the_history_goes_on(estate: Estate) -> None:
    """The last run of the ledger is two days ahead of this machine: time in the ledger never goes back."""
    from tests.support.ledgers import applied, begin, endpoint, take, write

    ahead = ManualClock(wall=datetime.now(UTC) + timedelta(days=2))
    ledger = Ledger(LocalLedgerStore(estate.ledger), environment="local", clock=ahead)
    with take(ledger) as lease:
        run = begin(ledger, lease, environment="local", started=ahead.now().isoformat())
        write(run, endpoint(1))
        run.finish({"outcome": "applied"})
    assert applied(endpoint(1)).address in ledger.applied()
    ran = estate.do("apply", "--yes", "--receipt", "r.json")
    assert "clock is 2880 min behind" in ran.err
    notes = json.loads((estate.shell.folder / "r.json").read_text())["notes"]
    assert any("clock" in note for note in notes)
    assert "12 applied" in ran.out
    assert ledger.verify().runs == 2
    times = [entry.began for entry in ledger.history()]
    assert times == sorted(times)
    assert "No changes" in estate.do("plan", "--detailed-exitcode").out


AZURE = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {name: estate}
spec:
  vars: {version: 2}
  environments:
    local:
      emulator: {}
      ledger: azblob://devstoreaccount1/ledger/estate
      storage: {devstoreaccount1: {key: {env: LEDGER_KEY}, endpoint: "http://127.0.0.1:9/devstoreaccount1"}}
"""


def test_a_lease_store_that_cannot_be_reached(estate: Estate) -> None:
    (estate.shell.folder / "retrainctl.yaml").write_text(AZURE)
    ran = estate.do("apply", "--yes", code=None, LEDGER_KEY="a2V5" * 10)
    estate.refused(ran, 1, "RC551", "azblob://devstoreaccount1/ledger/estate", "cannot be reached")
    assert "a2V5a2V5" not in ran.err + ran.out


def test_a_key_of_the_ledger_that_is_not_there(estate: Estate) -> None:
    (estate.shell.folder / "retrainctl.yaml").write_text(AZURE)
    estate.refused(estate.do("apply", "--yes", code=None), 1, "RC307", "LEDGER_KEY")


def test_a_receipt_that_cannot_be_written_is_told_before_the_apply(estate: Estate) -> None:
    ran = estate.do("apply", "--yes", "--receipt", "no/such/folder/r.json", code=None)
    estate.refused(ran, 1, "RC007", "nothing was applied")


def test_resume_before_any_run_says_so(shell: Shell) -> None:
    make_estate(shell.folder, 1)
    assert shell("apply", "--resume", "--yes").out == "Nothing to resume: there was no run yet.\n"
