"""`retrainctl emulator ...`, command by command, against a real process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from retrainctl.cli.emulator import app
from retrainctl.errors import RetrainctlError, UsageError
from retrainctl.wiring import emulator as launcher
from tests.support.emulator_process import definition


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "retrainctl.yaml").write_text("")
    (tmp_path / "census.json").write_text(json.dumps(definition()))
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    yield tmp_path
    launcher.stop(tmp_path / ".retrainctl" / "emulator")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def failed(*arguments: str) -> RetrainctlError:
    error = run(*arguments).exception
    assert isinstance(error, RetrainctlError)
    return error


def test_up_status_seed_faults_reset_down(project: Path) -> None:
    up = run("up", "--seed", "../census.json")
    assert up.exit_code == 0, up.output
    assert "emulator started at http://127.0.0.1:" in up.output
    again = run("up")
    assert (again.exit_code, "already running" in again.output) == (0, True)
    status = json.loads(run("status", "--output", "json").output)
    assert status["running"] is True
    assert status["state"] == str(project / ".retrainctl" / "emulator")
    assert status["resources"]["microsoft.machinelearning/webservices"] == 1
    (project / "other.json").write_text((project / "census.json").read_text())
    seeded = run("seed", "../other.json", "../census.json").output
    assert "1 new, 0 already there" in seeded
    assert "0 new, 1 already there" in seeded
    assert "  + other" in seeded
    listed = run("faults").output
    assert "patch-maps=replace [replace|merge]" in listed
    assert run("faults", "throttle=0.5", "latency=5ms").output == "latency=5ms\nthrottle=0.5\n"
    assert "fault throttle=0.5" in run("status").output
    assert run("faults", "--clear", "latency=6ms").output == "latency=6ms\n"
    assert run("reset").exit_code == 0
    assert "webservices" not in run("status").output
    assert run("down").output == "emulator stopped\n"
    assert "no emulator runs" in run("down").output
    assert "no emulator runs" in run("status").output
    assert json.loads(run("status", "--output", "json").output)["running"] is False


def test_another_state_folder_is_another_emulator(project: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    try:
        assert run("up", "--state", str(elsewhere)).exit_code == 0
        assert launcher.find(elsewhere) is not None
        assert "no emulator runs" in run("status").output
    finally:
        assert run("down", "--state", str(elsewhere)).output == "emulator stopped\n"


def test_what_needs_a_running_one_says_how_to_start_it(project: Path) -> None:
    for arguments in (("seed", "../census.json"), ("reset",), ("faults",)):
        error = failed(*arguments)
        assert (error.code, error.hint) == ("RC808", "retrainctl emulator up starts one")


def test_mistakes_are_named(project: Path) -> None:
    assert isinstance(failed("faults", "latency"), UsageError)
    run("up")
    error = failed("faults", "latncy=1s")
    assert (error.code, error.hint) == ("RC806", "did you mean latency?")
    assert failed("seed", "../none.json").code == "RC807"


@pytest.mark.parametrize("command", ["up", "down", "status", "seed", "reset", "faults"])
def test_every_help_has_an_example_and_the_exit_codes(command: str) -> None:
    shown = run(command, "--help").output
    assert f"Example: retrainctl emulator {command}" in " ".join(shown.split())
    assert "Exit codes: 0 done" in shown


def test_in_the_foreground_it_stays_until_told(project: Path) -> None:
    code = "from retrainctl.cli.emulator import app; app()"
    command = [sys.executable, "-c", code, "up", "--foreground", "--seed", "../census.json"]
    with subprocess.Popen(command) as process:
        try:
            state = project / ".retrainctl" / "emulator"
            deadline = time.monotonic() + 60
            while (handle := launcher.find(state)) is None and time.monotonic() < deadline:
                time.sleep(0.02)
            assert handle is not None
            assert handle.pid == process.pid
            assert launcher.control(handle, "GET", "status")["resources"]["microsoft.machinelearning/webservices"] == 1
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
    assert launcher.find(state) is None
