"""`doctor`: every fault is found with cause and fix, and none hides the others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from retrainctl.wiring import emulator
from tests.support.command import environment
from tests.support.inside import Inside

PROD = """
    prod:
      arm:
        subscription: 00000000-0000-0000-0000-000000000009
        resourceGroup: g
      classic:
        workspace: 0123456789abcdef0123456789abcdef
        location: {location}
        token: {{env: NO_TOKEN_HERE}}
        hosts: {{management: "http://127.0.0.1:9", studio: "http://127.0.0.1:9/api"}}
      storage:
        bikerentals: {{sas: {{env: BIKE_SAS}}, endpoint: "http://127.0.0.1:9/bikerentals"}}
"""


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory, repo: Path) -> Iterator[Path]:
    """The bike rental project with three locations, its emulator seeded."""
    folder = tmp_path_factory.mktemp("doctor") / "project"
    shutil.copytree(repo / "manifests/bike-rental", folder, ignore=shutil.ignore_patterns(".retrainctl"))
    file = folder / "retrainctl.yaml"
    file.write_text(file.read_text().replace("locations: 10 ", "locations: 3 "))
    Inside(folder, environment())("emulator", "up", "--seed", "seed")
    yield folder
    emulator.stop(folder / ".retrainctl" / "emulator")


@pytest.fixture
def project(estate: Path, tmp_path: Path) -> Path:
    """A copy of the project for one test; it shares the emulator."""
    folder = tmp_path / "project"
    shutil.copytree(estate, folder, ignore=shutil.ignore_patterns(".retrainctl"))
    file = folder / "retrainctl.yaml"
    state = json.dumps(str(estate / ".retrainctl" / "emulator"))
    file.write_text(file.read_text().replace("local: {emulator: {}}", f"local: {{emulator: {{state: {state}}}}}"))
    return folder


def _examined(folder: Path, *options: str, code: int, **environ: str) -> dict[str, dict[str, Any]]:
    ran = Inside(folder, environment())("doctor", "--output", "json", *options, code=code, **environ)
    document = json.loads(ran.out)
    assert document["errors"] == sum(
        finding["severity"] == "error" for check in document["checks"] for finding in check["findings"]
    )
    return {check["name"]: check for check in document["checks"]}


def _codes(check: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in check["findings"]]


def test_a_sound_environment_has_no_findings_and_says_what_is_there(project: Path) -> None:
    checks = _examined(project, code=0)
    assert [name for name, check in checks.items() if check["findings"]] == []
    assert checks["retirement"]["status"] == "skipped"
    assert checks["training"]["facts"] == ['training service "Bike Rental Training" (classic)']
    assert checks["blobs"]["facts"] == ["3 of 3 model blobs are there"]
    assert checks["clock"]["facts"] == ["hosts compared with: 1"]
    ran = Inside(project, environment())("doctor")
    assert "Nothing stands in the way" in ran.out


def test_a_missing_blob_has_cause_and_fix(project: Path) -> None:
    versions = project / "versions.csv"
    versions.write_text(versions.read_text().replace("bike-rental/002-1.ilearner", "bike-rental/nowhere.ilearner"))
    checks = _examined(project, code=1)
    (finding,) = checks["blobs"]["findings"]
    assert finding["code"] == "RC931"
    assert "bike-rental-002@1" in finding["message"] and "nowhere.ilearner" in finding["message"]
    assert finding["cause"] and finding["fix"]
    assert checks["blobs"]["facts"] == ["2 of 3 model blobs are there"]


def test_services_that_are_mixed_up_are_found(project: Path) -> None:
    for file in (project / "manifests").glob("*.yaml"):
        text = file.read_text()
        file.write_text(text.replace("{classic: Bike Rental Training}", "{classic: Bike Rental Scoring}"))
    checks = _examined(project, code=1)
    assert set(_codes(checks["training"])) == {"RC929"}
    assert "trains nothing" in checks["training"]["findings"][0]["message"]


def test_a_slot_that_is_not_there_is_found_by_the_plan(project: Path) -> None:
    for file in (project / "manifests").glob("*.yaml"):
        file.write_text(file.read_text().replace("Bike Rental [trained model]", "Bike Rentl [trained model]"))
    checks = _examined(project, code=1)
    assert "RC365" in _codes(checks["plan"])


@pytest.mark.parametrize(("away", "severity"), [(timedelta(minutes=-2), "warning"), (timedelta(hours=1), "error")])
def test_a_clock_that_is_wrong_is_found(project: Path, estate: Path, away: timedelta, severity: str) -> None:
    handle = emulator.find(estate / ".retrainctl" / "emulator")
    assert handle is not None
    emulator.control(handle, "PUT", "clock", {"now": f"{datetime.now(UTC) + away:%Y-%m-%dT%H:%M:%SZ}"})
    try:
        (finding,) = _examined(project, code=severity == "error")["clock"]["findings"]
    finally:
        emulator.control(handle, "PUT", "clock", {"now": None})
    assert (finding["code"], finding["severity"]) == ("RC924", severity)
    assert f"s {'behind' if away > timedelta() else 'ahead of'} 127.0.0.1:" in finding["message"]
    assert finding["cause"] and finding["fix"]
    assert _examined(project, code=0)["clock"]["status"] == "ok"


def test_a_lease_that_is_held_is_a_warning_with_its_holder(project: Path) -> None:
    from retrainctl.ledger.holder import this_process
    from retrainctl.ledger.ledger import Ledger
    from retrainctl.ledger.local import LocalLedgerStore
    from retrainctl.ledger.records import Who
    from retrainctl.wiring.clock import SystemClock

    store = LocalLedgerStore(project / ".retrainctl" / "ledger" / "local")
    ledger = Ledger(store, environment="local", clock=SystemClock())
    with ledger.acquire(this_process(Who(user="night-shift", host="h"))):
        checks = _examined(project, code=0)
    (finding,) = checks["lease"]["findings"]
    assert (finding["code"], finding["severity"]) == ("RC934", "warning")
    assert "night-shift" in finding["message"]
    assert _examined(project, code=0)["lease"]["findings"] == []


def test_a_damaged_ledger_is_found_and_the_other_checks_go_on(project: Path) -> None:
    Inside(project, environment())("endpoint", "add", "Bike Rental Scoring", "doctor1", "--yes")
    Inside(project, environment())("endpoint", "remove", "Bike Rental Scoring", "doctor1", "--yes")
    ledger = project / ".retrainctl" / "ledger" / "local"
    stream = min(ledger.rglob("*.jsonl"))
    stream.write_bytes(stream.read_bytes().replace(b"endpoint add", b"endpoint ADD", 1))
    checks = _examined(project, code=1)
    assert checks["ledger"]["status"] == "error"
    assert checks["blobs"]["status"] == "ok"
    assert checks["lease"]["status"] == "ok"


def test_manifests_with_errors_hide_nothing_else(project: Path) -> None:
    (project / "manifests" / "wrong.yaml").write_text("apiVersion: retrainctl/v1\nkind: Modle\nmetadata: {name: x}\n")
    checks = _examined(project, code=1)
    (finding,) = checks["manifests"]["findings"]
    assert finding["position"].startswith("manifests/wrong.yaml:")
    assert checks["plan"]["skipped"] == "the manifests have errors"
    assert checks["workspace"]["status"] == "ok"


def test_a_real_environment_with_everything_wrong(project: Path) -> None:
    """Nothing here leaves the machine: the hosts are a closed port of it, and Azure is behind a closed proxy."""
    file = project / "retrainctl.yaml"
    text = file.read_text()
    file.write_text(text[: text.index("    prod:")].rstrip() + PROD.format(location="Mars North"))
    checks = _examined(
        project,
        *("--env", "prod"),
        code=1,
        BIKE_SAS="?sv=2020-08-04&sp=r&se=2020-01-01T00:00:00Z&sig=abcdef",
        HTTPS_PROXY="http://127.0.0.1:9",
        NO_PROXY="127.0.0.1",
        AZURE_CLIENT_ID="x",
    )
    assert _codes(checks["secrets"]) == ["RC307"], "the token's variable is not set; the SAS is there"
    assert _codes(checks["retirement"]) == ["RC921"]
    assert "retired on 31 August 2024" in checks["retirement"]["findings"][0]["message"]
    assert set(_codes(checks["hosts"])) == {"RC922"}
    assert _codes(checks["sas"]) == ["RC932"]
    assert "ended at 2020-01-01" in checks["sas"]["findings"][0]["message"]
    assert checks["groups"]["status"] == "error"
    assert checks["ledger"]["status"] == "ok"
    assert "abcdef" not in json.dumps(checks)


@pytest.mark.parametrize(
    ("sas", "code"),
    [
        ("se=2026-11-21T03%3A00%3A00Z", "RC932"),
        ("?sv=1&se=2026-11-21T23%3A00%3A00Z&sig=x", "RC933"),
        ("sv=1&sig=x", "RC937"),
        ("se=2027-01-01", None),
    ],
)
def test_when_a_sas_ends(sas: str, code: str | None) -> None:
    from retrainctl.operations.doctoring.storage import ends, judged

    said = judged("account a", ends(sas), datetime(2026, 11, 21, 4, tzinfo=UTC))
    assert getattr(said, "code", None) == code


@pytest.mark.parametrize(
    ("granted", "allowed"),
    [
        ([{"actions": ["*"], "notActions": []}], True),
        ([{"actions": ["Microsoft.MachineLearning/*"]}], True),
        ([{"actions": ["*/read"]}], False),
        ([{"actions": ["*"], "notActions": ["microsoft.machinelearning/webservices/*"]}], False),
        ([{"actions": ["*/read"]}, {"actions": ["Microsoft.MachineLearning/webServices/write"]}], True),
        ([], False),
    ],
)
def test_permissions_are_read_as_azure_means_them(granted: list[dict[str, Any]], allowed: bool) -> None:
    from retrainctl.operations.doctoring.subscription import allows

    assert allows(granted, "Microsoft.MachineLearning/webServices/write") is allowed
