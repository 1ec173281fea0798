"""What holds an apply to the plan that was reviewed: digest, age, use once, integrity."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from retrainctl.plan.encode import canonical, checksum, digest
from tests.support.command import Shell
from tests.support.estate import make_estate
from tests.support.inside import Inside


@pytest.fixture
def do(shell: Shell) -> Inside:
    make_estate(shell.folder, 3)
    shell("emulator", "up", "--seed", "seed")
    return Inside(shell.folder, shell.environ)


def reviewed(do: Inside, *more: str) -> str:
    do("plan", "--out", "p.json", *more)
    return str(json.loads((do.folder / "p.json").read_text())["digest"])


def test_the_same_plan_made_again_has_the_digest(do: Inside) -> None:
    expected = reviewed(do)
    assert "3 applied" in do("apply", "--yes", "--expect-digest", expected).out


def test_a_digest_that_moved_writes_nothing_and_points_at_the_review(do: Inside) -> None:
    expected = reviewed(do)
    refused = do("apply", "--yes", "--var", "version=3", "--expect-digest", expected, code=4)
    assert "RC402" in refused.err
    assert "--reviewed PLAN" in " ".join(refused.err.split())
    assert do("history").out.strip() == "Nothing was applied yet."


def test_the_reviewed_plan_says_what_differs(do: Inside) -> None:
    reviewed(do)
    do("apply", "--yes", "--only", "WebService/svc-1")
    manifest = do.folder / "manifests/demand.yaml"
    manifest.write_text(manifest.read_text() + "  title: New\n")
    refused = do("apply", "--yes", "--var", "version=3", "--reviewed", "p.json", code=4)
    said = " ".join(refused.err.split())
    assert 'WebService/svc-2: slot "Demand [trained model]" moves to demand@3 instead of demand@2' in said
    assert "WebService/svc-1: slot" in said
    assert "it changed at the target" in said
    assert "other values of title" in said


def test_a_resource_that_needs_nothing_any_more_is_named(do: Inside) -> None:
    reviewed(do)
    do("apply", "--yes", "--only", "WebService/svc-1")
    refused = do("apply", "--yes", "--reviewed", "p.json", code=4)
    assert "WebService/svc-1 was reviewed and is not planned any more" in " ".join(refused.err.split())
    assert "3 applied" not in refused.out


def test_an_equal_plan_passes_the_review(do: Inside) -> None:
    expected = reviewed(do)
    assert "3 applied" in do("apply", "--yes", "--reviewed", "p.json", "--expect-digest", expected).out


def test_a_review_of_another_digest_is_a_usage_error(do: Inside) -> None:
    reviewed(do)
    do("apply", "--yes", "--reviewed", "p.json", "--expect-digest", "sha256:" + "0" * 64, code=64)


def test_a_plan_is_good_for_one_apply(do: Inside) -> None:
    reviewed(do)
    do("apply", "p.json", "--yes")
    again = do("apply", "p.json", "--yes", code=4)
    assert "applied before, by run" in again.err
    # Made again, the same plan is another one: here there is nothing left to do.
    reviewed(do)
    assert "No changes" in do("apply", "p.json", "--yes").out


def test_an_unrelated_change_does_not_stale_a_plan_and_a_related_one_only_its_resource(do: Inside) -> None:
    reviewed(do)
    do("apply", "--yes", "--only", "WebService/svc-1", "--var", "version=3")
    ran = do("apply", "p.json", "--yes", code=5)
    assert "2 applied" in ran.out
    assert "1 conflicted" in ran.out
    said = " ".join(ran.out.split())
    assert "planned from" in said
    assert "3.ilearner" in said


def aged(do: Inside, age: timedelta) -> None:
    """The saved plan as it would be had it been made at another time."""
    path = do.folder / "p.json"
    document = json.loads(path.read_text())
    document["created_at"] = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ")
    document["digest"] = digest(document)
    document["checksum"] = checksum(document)
    path.write_bytes(canonical(document))


def test_an_old_plan_is_refused_and_a_young_one_is_not(do: Inside) -> None:
    reviewed(do)
    aged(do, timedelta(minutes=31))
    refused = do("apply", "p.json", "--yes", "--max-age", "30m", code=4)
    assert "31 min old" in refused.err
    assert "3 applied" in do("apply", "p.json", "--yes", "--max-age", "2h").out


def test_a_plan_from_the_future_has_no_age(do: Inside) -> None:
    """The clock was set back: how old the plan is cannot be told."""
    reviewed(do)
    aged(do, -timedelta(days=1))
    refused = do("apply", "p.json", "--yes", "--max-age", "30m", code=4)
    assert "in the future" in refused.err


@pytest.mark.parametrize("age", ["soon", "5 parsecs", ""])
def test_an_age_that_is_none_is_a_usage_error(do: Inside, age: str) -> None:
    reviewed(do)
    do("apply", "p.json", "--yes", "--max-age", age, code=64)


def test_an_edited_plan_is_refused_before_any_call(do: Inside) -> None:
    reviewed(do)
    path = do.folder / "p.json"
    path.write_text(path.read_text().replace("/2.ilearner", "/9.ilearner"))
    refused = do("apply", "p.json", "--yes", code=4)
    assert "changed after it was made" in refused.err
    assert do("history").out.strip() == "Nothing was applied yet."


def test_a_plan_for_another_environment_is_refused(do: Inside) -> None:
    reviewed(do)
    project = do.folder / "retrainctl.yaml"
    project.write_text(project.read_text() + "    other: {emulator: {}}\n")
    assert "--env local" in do("apply", "p.json", "--yes", "--env", "other", code=4).err


def test_a_saved_plan_is_applied_as_it_is(do: Inside) -> None:
    reviewed(do)
    do("apply", "p.json", "--yes", "--only", "WebService/svc-1", code=64)
    do("apply", "p.json", "--yes", "--allow", "updates=3", code=64)
    do("apply", "--resume", "--only", "WebService/svc-1", code=64)
