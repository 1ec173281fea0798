"""`experiment replace-asset|update-assets|update-modules` against the emulator: the scenarios of the cmdlets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from retrainctl.wiring import emulator
from tests.support.command import environment
from tests.support.inside import Inside

PROJECT = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {name: graphs}
spec:
  manifests: []
  environments:
    local: {emulator: {}}
"""
GLOBAL = "506153734175476c4f62416c57734963"
NAME = 'Rentals "north" \\ Zürich'
"""Quotes, a backslash and a letter beyond ASCII: each of them broke the cmdlets' body."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    folder = tmp_path_factory.mktemp("graphs")
    (folder / "retrainctl.yaml").write_text(PROJECT, encoding="utf-8")
    made = Inside(folder, environment())
    made("emulator", "up")
    yield made
    emulator.stop(folder / ".retrainctl" / "emulator")


def _upload(run: Inside, name: str, text: str, *more: str) -> str:
    """The id of the new version."""
    (run.folder / "data.csv").write_text(text, encoding="utf-8")
    ran = run("dataset", "upload", "data.csv", "--name", name, *more, "--yes", "--query", "Id", "--output", "tsv")
    return ran.out.strip()


@pytest.fixture(scope="module")
def data(run: Inside) -> dict[str, str]:
    return {name: _upload(run, name, f"{name}\n1\n") for name in ("Rentals", "Weather")}


@pytest.fixture(scope="module")
def modules(run: Inside) -> dict[str, str]:
    """Name -> the id of the latest version of a module of Microsoft's."""
    listed = json.loads(run("module", "list", "--output", "json").out)
    return {item["Name"]: item["Id"] for item in listed if item["Id"].startswith(GLOBAL)}


@pytest.fixture
def experiment(run: Inside, data: dict[str, str], modules: dict[str, str], request: pytest.FixtureRequest) -> str:
    """An experiment with two ports on Rentals and one on Weather, and modules of an old batch; its name."""
    old = [modules[name].rpartition("-")[0] + "-0" for name in ("Train Model", "Split Data")]
    ports = [("Rentals", "Rentals"), ("Weather", "Rentals")]
    document: dict[str, Any] = {
        "Description": f"{NAME} {request.node.name}",
        "Graph": {
            "ModuleNodes": [
                {
                    "Id": f"node-{number}",
                    "ModuleId": module,
                    "Comment": f"Step {number}",
                    "ModuleParameters": [{"Name": "Text", "Value": "'v1' \\ \"ü\"", "ValueType": "Literal"}],
                    "InputPortsInternal": [
                        {"Name": f"Port {at}", "DataSourceId": data[name], "NodeId": f"node-{number}"}
                        for at, name in enumerate(names)
                    ],
                    "OutputPortsInternal": [],
                }
                for number, (module, names) in enumerate(zip(old, ports, strict=True))
            ],
            "EdgesInternal": [],
            "SerializedClientData": "".join(f"<NodePosition Node='{one}' Position='1,2'/>" for one in data.values()),
        },
        "WebService": None,
    }
    (run.folder / "experiment.json").write_text(json.dumps(document), encoding="utf-8")
    run("experiment", "import", "experiment.json", "--yes")
    return str(document["Description"])


def _graph(run: Inside, experiment: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("experiment", "get", experiment, "--query", "Graph", "--output", "json").out)
    return found


def _ids(graph: dict[str, Any]) -> list[str]:
    return [port["DataSourceId"] for node in graph["ModuleNodes"] for port in node["InputPortsInternal"]]


