"""Model files from the command line: looked into, compared, converted, scored; local ones on their way to a service."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.command import Shell
from tests.support.estate import definition
from tests.support.ilearner_writer import ModelFile

CANARY = "Y2FuYXJ5LXN0b3JhZ2Uta2V5LWNhbmFyeQ=="
GOOD = ModelFile().bytes()
BETTER = ModelFile(bias=0.75).bytes()
OTHER = ModelFile(features=[("colour", ("blue", "red")), ("size", ("1", "2"))]).bytes()

PROJECT = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {name: models}
spec:
  environments:
    local: {emulator: {}}
    prod:
      arm: {subscription: "1111", resourceGroup: rg}
      storage: {acct: {key: {env: STORAGE_KEY}, endpoint: "http://127.0.0.1:9/acct"}}
"""
MANIFEST = """\
apiVersion: retrainctl/v1
kind: Model
metadata: {name: census}
spec:
  versions:
    - {version: 1, uri: "https://acct.blob.core.windows.net/models/census/1.ilearner"}
    - {version: 2, file: models/2.ilearner}
    - {version: 3, file: models/3.ilearner}
---
apiVersion: retrainctl/v1
kind: WebService
metadata: {name: census}
spec:
  models: {"Demand [trained model]": census@VERSION}
"""


def census() -> dict:
    """A service with an input that the good model fits; its slot serves version 1."""
    document = definition()
    properties = document["properties"]
    properties["storageAccount"] = {"name": "acct"}
    properties["input"] = {
        "type": "object",
        "properties": {
            "input1": {
                "type": "object",
                "properties": {"colour": {"type": "String"}, "size": {"type": "Number", "format": "double"}},
            }
        },
    }
    (asset,) = properties["assets"].values()
    asset["name"] = "Demand [trained model]"
    asset["locationInfo"]["uri"] = "https://acct.blob.core.windows.net/models/census/1.ilearner"
    return document


@pytest.fixture
def project(shell: Shell) -> Path:
    """A project with a live service in a fresh emulator, and three versions: a blob and two local files."""
    root = shell.folder
    for name in ("manifests/models", "seed"):
        (root / name).mkdir(parents=True)
    (root / "retrainctl.yaml").write_text(PROJECT)
    (root / "manifests/models/2.ilearner").write_bytes(GOOD)
    (root / "manifests/models/3.ilearner").write_bytes(OTHER)
    (root / "seed/1.ilearner").write_bytes(BETTER)
    (root / "seed/census.json").write_text(json.dumps(census()))
    (root / "seed/seed.yaml").write_text(
        "webServices: [{definition: census.json, name: census}]\n"
        "blobs: [{path: acct/models/census/1.ilearner, file: 1.ilearner}]\n"
    )
    want(root, 1)
    shell("emulator", "up", "--seed", "seed")
    return root


def want(root: Path, version: int) -> None:
    (root / "manifests/census.yaml").write_text(MANIFEST.replace("VERSION", str(version)))


def plan(shell: Shell, *arguments: str) -> dict:
    document: dict = json.loads(shell("plan", "--output", "json", *arguments).out)
    return document


def risks(document: dict) -> list[str]:
    return [risk["code"] for change in document["resource_changes"] for risk in change["risks"]]


def test_a_local_model_goes_live_once_and_stays(shell: Shell, project: Path):
    want(project, 2)
    (change,) = plan(shell, "--out", "p.json")["resource_changes"]
    (move,) = change["model_changes"]
    sha256 = hashlib.sha256(GOOD).hexdigest()
    uri = f"https://acct.blob.core.windows.net/models/retrainctl/{sha256}.ilearner"
    assert (move["to_uri"], move["to_file"], move["to_sha256"]) == (uri, "manifests/models/2.ilearner", sha256)
    assert [request["method"] for request in change["requests"]] == ["PUT", "PATCH"]
    applied = shell("apply", "p.json", "--yes")
    assert "1 applied (1 verified)" in applied.out
    assert f"uploaded manifests/models/2.ilearner ({len(GOOD):,} bytes)" in applied.out
    assert "No changes" in shell("plan", "--detailed-exitcode").out
    assert "No changes" in shell("plan", "--detailed-exitcode", "--read-models").out

    want(project, 1)
    back = plan(shell)["resource_changes"][0]["model_changes"][0]
    assert (back["from"], back["to"], back["from_uri"]) == ("census@2", "census@1", uri)
    shell("apply", "--yes")
    want(project, 2)
    again = shell("apply", "--yes")
    assert "uploaded" not in again.out + again.err
    assert "1 applied (1 verified)" in again.out


