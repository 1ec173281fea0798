"""`workspace`, `annotation`, `project`, `notebook` and `gateway` against the emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from retrainctl.wiring import emulator
from tests.support.command import environment
from tests.support.inside import Inside

PROJECT = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {name: workspace}
spec:
  manifests: []
  environments:
    local: {emulator: {}}
"""
SEED = """\
experiments:
  - name: Rentals
    annotations: [Why this column?, {content: 'Because "of" Zürich', parent: 1}]
projects:
  - {name: Bikes, description: All of it, experiments: [Rentals]}
notebooks:
  - {name: Explore, language: Python3, attachments: [rentals.csv, "ü b.csv"]}
gateways:
  - {name: plant, status: Online, version: 2.8.1}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "retrainctl.yaml").write_text(PROJECT, encoding="utf-8")
    (folder / "seed").mkdir()
    (folder / "seed" / "seed.yaml").write_text(SEED, encoding="utf-8")
    made = Inside(folder, environment())
    made("emulator", "up")
    yield made
    emulator.stop(folder / ".retrainctl" / "emulator")


@pytest.fixture(scope="module")
def filled(run: Inside) -> Inside:
    """The same with something in each list; tests of empty lists come before."""
    run("emulator", "seed", "seed")
    return run


def test_the_workspace_is_shown_without_its_secrets(run: Inside) -> None:
    shown = run("workspace", "get").out
    found = json.loads(shown)
    assert found["FriendlyName"] and found["Region"] and found["UserStorage"]
    assert "Token" not in shown and "StorageKey" not in shown
    table = run("workspace", "get", "--output", "table").out
    assert found["WorkspaceId"][:8] in table
    assert max(map(len, table.splitlines())) <= 80


def test_users_are_invited_and_then_listed(run: Inside) -> None:
    asked = run("workspace", "invite", "ada@example.com,grace@example.com", "--role", "Owner", "--what-if")
    assert "POST" in asked.out and '"Emails": "ada@example.com,grace@example.com"' in asked.out
    assert "Nothing was sent" in asked.err
    assert "RC501" in run("workspace", "invite", "ada@example.com", code=1).err
    assert "ada@" not in run("workspace", "users").out
    ran = run("workspace", "invite", "ada@example.com,grace@example.com", "lin@example.com", "--role", "Owner", "--yes")
    assert ran.out == "Invited 3 users as Owner.\n"
    rows = run("workspace", "users", "--query", "[].[User.Email, User.Role, Status]", "--output", "tsv").out
    assert "grace@example.com\tOwner\tInvited" in rows.splitlines()
    assert "workspace invite" in run("history").out


def test_a_wrong_address_is_named_before_anything_is_sent(run: Inside) -> None:
    ran = run("workspace", "invite", "good@example.com", "bad", "worse@", "--yes", code=1)
    assert "RC950" in ran.err and '"bad"' in ran.err and '"worse@"' in ran.err
    assert "good@" not in run("workspace", "users").out
    run("workspace", "invite", "good@example.com", "--role", "admin", "--yes", code=64)


@pytest.mark.parametrize("what", ["project", "notebook", "gateway"])
def test_a_workspace_that_has_none_says_so(run: Inside, what: str) -> None:
    assert run(what, "list").out == "Nothing found.\n"
    assert json.loads(run(what, "list", "--output", "json").out) == []


def test_an_invitation_that_is_only_taken_as_azuremlps_wrote_it(run: Inside) -> None:
    run("emulator", "faults", "studio-invitations=loose")
    try:
        assert run("workspace", "invite", "loose@example.com", "--yes").out == "Invited 1 user as User.\n"
    finally:
        run("emulator", "faults", "--clear")
    assert "loose@example.com" in run("workspace", "users").out


def test_lists_as_tables_and_whole(filled: Inside) -> None:
    assert filled("project", "list").out.splitlines()[1].split()[0] == "Bikes"
    (project,) = json.loads(filled("project", "list", "--output", "json").out)
    experiment = filled("experiment", "get", "Rentals", "--query", "ExperimentId", "--output", "tsv").out.strip()
    assert [experiment] in project["Contents"].values()
    shown = filled("gateway", "list").out + filled("gateway", "list", "--output", "json").out
    assert "plant" in shown and "Online" in shown and "RegistrationKey" not in shown
    for what in ("project", "gateway", "notebook"):
        assert max(map(len, filled(what, "list", COLUMNS="80").out.splitlines())) <= 80


def test_annotations_by_the_name_of_their_experiment(filled: Inside) -> None:
    texts = filled("annotation", "list", "Rentals", "--query", "[].Content", "--output", "json").out
    assert json.loads(texts) == ["Why this column?", 'Because "of" Zürich']
    assert "RC940" in filled("annotation", "list", "Nothing like it", code=1).err


def test_a_notebook_is_opened_and_only_show_tells_what_opens_it(filled: Inside) -> None:
    family = filled("notebook", "list", "--query", "[].FamilyId", "--output", "tsv").out.strip()
    names = filled("notebook", "attachments", family, "--output", "json").out
    assert json.loads(names) == ["rentals.csv", "ü b.csv"]
    assert "rentals.csv" in filled("notebook", "attachments", family).out
    hidden = filled("notebook", "session", family)
    assert "token" not in hidden.out + hidden.err
    assert json.loads(hidden.out)["SessionUri"].startswith("https://")
    shown = filled("notebook", "session", family, "--show", "--query", "AuthenticationUri", "--output", "tsv")
    assert "?token=" in shown.out and "sensitive" not in shown.out
    gone = filled("notebook", "session", "0" * 32, code=1)
    assert "RC302" in gone.err and "request id" in gone.err and "notebook list" in gone.err
