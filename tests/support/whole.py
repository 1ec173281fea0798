"""Whole commands for benches: a process of its own, its time and its largest memory.

Measured is what a user of an installed package has: the bytecode of every module lies there. It is made once, before
the first command, also where this process itself was told to write none (PYTHONDONTWRITEBYTECODE).
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import retrainctl as retrainctl_package
from tests.support.command import environment

PEERS = {5000: {"octoDNS": 2.98, "Terraform": 21.1}, 1000: {"octoDNS": 0.70, "Terraform": 2.64}}
"""Seconds of a plan with 10 % changed, on another machine of two cores (plan-apply-anchors.md section 4)."""

_WATCHER = """
import os, resource, subprocess, sys
subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(peak / (1024 if sys.platform != "darwin" else 1024**2))
"""


@dataclass(frozen=True)
class Ran:
    """Exit code and seconds."""

    code: int
    seconds: float


@lru_cache(maxsize=1)
def _as_installed() -> None:
    """Compiles the package. What else is missing the first command writes: its environment does not forbid it."""
    folder = Path(retrainctl_package.__file__).parent
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(folder)], env=environment(), check=True)


def python(arguments: list[str], cwd: Path) -> Ran:
    """Runs this interpreter; what it prints is dropped."""
    _as_installed()
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment(), stdout=subprocess.DEVNULL)
    return Ran(done.returncode, time.perf_counter() - began)


def retrainctl(arguments: list[str], cwd: Path) -> Ran:
    """Runs the command line."""
    return python(["-m", "retrainctl", *arguments], cwd)


def peak(arguments: list[str], cwd: Path) -> int:
    """The largest resident memory of a command, in MiB.

    A small process starts it: a child's figure begins with what its parent had, and this process has a lot.
    """
    _as_installed()
    command = [sys.executable, "-c", _WATCHER, sys.executable, "-m", "retrainctl", *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=True)
    return round(float(done.stdout))
