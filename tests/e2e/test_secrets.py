"""Canary secrets everywhere: none may show in any output, file, log at -vv or traceback."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.command import Shell
from tests.support.estate import definition, make_estate

SIG = "CanarySig%2Bx8f0a7c6b5d4e3f2a1b0c9d8e7f6a5b4c3%3D"
KEY = "CanaryKey0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ=="
CREDENTIALS = "CanaryCredentialsOfTheBlobStore42"
SPELLINGS = [
    SIG,
    "CanarySig",
    "CanaryKey",
    KEY[-20:],
    KEY,
    CREDENTIALS,
    quote(KEY, safe=""),
    base64.b64encode(KEY.encode()).decode().rstrip("="),
]


@pytest.fixture
def leaky(shell: Shell) -> Shell:
    """Live definitions with a SAS and credentials in them; a manifest with a storage key by reference."""
    make_estate(shell.folder, 2)
    document = definition()
    location = document["properties"]["assets"]["asset1"]["locationInfo"]
    location["uri"] += f"?sv=2016-05-31&sr=b&sp=r&sig={SIG}"
    location["credentials"] = CREDENTIALS
    document["properties"]["assets"]["asset2"] = {
        "name": "Words.itransform",
        "type": "Resource",
        "locationInfo": {"uri": f"https://demand.blob.core.windows.net/x/w.itransform?sv=1&sig={SIG}"},
    }
    (shell.folder / "seed/demand.json").write_text(json.dumps(document))
    (shell.folder / "manifests/new.yaml").write_text(
        "apiVersion: retrainctl/v1\nkind: CommitmentPlan\nmetadata: {name: s1}\n"
        "spec: {location: southcentralus, sku: {name: S1, tier: Standard, capacity: 1}}\n---\n"
        "apiVersion: retrainctl/v1\nkind: WebService\nmetadata: {name: fresh}\n"
        "spec:\n  definition: ../seed/clean.json\n  commitmentPlan: CommitmentPlan/s1\n"
        "  storageAccount: {name: demand, key: {env: CANARY_KEY}}\n"
    )
    (shell.folder / "seed/clean.json").write_text(json.dumps(definition()))
    shell.environ["CANARY_KEY"] = KEY
    return shell


def leaks(text: str) -> list[str]:
    return [spelling for spelling in SPELLINGS if spelling in text]


def test_no_canary_anywhere(leaky: Shell) -> None:
    shell = leaky
    said = [shell("emulator", "up", "--seed", "seed/")]
    said.append(shell("plan", "-vv", "--explain", "--show-ignored", "--out", "p.json"))
    for form in ("text", "json", "md", "html", "sarif", "junit", "events"):
        said.append(shell("show", "p.json", "--output", form, "--explain"))
    said.append(shell("apply", "p.json", "--yes", "-vv", "--receipt", "r.json"))
    said.append(shell("plan", "-vv", "--detailed-exitcode"))
    said.append(shell("snapshot", "pull", "--out", "snap"))
    said.append(shell("export", "svc-1", "-vv"))
    said.append(shell("history", "--output", "json"))
    said.append(shell("rollback", "last", "--out", "back.json", "-vv"))
    said.append(shell("import", "--project", "nowhere.yaml", "-vv", code=1))
    for ran in said:
        assert not leaks(ran.out), leaks(ran.out)
        assert not leaks(ran.err), leaks(ran.err)
    inputs = {"demand.json"}
    for path in shell.folder.rglob("*"):
        if path.is_file() and path.name not in inputs and "emulator" not in path.parts:
            assert not leaks(path.read_text(errors="replace")), path


def test_a_literal_signature_or_key_in_a_manifest_is_refused_and_not_repeated(shell: Shell) -> None:
    make_estate(shell.folder, 1)
    manifest = shell.folder / "manifests/demand.yaml"
    manifest.write_text(manifest.read_text().replace("/1.ilearner'", f"/1.ilearner?sv=1&sig={SIG}'"))
    (shell.folder / "manifests/key.yaml").write_text(
        "apiVersion: retrainctl/v1\nkind: WebService\nmetadata: {name: k}\n"
        f"spec: {{storageAccount: {{name: a, key: '{KEY}'}}}}\n"
    )
    ran = shell("validate", code=1)
    assert "demand.yaml" in ran.out + ran.err
    assert "key.yaml" in ran.out + ran.err
    assert not leaks(ran.out + ran.err)


def test_a_missing_variable_is_named_before_anything_is_written(shell: Shell, tmp_path: Path) -> None:
    make_estate(shell.folder, 1)
    project = shell.folder / "retrainctl.yaml"
    project.write_text(
        project.read_text()
        + "    prod:\n      arm: {subscription: 11111111-2222-3333-4444-555555555555, resourceGroup: rg}\n"
        + "      storage: {demand: {key: {env: NOT_SET_ANYWHERE}}}\n"
    )
    ran = shell("plan", "--env", "prod", code=1, HTTPS_PROXY="http://127.0.0.1:9")
    assert "Traceback" not in ran.err
    assert "error[RC3" in ran.err
