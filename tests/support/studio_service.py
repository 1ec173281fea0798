"""Experiments of a running emulator, by raw HTTP."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx

from tests.support.emulator_process import Emulator

WORKSPACE = "00000000000000000000000000000001"
BASE = f"/api/workspaces/{WORKSPACE}"
DATA = "https://acct.blob.core.windows.net/data/rentals.csv"


def ask(emulator: Emulator, method: str, path: str, **more: Any) -> httpx.Response:
    """A call of the Studio API below the workspace, with its token."""
    headers = {"x-ms-metaanalytics-authorizationtoken": emulator.ready["token"], **more.pop("headers", {})}
    return emulator.bare.request(method, BASE + path, headers=headers, **more)


def example(repo: Path, name: str) -> dict[str, Any]:
    """A definition of the bike rental example: `scoring` or `training`."""
    document: dict[str, Any] = json.loads((repo / "manifests/bike-rental/seed" / f"{name}.json").read_text())
    return document


def seed(emulator: Emulator, folder: Path, **sections: Any) -> Any:
    """Load sections; what the seeding says."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "seed.yaml").write_text(json.dumps(sections))
    return emulator.seed(folder)["seeds"][0]


def seed_training(emulator: Emulator, folder: Path, repo: Path, uri: str = DATA, **members: Any) -> str:
    """The training experiment of the bike rental example over the data of 60 days; its id."""
    blob = {
        "path": "acct/data/rentals.csv",
        "public": "blob",
        "generate": {"bikeRental": {"location": "001", "days": 60}},
    }
    item = {"name": "Training", "definition": example(repo, "training"), "parameters": {"URI": uri}, **members}
    seed(emulator, folder, blobs=[blob], experiments=[item])
    return identifier_of(emulator, "Training")


def identifier_of(emulator: Emulator, name: str) -> str:
    (found,) = [one for one in ask(emulator, "GET", "/experiments").json() if one["Description"] == name]
    identifier: str = found["ExperimentId"]
    return identifier


def read(emulator: Emulator, identifier: str) -> dict[str, Any]:
    response = ask(emulator, "GET", f"/experiments/{identifier}")
    assert response.status_code == 200, response.text
    experiment: dict[str, Any] = response.json()
    return experiment


def save(emulator: Emulator, experiment: dict[str, Any], *, draft: bool, **more: Any) -> httpx.Response:
    """Save an experiment over itself as it is passed, or run it."""
    body = {
        "Description": experiment["Description"],
        "Summary": experiment["Summary"],
        "IsDraft": draft,
        "ParentExperimentId": "",
        "DisableNodeUpdate": False,
        "Category": "user",
        "ExperimentGraph": experiment["Graph"],
        "WebService": experiment["WebService"],
    }
    new = more.pop("new", False)
    path = "/experiments/" if new else f"/experiments/{experiment['ExperimentId']}"
    return ask(emulator, "POST", path, json=body, **more)


def ended(emulator: Emulator, identifier: str) -> dict[str, Any]:
    """The experiment once it runs no more."""
    for _ in range(600):
        experiment = read(emulator, identifier)
        if experiment["Status"]["StatusCode"] != "Running":
            return experiment
        time.sleep(0.1)
    raise AssertionError("the run did not end within a minute")


def run(emulator: Emulator, experiment: dict[str, Any]) -> dict[str, Any]:
    """Run an experiment as it is passed, to its end."""
    response = save(emulator, experiment, draft=False)
    assert response.status_code == 200, response.text
    return ended(emulator, response.json())


def node(experiment: dict[str, Any], comment: str) -> dict[str, Any]:
    """A node of the graph, with its `State` and `Endpoints` by port after a run."""
    (found,) = [one for one in experiment["Graph"]["ModuleNodes"] if one["Comment"] == comment]
    status = next((one for one in experiment["NodeStatuses"] if one["NodeId"] == found["Id"]), None)
    if status is None:
        return dict(found)
    endpoints = {one["Name"]: one for one in status["OutputEndpoints"]}
    return {**found, "State": status["Status"], "Endpoints": endpoints, "Metadata": status["MetadataOutputEndpoints"]}


def fetch(emulator: Emulator, endpoint: dict[str, Any]) -> bytes:
    """What an endpoint object leads to, by its own signature alone."""
    response = emulator.bare.get(endpoint["BaseUri"] + endpoint["Location"] + endpoint["AccessCredential"])
    assert response.status_code == 200, response.text
    return response.content


def setting(experiment: dict[str, Any], comment: str, name: str) -> dict[str, Any]:
    """A module parameter, to be read or changed."""
    (found,) = [one for one in experiment["Graph"]["ModuleNodes"] if one["Comment"] == comment]
    (parameter,) = [one for one in found["ModuleParameters"] if one["Name"] == name]
    return parameter  # type: ignore[no-any-return]
