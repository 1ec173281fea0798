"""Completion with the names of what is live: asked of an emulator that runs, never starting one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrainctl.cli import live_names
from retrainctl.wiring import emulator
from tests.support.command import environment
from tests.support.inside import Inside

REAL = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {name: p}
spec:
  environments:
    real:
      arm: {subscription: 00000000-0000-0000-0000-000000000000, resourceGroup: g}
      classic:
        workspace: "00000000000000000000000000000001"
        location: South Central US
        token: TOKEN
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, repo: Path) -> Iterator[Inside]:
    folder = tmp_path_factory.mktemp("completing") / "project"
    shutil.copytree(repo / "manifests/bike-rental", folder, ignore=shutil.ignore_patterns(".retrainctl"))
    made = Inside(folder, environment())
    made("emulator", "up", "--seed", "seed")
    at = ("--location", "southcentralus", "--yes")
    made("commitment-plan", "create", "payer-1", "--sku", "S1", "--tier", "Standard", *at)
    made("endpoint", "add", "Bike Rental Scoring", "by-hand", "--yes")
    yield made
    emulator.stop(folder / ".retrainctl" / "emulator")


def words(run: Inside, line: str) -> list[str]:
    shown = run("completion", "words", "--line", f"retrainctl {line}").out
    return [one.partition("\t")[0] for one in shown.splitlines()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("experiment get ", ["Bike Rental Scoring", "Bike Rental Training"]),
        ("classic deploy 'Bike Rental T", ["Bike Rental Training"]),
        ("annotation list ", ["Bike Rental Scoring", "Bike Rental Training"]),
        ("endpoint list ", ["Bike Rental Scoring", "Bike Rental Training"]),
        ("endpoint get 'Bike Rental Scoring' by", ["by-hand"]),
        ("endpoint get 'Bike Rental Scoring' rentalloc001", ["rentalloc001"]),
        ("commitment-plan get p", ["payer-1"]),
        ("association list p", ["payer-1"]),
        ("dataset remove ", ["Bike Rental sample"]),
        ("experiment node-output 'Bike Rental Training' --node imp", ["import"]),
    ],
)
def test_what_is_live_is_offered(run: Inside, line: str, expected: list[str]) -> None:
    assert words(run, line) == expected


def test_an_emulator_that_does_not_run_is_not_started(run: Inside, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(run.folder, folder, ignore=shutil.ignore_patterns(".retrainctl"))
    assert words(Inside(folder, environment()), "experiment get ") == []
    assert not (folder / ".retrainctl").exists()


@pytest.mark.parametrize("token", ["{env: NO_SUCH_TOKEN}", '{keyVault: "https://v.vault.azure.net", secret: s}'])
def test_nobody_signs_in_and_nothing_is_told_where_nobody_answers(tmp_path: Path, token: str) -> None:
    (tmp_path / "retrainctl.yaml").write_text(REAL.replace("TOKEN", token))
    run = Inside(tmp_path, environment())
    for line in ("experiment get --env real ", "webservice get --env real ", "endpoint list --env real "):
        shown = run("completion", "words", "--line", f"retrainctl {line}")
        assert (shown.out, shown.err) == ("", "")
    assert [path.name for path in tmp_path.iterdir()] == ["retrainctl.yaml"]


def test_a_slow_service_holds_no_key_press(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_names, "_LIMIT", 0.05)
    began = time.monotonic()
    assert live_names.live_names(lambda _: [time.sleep(1)], None, {}) == []  # type: ignore[arg-type]
    assert time.monotonic() - began < 0.8