def test_one_dataset_in_place_of_another(run: Inside, data: dict[str, str], experiment: str) -> None:
    before = _graph(run, experiment)
    words = (
        "experiment",
        "replace-asset",
        experiment,
        "--type",
        "Dataset",
        "--existing",
        "Rentals",
        "--new",
        "weather",
    )
    asked = run(*words, "--what-if")
    assert "POST" in asked.out and '"IsDraft": true' in asked.out
    assert '"Rentals"' in asked.err and "(3 ports)" in asked.err and "Nothing was sent" in asked.err
    assert "RC501" in run(*words, code=1).err
    assert _graph(run, experiment) == before
    assert "Replaced 1 dataset" in run(*words, "--yes").out
    after = _graph(run, experiment)
    assert _ids(after) == [data["Weather"]] * 4
    text = json.dumps(before)
    assert json.dumps(after) == text.replace(data["Rentals"], data["Weather"]), "nothing else has changed"
    assert "experiment replace-asset" in run("history").out
    again = run(*words, "--yes", code=1)
    assert "RC954" in again.err, "there is no Rentals any more"
    same = run(
        "experiment", "replace-asset", experiment, "--type", "Dataset", "--existing", "Weather", "--new", "Weather"
    )
    assert same.out.startswith("No change:") and "Nothing was sent" in same.out


def test_assets_go_to_their_latest_versions(run: Inside, data: dict[str, str], experiment: str) -> None:
    assert "No change" in run("experiment", "update-assets", experiment, "--all").out
    rentals = _upload(run, "Rentals", "Rentals\n2\n", "--overwrite")
    weather = _upload(run, "Weather", "Weather\n2\n", "--overwrite")
    run("experiment", "update-assets", experiment, "--asset", "weather", "--type", "Dataset", "--yes")
    assert _ids(_graph(run, experiment)) == [data["Rentals"], data["Rentals"], weather, data["Rentals"]]
    assert "2 datasets" not in run("experiment", "update-assets", experiment, "--all", "--yes").out
    graph = _graph(run, experiment)
    assert _ids(graph) == [rentals, rentals, weather, rentals]
    assert rentals in graph["SerializedClientData"] and weather in graph["SerializedClientData"]
    assert "No change" in run("experiment", "update-assets", experiment, "--all", "--yes").out


def test_modules_go_to_their_latest_versions(run: Inside, modules: dict[str, str], experiment: str) -> None:
    one = run("experiment", "update-modules", experiment, "--module", "train model", "--yes")
    assert 'module "Train Model" v1-default-0 -> v1-default-' in one.err
    run("experiment", "update-modules", experiment, "--all", "--yes")
    used = [node["ModuleId"] for node in _graph(run, experiment)["ModuleNodes"]]
    assert used == [modules["Train Model"], modules["Split Data"]]
    assert "No change" in run("experiment", "update-modules", experiment, "--all").out


def test_everything_that_is_gone_is_told_at_once(run: Inside, experiment: str) -> None:
    text = run("experiment", "export", experiment).out
    document = json.loads(text)
    for number, node in enumerate(document["Graph"]["ModuleNodes"]):
        node["ModuleId"] = f"{GLOBAL}.{number}{'0' * 31}.v1-default-1"
        node["InputPortsInternal"][0]["DataSourceId"] = f"{GLOBAL}.{number}{'1' * 31}.v1-default-1"
    (run.folder / "gone.json").write_text(json.dumps(document), encoding="utf-8")
    run("experiment", "import", "gone.json", "--overwrite", "--yes")
    for words in (("update-modules", "--all"), ("update-assets", "--all")):
        ran = run("experiment", words[0], experiment, words[1], "--yes", code=1)
        assert ran.err.count("RC953") == 2
        assert "Step 0" in ran.err and "Step 1" in ran.err
    assert _graph(run, experiment) == document["Graph"]


MISTAKES: list[tuple[tuple[str, ...], int, str]] = [
    (("update-assets",), 64, "--all or --asset"),
    (("update-assets", "--all", "--asset", "x"), 64, "--all or --asset"),
    (("update-assets", "--asset", "x"), 64, "--type"),
    (("update-modules",), 64, "--all or --module"),
    (("update-modules", "--module", "Nothing", "--yes"), 1, "RC954"),
    (("replace-asset", "--type", "Model", "--existing", "a", "--new", "b"), 64, "TrainedModel"),
    (("replace-asset", "--type", "Dataset", "--existing", "Rentals", "--new", "Wether"), 1, "Weather"),
]


def test_mistakes_are_named(run: Inside, experiment: str) -> None:
    for (command, *words), code, told in MISTAKES:
        assert told.casefold() in run("experiment", command, experiment, *words, code=code).err.casefold()
    assert "RC940" in run("experiment", "update-modules", "Not there", "--all", code=1).err
