"""Every kind of bad input has a folder under tests/golden/manifest with what the user reads about it.

A case is a project (a `retrainctl.yaml` is supplied where it has none) and `expected.txt`; `args.json` may hold
`environment`, `overrides` and `environ`. RETRAINCTL_UPDATE_GOLDEN=1 writes the expectation anew.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from retrainctl.codes import catalogue
from retrainctl.diagnostics import Diagnostic
from retrainctl.manifest.load import load

CASES = Path(__file__).resolve().parents[2] / "golden" / "manifest"
PROJECT = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {name: golden}
spec:
  vars: {locations: 2}
  environments: {local: {emulator: {}}}
"""


def shown(finding: Diagnostic) -> str:
    place = f"{finding.span}: " if finding.span else ""
    hint = f"  = help: {finding.hint}\n" if finding.hint else ""
    return f"{place}{finding.severity}[{finding.code}]: {finding.message}\n{hint}"


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir() if path.is_dir()))
def test_bad_input_is_explained(case: str, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(CASES / case, project, symlinks=True)
    file = project / "retrainctl.yaml"
    if not file.exists():
        file.write_text(PROJECT)
    arguments = project / "args.json"
    given = json.loads(arguments.read_text()) if arguments.exists() else {}
    loaded = load(file, given.get("environment", "local"), given.get("overrides", {}), given.get("environ", {}))
    text = "".join(map(shown, loaded.diagnostics))
    expected = CASES / case / "expected.txt"
    if os.environ.get("RETRAINCTL_UPDATE_GOLDEN"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    known = catalogue()
    assert all(finding.code in known for finding in loaded.diagnostics)
