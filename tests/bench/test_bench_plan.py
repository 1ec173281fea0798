"""Whole commands: offline plans of many web services against a snapshot folder, with peak memory.

Figures are reported (`--benchmark-only -s`), never asserted. Ratios: octoDNS 2.98 s and 62 MiB, Terraform 21.1 s and
690 MiB for 5,000 resources with 10 % changed (plan-apply-anchors.md section 4).
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import environment
from tests.support.estate import definition, make_estate

PEERS = {5000: {"octoDNS": 2.98, "Terraform": 21.1}, 1000: {"octoDNS": 0.70, "Terraform": 2.64}}


def snapshot(folder: Path, count: int) -> Path:
    """A complete snapshot in which nine of ten services serve version 2 already."""
    root = folder / "snapshot" / "arm" / "local"
    root.mkdir(parents=True)
    old = definition()
    new = json.dumps(old).replace("/1.ilearner", "/2.ilearner")
    for n in range(1, count + 1):
        (root / f"svc-{n}.json").write_text(json.dumps(old) if n % 10 == 0 else new)
    head = {"format": 1, "complete": True, "names": "encoded", "environment": "local", "targets": {}}
    (folder / "snapshot" / "snapshot.json").write_text(json.dumps(head))
    return folder / "snapshot"


def timed(arguments: list[str], cwd: Path) -> tuple[int, float]:
    """Exit code and peak memory in MiB of one command."""
    before = os.times().children_user
    with subprocess.Popen(
        [sys.executable, "-m", "retrainctl", *arguments], cwd=cwd, env=environment(), stdout=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert os.times().children_user >= before
    peak = usage.ru_maxrss / 1024 if sys.platform != "darwin" else usage.ru_maxrss / 1024**2
    return process.returncode, peak


@pytest.mark.parametrize("count", [1000, 5000])
@pytest.mark.benchmark(group="offline plan, web services, 10 % changed")
def test_offline_plan(benchmark, tmp_path: Path, count: int) -> None:
    project = make_estate(tmp_path / "p", count)
    live = snapshot(tmp_path / "p", count)
    code, peak = benchmark.pedantic(
        timed, args=(["plan", "--snapshot", str(live), "--detailed-exitcode"], project), rounds=5
    )
    assert code == 2
    benchmark.extra_info["peak MiB"] = round(peak, 1)
    benchmark.extra_info["self MiB"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    if benchmark.stats is not None:
        for peer, seconds in PEERS[count].items():
            benchmark.extra_info[f"times {peer}"] = round(benchmark.stats.stats.median / seconds, 2)
    print(f"\n{count}: {benchmark.extra_info}")


@pytest.mark.benchmark(group="start-up")
@pytest.mark.parametrize(
    "arguments", [["-c", "pass"], ["-m", "retrainctl", "--version"], ["-m", "retrainctl", "--help"]]
)
def test_startup(benchmark, tmp_path: Path, arguments: list[str]) -> None:
    def once() -> int:
        return subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL, check=False
        ).returncode

    assert benchmark.pedantic(once, rounds=5) == 0
