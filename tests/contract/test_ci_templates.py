"""The templates for Azure Pipelines, GitLab and pre-commit: their shape, and their scripts run in bash."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

STAND_IN = '#!/usr/bin/env bash\nprintf "%s\\n" "$@" > "$RECORD"\necho "$PPID" > "$RECORD.parent"\n'


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def call(script: str, tmp_path: Path, **environ: str) -> list[str]:
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    (folder / "retrainctl").write_text(STAND_IN)
    (folder / "retrainctl").chmod(0o755)
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "RECORD": str(tmp_path / "record"), **environ}
    subprocess.run(["bash", "-c", script], env=env, check=True, timeout=60, cwd=tmp_path)
    assert (tmp_path / "record.parent").read_text().strip() == str(os.getpid()), "a signal would not reach retrainctl"
    return (tmp_path / "record").read_text().splitlines()


def options(command: str) -> set[str]:
    from retrainctl.cli.app import load

    return {option for parameter in load(command).params for option in parameter.opts}


def check(words: list[str]) -> None:
    """The command and its options exist."""
    assert {word for word in words if word.startswith("--")} <= options(words[0])


@pytest.mark.parametrize("name", ["plan", "apply"])
def test_azure_templates_take_parameters_as_variables(repo: Path, name: str) -> None:
    document = read(repo / f"docs/ci/azure-devops/{name}.yml")
    declared = {parameter["name"] for parameter in document["parameters"]}
    step = document["steps"][0]
    assert "${{" not in step["bash"]
    used = {re.fullmatch(r"\$\{\{ parameters\.(\w+) \}\}", value)[1] for value in step["env"].values()}  # type: ignore[index]
    assert used == declared
    assert set(re.findall(r"\$\{?([A-Z]+_[A-Z]+)", step["bash"])) <= {*step["env"], "AGENT_TEMPDIRECTORY"}


def test_the_azure_plan_runs(repo: Path, tmp_path: Path) -> None:
    step = read(repo / "docs/ci/azure-devops/plan.yml")["steps"][0]
    given = {"PLAN_ENVIRONMENT": "a b", "PLAN_PROJECT": "p.yaml", "PLAN_SNAPSHOT": "", "PLAN_OUT": "plan.json"}
    words = call(step["bash"], tmp_path, AGENT_TEMPDIRECTORY=str(tmp_path), **given)
    assert words[:6] == ["plan", "--env", "a b", "--project", "p.yaml", "--azdo"]
    assert "--snapshot" not in words
    check(words)
    check(call(step["bash"], tmp_path, AGENT_TEMPDIRECTORY=str(tmp_path), **{**given, "PLAN_SNAPSHOT": "s"}))


def test_the_azure_apply_runs_by_digest(repo: Path, tmp_path: Path) -> None:
    step = read(repo / "docs/ci/azure-devops/apply.yml")["steps"][0]
    words = call(
        step["bash"], tmp_path, APPLY_ENVIRONMENT="prod", APPLY_PROJECT="p.yaml", APPLY_DIGEST="sha256:ab; touch owned"
    )
    assert words[words.index("--expect-digest") + 1] == "sha256:ab; touch owned"
    assert not (tmp_path / "owned").exists()
    check(words)


def test_the_gitlab_jobs_run(repo: Path, tmp_path: Path) -> None:
    document = read(repo / "docs/ci/gitlab/retrainctl.gitlab-ci.yml")
    assert all(name.startswith(".") for name in document), "hidden jobs only: an include must not add jobs"
    plan, apply = document[".retrainctl-plan"], document[".retrainctl-apply"]
    words = call(plan["script"][0], tmp_path, RETRAINCTL_ENV="prod", PLAN_SNAPSHOT="snap")
    check(words)
    assert set(plan["artifacts"]["paths"]) <= set(words)
    assert plan["artifacts"]["reports"]["junit"] in words
    check(call(apply["script"][0], tmp_path, RETRAINCTL_ENV="prod", RETRAINCTL_DIGEST="sha256:ab"))
    without = subprocess.run(
        ["bash", "-c", apply["script"][0]],
        env={"PATH": os.environ["PATH"], "RETRAINCTL_ENV": "prod"},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert without.returncode != 0
    assert "RETRAINCTL_DIGEST" in without.stderr


def test_the_pre_commit_hook_is_a_command_and_sees_manifests(repo: Path) -> None:
    (hook,) = read(repo / ".pre-commit-hooks.yaml")
    assert {"id", "name", "entry", "language"} <= set(hook)
    program, command = hook["entry"].split()
    assert program == "retrainctl"
    assert "--env" in options(command)
    assert re.search(hook["files"], "manifests/census.yaml")
    assert re.search(hook["files"], "locations.csv")
    assert not re.search(hook["files"], "README.md")


def test_commands_in_the_guides_exist(repo: Path) -> None:
    """Every `retrainctl COMMAND --option` that a how-to page shows is one that there is."""
    pages = ["pull-requests-github", "pull-requests-azure-devops", "gitlab", "pre-commit", "existing-estate"]
    for page in pages:
        text = (repo / f"docs/site/how-to/{page}.md").read_text()
        for command, rest in re.findall(
            r"retrainctl (plan|show|apply|init|promote|render|graph|import|validate)( [^`\n#|]*)?", text
        ):
            used = set(re.findall(r"--[a-z][a-z-]+", rest or ""))
            assert used <= options(command), f"{page}: retrainctl {command} {sorted(used - options(command))}"
