"""`classic deploy` against the emulated Studio API: New-AmlWebService, without its silent second service."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from retrainctl.wiring import emulator
from tests.support.command import environment
from tests.support.inside import Inside

PROJECT = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {name: deploying}
spec:
  manifests: []
  environments:
    local: {emulator: {}}
"""
SEED = """\
experiments:
  - {name: Rental, summary: Predicts one day., definition: scoring.json}
  - {name: Unfinished, definition: scoring.json, draft: true}
  - {name: Doomed, definition: scoring.json}
blobs:
  - path: bikerentals/models/bike-rental/default.ilearner
    generate: {baselineModel: {data: {bikeRental: {location: default, days: 120}}, label: rentals}}
"""
WORKSPACE = "00000000000000000000000000000001"


def _id(name: str) -> str:
    """As the emulator makes it from the name."""
    return f"{WORKSPACE}.f-id.{uuid5(NAMESPACE_URL, f'experiment/{name}').hex}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, repo: Path) -> Iterator[Inside]:
    folder = tmp_path_factory.mktemp("deploying")
    (folder / "retrainctl.yaml").write_text(PROJECT)
    (folder / "seed").mkdir()
    (folder / "seed" / "seed.yaml").write_text(SEED)
    shutil.copy(repo / "manifests" / "bike-rental" / "seed" / "scoring.json", folder / "seed")
    shutil.copy(repo / "manifests" / "bike-rental" / "sample.json", folder)
    made = Inside(folder, environment())
    made("emulator", "up", "--seed", "seed")
    yield made
    emulator.stop(folder / ".retrainctl" / "emulator")


def _services(run: Inside) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("classic", "list", "--output", "json").out)
    return found


def _told(run: Inside) -> str:
    """What a rollback of the last run says, in one line."""
    return " ".join(run("rollback", "last", "--yes", code=1).err.split())


def test_what_has_not_finished_is_refused_and_nothing_is_sent(run: Inside) -> None:
    before = _services(run)
    for more in ((), ("--what-if",), ("--yes",)):
        refused = run("classic", "deploy", _id("Unfinished"), *more, code=1).err
        assert "RC938" in refused
        assert 'experiment "Unfinished" is' in refused
    missing = run("classic", "deploy", f"{WORKSPACE}.f-id.{'0' * 32}", "--yes", code=1).err
    assert "request id" in missing
    assert "Traceback" not in missing
    assert _services(run) == before


def test_a_deployment_makes_one_service_and_again_needs_a_word(run: Inside) -> None:
    shown = run("classic", "deploy", _id("Rental"), "--what-if")
    assert shown.out.startswith("POST ")
    assert f"/experiments/{_id('Rental')}/webservice?generateNewPortNames=false" in shown.out
    assert "updateExistingWebService" not in shown.out
    assert "RC501" in run("classic", "deploy", _id("Rental"), code=1).err
    assert [one["Name"] for one in _services(run)] == []

    made = json.loads(run("classic", "deploy", _id("Rental"), "--yes", "--output", "json").out)
    assert (made["Name"], made["Description"]) == ("Rental", "Predicts one day.")
    assert [one["Id"] for one in _services(run)] == [made["Id"]]
    assert json.loads(run("endpoint", "get", "Rental", "default").out)["IsDefault"] is True
    assert "RC506" in (told := _told(run))
    assert "`retrainctl classic remove`" in told

    # The cmdlet would have made a second one of the same name without a word.
    again = run("classic", "deploy", _id("Rental"), "--yes", code=64).err
    assert made["Id"] in again
    assert "--update" in again and "--new" in again
    assert "exclude each other" in run("classic", "deploy", _id("Rental"), "--update", "--new", code=64).err
    assert len(_services(run)) == 1


def test_an_update_keeps_the_service_and_moves_default_only(run: Inside) -> None:
    (service,) = _services(run)
    run("endpoint", "add", "Rental", "added", "--yes")
    shown = run("classic", "deploy", _id("Rental"), "--update", "--what-if").out
    assert "updateExistingWebService=true" in shown
    run("classic", "deploy", _id("Rental"), "--update", "--yes")
    assert [one["Id"] for one in _services(run)] == [service["Id"]]
    runs = {
        name: json.loads(run("endpoint", "get", "Rental", name).out)["ExperimentLocation"]
        for name in ("default", "added")
    }
    assert runs["default"] != runs["added"], "an added endpoint follows by `endpoint refresh` only"
    assert "with --update" in _told(run)
    run("endpoint", "refresh", "Rental", "added", "--yes")
    added = json.loads(run("endpoint", "get", "Rental", "added").out)["ExperimentLocation"]
    assert added == runs["default"]


def test_a_second_service_is_made_on_purpose(run: Inside) -> None:
    before = {one["Id"] for one in _services(run)}
    made = json.loads(run("classic", "deploy", _id("Rental"), "--new", "--yes", "--output", "json").out)
    assert {one["Id"] for one in _services(run)} - before == {made["Id"]}
    assert "RC362" in run("classic", "get", "Rental", code=1).err, "two of one name: an id is asked for"
    run("classic", "remove", made["Id"], "--yes")
    assert {one["Id"] for one in _services(run)} == before
    assert "`retrainctl classic deploy EXPERIMENT`" in _told(run)


def test_a_deployment_that_fails_says_so_and_stands_in_the_history(run: Inside) -> None:
    run("emulator", "faults", "studio-deploy-fail=first:1")
    try:
        failed = run("classic", "deploy", _id("Doomed"), "--yes", code=1)
    finally:
        run("emulator", "faults", "--clear")
    assert "RC939" in failed.err
    assert "request id" in failed.err
    assert "Doomed" not in [one["Name"] for one in _services(run)]
    last = json.loads(run("history", "--output", "json").out)[-1]
    assert (last["command"], last["done"], last["failed"]) == ("classic deploy", 0, 1)


def test_a_deployed_service_scores(run: Inside) -> None:
    manifest = run.folder / "manifests"
    manifest.mkdir()
    document = "apiVersion: retrainctl/v1\nkind: Endpoint\nmetadata: {name: scored}\nspec: {webService: Rental}\n"
    (manifest / "scored.yaml").write_text(document)
    project = run.folder / "retrainctl.yaml"
    project.write_text(PROJECT.replace("manifests: []", "manifests: [manifests/]"))
    run("apply", "--yes")
    answer = run("score", "Endpoint/scored", "--input", "sample.json", "--output", "json").out
    assert "Scored Labels" in answer
