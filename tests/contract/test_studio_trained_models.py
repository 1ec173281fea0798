"""The recorded list of trained models (classic-api.md 6.1): replayed, and what a promotion makes is of its form."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator_process import Emulator, running
from tests.support.studio_assets import EXPERIMENT, ask, promotion, with_outputs

RECORDED = "classic/studio/trainedmodels.list.json"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running(with_outputs(tmp_path_factory.mktemp("models") / "state")) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def recorded(shared: Path, studio: Emulator, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The list, seeded."""
    folder = tmp_path_factory.mktemp("seed")
    shutil.copyfile(shared / RECORDED, folder / "models.json")
    (folder / "seed.yaml").write_text("trainedModels: [{recorded: models.json}]\n")
    studio.seed(folder)
    documents: list[dict[str, Any]] = json.loads((folder / "models.json").read_bytes())
    return documents


@pytest.fixture(scope="module")
def promoted(studio: Emulator, recorded: list[dict[str, Any]]) -> dict[str, Any]:
    """The trained model of the experiment that ran, promoted after the recorded ones; as the list shows it."""
    assert as_text(ask(studio, "GET", "/trainedmodels").json()) == as_text(recorded)
    wish = promotion("TrainedModel", "iLearnerDotNet", "n2", "Trained model", "Ride [trained model]")
    answer = ask(studio, "POST", "/trainedmodels", json=wish)
    assert answer.status_code == 200
    first, *rest = ask(studio, "GET", "/trainedmodels").json()
    assert as_text(rest) == as_text(recorded)
    assert first["Id"] == answer.json()
    return dict(first)


def as_text(documents: list[dict[str, Any]]) -> str:
    """Members in their order."""
    return json.dumps(documents, indent=1)


def test_a_promotion_has_the_recorded_members_in_the_recorded_order_and_spelling(
    promoted: dict[str, Any], recorded: list[dict[str, Any]]
) -> None:
    assert list(promoted) == list(recorded[0])
    assert list(promoted["Language"]) == list(recorded[0]["Language"])


def test_its_values_are_of_the_recorded_types(promoted: dict[str, Any], recorded: list[dict[str, Any]]) -> None:
    for name, value in promoted.items():
        assert type(value) in {type(one[name]) for one in recorded}, name


@pytest.mark.parametrize("member", ["DataTypeId", "SourceOrigin", "Culture", "IsLatest", "IsDeprecated", "Category"])
def test_values_that_are_always_the_same_are_the_recorded_ones(
    promoted: dict[str, Any], recorded: list[dict[str, Any]], member: str
) -> None:
    (only,) = {one[member] for one in recorded}
    assert promoted[member] == only


def test_ids_dates_and_origins_hang_together_as_recorded(
    promoted: dict[str, Any], recorded: list[dict[str, Any]]
) -> None:
    for one in (promoted, *recorded):
        workspace = one["ExperimentId"].split(".")[0]
        assert one["Id"] == f"{workspace}.{one['FamilyId']}.v1-default-{one['Batch']}"
        assert re.fullmatch(r"[0-9a-f]{32}", one["ResourceUploadId"])
        assert re.fullmatch(re.escape(one["ExperimentId"]) + r"\.[^.]+\.Trained model", one["PromotedFrom"])
        milliseconds = int(one["CreatedDate"].removeprefix("/Date(").removesuffix(")/"))
        assert (one["CreatedDateTicks"] - 621355968000000000) // 10_000 == milliseconds
    assert promoted["PromotedFrom"] == f"{EXPERIMENT}.n2.Trained model"
    assert promoted["Batch"] > max(one["Batch"] for one in recorded)