def test_a_file_that_changes_after_the_review_is_a_conflict(shell: Shell, project: Path):
    want(project, 2)
    shell("plan", "--out", "p.json")
    (project / "manifests/models/2.ilearner").write_bytes(BETTER)
    refused = shell("apply", "p.json", "--yes", code=4)
    assert "RC658" in refused.out
    assert plan(shell)["resource_changes"][0]["model_changes"][0]["from"] == "census@1"
    shell("apply", "--yes")
    assert "No changes" in shell("plan").out


def test_a_rollback_needs_no_file_any_more(shell: Shell, project: Path):
    want(project, 2)
    shell("apply", "--yes")
    want(project, 3)
    shell("apply", "--yes")
    for name in ("2", "3"):
        (project / f"manifests/models/{name}.ilearner").unlink()
    shell("rollback", "last", "--yes")
    (project / "manifests/models/2.ilearner").write_bytes(GOOD)
    (project / "manifests/models/3.ilearner").write_bytes(OTHER)
    want(project, 2)
    assert "No changes" in shell("plan").out


def test_a_misfit_is_a_risk_and_a_fit_is_none(shell: Shell, project: Path):
    want(project, 3)
    text = shell("plan").out
    assert "1 column text categories in the model, Number in the service: size" in " ".join(text.split())
    assert "at manifests/census.yaml:14" in text
    want(project, 2)
    assert risks(plan(shell)) == ["not-gated"]
    (project / "manifests/models/2.ilearner").write_bytes(b"\x80\x04\x95pickle")
    assert "model-unreadable" in risks(plan(shell))


def test_blobs_are_looked_into_on_request(shell: Shell, project: Path):
    want(project, 2)
    shell("apply", "--yes")
    want(project, 1)
    assert risks(plan(shell)) == ["version-goes-back", "not-gated"]
    assert not (project / ".retrainctl/cache").exists()
    assert risks(plan(shell, "--read-models", "--no-cache")) == ["version-goes-back", "not-gated"]
    assert not (project / ".retrainctl/cache").exists()
    plan(shell, "--read-models")
    assert (project / ".retrainctl/cache/models" / hashlib.sha256(BETTER).hexdigest()).is_file()
    text = (project / "manifests/census.yaml").read_text()
    (project / "manifests/census.yaml").write_text(text.replace('1.ilearner"', f'1.ilearner", sha256: {"f" * 64}'))
    assert "blob-hash-differs" in risks(plan(shell, "--read-models"))
    (project / "manifests/census.yaml").write_text(text.replace("census/1.ilearner", "census/gone.ilearner"))
    assert "blob-missing" in risks(plan(shell, "--read-models"))


def test_versions_are_listed_verified_and_downloaded(shell: Shell, project: Path):
    assert "WebService/census @1" in shell("models", "list").out
    assert json.loads(shell("models", "list", "--output", "json").out)["models"][0]["versions"] == 3
    shown = shell("models", "show", "census").out
    assert "https://acct.blob.core.windows.net/models/census/1.ilearner" in shown
    assert hashlib.sha256(GOOD).hexdigest() in shown

    assert "3 versions checked in local: no findings." in shell("models", "verify", "--env", "local").out
    text = (project / "manifests/census.yaml").read_text()
    (project / "manifests/census.yaml").write_text(text.replace('1.ilearner"', f'1.ilearner", sha256: {"f" * 64}'))
    found = json.loads(shell("models", "verify", "census@1", "--output", "json", code=1).out)
    assert [finding["code"] for finding in found["versions"][0]["findings"]] == ["RC659"]
    assert "RC659" in shell("models", "download", "census@1", code=1).err
    assert not list(project.glob("*.ilearner"))

    (project / "manifests/census.yaml").write_text(text)
    shell("models", "download", "census@1", "--out", "got.ilearner")
    assert (project / "got.ilearner").read_bytes() == BETTER
    assert "RC004" in shell("models", "download", "census@1", "--out", "got.ilearner", code=1).err
    assert "Two-Class Support Vector Machine" in shell("models", "inspect", "census@1").out
    assert "Bias" in shell("models", "diff", "census@1", "census@2").out
    assert "did you mean" in shell("models", "show", "cens", code=1).err.lower()


