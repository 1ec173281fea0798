"""Policies and trusted guards on the command line: a pull request cannot remove its own guard."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Shell
from tests.support.estate import make_estate
from tests.support.inside import Inside

RULE = """\
apiVersion: retrainctl/v1
kind: Policy
metadata: {name: not-version-3}
spec:
  level: hard
  when: "'demand@3' in model_changes|map(attribute='to')"
  message: version 3 was withdrawn
"""


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=ann", "-c", "user.email=ann@example.com"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def guarded(shell: Shell) -> Iterator[Inside]:
    """Twelve services; `main` has a policy, a limit, a protection; `feature` has removed them all."""
    make_estate(shell.folder, 12)
    project = shell.folder / "retrainctl.yaml"
    bare = project.read_text()
    (shell.folder / ".gitignore").write_text(".retrainctl/\n*.json\n")
    project.write_text(
        bare.replace("local: {emulator: {}}", "local:\n      emulator: {}\n      limits: {updates: 50%}\n")
    )
    (shell.folder / "manifests/rule.yaml").write_text(RULE)
    git(shell.folder, "init", "-q", "-b", "main")
    git(shell.folder, "add", ".")
    git(shell.folder, "commit", "-qm", "guards")
    git(shell.folder, "checkout", "-qb", "feature")
    project.write_text(bare)
    (shell.folder / "manifests/rule.yaml").unlink()
    git(shell.folder, "commit", "-qam", "no guards")
    shell("emulator", "up", "--seed", "seed")
    yield Inside(shell.folder, shell.environ)


def test_a_hard_policy_blocks_plan_and_apply(guarded: Inside) -> None:
    git(guarded.folder, "checkout", "-q", "main")
    plan = guarded("plan", "--var", "version=3", "--only", "WebService/svc-1", "--out", "p.json", code=3)
    assert "version 3 was withdrawn" in plan.out
    assert json.loads((guarded.folder / "p.json").read_text())["applyable"] is False
    assert "version 3 was withdrawn" in guarded("apply", "p.json", "--yes", code=3).err
    assert "version 3 was withdrawn" in guarded("apply", "--yes", "--var", "version=3", code=3).err
    fine = guarded("plan", "--only", "WebService/svc-1")
    assert "Policy" not in fine.out


def test_exceptions_are_shown_and_end(guarded: Inside) -> None:
    git(guarded.folder, "checkout", "-q", "main")
    rule = guarded.folder / "manifests/rule.yaml"
    entry = "{address: 'WebService/*', owner: ann, reason: trial, expires: %s}"
    rule.write_text(RULE + "  exceptions:\n    - " + entry % "2099-12-31" + "\n")
    plan = guarded("plan", "--var", "version=3", "--only", "WebService/svc-1", "--out", "p.json")
    assert "1 excepted" in plan.out
    assert "by ann: trial" in " ".join(plan.out.split())
    assert json.loads((guarded.folder / "p.json").read_text())["summary"]["excepted"] == 1
    rule.write_text(RULE + "  exceptions:\n    - " + entry % "2020-12-31" + "\n")
    ended = guarded("plan", "--var", "version=3", "--only", "WebService/svc-1", code=3)
    assert "the exception by ann ended" in " ".join(ended.out.split())


def test_a_bad_expression_is_an_error_at_its_place(guarded: Inside) -> None:
    (guarded.folder / "manifests/rule.yaml").write_text(RULE.replace("model_changes", "model_chnages"))
    refused = guarded("plan", code=1)
    assert "manifests/rule.yaml:6:9" in refused.err
    assert "model_changes" in refused.err, "the names that there are"


def test_a_pull_request_cannot_remove_its_own_guard(guarded: Inside) -> None:
    assert guarded("plan", "--var", "version=3").code == 0
    plan = guarded("plan", "--var", "version=3", "--guards-from", "main", "--out", "p.json", code=3)
    assert "version 3 was withdrawn" in plan.out
    assert "limits.updates" in plan.out
    source = json.loads((guarded.folder / "p.json").read_text())["source"]
    assert source["guards"] == {"ref": "main", "commit": git(guarded.folder, "rev-parse", "main")}
    refused = guarded("apply", "--yes", "--var", "version=3", "--guards-from", "main", code=3)
    assert "version 3 was withdrawn" in refused.err
    assert guarded("history").out.strip() == "Nothing was applied yet."


def test_a_plan_that_was_made_without_the_guards_is_judged_by_them(guarded: Inside) -> None:
    guarded("plan", "--var", "version=3", "--out", "p.json")
    refused = guarded("apply", "p.json", "--yes", "--guards-from", "main", code=3)
    assert "version 3 was withdrawn" in refused.err
    assert "--allow updates=12" in refused.err
    guarded("plan", "--out", "fine.json")
    refused = guarded("apply", "fine.json", "--yes", "--guards-from", "main", code=3)
    assert "not-version-3" not in refused.err
    guarded("apply", "fine.json", "--yes", "--guards-from", "main", "--allow", "updates=11", code=3)
    applied = guarded("apply", "fine.json", "--yes", "--guards-from", "main", "--allow", "updates=12")
    assert "12 applied" in applied.out


def test_same_plan_same_digest_wherever_the_same_guards_are_from(guarded: Inside) -> None:
    def digest(*more: str) -> str:
        text = guarded("plan", "--only", "WebService/svc-1", "--output", "json", *more).out
        return str(json.loads(text)["digest"])

    assert digest() == digest("--guards-from", "main")


@pytest.mark.parametrize(
    ("ref", "said"),
    [("origin/main", "no commit origin/main"), ("--help", "no Git ref"), ("main:x", "no Git ref")],
)
def test_a_ref_that_cannot_be_used_stops_everything(guarded: Inside, ref: str, said: str) -> None:
    refused = guarded("plan", f"--guards-from={ref}", code=1)
    assert said in refused.err
    assert "RC409" in refused.err
    assert refused.out == ""


def test_a_freeze_that_came_after_the_plan_counts(guarded: Inside) -> None:
    guarded("plan", "--out", "p.json")
    project = guarded.folder / "retrainctl.yaml"
    project.write_text(
        project.read_text().replace("local: {emulator: {}}", "local: {emulator: {}, freeze: ['WebService/*-3']}")
    )
    refused = guarded("apply", "p.json", "--yes", code=3)
    assert "WebService/svc-3" in refused.err
    assert "frozen" in refused.err
