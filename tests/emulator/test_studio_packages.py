"""Packages: experiments into the same workspace and into another one; annotations, projects, notebooks, gateways."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator_process import Emulator, running
from tests.support.studio_service import (
    ask,
    example,
    identifier_of,
    node,
    read,
    run,
    save,
    seed,
    seed_training,
    setting,
)


@pytest.fixture
def training(emulator: Emulator, tmp_path: Path, repo: Path) -> dict[str, Any]:
    return read(emulator, seed_training(emulator, tmp_path, repo, draft=True))


def pack(emulator: Emulator, identifier: str, **more: str) -> dict[str, Any]:
    """Pack as the known client does, stray slash and all; the activity at its end."""
    more = {"clearCredentials": "true", "includeAuthorId": "false", **more}
    query = "&".join(f"{name}={value}" for name, value in more.items())
    begun = ask(emulator, "POST", f"/packages?api-version=2.0&experimentid={identifier}/&{query}")
    assert begun.status_code == 200, begun.text
    done: dict[str, Any] = ask(emulator, "GET", f"/packages?packageActivityId={begun.json()['ActivityId']}").json()
    return done


def unpack(emulator: Emulator, uri: str) -> dict[str, Any]:
    params = {"api-version": "2.0", "packageUri": uri, "region": "SouthCentralUS"}
    begun = ask(emulator, "PUT", "/packages", params=params)
    assert begun.status_code == 200, begun.text
    done: dict[str, Any] = ask(emulator, "GET", f"/packages?unpackActivityId={begun.json()['ActivityId']}").json()
    return done


def test_a_package_becomes_a_draft_that_runs_and_deploys(emulator: Emulator, training: dict[str, Any]) -> None:
    packed = pack(emulator, training["ExperimentId"])
    assert (packed["Status"], packed["ItemsPending"]) == ("Complete", 0)
    ask(emulator, "DELETE", f"/experiments/{training['ExperimentId']}")
    assert unpack(emulator, packed["Location"])["Status"] == "Complete"
    arrived = read(emulator, identifier_of(emulator, "Training"))
    assert arrived["ExperimentId"] != training["ExperimentId"]
    assert (arrived["Status"]["StatusCode"], arrived["Graph"]) == ("InDraft", training["Graph"])
    assert node(run(emulator, arrived), "train")["Endpoints"]["Trained model"]["Size"] > 0
    assert ask(emulator, "POST", f"/experiments/{arrived['ExperimentId']}/webservice").status_code == 200


def test_a_package_goes_to_another_workspace_with_the_model_that_it_needs(tmp_path: Path, repo: Path) -> None:
    definition = example(repo, "scoring")
    uri = "https://acct.blob.core.windows.net/models/base.ilearner"
    definition["properties"]["assets"]["asset3"]["locationInfo"]["uri"] = uri
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "base.ilearner").write_bytes(b"a model")
    with running(tmp_path / "a") as here, running(tmp_path / "b") as there:
        blobs = [{"path": "acct/models/base.ilearner", "file": "base.ilearner"}]
        seed(here, tmp_path / "here", blobs=blobs, experiments=[{"name": "Scoring", "definition": definition}])
        packed = pack(here, identifier_of(here, "Scoring"))
        assert packed["ItemsComplete"] == 2
        assert unpack(there, packed["Location"])["Status"] == "Complete"
        arrived = read(there, identifier_of(there, "Scoring"))
        model = node(arrived, "score")["InputPortsInternal"][0]["TrainedModelId"]
        assert [one["Id"] for one in ask(there, "GET", "/trainedmodels").json()] == [model]
        save(there, arrived, draft=False)
        exported = ask(there, "GET", f"/experiments/{arrived['ExperimentId']}/webservicedefinition")
        (resource,) = [one for one in exported.json()["properties"]["assets"].values() if one["type"] == "Resource"]
        assert resource["name"] == "Bike Rental [trained model]"
        key = {"Authorization": f"Bearer {there.ready['token']}", "x-ms-version": "2021-12-02"}
        path = resource["locationInfo"]["uri"].replace("https://mlstudiostorage.blob.core.windows.net", "")
        assert there.bare.get(f"/mlstudiostorage{path}", headers=key).content == b"a model"


@pytest.mark.parametrize(("clear", "kept"), [("true", ""), ("false", "hush")])
def test_credentials_stay_behind_when_that_is_asked(
    emulator: Emulator, training: dict[str, Any], clear: str, kept: str
) -> None:
    (importer,) = [one for one in training["Graph"]["ModuleNodes"] if one["Comment"] == "import"]
    secret = {"ValueType": "Literal", "LinkedGlobalParameter": None, "Name": "Account Key", "Value": "hush"}
    importer["ModuleParameters"].append(secret)
    save(emulator, training, draft=True)
    location = pack(emulator, training["ExperimentId"], clearCredentials=clear)["Location"]
    with zipfile.ZipFile(BytesIO(emulator.bare.get(location).content)) as package:
        document = json.loads(package.read("experiment.json"))
    assert setting({**training, "Graph": document["Graph"]}, "import", "Account Key")["Value"] == kept
    assert setting({**training, "Graph": document["Graph"]}, "import", "File format")["Value"] == "CSV"


def test_packing_takes_its_time_and_may_fail(emulator: Emulator, training: dict[str, Any]) -> None:
    emulator.control("PUT", "clock", {"now": "2026-11-21T08:00:00Z"})
    emulator.faults(studio_package_seconds=5)
    waiting = pack(emulator, training["ExperimentId"])
    assert (waiting["Status"], waiting["Location"]) == ("Running", None)
    emulator.control("PUT", "clock", {"advance": 5})
    done = ask(emulator, "GET", f"/packages?packageActivityId={waiting['ActivityId']}").json()
    assert done["Status"] == "Complete"
    emulator.faults(studio_package_fail="always", studio_package_seconds=0)
    assert pack(emulator, training["ExperimentId"])["Status"] == "Failed"
    assert unpack(emulator, done["Location"])["Status"] == "Failed"
    assert len(ask(emulator, "GET", "/experiments").json()) == 1


def test_what_is_no_package_is_refused(emulator: Emulator, training: dict[str, Any]) -> None:
    location = pack(emulator, training["ExperimentId"])["Location"]
    put = {"api-version": "2.0", "packageUri": location.partition("?")[0]}
    assert ask(emulator, "PUT", "/packages", params=put).status_code == 400
    finished = run(emulator, training)
    endpoint = node(finished, "train")["Endpoints"]["Trained model"]
    put = {"packageUri": endpoint["BaseUri"] + endpoint["Location"] + endpoint["AccessCredential"]}
    refused = ask(emulator, "PUT", "/packages", params=put)
    assert refused.status_code == 400 and "not a package" in refused.text
    assert ask(emulator, "PUT", "/packages", params={"packageUri": "https://gallery.example/x"}).status_code == 400
    assert ask(emulator, "POST", "/packages?experimentid=none/").status_code == 404
    assert ask(emulator, "GET", "/packages?packageActivityId=none").status_code == 404


def test_annotations_projects_notebooks_and_gateways_come_from_the_seed(
    emulator: Emulator, tmp_path: Path, repo: Path
) -> None:
    annotations = ["Look here", {"content": "Why?", "node": "train", "parent": 1}]
    identifier = seed_training(emulator, tmp_path, repo, annotations=annotations, draft=True)
    sections = {
        "projects": [{"name": "Bikes", "experiments": ["Training"]}],
        "notebooks": [{"name": "Look at bikes", "language": "R", "attachments": ["days.csv"]}],
        "gateways": [{"name": "onprem"}],
    }
    assert seed(emulator, tmp_path / "s", **sections)["new"]["notebooks"] == ["Look at bikes"]
    assert seed(emulator, tmp_path / "s", **sections)["present"]["gateways"] == ["onprem"]
    first, second = ask(emulator, "GET", f"/experiments/{identifier}/annotations").json()
    assert (second["ParentAnnotationId"], first["NodeId"]) == (first["Id"], None)
    assert second["NodeId"] == node(read(emulator, identifier), "train")["Id"]
    assert ask(emulator, "GET", "/projectcontainers").json()[0]["Contents"] == {"Experiment": [identifier]}
    (notebook,) = ask(emulator, "GET", "/notebooks").json()
    family = f"/notebooks/family/{notebook['FamilyId']}"
    assert ask(emulator, "GET", family + "/attachments").json() == ["days.csv"]
    session = ask(emulator, "POST", family + "/session").json()
    assert set(session) == {"AuthenticationUri", "SessionUri", "OriginUri"}
    assert ask(emulator, "POST", "/notebooks/family/none/session").status_code == 404
    assert ask(emulator, "GET", "/gateways").json()[0]["GatewayName"] == "onprem"
