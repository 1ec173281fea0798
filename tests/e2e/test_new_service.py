"""The product's main job on the real retraining pair: describe, plan offline, apply to the emulator, serve."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command import Shell

SLOT = "Credit Risk PL PoC [trained model]"


@pytest.fixture
def before(shared: Path) -> Path:
    return shared / "arm/exports/CreditRisk.before-retraining.json"


@pytest.fixture
def after_uri(shared: Path) -> str:
    after = json.loads((shared / "arm/exports/CreditRisk.after-retraining.json").read_text())
    return next(a["locationInfo"]["uri"] for a in after["properties"]["assets"].values() if a["name"] == SLOT)


def ask_for(folder: Path, uri: str) -> None:
    """The user's edit: one more version, and the slot points at it."""
    (manifest,) = (folder / "manifests").glob("*.yaml")
    text = manifest.read_text()
    first = next(line for line in text.splitlines() if "uri:" in line)
    indent = first[: first.index("uri:")]
    text = text.replace(first, f"{first}\n{indent[:-2]}- version: 2\n{indent}uri: {uri}", 1)
    manifest.write_text(text.replace("@1", "@2"))


def test_the_whole_story(shell: Shell, before: Path, after_uri: str) -> None:
    shell("init", "--from-export", str(before), "--dir", "credit")
    credit = shell.folder / "credit"
    shell = Shell(credit, shell.environ)
    none = shell("plan", "--snapshot", str(before), "--detailed-exitcode")
    assert "No changes" in none.out

    ask_for(credit, after_uri)
    plan = shell("plan", "--snapshot", str(before), "--detailed-exitcode", "--out", "p.json", code=2)
    assert after_uri in plan.out.replace("\n", "").replace(" ", "")
    document = json.loads((credit / "p.json").read_text())
    (change,) = document["resource_changes"]
    assert change["change"]["actions"] == ["update"]
    assert [(m["slot"], m["to_uri"]) for m in change["model_changes"]] == [(SLOT, after_uri)]
    assert [r["method"] for r in change["requests"]] == ["PATCH"]
    assert "storageAccount" not in json.dumps(change["requests"][0]["body"])
    assert "2" in shell("show", "p.json", "--output", "md").out

    shell("emulator", "up", "--seed", str(before))
    live = shell("plan", "--env", "local", "--out", "live.json")
    assert "1" in live.out
    assert json.loads((credit / "live.json").read_text())["digest"] == document["digest"]
    applied = shell("apply", "p.json", "--env", "local", "--yes")
    assert "verified" in applied.out
    assert "No changes" in shell("plan", "--env", "local", "--detailed-exitcode").out
    again = shell("apply", "p.json", "--env", "local", "--yes", code=4)
    assert "applied before" in again.err

    shell("export", "WebService/CreditRiskPLPoCNew", "--api-version", "2016-05-01-preview", "--out", "e.json")
    old, new = before.read_text(), (credit / "e.json").read_text()
    assert [pair for pair in zip(old.splitlines(), new.splitlines(), strict=True) if pair[0] != pair[1]] == [
        (line, line.replace(uri_of(old), after_uri)) for line in old.splitlines() if uri_of(old) in line
    ]


def uri_of(text: str) -> str:
    document = json.loads(text)
    return next(a["locationInfo"]["uri"] for a in document["properties"]["assets"].values() if a["name"] == SLOT)


def test_validate_prints_findings_as_json(shell: Shell, before: Path) -> None:
    shell("init", "--from-export", str(before), "--dir", ".")
    assert json.loads(shell("validate", "--output", "json").out) == []
    (manifest,) = (shell.folder / "manifests").glob("*.yaml")
    manifest.write_text(
        manifest.read_text().replace("kind: WebService", "kind: WebServise").replace("version: 1", "version: x")
    )
    found = json.loads(shell("validate", "--output", "json", code=1).out)
    assert {finding["line"] for finding in found} >= {1} or len(found) >= 2
    assert all({"code", "message", "path", "line", "column"} <= finding.keys() for finding in found)
    assert any("WebService" in str(finding) for finding in found)


def test_demo_tells_the_story_and_leaves_nothing(shell: Shell) -> None:
    told = shell("demo")
    assert "census@2" in told.out
    assert "verified" in told.out
    assert "No changes" in told.out
    before, after, one, other = [
        [line for line in part.splitlines() if line and not line.startswith(("=", "$"))][:4]
        for part in told.out.split("--input sample.json\n")[1:]
    ]
    assert before[0].split() == ["Scored", "Labels", "Scored", "Probabilities"]
    assert before[0] == after[0]
    assert before[1:] != after[1:], "another model, other predictions"
    assert one[0] == other[0]
    assert one[1:] != other[1:], "different locations give different predictions"
    assert list(shell.folder.iterdir()) == []


def test_an_offline_plan_needs_no_network_and_no_variables(shell: Shell, before: Path) -> None:
    shell("init", "--from-export", str(before), "--dir", ".")
    bare = Shell(shell.folder, {"PATH": "", "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"})
    assert "No changes" in bare("plan", "--snapshot", str(before)).out
    assert not (shell.folder / ".retrainctl" / "emulator").exists()
