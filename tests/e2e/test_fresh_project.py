"""A project that `init` has just made from nothing: every command works in it, and issue 7's first lines do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrainctl.wiring import emulator
from tests.support.command import environment
from tests.support.inside import Inside


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    folder = tmp_path_factory.mktemp("fresh")
    run = Inside(folder, environment())
    assert "manifests/.gitkeep" in run("init").out
    yield run
    emulator.stop(folder / ".retrainctl" / "emulator")


def test_what_init_tells_to_do_next_works(fresh: Inside) -> None:
    fresh("validate")
    assert "No changes" in fresh("plan").out
    assert "nothing to do" in fresh("apply", "--yes").out
    assert fresh("status", "--output", "json").out.strip() == "[]"


def test_the_acceptance_lines_of_issue_7(fresh: Inside, repo: Path) -> None:
    shutil.copytree(repo / "manifests" / "census" / "seed", fresh.folder / "seed")
    fresh("emulator", "seed", "seed")
    fresh("webservice", "export", "census", "--env", "local", "--out", "e.json")
    what = fresh("webservice", "import", "e.json", "--what-if", "--env", "local").out
    assert what.startswith("PUT https://management.azure.com/subscriptions/")
    create = ("--sku", "S1", "--tier", "Standard", "--location", "southcentralus", "--env", "local", "--yes")
    fresh("commitment-plan", "create", "s1", *create)
    assert "s1" in fresh("commitment-plan", "list", "--env", "local", "--output", "table").out.split()
    fresh("webservice", "regional", "add", "census", "--region", "westcentralus", "--env", "local", "--yes")
    report = json.loads(fresh("doctor", "--env", "local", "--output", "json").out)
    assert (report["environment"], report["errors"]) == ("local", 0)
