"""Many models from one experiment: the worked example, the command line and the emulator, each in a process of its own.

10 endpoints in the quick profile, 1,000 with RETRAINCTL_FULL.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from retrainctl.wiring.emulator import find
from tests.support.command import Ran, Shell

MANY = 1000 if os.environ.get("RETRAINCTL_FULL") else 30
FIRST = 10
ROOM = {"RETRAINCTL_VAR_locations": str(MANY)}
BLOBS = "https://bikerentals.blob.core.windows.net/models"


@pytest.fixture
def bikes(shell: Shell, repo: Path) -> Shell:
    """The example, copied, and its emulator seeded."""
    folder = shell.folder / "bike-rental"
    shutil.copytree(repo / "manifests" / "bike-rental", folder, ignore=shutil.ignore_patterns(".retrainctl"))
    shell = Shell(folder, shell.environ)
    shell("emulator", "up", "--seed", "seed/")
    return shell


def receipt(shell: Shell, *more: str, code: int = 0, **environ: str) -> dict[str, Any]:
    ran = shell("apply", "--env", "local", "--yes", "--receipt", "r.json", *more, code=code, **environ)
    document: dict[str, Any] = json.loads((shell.folder / "r.json").read_text())
    counts = document["counts"]
    fates = ("applied", "failed", "conflicted", "skipped", "in_flight", "unknown", "not_attempted")
    assert sum(counts[fate] for fate in fates) == counts["planned"] == len(document["resources"])
    assert str(counts["planned"]) in ran.out
    return document


def changes(shell: Shell, **environ: str) -> list[dict[str, Any]]:
    shell("plan", "--env", "local", "--out", "p.json", **environ)
    found: list[dict[str, Any]] = json.loads((shell.folder / "p.json").read_text())["resource_changes"]
    return found


def bump(shell: Shell, location: str, uri: str = "") -> int:
    """A new version of a location's model, and the location asks for it; the line that was changed."""
    uri = uri or f"{BLOBS}/bike-rental/{location}-2.ilearner"
    versions = shell.folder / "versions.csv"
    header, *rows = versions.read_text().splitlines()
    width = len(header.split(","))
    row = ",".join([f"bike-rental-{location}", "2", uri, *[""] * (width - 3)])
    versions.write_text("\n".join([header, *rows, row]) + "\n")
    locations = shell.folder / "locations.csv"
    lines = locations.read_text().splitlines()
    at = lines.index(f"{location},1")
    lines[at] = f"{location},2"
    locations.write_text("\n".join(lines) + "\n")
    return at + 1


def test_the_whole_walkthrough(bikes: Shell) -> None:
    plan = bikes("plan", "--env", "local", "--detailed-exitcode", code=2)
    assert f"{FIRST} creates" in plan.out
    made = receipt(bikes)
    assert made["counts"]["applied"] == FIRST
    assert {one["verified"] for one in made["resources"]} == {"sent, not readable"}
    assert "No changes" in bikes("plan", "--env", "local", "--detailed-exitcode").out

    ran = bikes("apply", "--env", "local", "--yes", "--receipt", "r.json", **ROOM)
    assert json.loads((bikes.folder / "r.json").read_text())["counts"]["applied"] == MANY - FIRST
    assert re.search(rf"\b{MANY - FIRST}\b", ran.err), f"progress is shown: {ran.err}"
    assert "No changes" in bikes("plan", "--env", "local", "--detailed-exitcode", **ROOM).out

    script = bikes("plan", "--env", "local", "--powershell", RETRAINCTL_VAR_locations=str(MANY + 10)).out
    assert script.count("Add-AmlWebServiceEndpoint @Workspace") == 10
    assert script.count("Patch-AmlWebServiceEndpoint @Workspace") == 10
    assert "sig=" not in script


def test_one_changed_line_is_one_change_with_that_line(bikes: Shell) -> None:
    receipt(bikes, **ROOM)
    line = bump(bikes, "004")
    (change,) = changes(bikes, **ROOM)
    assert change["address"] == "Endpoint/rentalloc004"
    assert change["change"]["actions"] == ["update"]
    assert (change["origin"]["path"], change["origin"]["line"]) == ("locations.csv", line)
    (move,) = change["model_changes"]
    assert (move["from"], move["to"], move["knowledge"]) == ("bike-rental-004@1", "bike-rental-004@2", "applied")
    assert [request["method"] for request in change["requests"]] == ["PATCH"]


