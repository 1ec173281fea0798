"""`endpoint` and `classic` against the emulator: the AzureMLPS scenarios, without the cmdlets' bugs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrainctl.wiring import emulator
from tests.support.command import environment
from tests.support.inside import Inside

SERVICE = "Bike Rental Scoring"
SLOT = "Bike Rental [trained model]"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, repo: Path) -> Iterator[Inside]:
    folder = tmp_path_factory.mktemp("classic") / "project"
    shutil.copytree(repo / "manifests/bike-rental", folder, ignore=shutil.ignore_patterns(".retrainctl"))
    made = Inside(folder, environment())
    made("emulator", "up", "--seed", "seed")
    yield made
    emulator.stop(folder / ".retrainctl" / "emulator")


def _get(run: Inside, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run("endpoint", "get", SERVICE, name).out)
    return document


def test_services_by_name_and_id(run: Inside) -> None:
    names = run("classic", "list", "--query", "[].Name", "--output", "tsv").out.splitlines()
    assert sorted(names) == [SERVICE, "Bike Rental Training"]
    identifier = run("classic", "get", SERVICE, "--query", "Id", "--output", "tsv").out.strip()
    assert json.loads(run("classic", "get", identifier).out)["Name"] == SERVICE
    assert "RC361" in run("classic", "get", "Bike Rental", code=1).err


def test_the_life_of_an_endpoint(run: Inside) -> None:
    assert "Nothing was sent" in run("endpoint", "add", SERVICE, "life", "--what-if").err
    assert "RC901" in run("endpoint", "get", SERVICE, "life", code=1).err
    assert "RC501" in run("endpoint", "add", SERVICE, "life", code=1).err
    run("endpoint", "add", SERVICE, "life", "--throttle", "High", "--max-calls", "30", "--yes")
    made = _get(run, "life")
    assert (made["ThrottleLevel"], made["MaxConcurrentCalls"], made["IsDefault"]) == ("High", 30, False)
    assert made["BatchUrl"] == made["ApiLocation"] + "/jobs?api-version=2.0"
    assert "PrimaryKey" not in made
    again = run("endpoint", "add", SERVICE, "life", "--yes", code=1)
    assert "RC900" in again.err and "endpoint patch" in again.err
    run("endpoint", "patch", SERVICE, "life", "--description", "new text", "--yes")
    assert _get(run, "life")["Description"] == "new text"
    assert "life" in run("endpoint", "list", SERVICE).out
    run("endpoint", "remove", SERVICE, "life", "--yes")
    gone = run("endpoint", "remove", SERVICE, "life", "--yes", code=1)
    assert "RC901" in gone.err
    told = run("history").out
    assert all(f"endpoint {deed}" in told for deed in ("add", "patch", "remove"))


def test_a_patched_model_changes_the_predictions(run: Inside) -> None:
    folder = run.folder
    run("endpoint", "add", SERVICE, "rentalloc001", "--throttle", "High", "--yes")
    request = ("score", "Endpoint/rentalloc001", "--input", "sample.json", "--output", "json")
    before = run(*request).out
    shown = run("endpoint", "patch", SERVICE, "rentalloc001", "--model", "bike-rental-003@1", "--what-if").out
    body = json.loads(shown[shown.index("{") :])
    assert body["Resources"][0]["Name"] == SLOT
    assert body["Resources"][0]["Location"]["RelativeLocation"] == "models/bike-rental/003-1.ilearner"
    assert run(*request).out == before, "--what-if sends nothing"
    run("endpoint", "patch", SERVICE, "rentalloc001", "--model", "bike-rental-003@1", "--yes")
    assert run(*request).out != before
    status = json.loads(run("status", "--output", "json").out)
    assert [row["models"] for row in status if row["address"] == "Endpoint/rentalloc001"] == [
        {SLOT: "bike-rental-003@1"}
    ]
    assert (folder / ".retrainctl" / "ledger").is_dir()
    undone = run("endpoint", "patch", SERVICE, "rentalloc001", "--model", "bike-rental-003@1", "--yes")
    assert "sig=" not in undone.out + undone.err


def test_a_refresh_with_overwriting_is_sent_whatever_the_deployment(run: Inside) -> None:
    """Which models an endpoint serves cannot be read, so the service says whether there is anything to overwrite."""

    def predicted() -> str:
        return run("score", "Endpoint/patched", "--input", "sample.json", "--output", "json").out

    manifest = run.folder / "manifests" / "patched.yaml"
    document = (
        f"apiVersion: retrainctl/v1\nkind: Endpoint\nmetadata: {{name: patched}}\nspec: {{webService: {SERVICE}}}\n"
    )
    run("endpoint", "add", SERVICE, "patched", "--yes")
    manifest.write_text(document)
    try:
        own = predicted()
        run("endpoint", "patch", SERVICE, "patched", "--model", "bike-rental-003@1", "--yes")
        patched = predicted()
        assert patched != own
        kept = run("endpoint", "refresh", SERVICE, "patched", "--yes")
        assert "runs the deployment of default already, and keeps its models" in kept.err
        shown = run("endpoint", "refresh", SERVICE, "patched", "--overwrite", "--what-if").out
        assert shown.startswith("POST ") and '"OverwriteResources": "True"' in shown
        assert predicted() == patched, "--what-if sends nothing"
        lost = run("endpoint", "refresh", SERVICE, "patched", "--overwrite", "--yes")
        assert "experiment's own model" in lost.out + lost.err
        assert "did nothing" not in lost.out + lost.err
        assert predicted() == own
        row = next(r for r in json.loads(run("status", "--output", "json").out) if r["address"] == "Endpoint/patched")
        assert "bike-rental-003@1" not in str(row)
        again = run("endpoint", "refresh", SERVICE, "patched", "--overwrite", "--yes")
        assert "as `default` already: the service did nothing" in again.out + again.err
    finally:
        manifest.unlink()
        run("endpoint", "remove", SERVICE, "patched", "--yes")


def test_a_blob_is_named_by_its_address_too(run: Inside) -> None:
    run("endpoint", "add", SERVICE, "byuri", "--yes")
    uri = "https://bikerentals.blob.core.windows.net/models/bike-rental/004-1.ilearner"
    run("endpoint", "patch", SERVICE, "byuri", "--slot", SLOT, "--model", uri, "--yes")
    status = json.loads(run("status", "--output", "json").out)
    assert [row["models"] for row in status if row["address"] == "Endpoint/byuri"] == [{SLOT: "bike-rental-004@1"}]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("patch", SERVICE, "default", "--model", "bike-rental-001@1", "--yes"), 1, "RC363"),
        (("refresh", SERVICE, "default", "--yes"), 1, "default"),
        (("remove", SERVICE, "default", "--yes"), 1, "RC363"),
        (("add", SERVICE, "Wrong Name", "--yes"), 1, "RC366"),
        (("add", SERVICE, "fine", "--throttle", "Low", "--max-calls", "9"), 64, "always 4"),
        (("add", SERVICE, "fine", "--throttle", "High", "--max-calls", "900", "--yes"), 1, "RC368"),
        (("patch", SERVICE, "default"), 64, "nothing to change"),
        (("patch", SERVICE, "default", "--model", "nonsense"), 64, "neither MODEL@VERSION"),
        (("patch", SERVICE, "default", "--slot", "Bike Rentl", "--model", "bike-rental-001@1"), 1, "RC365"),
        (("list", "Nothing"), 1, "RC361"),
    ],
)  # fmt: skip
def test_mistakes_are_named_before_anything_is_sent(
    run: Inside, arguments: tuple[str, ...], code: int, told: str
) -> None:
    ran = run("endpoint", *arguments, code=code)
    assert told in ran.err


def test_keys_are_shown_only_when_asked_for(run: Inside) -> None:
    hidden = run("endpoint", "keys", SERVICE, "default", "--output", "json")
    assert json.loads(hidden.out) == {"primary": "********", "secondary": "********"}
    shown = json.loads(run("endpoint", "keys", SERVICE, "default", "--show", "--output", "json").out)
    assert shown["primary"].endswith("=") and shown["primary"] != shown["secondary"]


def test_a_service_is_removed_with_its_endpoints_and_history_knows(run: Inside) -> None:
    assert "DELETE https://management.azureml.net/" in run("classic", "remove", "Bike Rental Training", "--what-if").out
    assert "RC501" in run("classic", "remove", "Bike Rental Training", code=1).err
    done = run("classic", "remove", "Bike Rental Training", "--yes")
    assert "with 1 endpoint" in done.out
    assert run("classic", "list", "--query", "[].Name", "--output", "tsv").out.splitlines() == [SERVICE]
    assert "classic remove" in run("history").out
