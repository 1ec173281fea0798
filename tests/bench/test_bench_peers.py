"""The peers on this very machine, where they are installed: Terraform with `terraform_data`, octoDNS with YAML.

Both plan 1,000 trivial resources of which one in ten changes, as `test_bench_plan.py` does. Not 5,000: Terraform takes
18 minutes to write those down first.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

COUNTS = [1000]


def run(command: list[str], cwd: Path) -> int:
    return subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


@pytest.mark.benchmark(group="peers: 10 % changed")
@pytest.mark.parametrize("count", COUNTS)
def test_terraform(benchmark: BenchmarkFixture, tmp_path: Path, count: int) -> None:
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("terraform is not installed")
    count = count if benchmark.enabled else 3
    main = 'variable "changed" {{ default = {} }}\nresource "terraform_data" "one" {{\n  count = {}\n' + (
        '  input = count.index % 10 == 0 ? "b${{var.changed}}" : "a"\n}}\n'
    )
    (tmp_path / "main.tf").write_text(main.format(1, count))
    assert run([terraform, "init", "-no-color"], tmp_path) == 0
    assert run([terraform, "apply", "-auto-approve", "-no-color", "-parallelism=50"], tmp_path) == 0
    (tmp_path / "main.tf").write_text(main.format(2, count))
    plan = [terraform, "plan", "-detailed-exitcode", "-no-color"]
    assert benchmark.pedantic(run, args=(plan, tmp_path), rounds=3) == 2


@pytest.mark.benchmark(group="peers: 10 % changed")
@pytest.mark.parametrize("count", COUNTS)
def test_octodns(benchmark: BenchmarkFixture, tmp_path: Path, count: int) -> None:
    if importlib.util.find_spec("octodns") is None:
        pytest.skip("octodns is not installed")
    count = count if benchmark.enabled else 3
    for folder, changed in (("old", "192.0.2.1"), ("new", "192.0.2.2")):
        (tmp_path / folder).mkdir()
        records = "".join(
            f"r{n:06}:\n  type: A\n  value: {changed if n % 10 == 0 else '192.0.2.9'}\n" for n in range(count)
        )
        (tmp_path / folder / "example.com.yaml").write_text("---\n" + records)
    provider = "    class: octodns.provider.yaml.YamlProvider\n    enforce_order: false\n    directory: ./{}\n"
    (tmp_path / "config.yaml").write_text(
        "providers:\n  new:\n" + provider.format("new") + "  old:\n" + provider.format("old") + "zones:\n"
        "  example.com.:\n    sources: [new]\n    targets: [old]\n"
    )
    code = "from octodns.cmds.sync import main; main()"
    sync = [sys.executable, "-c", code, "--config-file", "config.yaml", "--force"]
    assert benchmark.pedantic(run, args=(sync, tmp_path), rounds=3) == 0
