"""Whole commands against a running emulator: plans of many web services without and with latency, and an import.

The floor of a plan with 50 ms latency is the larger of the run without any and of count / 8 x 50 ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.support.emulator_process import Emulator, running
from tests.support.estate import make_estate
from tests.support.whole import retrainctl

AT_ONCE = 8
LATENCY = 0.05


@pytest.fixture(scope="module")
def count(request: pytest.FixtureRequest) -> int:
    measured = request.config.option.benchmark_only or request.config.option.benchmark_enable
    return 1000 if measured else 10


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory, count: int) -> Iterator[tuple[Path, Emulator]]:
    """A project and the emulator that holds its services."""
    folder = tmp_path_factory.mktemp("live")
    project, state = make_estate(folder / "p", count), folder / "state"
    settings = (project / "retrainctl.yaml").read_text()
    (project / "retrainctl.yaml").write_text(settings.replace("emulator: {}", f"emulator: {{state: '{state}'}}"))
    with running(state) as emulator:
        emulator.seed(project / "seed")
        yield project, emulator


@pytest.mark.benchmark(group="live plan of 1,000 web services")
def test_live_plan_with_and_without_latency(
    benchmark: BenchmarkFixture, estate: tuple[Path, Emulator], count: int
) -> None:
    project, emulator = estate
    anew = ["plan", "--no-cache"]
    quick = min(retrainctl(anew, project).seconds for _ in range(3 if benchmark.enabled else 1))
    emulator.faults(latency=f"{int(LATENCY * 1000)}ms")
    ran = benchmark.pedantic(retrainctl, args=(anew, project), rounds=3)
    emulator.faults(latency="0ms")
    assert ran.code == 0
    floor = max(quick, count / AT_ONCE * LATENCY)
    if benchmark.stats is not None:
        median = benchmark.stats.stats.median
        benchmark.extra_info.update({"0 ms": round(quick, 2), "of the floor": round(median / floor, 2)})


@pytest.mark.benchmark(group="live plan of 1,000 web services")
def test_second_plan_of_an_unchanged_estate(benchmark: BenchmarkFixture, estate: tuple[Path, Emulator]) -> None:
    project, emulator = estate
    retrainctl(["plan"], project)
    emulator.faults(latency=f"{int(LATENCY * 1000)}ms")
    ran = benchmark.pedantic(retrainctl, args=(["plan"], project), rounds=3)
    emulator.faults(latency="0ms")
    assert ran.code == 0


@pytest.mark.benchmark(group="import of the recorded 1,135 services")
def test_import_of_an_estate(benchmark: BenchmarkFixture, shared: Path, tmp_path: Path) -> None:
    project = tmp_path / "p"
    project.mkdir()
    (project / "retrainctl.yaml").write_text(
        "apiVersion: retrainctl/v1\nkind: Project\nmetadata: {name: estate}\nspec:\n  environments:\n"
        "    prod: {arm: {subscription: s, resourceGroup: rg}}\n"
    )
    listed = shared / "arm/recordings/TestListWebServices.json"

    def fresh() -> tuple[tuple[list[str], Path], dict[str, object]]:
        for made in (project / "manifests").glob("*.yaml"):
            made.unlink()
        return (["import", "--env", "prod", "--from-list", str(listed)], project), {}

    ran = benchmark.pedantic(retrainctl, setup=fresh, rounds=3)
    assert ran.code == 0
