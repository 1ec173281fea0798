"""Guards out of a Git ref: what stands there counts, whatever the working tree says, and nothing is executed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from retrainctl.errors import InvalidInput
from retrainctl.operations.trusted import GuardsUnreadable, trusted_guards

PROJECT = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {name: guarded}
spec:
  vars: {most: 3}
  environments:
    local: {emulator: {}}
    prod:
      arm: {subscription: s, resourceGroup: rg}
      limits: {updates: "{{ vars.most }}"}
      protect: ["WebService/billing*"]
      freeze: [WebService/old]
"""
POLICY = """\
apiVersion: retrainctl/v1
kind: Policy
metadata: {name: "no-{{ item.what }}"}
forEach: {csv: rules.csv}
spec: {level: hard, when: "item.what in change.actions", message: never}
---
apiVersion: retrainctl/v1
kind: WebService
metadata: {name: a}
spec: {definition: not-in-the-ref.json}
"""
ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}


def git(folder: Path, *arguments: str) -> str:
    identity = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env={**ENVIRON, **identity}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a subfolder of a repository; `main` has guards, the working tree has lost them."""
    root = tmp_path / "repository" / "ml"
    (root / "manifests").mkdir(parents=True)
    git(root.parent, "init", "-q", "-b", "main")
    (root / "retrainctl.yaml").write_text(PROJECT)
    (root / "manifests/policies.yaml").write_text(POLICY)
    (root / "manifests/rules.csv").write_text("what\ndelete\ncreate\n")
    git(root.parent, "add", ".")
    git(root.parent, "commit", "-qm", "guards")
    git(root.parent, "checkout", "-qb", "feature")
    (root / "manifests/policies.yaml").unlink()
    (root / "retrainctl.yaml").write_text(PROJECT.split("      limits")[0])
    git(root.parent, "commit", "-qam", "no guards")
    return root


def test_the_guards_of_the_ref_count(project: Path) -> None:
    found = trusted_guards(project / "retrainctl.yaml", "prod", "main", ENVIRON)
    assert found.guards.limits == {"updates": 3, "deletes": 0}
    assert found.guards.protect == ("WebService/billing*",)
    assert found.guards.freeze == ("WebService/old",)
    assert [policy.name for policy in found.policies] == ["no-delete", "no-create"]
    assert found.commit == git(project, "rev-parse", "main")
    assert trusted_guards(project / "retrainctl.yaml", "prod", "feature", ENVIRON).policies == ()


def test_variables_from_outside_do_not_reach_them(project: Path) -> None:
    environ = {**ENVIRON, "RETRAINCTL_VAR_most": "1000"}
    assert trusted_guards(project / "retrainctl.yaml", "prod", "main", environ).guards.limits["updates"] == 3


@pytest.mark.parametrize("ref", ["nowhere", "origin/main", "0" * 40])
def test_an_unknown_ref_says_how_to_get_it(project: Path, ref: str) -> None:
    with pytest.raises(GuardsUnreadable, match=f"no commit {ref}") as caught:
        trusted_guards(project / "retrainctl.yaml", "prod", ref, ENVIRON)
    assert caught.value.hint is not None
    assert "git fetch" in caught.value.hint


@pytest.mark.parametrize("ref", ["--upload-pack=touch x", "-h", "main other", "main\n", "HEAD:retrainctl.yaml", ""])
def test_what_is_no_ref_never_reaches_git(project: Path, ref: str) -> None:
    with pytest.raises(GuardsUnreadable, match="no Git ref"):
        trusted_guards(project / "retrainctl.yaml", "prod", ref, ENVIRON)


def test_a_project_that_is_not_in_the_ref(project: Path) -> None:
    other = project / "other"
    other.mkdir()
    (other / "retrainctl.yaml").write_text(PROJECT)
    with pytest.raises(GuardsUnreadable, match="no project file"):
        trusted_guards(other / "retrainctl.yaml", "prod", "main", ENVIRON)


def test_an_environment_that_is_not_in_the_ref(project: Path) -> None:
    with pytest.raises(GuardsUnreadable, match='no environment "stage"'):
        trusted_guards(project / "retrainctl.yaml", "stage", "main", ENVIRON)


def test_outside_of_a_repository(tmp_path: Path) -> None:
    (tmp_path / "retrainctl.yaml").write_text(PROJECT)
    with pytest.raises(GuardsUnreadable, match="Git"):
        trusted_guards(
            tmp_path / "retrainctl.yaml", "prod", "main", {**ENVIRON, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
        )


def test_without_git(project: Path, tmp_path: Path) -> None:
    with pytest.raises(GuardsUnreadable, match="not installed"):
        trusted_guards(project / "retrainctl.yaml", "prod", "main", {"PATH": str(tmp_path / "nothing")})


def test_errors_in_the_ref_are_told_with_their_place_there(project: Path) -> None:
    git(project, "checkout", "-q", "main")
    (project / "manifests/policies.yaml").write_text(POLICY.replace("item.what in", "itm.what in"))
    git(project, "commit", "-qam", "broken")
    with pytest.raises(InvalidInput) as caught:
        trusted_guards(project / "retrainctl.yaml", "prod", "main", ENVIRON)
    messages = [finding.message for finding in caught.value.diagnostics]
    assert any(message.startswith("main:manifests/policies.yaml:5:") for message in messages), messages


def test_a_manifest_that_cannot_be_read_there_stops_everything(project: Path) -> None:
    """It may have held a policy."""
    git(project, "checkout", "-q", "main")
    (project / "manifests/half.yaml").write_text("kind: Policy\n  oops: [")
    git(project, "add", ".")
    git(project, "commit", "-qm", "broken")
    with pytest.raises(InvalidInput):
        trusted_guards(project / "retrainctl.yaml", "prod", "main", ENVIRON)


def test_a_link_out_of_the_project_is_refused_and_one_inside_is_followed(project: Path) -> None:
    git(project, "checkout", "-q", "main")
    (project / "shared").mkdir()
    (project / "shared/rule.yaml").write_text(
        POLICY.split("---")[0]
        .replace('"no-{{ item.what }}"', "linked")
        .replace("forEach: {csv: rules.csv}\n", "")
        .replace("item.what in", "'delete' in")
    )
    (project / "manifests/inside.yaml").symlink_to("../shared/rule.yaml")
    git(project, "add", ".")
    git(project, "commit", "-qm", "link")
    names = [policy.name for policy in trusted_guards(project / "retrainctl.yaml", "prod", "main", ENVIRON).policies]
    assert "linked" in names
    (project / "manifests/outside.yaml").symlink_to("/etc/hostname")
    git(project, "add", ".")
    git(project, "commit", "-qm", "way out")
    with pytest.raises(InvalidInput):
        trusted_guards(project / "retrainctl.yaml", "prod", "main", ENVIRON)


def test_no_filter_hook_or_conversion_of_the_repository_runs(project: Path, tmp_path: Path) -> None:
    """What `git show` or a checkout would start for these attributes."""
    trap = tmp_path / "ran"
    script = tmp_path / "trap.sh"
    script.write_text(f"#!/bin/sh\ntouch {trap}\ncat\n")
    script.chmod(0o755)
    for name in (
        "diff.trap.textconv",
        "diff.trap.command",
        "filter.trap.smudge",
        "filter.trap.process",
        "core.fsmonitor",
    ):
        git(project, "config", name, str(script))
    (project / ".gitattributes").write_text("* diff=trap filter=trap\n")
    assert trusted_guards(project / "retrainctl.yaml", "prod", "main", ENVIRON).policies
    assert not trap.exists()


def test_the_working_tree_stays_as_it_is(project: Path) -> None:
    before = git(project, "status", "--porcelain")
    trusted_guards(project / "retrainctl.yaml", "prod", "main", ENVIRON)
    assert git(project, "status", "--porcelain") == before
    assert not (project / "manifests/policies.yaml").exists()
