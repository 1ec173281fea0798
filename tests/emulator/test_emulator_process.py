"""The process: one per state folder, found by its file, reachable from this machine only, gone when told."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.support.emulator_process import SERVICES, V17, Emulator, get_service, make_service, running


def wait_for_end(emulator: Emulator) -> None:
    emulator.process.wait(timeout=20)


def test_its_file_tells_how_to_reach_it_and_goes_with_it(tmp_path: Path) -> None:
    with running(tmp_path / "state") as emulator:
        ready = emulator.state / "emulator.json"
        assert stat.S_IMODE(ready.stat().st_mode) == 0o600
        content = json.loads(ready.read_text())
        assert set(content) == {"pid", "url", "started", "version", "token", "control"}
        assert content["url"].startswith("http://127.0.0.1:")
        emulator.control("POST", "shutdown")
        wait_for_end(emulator)
        assert emulator.process.returncode == 0
        assert not ready.exists()


def test_a_second_start_finds_the_first_and_is_content(tmp_path: Path) -> None:
    with running(tmp_path / "state") as emulator:
        command = [sys.executable, "-m", "retrainctl.emulator", "serve", "--state", str(emulator.state)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert second.returncode == 0
        assert "already serves" in second.stdout
        assert emulator.http.get(SERVICES, params=V17).status_code == 200


def test_the_state_survives_sigterm_and_sigkill(tmp_path: Path) -> None:
    with running(tmp_path / "state") as emulator:
        emulator.faults(op_seconds=0)
        make_service(emulator)
        emulator.faults(op_seconds=0.3)
        body = {"properties": {"packageType": "Graph", "title": "while it was down"}}
        assert emulator.http.patch(f"{SERVICES}/census", params=V17, json=body).status_code == 200
        token = emulator.ready["token"]
        emulator.process.kill()
        wait_for_end(emulator)
    time.sleep(0.3)
    with running(tmp_path / "state") as emulator:
        assert emulator.ready["token"] == token
        service = get_service(emulator)["properties"]
        assert (service["title"], service["provisioningState"]) == ("while it was down", "Succeeded")


def test_it_ends_when_idle_or_when_its_folder_is_gone(tmp_path: Path) -> None:
    with running(tmp_path / "idle", "--idle-minutes", "0.001") as emulator:
        wait_for_end(emulator)
    with running(tmp_path / "gone") as emulator:
        shutil.rmtree(emulator.state)
        wait_for_end(emulator)


def test_the_control_api_needs_the_token_of_this_process(emulator: Emulator) -> None:
    for headers in ({}, {"x-emulator-token": "x"}, {"x-emulator-token": emulator.ready["token"]}):
        response = emulator.bare.post("/_emulator/reset", headers=headers)
        assert response.status_code == 403
    assert (
        emulator.bare.get("/_emulator/nothing", headers={"x-emulator-token": emulator.ready["control"]}).status_code
        == 404
    )


def test_a_web_page_with_a_rebound_name_is_refused(emulator: Emulator) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example:80", ""):
        assert emulator.http.get(SERVICES, params=V17, headers={"Host": host}).status_code in (400, 403)
    assert emulator.http.get(SERVICES, params=V17, headers={"Host": "acct.blob.localhost:1"}).status_code == 200


def test_it_serves_tls_with_its_own_authority(tmp_path: Path) -> None:
    with running(tmp_path / "state", "--https") as emulator:
        assert emulator.url.startswith("https://localhost:")
        assert stat.S_IMODE((emulator.state / "server.key").stat().st_mode) == 0o600
        assert emulator.http.get(SERVICES, params=V17).status_code == 200
        certificate = Path(emulator.ready["ca"]).read_bytes()
        with pytest.raises(httpx.ConnectError):
            httpx.get(emulator.url)
        emulator.faults(drop_after="always")
        with pytest.raises(httpx.TransportError):
            emulator.http.get(SERVICES, params=V17)
    with running(tmp_path / "state", "--https") as emulator:
        assert Path(emulator.ready["ca"]).read_bytes() == certificate


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--seed", "/nowhere.json"), "RC807"), (("--port", "1"), "RC802"), (("--state", "/dev/null/x"), "RC805")],
)
def test_a_start_that_cannot_be_says_why_in_one_line(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    if "--port" in arguments:
        with running(tmp_path / "other") as other:
            port = other.url.rpartition(":")[2]
            arguments = ("--port", port)
            check_refused(tmp_path, arguments, message)
    else:
        check_refused(tmp_path, arguments, message)


def check_refused(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    command = [sys.executable, "-m", "retrainctl.emulator", "serve", "--state", str(tmp_path / "state"), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.startswith(message)
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "state" / "emulator.json").exists()


def test_a_state_of_another_format_is_refused(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    (tmp_path / "state").mkdir()
    with closing(sqlite3.connect(tmp_path / "state" / "state.db")) as db, db:
        db.execute("CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
        db.execute("INSERT INTO meta VALUES('format', '99')")
    check_refused(tmp_path, (), "RC805")
    (tmp_path / "state" / "state.db").write_bytes(b"no database at all" * 100)
    check_refused(tmp_path, (), "RC805")
