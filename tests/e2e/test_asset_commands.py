"""`trained-model`, `transform` and `module` against the emulator."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from retrainctl.wiring import emulator
from tests.support.command import environment
from tests.support.inside import Inside

SCORING = "Bike Rental Scoring"
TRAINING = "Bike Rental Training"
MODEL = "Bike Rental [trained model]"
DEFINITION = """<?xml version="1.0"?>
<Module name="{name}" isDeterministic="true">
  <Owner>me</Owner><Description>{text}</Description>
  <Language name="R" sourceFile="add.R" entryPoint="add"/>
  <Ports><Output id="out" name="out" type="DataTable"/><Input id="in" name="in" type="DataTable"/></Ports>
</Module>
"""
PREPARED = {
    "name": "Prepared",
    "definition": "training.json",
    "outputs": {"clean": {"Cleaning transformation": "scale.itransform"}},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, repo: Path) -> Iterator[Inside]:
    folder = tmp_path_factory.mktemp("assets") / "project"
    shutil.copytree(repo / "manifests/bike-rental", folder, ignore=shutil.ignore_patterns(".retrainctl"))
    (folder / "seed/scale.itransform").write_bytes(b"scale")
    seed = folder / "seed/seed.yaml"
    sections = yaml.safe_load(seed.read_text())
    sections["experiments"].append(PREPARED)
    seed.write_text(yaml.safe_dump(sections))
    made = Inside(folder, environment())
    made("emulator", "up", "--seed", "seed")
    yield made
    emulator.stop(folder / ".retrainctl" / "emulator")


def listed(run: Inside, *command: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(*command, "--output", "json").out)
    return found


def archive(path: Path, **files: str) -> str:
    """A zip of these files; `_xml` in a name stands for `.xml`, `folder__` for a folder."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name, text in files.items():
            made.writestr(name.replace("__", "/").replace("_", "."), text)
    path.write_bytes(content.getvalue())
    return path.name


def test_a_trained_model_is_promoted_over_the_one_that_a_scoring_experiment_uses(run: Inside) -> None:
    (before,) = listed(run, "trained-model", "list")
    (used,) = listed(run, "trained-model", "list", "--experiment", SCORING)
    assert (used["Name"], used["Id"], used["IsLatest"]) == (MODEL, before["Id"], True)
    asked = ("trained-model", "promote", TRAINING, "--node", "TRAIN", "--name", MODEL.lower())
    taken = run(*asked, "--yes", code=1)
    assert "RC955" in taken.err and "--overwrite" in taken.err
    assert f'"FamilyId": "{before["FamilyId"]}"' in run(*asked, "--overwrite", "--what-if").out
    run(*asked, "--overwrite", "--description", "of today", "--yes")
    (after,) = listed(run, "trained-model", "list")
    assert after["FamilyId"] == before["FamilyId"] and after["Id"] != before["Id"] and after["Size"] > 1000
    (used,) = listed(run, "trained-model", "list", "--experiment", SCORING)
    assert (used["Id"], used["IsLatest"]) == (before["Id"], False), "the experiment keeps the version that it has"
    assert "trained-model promote" in run("history").out
    table = run("trained-model", "list", "--experiment", SCORING, COLUMNS="80").out
    assert "false" in table and max(map(len, table.splitlines())) <= 80


def test_an_experiment_that_has_not_finished_is_warned_of(run: Inside) -> None:
    run("experiment", "copy", TRAINING, "--name", "Draft", "--yes")
    refused = run("trained-model", "promote", "Draft", "--node", "train", "--name", "early", "--yes", code=1)
    assert 'warning: experiment "Draft" is InDraft, not Finished' in refused.err
    assert "must have finished" in refused.err.replace("\n  ", " "), "the service's own words"


def test_a_transform_is_promoted(run: Inside) -> None:
    assert listed(run, "transform", "list") == []
    asked = ("transform", "promote", "Prepared", "--node", "clean", "--port", "cleaning TRANSFORMATION")
    run(*asked, "--name", "cleaning", "--yes")
    (one,) = listed(run, "transform", "list")
    assert (one["Name"], one["PromotedFrom"].rpartition(".")[2]) == ("cleaning", "Cleaning transformation")
    wrong = run("transform", "promote", TRAINING, "--node", "train", "--name", "no", "--yes", code=1)
    assert "ITransformDotNet" in wrong.err.replace("\n  ", " ")
    assert listed(run, "transform", "list", "--experiment", SCORING) == []


def test_the_life_of_a_custom_module(run: Inside) -> None:
    text = DEFINITION.format(name="Add Räder", text="one")
    file = archive(run.folder / "add.zip", add_xml=text, add_R="add <- function(x) x")
    assert "RC956" in run("module", "update", file, "--yes", code=1).err
    assert "modules/custom" in run("module", "create", file, "--what-if").out
    assert "RC501" in run("module", "create", file, code=1).err
    assert listed(run, "module", "list", "--custom") == []
    run("module", "create", file, "--yes")
    (made,) = listed(run, "module", "list", "--custom")
    assert (made["Name"], made["Description"], made["ReleaseState"]) == ("Add Räder", "one", "Custom")
    assert len(listed(run, "module", "list")) > 10, "those of the service are there too"
    again = run("module", "create", file, "--yes", code=1)
    assert "RC955" in again.err and "module update" in again.err
    archive(run.folder / "add.zip", add_xml=text.replace("one", "two"), add_R="add <- function(x) x")
    run("module", "update", file, "--yes")
    (newer,) = listed(run, "module", "list", "--custom")
    assert (newer["FamilyId"], newer["Description"]) == (made["FamilyId"], "two")
    assert newer["Id"] != made["Id"]
    told = run("history").out
    assert "module create" in told and "module update" in told


BOMB = '<!DOCTYPE x [<!ENTITY a "b">]>\n<Module name="&a;"/>'


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"add_R": "x"}, "no module definition"),
        ({"folder__add_xml": DEFINITION, "folder__add_R": "x"}, '"folder/add.xml" lies in a folder'),
        ({"add_xml": "<Module name=''/>"}, "<Module name="),
        ({"add_xml": "<Other name='x'/>"}, "<Module name="),
        ({"add_xml": "<Module"}, "cannot be read as XML"),
        ({"add_xml": BOMB}, "document type"),
        ({"add_xml": " " * 1_100_000}, "too large"),
    ],
)
def test_what_is_no_module_is_refused_before_it_is_sent(run: Inside, files: dict[str, str], told: str) -> None:
    file = archive(run.folder / "bad.zip", **files)
    refused = run("module", "create", file, "--yes", code=1)
    assert "RC962" in refused.err and told in refused.err.replace("\n  ", " ")


def test_a_file_that_is_no_zip_and_one_that_the_service_refuses(run: Inside) -> None:
    (run.folder / "text.zip").write_text("day,count\n")
    assert "not a zip" in run("module", "create", "text.zip", "--yes", code=1).err.replace("\n  ", " ")
    without = archive(run.folder / "without.zip", add_xml=DEFINITION.format(name="Other", text=""))
    failed = run("module", "create", without, "--yes", code=1)
    assert "RC963" in failed.err and "Error 0104" in failed.err
