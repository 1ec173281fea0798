"""Where the manifests came from, as Git knows it; a project outside Git simply has no commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

from retrainctl.plan.plan import Source


def source_of(root: Path, manifests: tuple[tuple[str, str], ...]) -> Source:
    """Commit and dirtiness of the project folder. One Git process, and none where no `.git` is above."""
    if not any((folder / ".git").exists() for folder in (root.resolve(), *root.resolve().parents)):
        return Source(manifests=manifests)
    try:
        answer = subprocess.run(
            ["git", "status", "--porcelain=v2", "--branch", "--untracked-files=no", "--", "."],  # noqa: S607
            cwd=root,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return Source(manifests=manifests)
    if answer.returncode:
        return Source(manifests=manifests)
    lines = answer.stdout.splitlines()
    commit = next((line.split()[2] for line in lines if line.startswith("# branch.oid ")), None)
    dirty = any(not line.startswith("#") for line in lines)
    return Source(commit=None if commit == "(initial)" else commit, dirty=dirty, manifests=manifests)
