"""The signal contract: the first signal starts nothing new, the second gives up waiting; a receipt on every way out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from retrainctl.wiring import emulator
from tests.support.command import Ran, Shell
from tests.support.estate import make_estate
from tests.support.inside import Inside

SERVICES = 12
FATES = ("applied", "restored", "failed", "conflicted", "skipped", "in_flight", "unknown", "not_attempted")
EXITS = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Estate:
    """Twelve services, four writes at a time, and an emulator that can be told to be slow."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.do = Inside(shell.folder, shell.environ)
        make_estate(shell.folder, SERVICES)
        self.handle = emulator.ensure_running(shell.folder / ".retrainctl/emulator", seeds=[shell.folder / "seed"])

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return emulator.control(self.handle, method, path, body)

    def writes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", "writes")["writes"]
        return found

    def start(self, *more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "retrainctl", "apply", "--yes", "--parallel", "4", "--receipt", "r.json", *more],
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

    def receipt(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.shell.folder / "r.json").read_text())
        counts = found["counts"]
        assert counts["planned"] == SERVICES == sum(counts[fate] for fate in FATES)
        return found

    def lease_is_free(self) -> bool:
        return not json.loads(self.do("lease", "show", "--output", "json").out)["held"]


@pytest.fixture
def estate(shell: Shell) -> Estate:
    return Estate(shell)


def ended(process: subprocess.Popen[str], capsys: pytest.CaptureFixture[str] | None = None) -> Ran:
    begun = time.monotonic()
    out, err = process.communicate(timeout=60)
    if capsys is not None:
        with capsys.disabled():
            print(f"\nended {time.monotonic() - begun:.1f} s after the signal")
    return Ran(process.returncode, out, err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_finish_what_is_in_flight(estate: Estate, number: signal.Signals) -> None:
    estate.control("PUT", "faults", {"op-seconds": "0.8", "op-polls": "1"})
    process = estate.start()
    estate.until_writes(2, process)
    process.send_signal(number)
    ran = ended(process)
    assert ran.code == EXITS[number], ran
    receipt = estate.receipt()
    counts = receipt["counts"]
    assert receipt["outcome"] == "interrupted"
    assert receipt["signal"] == number
    assert 2 <= counts["applied"] <= 4, "those in flight, and no new ones"
    assert counts["not_attempted"] == SERVICES - counts["applied"]
    assert len(estate.writes()) == counts["applied"]
    assert "Interrupted in local: 12 changes planned" in ran.out
    assert estate.lease_is_free()
    assert estate.do("apply", "--resume", "--yes").out.count("applied  ") == SERVICES - counts["applied"]
    assert "No changes" in estate.do("plan", "--detailed-exitcode").out


def test_what_does_not_end_is_in_flight_and_settled_by_resume(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    estate.control("PUT", "faults", {"op-hang": "always"})
    process = estate.start()
    estate.until_writes(4, process)
    process.send_signal(signal.SIGINT)
    ran = ended(process, capsys)
    assert ran.code == 130, ran
    receipt = estate.receipt()
    hanging = [row for row in receipt["resources"] if row["outcome"] == "in_flight"]
    assert len(hanging) == 4 == len(estate.writes())
    for row in hanging:
        assert row["operation"].startswith(estate.handle.url)
        assert "?" not in row["operation"], "no query: it may be signed"
    assert "apply --resume" in ran.out
    assert estate.lease_is_free()
    assert "4 unknown" in estate.do("history").out
    unknown = json.loads(estate.do("plan", "--output", "json").out)["warnings"]
    assert [warning["code"] for warning in unknown] == ["unsettled"] * 4

    estate.control("DELETE", "faults")
    estate.control("POST", "operations", {"outcome": "succeed"})
    resumed = estate.do("apply", "--resume", "--yes")
    assert resumed.err.count("settled: ") == 4
    assert "still to do: 8 changes" in resumed.err
    effects = [write["path"] for write in estate.writes() if write["effect"] == "done"]
    assert len(effects) == len(set(effects)) == SERVICES
    assert "No changes" in estate.do("plan", "--detailed-exitcode").out
    assert "Nothing to resume: the last run was carried out." in estate.do("apply", "--resume", "--yes").out


def test_the_second_signal_gives_up_waiting(estate: Estate, capsys: pytest.CaptureFixture[str]) -> None:
    estate.control("PUT", "faults", {"op-hang": "always"})
    process = estate.start()
    estate.until_writes(4, process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    ran = ended(process, capsys)
    assert ran.code == 130, "the first signal names the exit"
    assert estate.receipt()["counts"]["in_flight"] == 4
    assert estate.lease_is_free()
    # The other way to end: what was hanging fails, and a plain apply settles it before it plans anew.
    estate.control("DELETE", "faults")
    estate.control("POST", "operations", {"outcome": "fail"})
    applied = estate.do("apply", "--yes")
    assert applied.err.count("settled: ") == 4
    assert "12 applied" in applied.out


def test_a_signal_while_waiting_for_the_lease_writes_nothing(estate: Estate) -> None:
    folder = estate.shell.folder / ".retrainctl/ledger/local"
    estate.do("apply", "--yes", "--only", "WebService/svc-1")
    # A holder on another machine that does not answer: nobody can tell whether it lives.
    (latest,) = (folder / "lease").iterdir()
    content = json.loads(latest.read_text())
    content.update(held=True)
    content["owner"].update(machine="elsewhere", host="elsewhere")
    latest.write_text(json.dumps(content))
    process = estate.start()
    assert process.stderr is not None
    said = ""
    while "waiting for the lease" not in said:
        said += process.stderr.readline()
        assert process.poll() is None, said
    process.send_signal(signal.SIGTERM)
    ran = ended(process)
    assert ran.code == 143, ran
    counts = json.loads((estate.shell.folder / "r.json").read_text())["counts"]
    assert counts["not_attempted"] == counts["planned"] == SERVICES - 1
    assert len(estate.writes()) == 1


def test_a_signal_while_settling_ends_before_anything_is_planned(estate: Estate) -> None:
    estate.control("PUT", "faults", {"op-hang": "always"})
    process = estate.start()
    estate.until_writes(4, process)
    process.kill()
    process.communicate()
    settling = estate.start()
    counters = estate.control("GET", "counters")
    while estate.control("GET", "counters") == counters:
        assert settling.poll() is None
        time.sleep(0.01)
    settling.send_signal(signal.SIGINT)
    settling.send_signal(signal.SIGINT)
    ran = ended(settling)
    assert ran.code == 130, ran
    assert "internal error" not in ran.err
    assert len(estate.writes()) == 4
    assert estate.lease_is_free()
    assert not Path(estate.shell.folder / "r.json").exists()


def test_a_receipt_can_be_shown_again(estate: Estate) -> None:
    applied = estate.do("apply", "--yes", "--receipt", "r.json")
    shown = estate.do("show", "r.json")
    assert shown.out == applied.out
