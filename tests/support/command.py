"""The command line as another process, the way a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


@dataclass
class Shell:
    """Runs `retrainctl` in one folder. Every emulator that it starts is stopped by the fixture that made it."""

    folder: Path
    environ: dict[str, str]

    def __call__(self, *arguments: str, code: int | None = 0, cwd: Path | None = None, **environ: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "retrainctl", *arguments],
            cwd=cwd or self.folder,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
            check=False,
        )
        ran = Ran(done.returncode, done.stdout, done.stderr)
        assert code is None or ran.code == code, f"retrainctl {' '.join(arguments)}: {ran}"
        return ran


def environment() -> dict[str, str]:
    """A clean environment: nothing of the developer's machine or of the CI system shows through."""
    kept = ("PATH", "HOME", "TMPDIR", "LANG", "PYTHONPATH", "VIRTUAL_ENV")
    return {**{name: os.environ[name] for name in kept if name in os.environ}, "NO_COLOR": "1", "COLUMNS": "100"}
