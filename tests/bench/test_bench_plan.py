"""Whole commands offline: start-up, plans of many resources against a snapshot, and what is made of a large plan.

Figures are reported, never asserted. `pytest tests/bench --benchmark-only -q` prints the table; without it every bench
runs once, small, so that it stays in working order.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.support.classic_estate import make_project, make_snapshot
from tests.support.estate import definition, make_estate
from tests.support.whole import PEERS, Ran, peak, python, retrainctl

FORMATS = ("text", "json", "md", "html", "sarif", "junit", "events")


@pytest.mark.benchmark(group="start-up")
@pytest.mark.parametrize(
    "arguments",
    [
        ["-c", "pass"],
        ["-m", "retrainctl", "--version"],
        ["-m", "retrainctl", "--help"],
        ["-m", "retrainctl", "validate"],
    ],
    ids=["python -c pass", "--version", "--help", "validate"],
)
def test_startup(benchmark: BenchmarkFixture, tmp_path: Path, arguments: list[str]) -> None:
    project = make_project(tmp_path / "p", 20)
    ran = benchmark.pedantic(python, args=(arguments, project), rounds=5, warmup_rounds=1)
    assert ran.code == 0


@pytest.mark.benchmark(group="offline plan")
@pytest.mark.parametrize("stale", [10, 0], ids=["10 % changed", "no change"])
@pytest.mark.parametrize("documents", [False, True], ids=["forEach", "documents"])
@pytest.mark.parametrize("count", [20, 1000, 5000, 50_000])
def test_offline_plan(
    benchmark: BenchmarkFixture, tmp_path: Path, count: int, documents: bool, stale: int, growth: dict[object, Ran]
) -> None:
    if count > 20 and not benchmark.enabled:
        pytest.skip("only when measured")
    if count > 5000 and (documents or not stale):
        pytest.skip("one of this size is enough")
    project = make_project(tmp_path / "p", count, documents=documents)
    live = make_snapshot(project, count, stale_every=stale or count + 1, pulled=True)
    arguments = ["plan", "--snapshot", str(live), "--detailed-exitcode"]
    rounds = 5 if count <= 5000 else 3
    ran = benchmark.pedantic(retrainctl, args=(arguments, project), rounds=rounds, warmup_rounds=1)
    assert ran.code == (2 if stale else 0)
    if benchmark.stats is None:
        return
    benchmark.extra_info["MiB"] = peak(arguments, project)
    median = benchmark.stats.stats.median
    for peer, seconds in PEERS.get(count, {}).items():
        benchmark.extra_info[f"of {peer}"] = round(median / seconds, 2)
    growth[count, documents, stale] = Ran(ran.code, median)
    if (small := growth.get((count // 10, documents, stale)) or growth.get((count // 5, documents, stale))) is not None:
        factor = 10 if (count // 10, documents, stale) in growth else 5
        benchmark.extra_info["exponent"] = round(math.log(median / small.seconds) / math.log(factor), 2)


@pytest.fixture(scope="module")
def growth() -> dict[object, Ran]:
    """What smaller sizes took, for the growth exponent."""
    return {}


@pytest.mark.benchmark(group="offline plan, web services of a full definition each")
@pytest.mark.parametrize("count", [1000, 5000])
def test_offline_plan_of_web_services(benchmark: BenchmarkFixture, tmp_path: Path, count: int) -> None:
    count = count if benchmark.enabled else 20
    project = make_estate(tmp_path / "p", count)
    live = _web_services(tmp_path / "p", count)
    arguments = ["plan", "--snapshot", str(live), "--detailed-exitcode"]
    ran = benchmark.pedantic(retrainctl, args=(arguments, project), rounds=5, warmup_rounds=1)
    assert ran.code == 2
    if benchmark.stats is not None:
        benchmark.extra_info["MiB"] = peak(arguments, project)


@pytest.fixture(scope="module")
def all_changed(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A project in which every endpoint changes, with its plan saved: 5,000 where it is measured."""
    count = 5000 if request.config.option.benchmark_only or request.config.option.benchmark_enable else 20
    project = make_project(tmp_path_factory.mktemp("changed") / "p", count)
    live = make_snapshot(project, count, stale_every=1, pulled=True)
    assert retrainctl(["plan", "--snapshot", str(live), "--out", "plan.json"], project).code == 0
    return project


@pytest.mark.benchmark(group="show 5,000 changes")
@pytest.mark.parametrize("form", FORMATS)
def test_show(benchmark: BenchmarkFixture, all_changed: Path, form: str) -> None:
    arguments = ["show", "plan.json", "--output", form]
    ran = benchmark.pedantic(retrainctl, args=(arguments, all_changed), rounds=5, warmup_rounds=1)
    assert ran.code == 0
    if benchmark.stats is not None:
        benchmark.extra_info["MiB"] = peak(arguments, all_changed)


@pytest.mark.benchmark(group="plan of 5,000 changes")
@pytest.mark.parametrize(
    "files", [(), ("--md", "plan.md", "--json", "p.json")], ids=["alone", "with Markdown and JSON on top"]
)
def test_plan_with_files(benchmark: BenchmarkFixture, all_changed: Path, files: tuple[str, ...]) -> None:
    arguments = ["plan", "--snapshot", "snapshot", *files, *(("--budget", "github-comment") if files else ())]
    ran = benchmark.pedantic(retrainctl, args=(arguments, all_changed), rounds=5, warmup_rounds=1)
    assert ran.code == 0
    if benchmark.stats is not None:
        benchmark.extra_info["MiB"] = peak(arguments, all_changed)


def _web_services(folder: Path, count: int) -> Path:
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
