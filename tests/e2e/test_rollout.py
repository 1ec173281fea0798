"""Canary first, stop or restore when it fails, and the way back: what was, byte for byte."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from retrainctl.wiring import emulator
from tests.support.command import Shell
from tests.support.estate import make_estate
from tests.support.inside import Inside

SERVICES = 10


class Estate:
    def __init__(self, shell: Shell, rollout: str) -> None:
        self.shell = shell
        self.do = Inside(shell.folder, shell.environ)
        make_estate(shell.folder, SERVICES)
        project = shell.folder / "retrainctl.yaml"
        project.write_text(project.read_text().replace("{emulator: {}}", f"{{emulator: {{}}, rollout: {rollout}}}"))
        self.handle = emulator.ensure_running(shell.folder / ".retrainctl/emulator", seeds=[shell.folder / "seed"])

    def faults(self, **knobs: Any) -> None:
        body = {name.replace("_", "-"): value for name, value in knobs.items()}
        emulator.control(self.handle, "PUT" if knobs else "DELETE", "faults", body or None)

    def writes(self) -> list[str]:
        found = emulator.control(self.handle, "GET", "writes")["writes"]
        return [write["path"].rpartition("/")[2] for write in found]

    def receipt(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.shell.folder / "r.json").read_text())
        return found

    def outcomes(self) -> dict[str, str]:
        return {row["address"].partition("/")[2]: row["outcome"] for row in self.receipt()["resources"]}

    def serves(self, name: str) -> str:
        definition = json.loads(self.do("export", name).out)
        uri: str = definition["properties"]["assets"]["asset1"]["locationInfo"]["uri"]
        return uri.rpartition("/")[2]


def test_the_canary_goes_first_and_bakes(shell: Shell) -> None:
    estate = Estate(shell, "{canary: {addresses: ['WebService/svc-7', 'WebService/svc-8']}, bake: 500ms}")
    ran = estate.do("apply", "--yes", "--parallel", "4", "--receipt", "r.json")
    assert set(estate.writes()[:2]) == {"svc-7", "svc-8"}
    assert len(estate.writes()) == SERVICES
    assert "baking the canary for 0.5 s" in ran.err
    assert estate.receipt()["counts"]["verified"] == SERVICES


def test_a_percentage_takes_at_least_one(shell: Shell) -> None:
    estate = Estate(shell, "{canary: {percent: 1}}")
    estate.faults(op_fail="first:1")
    ran = estate.do("apply", "--yes", "--receipt", "r.json", code=5)
    assert "stopped after the canary" in " ".join(ran.out.split())
    assert sorted(estate.outcomes().values()) == ["failed"] + ["not_attempted"] * (SERVICES - 1)
    assert len(estate.writes()) == 1


def test_a_failed_canary_stops_the_rest(shell: Shell) -> None:
    estate = Estate(shell, "{canary: {percent: 30}}")
    estate.faults(op_fail="at:2")
    estate.do("apply", "--yes", "--receipt", "r.json", code=5)
    counts = estate.receipt()["counts"]
    assert (counts["applied"], counts["failed"], counts["not_attempted"]) == (2, 1, 7)
    assert "stopped after the canary" in estate.receipt()["notes"][0]


def test_a_canary_that_reads_back_as_something_else_stops_too(shell: Shell) -> None:
    """The operation succeeds and the old content stands: success of the answer is not success."""
    estate = Estate(shell, "{canary: {percent: 10}}")
    estate.faults(op_stale="first:1")
    ran = estate.do("apply", "--yes", "--receipt", "r.json", code=5)
    assert len(estate.writes()) == 1
    (row,) = [row for row in estate.receipt()["resources"] if row["outcome"] == "applied"]
    assert row["verified"] == "no"
    assert "NOT verified" in ran.out


def test_more_failures_than_allowed_stop_a_wave(shell: Shell) -> None:
    estate = Estate(shell, "{maxFailures: 1}")
    manifest = shell.folder / "manifests/demand.yaml"
    text = manifest.read_text()
    late = text[text.rindex("apiVersion") :].replace("svc-{{ item }}", "late-{{ item }}").replace("[1, 10]", "[1, 2]")
    late = late.replace('"late-{{ item }}"}', '"late-{{ item }}", after: [WebService/svc-1]}')
    manifest.write_text(text + "---\n" + late.replace("spec:\n", "spec:\n  name: 'svc-{{ item + 10 }}'\n"))
    seeds = shell.folder / "seed/seed.yaml"
    seeds.write_text(seeds.read_text() + "".join(f"  - {{definition: demand.json, name: svc-{n}}}\n" for n in (11, 12)))
    emulator.control(estate.handle, "POST", "seed", {"paths": [str(shell.folder / "seed")]})
    estate.faults(op_fail="first:2")
    estate.do("apply", "--yes", "--receipt", "r.json", code=5)
    counts = estate.receipt()["counts"]
    assert (counts["failed"], counts["not_attempted"]) == (2, 2)
    assert "2 failures, the limit is 1" in estate.receipt()["notes"][0]


def test_restore_takes_back_what_the_failed_canary_changed(shell: Shell) -> None:
    estate = Estate(shell, "{canary: {percent: 40}, onFailure: restore}")
    before = estate.do("export", "svc-2").out
    estate.faults(op_fail="at:3")
    ran = estate.do("apply", "--yes", "--parallel", "1", "--receipt", "r.json", code=5)
    counts = estate.receipt()["counts"]
    assert (counts["restored"], counts["failed"], counts["not_attempted"]) == (3, 1, 6)
    assert sum(counts[n] for n in ("applied", "restored", "failed", "not_attempted")) == SERVICES
    assert "restored" in ran.out
    assert "3 restored" in ran.out
    assert {estate.serves(f"svc-{n}") for n in range(1, SERVICES + 1)} == {"1.ilearner"}
    assert estate.do("export", "svc-2").out == before
    # The ledger knows what stands there: the next plan wants all ten again, and nothing has drifted.
    assert "10 updates" in estate.do("plan").out
    assert estate.do("plan", "--refresh-only", "--detailed-exitcode").code == 0
    estate.faults()
    assert "10 applied" in estate.do("apply", "--yes").out


def test_a_crash_while_restoring_is_settled_and_not_gone_on_with(shell: Shell) -> None:
    estate = Estate(shell, "{canary: {percent: 40}, onFailure: restore}")
    # The third change fails; the first write that takes one back (the fifth of all) never ends.
    estate.faults(op_fail="at:3", op_hang="at:5")
    process = subprocess.Popen(
        [sys.executable, "-m", "retrainctl", "apply", "--yes", "--parallel", "1"],
        cwd=shell.folder,
        env=shell.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while len(estate.writes()) < 5:
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.3)
    process.kill()
    process.wait()
    estate.faults()
    emulator.control(estate.handle, "POST", "operations", {"outcome": "succeed"})
    refused = estate.do("apply", "--resume", "--yes", code=1)
    assert "RC505" in refused.err
    assert "settled: " in refused.err
    assert len(estate.writes()) == 5, "neither the rest of the rollout nor the rest of the way back"
    estate.do("rollback", "last", "--yes")
    assert {estate.serves(f"svc-{n}") for n in range(1, SERVICES + 1)} == {"1.ilearner"}
    assert estate.do("plan", "--refresh-only", "--detailed-exitcode").code == 0
    assert "10 applied" in estate.do("apply", "--yes").out


def test_rollback_is_a_plan_and_gives_back_every_byte(shell: Shell, shared: Path) -> None:
    """Issue 4's acceptance with the recorded service: apply, roll back through a plan file, compare exports."""
    before, after = (shared / f"arm/exports/CreditRisk.{when}-retraining.json" for when in ("before", "after"))
    shell("init", "--from-export", str(before), "--dir", "credit")
    credit = shell.folder / "credit"
    do = Inside(credit, shell.environ)
    (manifest,) = (credit / "manifests").glob("*.yaml")
    text = manifest.read_text()
    line = next(line for line in text.splitlines() if "uri:" in line)
    indent = line[: line.index("uri:")]
    assets = json.loads(after.read_text())["properties"]["assets"].values()
    (uri,) = [asset["locationInfo"]["uri"] for asset in assets if asset["name"].endswith("[trained model]")]
    text = text.replace(line, f"{line}\n{indent[:-2]}- version: 2\n{indent}uri: {uri}", 1)
    manifest.write_text(text.replace("@1", "@2") + "  title: Another title\n  tags: {team: risk}\n")
    shell("emulator", "up", "--seed", str(before), cwd=credit)
    forms = ("2016-05-01-preview", "2017-01-01")
    exported = {form: do("export", "CreditRiskPLPoCNew", "--api-version", form).out for form in forms}

    do("apply", "--yes")
    run = json.loads(do("history", "--output", "json").out)[-1]["run"]
    assert do("export", "CreditRiskPLPoCNew").out != exported["2017-01-01"]
    do("rollback", run, "--out", "back.json")
    plan = json.loads((credit / "back.json").read_text())
    (change,) = plan["resource_changes"]
    assert "rollback" in [risk["code"] for risk in change["risks"]]
    assert {tuple(field["path"]) for field in change["change"]["fields"]} == {("title",), ("tags", "team")}
    assert len(change["model_changes"]) == 1
    do("apply", "back.json", "--yes")
    for form, text in exported.items():
        assert do("export", "CreditRiskPLPoCNew", "--api-version", form).out == text
    assert do("plan", "--refresh-only", "--detailed-exitcode").code == 0
    assert "1 update" in do("plan").out, "the manifests still want what was rolled back"
    # The way back has a way back.
    do("rollback", "last", "--yes")
    assert "No changes" in do("plan", "--detailed-exitcode").out


