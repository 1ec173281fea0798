"""The examples' data, models and numbers: what the manifests claim is what the engine finds."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from retrainctl.emulator.training import recipe
from retrainctl.emulator.training.datasets import census
from retrainctl.emulator.training.evaluation import evaluate, scored
from retrainctl.emulator.training.features import sample
from retrainctl.emulator.training.graph import read_graph
from retrainctl.emulator.training.job import perform
from retrainctl.emulator.training.learners import Learner, fit
from retrainctl.emulator.training.modules import model_from, split_data
from retrainctl.emulator.training.onnxmodel import build
from retrainctl.emulator.training.table import Table, read_csv

RMSE = "Root Mean Squared Error"


@pytest.fixture
def bikes(repo: Path) -> Path:
    return repo / "manifests" / "bike-rental"


@pytest.fixture
def people(repo: Path) -> Path:
    return repo / "manifests" / "census"


def definition(folder: Path, name: str) -> Any:
    return json.loads((folder / "seed" / f"{name}.json").read_text())["properties"]


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as text:
        return list(csv.DictReader(text))


def seeds(folder: Path) -> dict[str, Any]:
    """Recipe or file of every blob of a seed, by `ACCOUNT/CONTAINER/BLOB`."""
    found = {}
    for item in yaml.safe_load((folder / "seed" / "seed.yaml").read_text())["blobs"]:
        bounds = item.get("forEach", {}).get("range", ["", ""])
        words = [f"{n:0{len(bounds[0])}d}" for n in range(int(bounds[0]), int(bounds[1]) + 1)] if bounds[0] else [""]
        for word in words:
            made = json.loads(json.dumps(item.get("generate", item.get("file"))).replace("{item}", word))
            found[item["path"].replace("{item}", word)] = made
    return found


def blob(uri: str) -> str:
    account, _, path = uri.removeprefix("https://").partition(".blob.core.windows.net/")
    return f"{account}/{path}"


def halves(folder: Path, table: Table) -> tuple[Table, Table]:
    """The two parts into which the training service splits the data."""
    node = next(n for n in read_graph(definition(folder, "training")).nodes.values() if n.module == "Split Data")
    parts = split_data(node, {"Dataset": table})
    return parts["Results dataset1"], parts["Results dataset2"]


def measured(model: bytes, table: Table, label: str) -> dict[str, float]:
    scores = model_from(model, "example").scorer.score(table.records())
    found = evaluate(scored(table, scores, append=True, label=label), None)
    return {name: float(values[0]) for name, values in zip(found.names, found.columns, strict=True)}


def test_every_location_has_data_a_first_version_and_an_endpoint(bikes: Path) -> None:
    locations, versions, blobs = rows(bikes / "locations.csv"), rows(bikes / "versions.csv"), seeds(bikes)
    assert [row["id"] for row in locations] == [f"{number:03d}" for number in range(1, 1011)]
    assert {row["version"] for row in locations} == {"1"}
    assert [row["model"] for row in versions] == [f"bike-rental-{row['id']}" for row in locations]
    assert all(blob(row["uri"]) in blobs for row in versions)
    assert all(f"bikerentals/data/BikeRental{row['id']}.csv" in blobs for row in locations)
    for made in blobs.values():
        recipe.check(made)


@pytest.mark.parametrize("location", ["001", "444", "1010"])
def test_the_recorded_metrics_of_version_1_are_those_of_its_blob(bikes: Path, location: str) -> None:
    (row,) = [row for row in rows(bikes / "versions.csv") if row["model"] == f"bike-rental-{location}"]
    blobs = seeds(bikes)
    data = recipe.make(blobs[f"bikerentals/data/BikeRental{location}.csv"])
    _, second = halves(bikes, read_csv(data, "test"))
    found = measured(recipe.make(blobs[blob(row["uri"])]), second, "rentals")
    recorded = {name.removeprefix("metrics."): float(value) for name, value in row.items() if "metrics." in name}
    assert found == pytest.approx(recorded, abs=1e-3)


@pytest.mark.parametrize("location", ["001", "003", "010"])
def test_a_retrained_location_passes_its_gates(bikes: Path, tmp_path: Path, location: str) -> None:
    (row,) = [row for row in rows(bikes / "versions.csv") if row["model"] == f"bike-rental-{location}"]
    data = tmp_path / "data.csv"
    data.write_bytes(recipe.make({"bikeRental": {"location": location}}))
    outputs = {
        "output1": {"file": str(tmp_path / "model"), "name": "m.ilearner"},
        "output2": {"file": str(tmp_path / "evaluation"), "name": "e.csv"},
    }
    request = {
        "id": "test",
        "definition": definition(bikes, "training"),
        "parameters": {"URI": "https://bikerentals.blob.core.windows.net/data/x.csv"},
        "inputs": {},
        "imports": {"import": {"parts": [str(data)], "name": "data.csv"}},
        "models": {},
        "outputs": outputs,
    }
    assert perform(request)["outputs"]["output1"]["model"] is True
    head, values = (tmp_path / "evaluation").read_text().splitlines()
    found = dict(zip(head.split(","), map(float, values.split(",")), strict=True))
    assert found[RMSE] < 60
    assert found[RMSE] < float(row[f"metrics.{RMSE}"])


def test_locations_predict_differently(bikes: Path) -> None:
    blobs = seeds(bikes)
    versions = rows(bikes / "versions.csv")[:10]
    models = {recipe.make(blobs[blob(row["uri"])]) for row in versions}
    assert len(models) == 10


@pytest.mark.parametrize(("example", "name"), [("bike-rental", "scoring"), ("census", "census")])
def test_the_sample_fits_the_input_of_the_service(repo: Path, example: str, name: str) -> None:
    folder = repo / "manifests" / example
    sent = json.loads((folder / "sample.json").read_text())["Inputs"]["input1"]
    columns = definition(folder, name)["input"]["properties"]["input1"]["properties"]
    assert sent["ColumnNames"] == list(columns)
    for row in sent["Values"]:
        for value, column in zip(row, columns.values(), strict=True):
            assert isinstance(value, str) == (column["type"] == "String")
            assert "enum" not in column or value in column["enum"]


def test_the_census_models_are_what_the_manifest_says(people: Path) -> None:
    table = read_csv(census(**seeds(people)["censusstorage/data/census.csv"]["census"]), "test")
    first, second = halves(people, table)
    documents = list(yaml.safe_load_all((people / "manifests" / "census.yaml").read_text()))
    for version, count in zip(documents[0]["spec"]["versions"], (300, 1000), strict=True):
        data = (people / "seed" / seeds(people)[blob(version["uri"])]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == version["sha256"]
        found = measured(data, second, "income")
        assert {name: round(found[name], 3) for name in version["metrics"]} == version["metrics"]
        # Both are logistic regressions, on so many rows from the start of the training half.
        learner = Learner(module="Two-Class Logistic Regression", settings={})
        one = sample(first.filter(np.arange(count)), first.names.index("income"), "test", two_classes=True)
        again = build(fit(learner, one), one.features, one.classes, training={})
        chances = [row["Scored Probabilities"] for row in model_from(data, "1").scorer.score(second.records())]
        others = [row["Scored Probabilities"] for row in model_from(again, "2").scorer.score(second.records())]
        assert np.allclose(np.array(chances, dtype=float), np.array(others, dtype=float), atol=1e-4)


@pytest.mark.parametrize(
    ("made", "digest"),
    [
        ({"bikeRental": {"location": "001"}}, "31192ae878e7e961a0499006111a77d48ae744b39a17bfa4ec4a578b46ed9882"),
        ({"census": {}}, "0fa21322a065caf8fce1dc09c102e15779b603d83810fff1f56195df2d916254"),
    ],
)
def test_made_up_data_never_changes(made: dict[str, Any], digest: str) -> None:
    assert hashlib.sha256(recipe.make(made)).hexdigest() == digest
