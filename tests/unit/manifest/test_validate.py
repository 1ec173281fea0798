"""`validate`: what can be known without any target."""

from __future__ import annotations

import hashlib
from pathlib import Path

from retrainctl.diagnostics import Severity
from retrainctl.operations.validate import validate
from tests.support.project_files import PROJECT, manifest, write


def check(root: Path, files: dict[str, str]) -> list[tuple[str, Severity]]:
    return [(finding.code, finding.severity) for finding in validate(write(root, files), "local", {}, {})]


def test_a_sound_project_has_no_findings(tmp_path: Path) -> None:
    assert check(tmp_path, {"manifests/a.yaml": manifest("WebService", "a")}) == []


def test_a_model_file_must_be_what_was_declared(tmp_path: Path) -> None:
    right = hashlib.sha256(b"model").hexdigest().upper()
    for digest, expected in ((right, []), ("0" * 64, [("RC148", Severity.ERROR)])):
        versions = f'{{versions: [{{version: 1, file: m.ilearner, sha256: "{digest}"}}]}}'
        files = {"manifests/a.yaml": manifest("Model", "m", versions), "manifests/m.ilearner": "model"}
        assert check(tmp_path, files) == expected


def test_a_pattern_that_protects_nothing_is_a_warning(tmp_path: Path) -> None:
    guards = "{emulator: {}, protect: ['WebService/a*', 'WebService/z*'], freeze: [WebService/zz]}"
    files = {
        "retrainctl.yaml": PROJECT.replace("{emulator: {}}", guards),
        "manifests/a.yaml": manifest("WebService", "ab"),
    }
    assert check(tmp_path, files) == [("RC149", Severity.WARNING)] * 2


def test_guesses_are_left_out_while_there_are_errors(tmp_path: Path) -> None:
    guards = "{emulator: {}, protect: ['WebService/a*']}"
    files = {
        "retrainctl.yaml": PROJECT.replace("{emulator: {}}", guards),
        "manifests/a.yaml": manifest("WebService", "a", "{x: 1}"),
    }
    assert check(tmp_path, files) == [("RC113", Severity.ERROR)]
