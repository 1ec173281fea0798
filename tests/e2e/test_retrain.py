"""The acceptance of retraining on the shipped examples, and what must hold when jobs, calls or the process die."""

from __future__ import annotations

import csv
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retrainctl.wiring import emulator
from tests.support.command import Ran, Shell

FULL = bool(os.environ.get("RETRAINCTL_FULL"))
MANY = 1000 if FULL else 60


class Bench:
    """A copy of one of the examples, under Git, with its emulator up and version 1 served."""

    def __init__(self, shell: Shell, repo: Path, name: str, *, locations: int | None = None) -> None:
        self.folder = shell.folder / name
        shutil.copytree(repo / "manifests" / name, self.folder)
        self.shell = Shell(self.folder, {**shell.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"})
        if locations is not None:
            file = self.folder / "retrainctl.yaml"
            file.write_text(file.read_text().replace("locations: 10 ", f"locations: {locations} "))
        for arguments in (
            ("init", "-q", "-b", "main"),
            ("config", "user.name", "t"),
            ("config", "user.email", "t@example.org"),
            ("add", "-A"),
            ("commit", "-qm", "start"),
        ):
            self.git(*arguments)
        self.state = self.folder / ".retrainctl" / "emulator"

    def up(self) -> Bench:
        self("emulator", "up", "--seed", "seed/")
        self("apply", "--env", "local", "--yes")
        return self

    def __call__(self, *arguments: str, code: int | None = 0, **environ: str) -> Ran:
        return self.shell(*arguments, code=code, **environ)

    def git(self, *arguments: str) -> str:
        environ = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, check=True, capture_output=True, text=True, env=environ
        )
        return done.stdout

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return emulator.control(emulator.ensure_running(self.state), method, path, body)

    def faults(self, **knobs: str) -> None:
        self.control("PUT", "faults", {name.replace("_", "-"): value for name, value in knobs.items()})

    def report(self, *arguments: str, code: int | None = 0) -> dict[str, Any]:
        return json.loads(self("retrain", *arguments, "--output", "json", code=code).out)

    def prediction(self, address: str) -> list[Any]:
        answer = json.loads(self("score", address, "--input", "sample.json", "--output", "json").out)
        (table,) = answer["Results"].values()
        return table["value"]["Values"]

    def pins(self) -> list[str]:
        with (self.folder / "locations.csv").open(newline="") as file:
            return [row["version"] for row in csv.DictReader(file)]

    def everything_written(self) -> str:
        """All text that the run left in the project and its Git history, the emulator's own state apart."""
        kept = (
            path
            for path in self.folder.rglob("*")
            if path.is_file() and self.state not in path.parents and ".git" not in path.parts
        )
        return "".join(path.read_text(errors="replace") for path in kept) + self.git("log", "-p")


@pytest.fixture
def bench(shell: Shell, repo: Path) -> Callable[..., Bench]:
    return lambda name, **more: Bench(shell, repo, name, **more)


def states(report: dict[str, Any]) -> dict[str, str]:
    return {row["model"].rpartition("-")[2]: row["state"] for row in report["retrainings"]}


@pytest.mark.timeout(600)
def test_the_bike_rental_story(bench: Callable[..., Bench]) -> None:
    bikes = bench("bike-rental").up()
    before = bikes.prediction("Endpoint/rentalloc003")
    ran = bikes("retrain", "--env", "local")
    assert "10 models: 10 accepted." in ran.out
    assert ran.out.count("Root Mean Squ") >= 10
    hunks = bikes.git("diff", "-U0", "versions.csv")
    assert hunks.count("\n@@") == 10, "not one hunk per model"
    assert "\n-" not in hunks.partition("@@")[2], "a row that was there has changed"
    assert bikes.git("diff", "--name-only").split() == ["locations.csv", "versions.csv"]
    plan = json.loads(bikes("plan", "--env", "local", "--detailed-exitcode", "--output", "json", code=2).out)
    moves = [move for change in plan["resource_changes"] for move in change["model_changes"]]
    assert len(moves) == 10
    for move in moves:
        assert (move["from"].rpartition("@")[2], move["to"].rpartition("@")[2]) == ("1", "2")
        assert move["from_metrics"]["Root Mean Squared Error"] > move["to_metrics"]["Root Mean Squared Error"]
    assert bikes.prediction("Endpoint/rentalloc003") == before, "nothing is live before an apply"
    bikes("apply", "--env", "local", "--yes")
    after = {n: bikes.prediction(f"Endpoint/rentalloc{n}") for n in ("001", "003")}
    assert after["003"] != before
    assert after["001"] != after["003"], "every location has a model of its own"
    bikes("models", "verify", "--env", "local")
    assert "No changes" in bikes("plan", "--env", "local", "--detailed-exitcode").out


@pytest.mark.timeout(600)
def test_the_census_story(bench: Callable[..., Bench]) -> None:
    census = bench("census").up()
    before = census.prediction("WebService/census")
    census("retrain", "--env", "local")
    census("apply", "--env", "local", "--yes")
    assert census.prediction("WebService/census") != before
    table = census("score", "WebService/census", "--input", "sample.json").out
    assert "Scored Probabilities" in table.splitlines()[0]
    assert len(table.splitlines()) == 4
    example = census("score", "WebService/census", "--example", "--output", "csv").out
    assert example.startswith("Scored Labels,Scored Probabilities\n")
    # No secret of prod is set.
    out = census("export", "adf", "--env", "prod", "--out", "adf/")
    assert "fill in <CENSUS_STORAGE_KEY>" in out.err
    written = {path.relative_to(census.folder / "adf").parts[0] for path in (census.folder / "adf").rglob("*.json")}
    assert written == {"pipeline", "dataset", "linkedService", "trigger"}
    census("models", "verify", "--env", "local")


def test_batch_scores_with_both_flavours(bench: Callable[..., Bench], tmp_path: Path) -> None:
    bikes = bench("bike-rental", locations=2).up()
    request = json.loads((bikes.folder / "sample.json").read_text())["Inputs"]["input1"]
    with (bikes.folder / "days.csv").open("w", newline="") as file:
        csv.writer(file).writerows([request["ColumnNames"], *request["Values"]])
    live = bikes.prediction("Endpoint/rentalloc001")
    done = bikes("batch", "Endpoint/rentalloc001", "--input", "days.csv", "--output", "json")
    (table,) = json.loads(done.out)["Results"].values()
    assert [float(row[-1]) for row in table["value"]["Values"]] == pytest.approx([float(row[-1]) for row in live])
    bikes("batch", "Endpoint/rentalloc001", "--input", "days.csv", "--out", "scored.csv")
    assert (bikes.folder / "scored.csv").read_text().splitlines()[0].endswith("Scored Labels")
    job = bikes("batch", "Endpoint/rentalloc001", "--input", "days.csv", "--no-wait").out.strip()
    assert "Scored Labels" in bikes("batch", "Endpoint/rentalloc001", "--job", job).out
    bikes.faults(job_stick="always")
    job = bikes("batch", "Endpoint/rentalloc001", "--input", "days.csv", "--no-wait").out.strip()
    stuck = bikes("batch", "Endpoint/rentalloc001", "--job", job, "--time-limit", "0.5s", code=5)
    assert "RC612" in stuck.err


def test_every_kind_of_bad_end_is_told_and_the_good_ones_count(bench: Callable[..., Bench]) -> None:
    bikes = bench("bike-rental").up()
    bikes.faults(
        job_fail="always,POST,BikeRental001",
        job_cancel="always,POST,BikeRental002",
        job_stick="always,POST,BikeRental003",
        job_vanish="always,POST,BikeRental004",
    )
    report = bikes.report("--time-limit", "15s", code=5)
    found = states(report)
    assert {n: found[n] for n in ("001", "002", "003", "004")} == {
        "001": "failed",
        "002": "cancelled",
        "003": "stuck",
        "004": "vanished",
    }
    assert {found[f"{n:03}"] for n in range(5, 11)} == {"accepted"}
    assert "same number of elements" in report["retrainings"][0]["reason"]
    assert bikes.pins()[:10] == ["1"] * 4 + ["2"] * 6
    # What ended badly can be retrained by itself; numbers that may be written to later are not used again.
    bikes.faults(job_fail="never", job_cancel="never", job_stick="never", job_vanish="never")
    again = bikes.report(*(f"Retraining/bike-rental-00{n}" for n in range(1, 5)))
    assert set(states(again).values()) == {"accepted"}
    versions = {row["model"]: row["version"] for row in again["retrainings"]}
    assert versions["bike-rental-001"] == 2
    assert versions["bike-rental-003"] == 3


def test_a_failed_gate_keeps_the_model_and_is_exit_3(bench: Callable[..., Bench]) -> None:
    bikes = bench("bike-rental", locations=2).up()
    ran = bikes("retrain", "--var", "maxRmse=1", "--junit", "gates.xml", code=3)
    assert "2 models: 2 gate failed." in ran.out
    assert "is above 1" in ran.out
    assert bikes.git("status", "--porcelain", "--", "*.csv", "manifests") == ""
    assert 'failures="2"' in (bikes.folder / "gates.xml").read_text()
    assert {row["version"] for row in bikes.report()["retrainings"]} == {3}


def test_lost_answers_and_outages_never_train_twice(bench: Callable[..., Bench]) -> None:
    bikes = bench("bike-rental", locations=6).up()
    bikes.faults(
        drop_after="every:4,POST,/jobs",
        drop_before="every:5,GET,/jobs",
        throttle="0.2,POST,/jobs",
        error="0.2,GET,/jobs",
    )
    report = bikes.report()
    assert set(states(report).values()) == {"accepted"}
    assert set(bikes.pins()[:6]) == {"2"}
    started = [w["path"] for w in bikes.control("GET", "writes")["writes"] if w["path"].endswith("/start")]
    assert len(set(started)) == 6, "more jobs were started than there are retrainings"


def _start(bikes: Bench, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "retrainctl", "retrain", *arguments],
        cwd=bikes.folder,
        env=bikes.shell.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _ended(bikes: Bench) -> int:
    """How many jobs the running process has written down as ended."""
    journals = list((bikes.folder / ".retrainctl/retrain/local").glob("*.jsonl"))
    return max((path.read_text().count('"kind":"ended"') for path in journals), default=0)


@pytest.mark.timeout(3600)
def test_many_killed_half_way_and_resumed(bench: Callable[..., Bench], capsys: pytest.CaptureFixture[str]) -> None:
    bikes = bench("bike-rental", locations=MANY).up()
    process = _start(bikes)
    while _ended(bikes) < MANY // 2 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
    assert set(bikes.pins()[:MANY]) == {"1"}, "something was recorded although the run did not end"
    refused = bikes("retrain", code=1)
    assert "RC630" in refused.err
    report = bikes.report("--resume")
    assert set(states(report).values()) == {"accepted"}
    assert set(bikes.pins()[:MANY]) == {"2"}
    started = [w["path"] for w in bikes.control("GET", "writes")["writes"] if w["path"].endswith("/start")]
    assert len(started) == len(set(started)) == MANY, "a job was run again"
    assert "Nothing to resume" in bikes("retrain", "--resume").out
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    with capsys.disabled():
        print(f"\nretrained {MANY}, killed half way; largest process {peak:.0f} MiB")


@pytest.mark.parametrize("on_interrupt", ["leave", "cancel"])
def test_ctrl_c_leaves_or_cancels(bench: Callable[..., Bench], on_interrupt: str) -> None:
    bikes = bench("bike-rental", locations=4).up()
    bikes.faults(job_seconds="3")
    process = _start(bikes, "--on-interrupt", on_interrupt)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        writes = bikes.control("GET", "writes")["writes"]
        if sum(w["path"].endswith("/start") for w in writes) == 4:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    bikes.faults(job_seconds="0")
    if on_interrupt == "leave":
        report = bikes.report("--resume")
        assert set(states(report).values()) == {"accepted"}
        started = [w["path"] for w in bikes.control("GET", "writes")["writes"] if w["path"].endswith("/start")]
        assert len(started) == 4
    else:
        assert "Nothing to resume" in bikes("retrain", "--resume").out
        assert set(states(bikes.report()).values()) == {"accepted"}


def test_submit_only_then_resume_then_a_branch(bench: Callable[..., Bench]) -> None:
    bikes = bench("bike-rental", locations=2).up()
    assert "2 submitted" in bikes("retrain", "--submit-only", "--branch", "retrain/november").out
    assert bikes.git("branch", "--show-current") == "main\n"
    assert "Committed to retrain/november" in bikes("retrain", "--resume").out
    assert bikes.git("branch", "--show-current") == "retrain/november\n"
    assert bikes.git("show", "--name-only", "--format=%s").split("\n")[0] == "Retrained 2 models"
    assert "2 models: 2 accepted." in bikes("retrain", "--no-bump").out
    assert bikes.pins()[:2] == ["2", "2"]


def test_a_place_that_somebody_took_is_refused(bench: Callable[..., Bench]) -> None:
    bikes = bench("bike-rental", locations=2).up()
    bikes(
        "batch",
        "ClassicWebService/Bike Rental Training",
        *(
            argument
            for name, port in (("001-2.ilearner", "output1"), ("x.csv", "output2"))
            for argument in ("--to", f"{port}=https://bikerentals.blob.core.windows.net/models/bike-rental/{name}")
        ),
        "--parameter",
        "URI=https://bikerentals.blob.core.windows.net/data/BikeRental009.csv",
    )
    report = bikes.report(code=5)
    assert states(report) == {"001": "refused", "002": "accepted"}
    assert "nothing is written over" in report["retrainings"][0]["reason"]
    assert states(bikes.report("bike-rental-001", "--skip-taken")) == {"001": "accepted"}
    assert bikes.pins()[:2] == ["3", "2"]


def test_no_secret_is_left_anywhere(bench: Callable[..., Bench]) -> None:
    bikes = bench("bike-rental", locations=3).up()
    bikes.faults(job_fail="always,POST,BikeRental002")
    told = [bikes("retrain", "-vv", code=5), bikes("score", "Endpoint/rentalloc001", "--input", "sample.json", "-vv")]
    text = bikes.everything_written() + "".join(ran.out + ran.err for ran in told)
    key = emulator_key("bikerentals")
    assert key not in text
    assert "AccountKey=" not in text
    assert "sig=" not in text.replace("sig=(sensitive)", "")


def emulator_key(account: str) -> str:
    from retrainctl.wiring.connect import emulator_account_key

    return emulator_account_key(account)


def test_rollout_checks_score_what_was_applied(bench: Callable[..., Bench]) -> None:
    census = bench("census")
    file = census.folder / "retrainctl.yaml"
    check = '{score: sample.json, path: "Scored Probabilities", between: [0, 1]}'
    file.write_text(
        file.read_text().replace("local: {emulator: {}}", f"local: {{emulator: {{}}, rollout: {{checks: [{check}]}}}}")
    )
    census("emulator", "up", "--seed", "seed/")
    census("apply", "--env", "local", "--yes")
    file.write_text(file.read_text().replace("between: [0, 1]", "between: [2, 3]"))
    census("retrain")
    failed = census("apply", "--env", "local", "--yes", code=6)
    assert "RC645" in failed.out
    assert "are not in 2 to 3" in " ".join(failed.out.split())
