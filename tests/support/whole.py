"""Whole commands for benches: a process of its own, its time and its largest memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.command import environment

PEERS = {5000: {"octoDNS": 2.98, "Terraform": 21.1}, 1000: {"octoDNS": 0.70, "Terraform": 2.64}}
"""Seconds of a plan with 10 % changed, on another machine of two cores (plan-apply-anchors.md section 4)."""


@dataclass(frozen=True)
class Ran:
    """Exit code, seconds, and the largest resident memory in MiB."""

    code: int
    seconds: float
    peak: float


def python(arguments: list[str], cwd: Path) -> Ran:
    """Runs this interpreter; what it prints is dropped."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=cwd, env=environment(), stdout=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    return Ran(process.returncode, time.perf_counter() - began, peak)


def retrainctl(arguments: list[str], cwd: Path) -> Ran:
    """Runs the command line."""
    return python(["-m", "retrainctl", *arguments], cwd)