def test_rollback_of_a_run_leaves_what_others_changed_since(shell: Shell) -> None:
    estate = Estate(shell, "{}")
    estate.do("apply", "--yes")
    first = json.loads(estate.do("history", "--output", "json").out)[-1]["run"]
    estate.do("apply", "--yes", "--only", "WebService/svc-1", "--var", "version=3")
    ran = estate.do("rollback", first, "--yes", "--only", "WebService/svc-2")
    assert "1 applied" in ran.out
    assert estate.serves("svc-2") == "1.ilearner"
    assert estate.serves("svc-1") == "3.ilearner"


def test_nothing_to_take_back(shell: Shell) -> None:
    estate = Estate(shell, "{}")
    assert "RC503" in estate.do("rollback", "last", "--yes", code=1).err


@pytest.mark.parametrize("pattern", ["WebService/svc-1", "WebService/*"])
def test_a_protection_does_not_stop_an_update_back_but_a_freeze_does(shell: Shell, pattern: str) -> None:
    estate = Estate(shell, "{}")
    estate.do("apply", "--yes", "--only", "WebService/svc-1")
    project = shell.folder / "retrainctl.yaml"
    text = project.read_text()
    project.write_text(text.replace("rollout:", f"freeze: ['{pattern}'], rollout:"))
    assert "frozen" in estate.do("rollback", "last", "--yes", code=3).err
    project.write_text(text.replace("rollout:", f"protect: ['{pattern}'], rollout:"))
    assert "1 applied" in estate.do("rollback", "last", "--yes").out
