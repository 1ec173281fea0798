"""The composite action's scripts, run in bash with a stand-in for `retrainctl` and `gh`."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

RECORDER = """#!/usr/bin/env bash
for argument in "$@"; do printf '%s\\n' "$argument" >> "$RECORD"; done
printf -- '--\\n' >> "$RECORD"
echo "$PPID" > "$RECORD.parent"
"""


@pytest.fixture
def action(repo: Path) -> Path:
    return repo / ".github/actions/plan"


def recorder(folder: Path, name: str, then: str = "") -> None:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(RECORDER + then)
    file.chmod(0o755)


def run(script: Path, tmp_path: Path, **environ: str) -> list[list[str]]:
    record = tmp_path / "record"
    record.unlink(missing_ok=True)
    env = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "RECORD": str(record),
        "RUNNER_TEMP": str(tmp_path),
        **environ,
    }
    subprocess.run([str(script)], env=env, check=True, timeout=60, cwd=tmp_path, capture_output=True)
    text = record.read_text() if record.exists() else ""
    return [call.split("\n") for call in text.split("\n--\n") if call]


def described(action: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((action / "action.yml").read_text())
    return found


def test_the_action_has_the_shape_that_github_takes(action: Path) -> None:
    document = described(action)
    assert set(document) == {"name", "description", "inputs", "outputs", "runs"}
    assert document["runs"]["using"] == "composite"
    for step in document["runs"]["steps"]:
        assert {"shell", "run"} <= set(step) <= {"id", "if", "shell", "env", "run", "name"}
        script = action / re.fullmatch(r'exec "\$GITHUB_ACTION_PATH/(.+)"', step["run"])[1]  # type: ignore[index]
        assert os.access(script, os.X_OK)
    used = set(re.findall(r"inputs\.([a-z-]+)", (action / "action.yml").read_text()))
    assert used == set(document["inputs"])


def test_no_script_holds_text_of_an_input(action: Path) -> None:
    for step in described(action)["runs"]["steps"]:
        assert "${{" not in step["run"]
    for script in action.glob("*.sh"):
        assert "${{" not in script.read_text()


def test_every_output_is_one_that_the_plan_writes(action: Path) -> None:
    from retrainctl.render.pipelines import outputs
    from retrainctl.render.read import plan_view

    written = outputs(plan_view({"environment": "prod", "resource_changes": []}))
    for name, output in described(action)["outputs"].items():
        assert output["value"] == f"${{{{ steps.plan.outputs.{name} }}}}"
        assert name in written


def test_plan_gets_the_inputs_as_they_are(action: Path, tmp_path: Path) -> None:
    recorder(tmp_path / "bin", "retrainctl")
    hostile = 'prod"; touch owned; $(touch owned) `touch owned` #'
    (call,) = run(
        action / "plan.sh",
        tmp_path,
        PLAN_ENVIRONMENT=hostile,
        PLAN_OUT="p.json",
        PLAN_SNAPSHOT="snap shots/prod",
        PLAN_ARGUMENTS="--only\nEndpoint/a b*\n",
    )
    assert call[:5] == ["plan", "--env", hostile, "--github", "--out"]
    assert call[call.index("--snapshot") + 1] == "snap shots/prod"
    assert call[-2:] == ["--only", "Endpoint/a b*"]
    assert not (tmp_path / "owned").exists()


def test_every_argument_is_an_option_of_the_command(action: Path, tmp_path: Path) -> None:
    recorder(tmp_path / "bin", "retrainctl")
    every = dict.fromkeys(
        ("PLAN_PROJECT", "PLAN_SNAPSHOT", "PLAN_GUARDS_FROM", "PLAN_HTML", "PLAN_SARIF", "PLAN_OUT"), "x"
    )
    (call,) = run(action / "plan.sh", tmp_path, PLAN_ENVIRONMENT="prod", **every)
    from retrainctl.cli.app import load

    known = {option for parameter in load("plan").params for option in parameter.opts}
    assert {word for word in call if word.startswith("--")} <= known


def test_the_script_becomes_retrainctl_so_that_signals_reach_it(action: Path, tmp_path: Path) -> None:
    recorder(tmp_path / "bin", "retrainctl")
    run(action / "plan.sh", tmp_path, PLAN_ENVIRONMENT="prod")
    assert (tmp_path / "record.parent").read_text().strip() == str(os.getpid())


def test_the_comment_is_written_once_and_then_changed(action: Path, tmp_path: Path) -> None:
    comment = tmp_path / "retrainctl-comment.md"
    comment.write_text("<!-- retrainctl:plan env=prod digest=sha256:ab -->\n## hello\n")
    environ = {"GITHUB_REPOSITORY": "o/r", "PULL_REQUEST": "7"}
    recorder(tmp_path / "bin", "gh")
    looked, wrote = run(action / "comment.sh", tmp_path, **environ)
    assert "repos/o/r/issues/7/comments" in looked
    assert wrote[3:] == ["POST", "repos/o/r/issues/7/comments", "--field", f"body=@{comment}"]
    recorder(tmp_path / "bin", "gh", 'if [[ "$*" == *--jq* ]]; then printf "42\\n43\\n"; fi\n')
    _, wrote = run(action / "comment.sh", tmp_path, **environ)
    assert wrote[3:5] == ["PATCH", "repos/o/r/issues/comments/42"]


def test_the_marker_finds_the_comment_of_its_environment_only(action: Path, tmp_path: Path) -> None:
    comment = tmp_path / "retrainctl-comment.md"
    comment.write_text("<!-- retrainctl:plan env=prod digest=sha256:ab -->\n")
    recorder(tmp_path / "bin", "gh", 'printf "%s" "$MARKER" > "$RECORD.marker"\n')
    run(action / "comment.sh", tmp_path, GITHUB_REPOSITORY="o/r", PULL_REQUEST="7")
    marker = (tmp_path / "record.marker").read_text()
    assert marker == "<!-- retrainctl:plan env=prod "
    assert not "<!-- retrainctl:plan env=prod-eu digest=".startswith(marker)


def test_without_a_plan_there_is_no_comment(action: Path, tmp_path: Path) -> None:
    recorder(tmp_path / "bin", "gh")
    assert run(action / "comment.sh", tmp_path, GITHUB_REPOSITORY="o/r", PULL_REQUEST="7") == []
