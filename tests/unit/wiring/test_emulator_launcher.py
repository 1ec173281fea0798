"""Finding, starting and stopping the emulator, as commands do it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrainctl.wiring import emulator as launcher
from tests.support.emulator_process import definition


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "state"
    yield folder
    launcher.stop(folder)


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    file = tmp_path / "census.json"
    file.write_text(json.dumps(definition()))
    return file


def test_it_is_started_once_then_found(state: Path, seed: Path) -> None:
    assert launcher.find(state) is None
    first = launcher.ensure_running(state, seeds=[seed])
    again = launcher.ensure_running(state, seeds=[seed], realistic=True)
    assert (first.started, again.started) == (True, False)
    assert (again.pid, again.url) == (first.pid, first.url)
    status = launcher.control(again, "GET", "status")
    assert status["resources"]["microsoft.machinelearning/webservices"] == 1
    assert status["faults"] == {"realistic": "on"}
    found = launcher.find(state)
    assert found == again
    assert launcher.stop(state) is True
    assert launcher.stop(state) is False
    assert launcher.find(state) is None


def test_a_handle_shows_no_token(state: Path) -> None:
    handle = launcher.ensure_running(state)
    assert handle.token not in repr(handle)
    assert handle.control_token not in repr(handle)


def test_it_is_no_child_that_keeps_our_streams_open(state: Path) -> None:
    """A pipe of the starting command ends although the emulator lives on."""
    code = (
        f"from pathlib import Path; from retrainctl.wiring.emulator import ensure_running as e; e(Path({str(state)!r}))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    handle = launcher.find(state)
    assert handle is not None
    assert os.getpgid(handle.pid) != os.getpgid(0)


def test_a_dead_process_is_not_found_though_its_file_is(state: Path) -> None:
    handle = launcher.ensure_running(state)
    content = (state / launcher.READY_FILE).read_text()
    launcher.stop(state)
    (state / launcher.READY_FILE).write_text(content)
    assert launcher.find(state) is None
    assert launcher.ensure_running(state).pid != handle.pid


def test_a_file_of_a_killed_one_counts_for_nothing_while_a_new_one_starts(state: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    handle = launcher.ensure_running(state)
    content = (state / launcher.READY_FILE).read_text()
    launcher.stop(state)
    (state / launcher.READY_FILE).write_text(content)
    with (state / launcher.LOCK_FILE).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as the new one has it before it removes the old file
        assert launcher.find(state) is None, f"{handle.pid} is dead"


def test_one_of_another_version_is_replaced_and_keeps_its_state(state: Path, seed: Path) -> None:
    old = launcher.ensure_running(state, seeds=[seed])
    ready = state / launcher.READY_FILE
    ready.write_text(json.dumps(json.loads(ready.read_text()) | {"version": "0.0.0"}))
    new = launcher.ensure_running(state)
    assert new.pid != old.pid
    assert launcher.control(new, "GET", "status")["resources"]["microsoft.machinelearning/webservices"] == 1


def test_a_refused_seed_stops_what_it_started_only(state: Path, seed: Path, tmp_path: Path) -> None:
    with pytest.raises(launcher.EmulatorError, match="there is no seed") as refused:
        launcher.ensure_running(state, seeds=[tmp_path / "none"])
    assert refused.value.code == "RC807"
    assert launcher.find(state) is None
    launcher.ensure_running(state, seeds=[seed])
    with pytest.raises(launcher.EmulatorError):
        launcher.ensure_running(state, seeds=[tmp_path / "none"])
    assert launcher.find(state) is not None


def test_a_failed_start_shows_the_end_of_the_log(state: Path) -> None:
    state.mkdir()
    (state / "state.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(launcher.EmulatorError, match=r"RC805: the emulator state in .* cannot be opened") as failed:
        launcher.ensure_running(state)
    assert failed.value.code == "RC802"


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(launcher.EmulatorError, match="cannot be started in"):
        launcher.ensure_running(tmp_path / "file" / "state")


def test_without_the_extra_the_error_names_the_installation(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import util

    real = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "uvicorn" else real(name))
    with pytest.raises(launcher.EmulatorError, match="uvicorn") as missing:
        launcher.ensure_running(state)
    assert (missing.value.code, missing.value.hint) == ("RC801", "pip install 'retrainctl[emulator]'")


def test_tls_cannot_be_switched_on_while_it_runs(state: Path) -> None:
    launcher.ensure_running(state)
    with pytest.raises(launcher.EmulatorError, match="without TLS") as refused:
        launcher.ensure_running(state, https=True)
    assert refused.value.code == "RC803"


def test_over_tls_the_control_api_is_verified(state: Path) -> None:
    handle = launcher.ensure_running(state, https=True)
    assert handle.url.startswith("https://localhost:")
    assert handle.ca == state / "ca.pem"
    assert launcher.control(handle, "GET", "status")["pid"] == handle.pid


def test_the_state_lies_beside_the_nearest_project_file(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert launcher.default_state_dir(deep) == deep / ".retrainctl" / "emulator"
    (tmp_path / "retrainctl.yaml").write_text("")
    assert launcher.default_state_dir(deep) == tmp_path / ".retrainctl" / "emulator"


def test_starting_imports_nothing_of_the_emulator() -> None:
    """Every command may need this module: it must stay small."""
    code = (
        "import sys, retrainctl.wiring.emulator; print([m for m in sys.modules if 'emulator' in m or 'uvicorn' in m])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert shown.stdout.strip() == "['retrainctl.wiring.emulator']"
