"""`workspace`, `annotation`, `project`, `notebook` and `gateway` against the emulator."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrainctl.wiring import emulator
from tests.support.command import environment
from tests.support.inside import Inside


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, repo: Path) -> Iterator[Inside]:
    folder = tmp_path_factory.mktemp("workspace") / "project"
    shutil.copytree(repo / "manifests/bike-rental", folder, ignore=shutil.ignore_patterns(".retrainctl"))
    made = Inside(folder, environment())
    made("emulator", "up", "--seed", "seed")
    yield made
    emulator.stop(folder / ".retrainctl" / "emulator")


def test_the_workspace_is_shown_without_its_secrets(run: Inside) -> None:
    shown = run("workspace", "get").out
    found = json.loads(shown)
    assert found["FriendlyName"] and found["Region"] and found["UserStorage"]
    assert "Token" not in shown and "StorageKey" not in shown
    table = run("workspace", "get", "--output", "table").out
    assert found["WorkspaceId"][:8] in table
    assert max(map(len, table.splitlines())) <= 80


def test_users_are_invited_and_then_listed(run: Inside) -> None:
    asked = run("workspace", "invite", "ada@example.com,grace@example.com", "--role", "owner", "--what-if")
    assert "POST" in asked.out and '"Emails": "ada@example.com,grace@example.com"' in asked.out
    assert "Nothing was sent" in asked.err
    assert "RC501" in run("workspace", "invite", "ada@example.com", code=1).err
    assert "ada@" not in run("workspace", "users").out
    ran = run("workspace", "invite", "ada@example.com,grace@example.com", "lin@example.com", "--role", "owner", "--yes")
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


def test_an_experiment_that_is_not_there(run: Inside) -> None:
    assert "RC940" in run("annotation", "list", "Nothing like it", code=1).err

