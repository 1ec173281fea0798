"""What nobody knows of the Studio API's assets: every position of every switch."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from retrainctl.emulator.studio.knobs import KNOBS
from tests.support.emulator_process import Emulator
from tests.support.studio_assets import BASE, ask, promotion, register, upload

STRICT = json.dumps({"Role": "User", "Emails": "a@x.example"})
LOOSE = '{Role: "User", Emails:"a@x.example"}'


@pytest.fixture
def studio(emulator: Emulator) -> Emulator:
    emulator.faults(studio_schema_seconds=0, studio_module_seconds=0)
    return emulator


def added(studio: Emulator, name: str = "rides", **members: Any) -> httpx.Response:
    return register(studio, upload(studio, b"a\n1\n")["Id"], name, **members)


def names(studio: Emulator) -> list[str]:
    return [one["Name"] for one in ask(studio, "GET", "/datasources").json()]


def test_a_new_switch_has_a_test_here() -> None:
    known = {
        *("wrong-token", "invitations", "write-status", "id-form", "storage-host", "name-taken", "name-case", "lists"),
        *("missing-family", "promote-unfinished", "schema-wait", "schema-seconds", "module-seconds", "schema-fail"),
        "module-fail",
    }
    assert {knob.name.removeprefix("studio-") for knob in KNOBS} == known


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_token(studio: Emulator, status: int) -> None:
    studio.faults(studio_wrong_token=status)
    wrong = studio.bare.get(BASE, headers={"x-ms-metaanalytics-authorizationtoken": "x"})
    assert wrong.status_code == status
    foreign = ask(studio, "GET", f"/api/workspaces/{'f' * 32}/datasources")
    assert foreign.status_code == status
    assert ask(studio, "GET", "").status_code == 200


@pytest.mark.parametrize(
    ("position", "strict", "loose"), [("both", 200, 200), ("strict", 200, 400), ("loose", 400, 200)]
)
def test_invitations(studio: Emulator, position: str, strict: int, loose: int) -> None:
    studio.faults(studio_invitations=position)
    assert ask(studio, "POST", "/invitations", content=STRICT).status_code == strict
    assert ask(studio, "POST", "/invitations", content=LOOSE).status_code == loose
    assert len(ask(studio, "GET", "/users").json()) == 2


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("form", ["json", "bare"])
def test_the_answer_to_a_post_that_creates(studio: Emulator, status: int, form: str) -> None:
    studio.faults(studio_write_status=status, studio_id_form=form)
    answer = added(studio)
    assert answer.status_code == status
    (found,) = ask(studio, "GET", "/datasources").json()
    assert answer.text == (f'"{found["Id"]}"' if form == "json" else found["Id"])
    saved = ask(studio, "POST", "/experiments/", json={"Description": "draft", "IsDraft": True})
    assert (saved.status_code, saved.text.startswith('"')) == (status, form == "json")


@pytest.mark.parametrize(("position", "host"), [("local", None), ("azure", "mlstudiostorage.blob.core.windows.net")])
def test_the_host_of_downloads(studio: Emulator, position: str, host: str | None) -> None:
    studio.faults(studio_storage_host=position)
    added(studio)
    location = ask(studio, "GET", "/datasources").json()[0]["DownloadLocation"]
    assert httpx.URL(location["BaseUri"]).host == (host or studio.bare.base_url.host)
    inside = f"/mlstudiostorage/{location['Location']}{location['AccessCredential']}"
    assert studio.bare.get(inside).content == b"a\n1\n"


def test_a_taken_name_may_be_allowed(studio: Emulator) -> None:
    studio.faults(studio_name_taken="allow")
    assert [added(studio).status_code, added(studio).status_code] == [200, 200]
    assert names(studio) == ["rides", "rides"]


@pytest.mark.parametrize(("position", "status"), [("ignore", 409), ("exact", 200)])
def test_names_that_differ_in_case(studio: Emulator, position: str, status: int) -> None:
    studio.faults(studio_name_case=position)
    added(studio)
    assert added(studio, "Rides").status_code == status
    assert added(studio).status_code == 409


@pytest.mark.parametrize(("position", "count"), [("latest", 1), ("all", 2)])
def test_versions_in_lists(studio: Emulator, position: str, count: int) -> None:
    studio.faults(studio_lists=position)
    family = added(studio).json().split(".")[1]
    added(studio, FamilyId=family)
    latest = [one["IsLatest"] for one in ask(studio, "GET", "/datasources").json()]
    assert latest == [True, False][:count]


@pytest.mark.parametrize("status", [404, 204])
def test_deleting_a_family_that_is_not_there(studio: Emulator, status: int) -> None:
    studio.faults(studio_missing_family=status)
    assert ask(studio, "DELETE", f"/datasources/family/{'f' * 32}").status_code == status


@pytest.mark.parametrize(("position", "code"), [("reject", "InvalidOperation"), ("accept", "BadArgument")])
def test_promoting_from_a_draft(studio: Emulator, position: str, code: str) -> None:
    """With `accept` the next thing that is wrong is that there is no such output."""
    studio.faults(studio_promote_unfinished=position)
    draft = ask(studio, "POST", "/experiments/", json={"Description": "draft", "IsDraft": True}).json()
    wish = promotion("TrainedModel", "iLearnerDotNet", "n1", "Trained model", "m", of=draft)
    refused = ask(studio, "POST", "/trainedmodels", json=wish)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, code)


@pytest.mark.parametrize("word", ["Pending", "NotStarted", "Running"])
def test_the_word_for_a_schema_that_is_not_there_yet(studio: Emulator, word: str) -> None:
    studio.faults(studio_schema_wait=word, studio_schema_seconds=1000)
    added(studio)
    assert ask(studio, "GET", "/datasources").json()[0]["SchemaStatus"] == word


def test_a_schema_may_fail_for_one_dataset(studio: Emulator) -> None:
    studio.faults(studio_schema_fail="always,POST,unlucky")
    added(studio)
    added(studio, "unlucky")
    statuses = {one["Name"]: one["SchemaStatus"] for one in ask(studio, "GET", "/datasources").json()}
    assert statuses == {"rides": "Complete", "unlucky": "Failed"}


def test_a_module_may_fail(studio: Emulator) -> None:
    studio.faults(studio_module_fail="first:1")
    activity = ask(studio, "POST", "/modules/custom", json=upload(studio, b"PK", "Zip")).json()
    status, error = ask(studio, "GET", f"/modules/custom?activityGroupId={activity}").json()
    assert (status, error) == ("Failed", "Error 0114: Failed to build custom module.")