def test_a_missing_or_wrong_key_is_said_and_never_shown(shell: Shell, project: Path):
    missing = shell("models", "verify", "census@1", "--env", "prod", code=1)
    assert "STORAGE_KEY" in missing.out
    down = shell("models", "verify", "census@1", "--env", "prod", code=1, STORAGE_KEY=CANARY)
    assert "RC65" in down.out
    broken = shell("models", "inspect", "census@1", "--env", "prod", "-vv", code=1, STORAGE_KEY=CANARY)
    for ran in (down, broken):
        assert CANARY not in ran.out + ran.err
    for path in project.rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes()


def test_files_need_no_project(shell: Shell):
    (shell.folder / "model.ilearner").write_bytes(GOOD)
    (shell.folder / "rows.csv").write_text("colour,size\nblue,1\nred,2.5\n")
    assert json.loads(shell("models", "inspect", "model.ilearner", "--output", "json").out)["scorable"]
    made = shell("models", "convert", "model.ilearner", "--to", "onnx", "--check")
    assert "0 labels differ" in made.err
    assert "RC004" in shell("models", "convert", "model.ilearner", "--to", "onnx", code=1).err
    rows = [
        json.loads(shell("models", "score", name, "--input", "rows.csv", "--output", "json").out)["rows"]
        for name in ("model.ilearner", "model.onnx")
    ]
    assert rows[0] == rows[1]
    assert rows[0][0]["Scored Labels"] in ("yes", "no")
    assert "RC003" in shell("models", "score", "model.ilearner", code=64).err
    assert "RC709" in shell("models", "inspect", "gone.ilearner", code=1).err
    assert "RC701" in shell("models", "inspect", "rows.csv", code=1).err


def test_the_commands_of_the_issue(shell: Shell, shared: Path):
    exports = shared / "arm/exports"
    right, wrong = str(exports / "CreditRisk.ilearner"), str(exports / "Credit_risk.ilearner")
    assert "Two-Class Support Vector Machine" in " ".join(shell("models", "inspect", right).out.split())
    assert json.loads(shell("models", "inspect", wrong, "--output", "json").out)["label"]["values"] == [1, 2]
    assert "7 columns change from Numeric to Categorical" in shell("models", "diff", wrong, right).out
    shell("models", "convert", right, "--to", "onnx", "--out", "credit.onnx")
    service = str(exports / "CreditRisk.after-retraining.json")
    scored = json.loads(shell("models", "score", "credit.onnx", "--example", service, "--output", "json").out)
    assert len(scored["rows"]) == 5
    assert scored["rows"][0]["Scored Probabilities"] == pytest.approx(0.754309, abs=1e-6)
    assert any("itransform" in note for note in scored["notes"])
    assert "RC724" in shell("models", "score", wrong, "--example", service, code=1).err


def test_the_real_pair_in_a_plan(shell: Shell, shared: Path):
    export = shared / "arm/exports/CreditRisk.before-retraining.json"
    shell("init", "--from-export", str(export), "--dir", ".")
    (manifest,) = (shell.folder / "manifests").glob("*.yaml")
    first = next(line for line in manifest.read_text().splitlines() if "uri:" in line)
    indent = first[: first.index("uri:")]
    for name in ("Credit_risk", "CreditRisk"):
        (shell.folder / f"manifests/{name}.ilearner").write_bytes((export.parent / f"{name}.ilearner").read_bytes())
    files = "".join(
        f"\n{indent[:-2]}- version: {number}\n{indent}file: {name}.ilearner"
        for number, name in ((2, "Credit_risk"), (3, "CreditRisk"))
    )
    text = manifest.read_text().replace(first, first + files, 1)
    manifest.write_text(text.replace("@1", "@2"))
    misfit = shell("plan", "--snapshot", str(export)).out
    assert "danger: 7 columns numeric in the model, String in the service" in misfit
    assert f"at manifests/{manifest.name}:" in misfit
    manifest.write_text(text.replace("@1", "@3"))
    document = json.loads(shell("plan", "--snapshot", str(export), "--output", "json").out)
    assert risks(document) == ["not-gated"]
    assert not (shell.folder / ".retrainctl/emulator").exists()