def test_a_failing_endpoint_stops_only_itself_and_the_second_run_does_only_the_rest(bikes: Shell) -> None:
    bikes("emulator", "faults", "blobs-required=on")
    bump(bikes, "003", f"{BLOBS}/missing/003-2.ilearner")
    failed = receipt(bikes, code=5)
    assert (failed["counts"]["applied"], failed["counts"]["failed"]) == (FIRST - 1, 1)
    (bad,) = [one for one in failed["resources"] if one["outcome"] == "failed"]
    assert bad["address"] == "Endpoint/rentalloc003"
    assert bad["error"]["code"] == "RC380"
    assert "(T6)" in bad["error"]["hint"]
    assert bad["error"]["request_id"]

    versions = bikes.folder / "versions.csv"
    versions.write_text(versions.read_text().replace("/missing/003-2.ilearner", "/bike-rental/005-1.ilearner"))
    (left,) = changes(bikes)
    assert (left["address"], left["change"]["actions"]) == ("Endpoint/rentalloc003", ["update"])
    second = receipt(bikes)
    assert (second["counts"]["planned"], second["counts"]["applied"]) == (1, 1)
    assert "No changes" in bikes("plan", "--env", "local", "--detailed-exitcode").out


def test_a_snapshot_plans_offline_what_live_plans(bikes: Shell) -> None:
    receipt(bikes, **ROOM)
    bump(bikes, "007")
    bikes("snapshot", "pull", "--out", "snap", **ROOM)
    live = changes(bikes, **ROOM)
    digest = json.loads((bikes.folder / "p.json").read_text())["digest"]
    bikes("emulator", "down")
    bikes("plan", "--snapshot", "snap", "--out", "offline.json", **ROOM)
    offline = json.loads((bikes.folder / "offline.json").read_text())
    assert offline["resource_changes"] == live
    assert offline["digest"] == digest


def test_a_wrong_slot_or_service_is_told_with_what_there_is(bikes: Shell) -> None:
    manifest = bikes.folder / "manifests" / "endpoints.yaml"
    text = manifest.read_text()
    manifest.write_text(text.replace("Bike Rental [trained model]", "Bike Rentals [trained model]"))
    wrong = bikes("plan", "--env", "local", code=1)
    assert "RC365" in wrong.err
    assert 'Did you mean "Bike Rental [trained model]"' in " ".join(wrong.err.split())
    manifest.write_text(text.replace("webService: Bike Rental Scoring", "webService: Bike Rental Training"))
    training = bikes("plan", "--env", "local", code=1)
    assert "RC364" in training.err
    manifest.write_text(text.replace("webService: Bike Rental Scoring", "webService: Bike Rental Scorin"))
    missing = bikes("plan", "--env", "local", code=1)
    assert missing.err.count("RC361") == 1
    manifest.write_text(text.replace("spec:\n", "spec:\n  name: default\n"))
    default = bikes("plan", "--env", "local", code=1, RETRAINCTL_VAR_locations="1")
    assert "RC363" in default.err


def test_a_rollback_puts_the_former_model_back(bikes: Shell) -> None:
    receipt(bikes)
    bump(bikes, "002")
    run = receipt(bikes)["run"]
    bikes("rollback", run, "--env", "local", "--yes")
    (back,) = changes(bikes)
    assert [(move["from"], move["to"]) for move in back["model_changes"]] == [
        ("bike-rental-002@1", "bike-rental-002@2")
    ]


def test_no_secret_in_any_output_or_file(bikes: Shell) -> None:
    handle = find(bikes.folder / ".retrainctl" / "emulator")
    assert handle is not None
    said: list[Ran] = [
        bikes("plan", "--env", "local", "--explain", "-vv", "--out", "p.json", "--md", "p.md", "--html", "p.html"),
        bikes("apply", "p.json", "--env", "local", "--yes", "-vv", "--receipt", "r.json"),
        bikes("snapshot", "pull", "--out", "snap"),
        bikes("plan", "--env", "local", "--powershell", RETRAINCTL_VAR_locations="12"),
    ]
    texts = [ran.out + ran.err for ran in said]
    ours = [path for path in bikes.folder.rglob("*") if path.is_file() and "emulator" not in path.parts]
    texts += [path.read_bytes().decode("utf-8", "replace") for path in ours]
    assert len(ours) > 10
    signed = re.compile(r"[?&]sig=(?!\(sensitive\))\w|PrimaryKey|SecondaryKey|Bearer (?!\(sens|\$)\w")
    for text in texts:
        assert handle.token not in text
        assert not (match := signed.search(text)), match and text[max(0, match.start() - 80) : match.end() + 40]
