"""The Studio API: the workspace, experiments, and services deployed from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.classic_service import SERVICES, scoring_definition
from tests.support.emulator_process import Emulator

BASE = "/api/workspaces/00000000000000000000000000000001"


def ask(emulator: Emulator, method: str, path: str, **more: Any) -> httpx.Response:
    token = {"x-ms-metaanalytics-authorizationtoken": emulator.ready["token"]}
    return emulator.bare.request(method, BASE + path, headers=token, **more)


def seeded(emulator: Emulator, folder: Path) -> dict[str, Any]:
    seed = {"experiments": [{"name": "Rental", "summary": "bikes", "definition": scoring_definition()}]}
    (folder / "seed.yaml").write_text(json.dumps(seed))
    emulator.seed(folder)
    (experiment,) = ask(emulator, "GET", "/experiments").json()
    return dict(experiment)


def test_only_the_token_in_its_own_header_opens_the_workspace(emulator: Emulator) -> None:
    assert emulator.http.get(BASE).status_code == 401
    assert ask(emulator, "GET", "").json()["WorkspaceId"] == BASE[-32:]


@pytest.mark.parametrize("body", ['{Role: "User", Emails:"a@x.example,b@x.example"}', None])
def test_invited_people_are_users_in_loose_and_strict_json(emulator: Emulator, body: str | None) -> None:
    strict = json.dumps({"Role": "User", "Emails": "a@x.example,b@x.example"})
    assert ask(emulator, "POST", "/invitations", content=body or strict).status_code == 200
    users = ask(emulator, "GET", "/users").json()
    assert [one["User"]["Email"] for one in users if one["User"]["Role"] == "User"] == ["a@x.example", "b@x.example"]


def test_a_run_says_that_its_nodes_were_not_executed(emulator: Emulator) -> None:
    wish = {"Description": 'a "quoted" name', "IsDraft": False, "ExperimentGraph": {"ModuleNodes": [{"Id": "n1"}]}}
    identifier = ask(emulator, "POST", "/experiments/", json=wish).json()
    experiment = ask(emulator, "GET", f"/experiments/{identifier}").json()
    assert (experiment["Description"], experiment["Status"]["StatusCode"]) == ('a "quoted" name', "Finished")
    assert experiment["NodeStatuses"][0]["Status"]["StatusDetail"].startswith("Not executed")


def test_a_deployed_experiment_is_a_classic_service_and_updates_it(emulator: Emulator, tmp_path: Path) -> None:
    path = f"/experiments/{seeded(emulator, tmp_path)['ExperimentId']}/webservice?generateNewPortNames=false"
    started = ask(emulator, "POST", path).json()
    done = ask(emulator, "GET", f"/experiments/{started['ActivityId']}/webservice").json()
    assert done["Status"] == "Completed"
    assert [one["Id"] for one in emulator.http.get(SERVICES).json()] == [done["WebServiceGroupId"]]
    again = ask(emulator, "POST", path + "&updateExistingWebService=true").json()
    assert again["WebServiceGroupId"] == done["WebServiceGroupId"]
    assert ask(emulator, "POST", path).json()["WebServiceGroupId"] != done["WebServiceGroupId"]
    assert len(emulator.http.get(SERVICES).json()) == 2


def test_a_copy_exports_the_definition_and_goes_with_its_descendant(emulator: Emulator, tmp_path: Path) -> None:
    source = seeded(emulator, tmp_path)["ExperimentId"]
    wish = {"Description": "copy", "IsDraft": False, "ParentExperimentId": source}
    copy = ask(emulator, "POST", "/experiments/", json=wish).json()
    exported = ask(emulator, "GET", f"/experiments/{copy}/webservicedefinition").json()
    assert (
        exported["properties"]
        == ask(emulator, "GET", f"/experiments/{source}/webservicedefinition").json()["properties"]
    )
    assert ask(emulator, "DELETE", f"/experiments/{copy}?deleteAncestors=true").status_code == 200
    assert ask(emulator, "GET", "/experiments").json() == []
    assert ask(emulator, "GET", f"/experiments/{copy}").status_code == 404


def test_a_draft_is_not_deployed(emulator: Emulator) -> None:
    identifier = ask(emulator, "POST", "/experiments/", json={"Description": "draft", "IsDraft": True}).json()
    refused = ask(emulator, "POST", f"/experiments/{identifier}/webservice")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "InvalidOperation")


def test_what_the_emulator_lacks_is_refused_and_not_pretended(emulator: Emulator) -> None:
    assert ask(emulator, "POST", "/packages?experimentid=x").status_code == 404
