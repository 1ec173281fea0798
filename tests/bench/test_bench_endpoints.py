"""Applies over HTTP to many endpoints of one service.

Figures are reported (`--benchmark-only -s`), never asserted. The frame: 1,000 patches at 50 ms latency within 1.3 times
the larger of the run without latency and of calls x 1,000 / 8 x 50 ms.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.support.classic_estate import SLOT, make_project
from tests.support.classic_service import scoring_definition
from tests.support.command import Shell, environment
from tests.support.emulator_process import running

CALLS = 3
AT_ONCE = 8
BASE = "https://bikerentals.blob.core.windows.net/models/base.ilearner"


@pytest.mark.benchmark(group="apply 1,000 patches")
def test_apply_with_and_without_latency(benchmark, tmp_path: Path) -> None:
    count = 1000 if benchmark.enabled else 10
    project = make_project(tmp_path / "p", count, version=1)
    state = tmp_path / "state"
    settings = (project / "retrainctl.yaml").read_text()
    (project / "retrainctl.yaml").write_text(settings.replace("emulator: {}", f"emulator: {{state: '{state}'}}"))
    (tmp_path / "seed").mkdir()
    definition = scoring_definition({SLOT: BASE})
    (tmp_path / "seed" / "seed.yaml").write_text(json.dumps({"classic": [{"definition": definition}]}))
    shell = Shell(project, environment())
    with running(state) as emulator:
        emulator.seed(tmp_path / "seed")
        shell("apply", "--env", "local", "--yes")
        quick = _patch_all(shell, 2)
        emulator.faults(latency="50ms")
        slow = benchmark.pedantic(_patch_all, args=(shell, 1), rounds=1)
    floor = max(quick, CALLS * count / AT_ONCE * 0.05)
    benchmark.extra_info.update(
        {"0 ms": round(quick, 2), "50 ms": round(slow, 2), "times the floor": round(slow / floor, 2)}
    )
    print(f"\n{count} patches: {benchmark.extra_info}")


def _patch_all(shell: Shell, version: int) -> float:
    """Seconds of one apply that moves every endpoint to this version."""
    table = shell.folder / "locations.csv"
    header, *rows = table.read_text().splitlines()
    moved = [f"{row.split(',')[0]},{version}" for row in rows]
    table.write_text("\n".join([header, *moved]) + "\n")
    began = time.perf_counter()
    ran = shell("apply", "--env", "local", "--yes", "--output", "json")
    took = time.perf_counter() - began
    assert json.loads(ran.out)["counts"]["applied"] == len(rows)
    return took
