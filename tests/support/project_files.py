"""Projects as text, for tests of reading them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from retrainctl.manifest.load import Loaded, load

PROJECT = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {name: test}
spec:
  vars: {locations: 2}
  environments:
    local: {emulator: {}}
"""


def write(root: Path, files: Mapping[str, str]) -> Path:
    """Writes files below `root`, with a project file where none is given; gives the project file."""
    for name, text in {"retrainctl.yaml": PROJECT, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root / "retrainctl.yaml"


def loaded(
    root: Path,
    files: Mapping[str, str],
    environment: str = "local",
    overrides: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Writes a project and loads it."""
    return load(write(root, files), environment, overrides or {}, environ or {})


def manifest(kind: str, name: str, spec: str = "{}", more: str = "") -> str:
    """One document; `more` holds further top-level lines."""
    extra = f"{more}\n" if more else ""
    return f"apiVersion: retrainctl/v1\nkind: {kind}\nmetadata: {{name: {name}}}\n{extra}spec: {spec}\n"


def codes(result: Loaded) -> list[str]:
    """The codes of all findings, in their order."""
    return [finding.code for finding in result.diagnostics]
