"""Completion: the words that fit, without starting or asking anything, and the scripts in real shells."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import environment
from tests.support.inside import Inside

PROJECT = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {name: p}
spec:
  manifests: [manifests/]
  environments: {local: {emulator: {}}, prod: {emulator: {}}}
"""
MANIFEST = """\
apiVersion: retrainctl/v1
kind: Model
metadata: {name: census}
spec:
  versions: [{version: 7, uri: "https://acct.blob.core.windows.net/models/7.ilearner"}]
---
apiVersion: retrainctl/v1
kind: Endpoint
metadata: {name: loc001}
spec:
  webService: Bike Scoring
  models: {"Bike [trained model]": census@7}
"""


@pytest.fixture
def run(tmp_path: Path) -> Inside:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "retrainctl.yaml").write_text(PROJECT)
    (tmp_path / "manifests" / "all.yaml").write_text(MANIFEST)
    return Inside(tmp_path, environment())


def _words(run: Inside, line: str) -> list[str]:
    shown = run("completion", "words", "--line", f"retrainctl {line}").out
    return [one.partition("\t")[0] for one in shown.splitlines()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("expl", ["explain"]),
        ("endpoint ref", ["refresh"]),
        ("plan --env ", ["local", "prod"]),
        ("plan --env=p", ["--env=prod"]),
        ("experiment copy Bike --to p", ["prod"]),
        ("plan --exc", ["--exclude"]),
        ("plan --only End", ["Endpoint/loc001"]),
        ("score ", ["Endpoint/loc001"]),
        ("score Endpoint/loc001 --output js", ["json"]),
        ("models show census@", ["census@7"]),
        ("endpoint list Bi", ["Bike Scoring"]),
        ("endpoint patch s n --model ", ["census@7"]),
        ("explain RC92", [f"RC92{digit}" for digit in range(10)]),
        (
            "cmdlet Get-AzMlC",
            ["Get-AzMlCommitmentPlan", "Get-AzMlCommitmentAssociation", "Get-AzMlCommitmentPlanUsageHistory"],
        ),
        ("completion f", ["fish"]),
        ("webservice regional ", ["add"]),
        ("nonsense ", []),
        ("plan --out ", []),
    ],
)
def test_what_fits(run: Inside, line: str, expected: list[str]) -> None:
    assert sorted(_words(run, line)) == sorted(expected)


def test_nothing_is_started_and_a_broken_project_is_silent(run: Inside) -> None:
    _words(run, "score ")
    assert not (run.folder / ".retrainctl").exists(), "a key press must leave nothing behind"
    (run.folder / "retrainctl.yaml").write_text("{")
    done = run("completion", "words", "--line", "retrainctl plan --env ")
    assert (done.out, done.err) == ("", "")


def test_an_unknown_shell_is_named(run: Inside) -> None:
    assert "bash, zsh, fish, powershell" in run("completion", "tcsh", code=64).err


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH whose `retrainctl` is the one under test."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "retrainctl"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m retrainctl "$@"\n')
    script.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def _shell(name: str, script: str, folder: Path, path: str) -> str:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed here")
    done = subprocess.run(
        [program, *(["-f"] if name == "zsh" else []), "-c", script],
        cwd=folder,
        env={**environment(), "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("line", "words", "expected"),
    [
        ("retrainctl models show census@", "retrainctl models show census @", "7"),
        ("retrainctl plan --env pr", "retrainctl plan --env pr", "prod"),
        ("retrainctl endpoint list B", "retrainctl endpoint list B", r"Bike\ Scoring"),
        ('retrainctl endpoint list "Bike S', """retrainctl endpoint list '"Bike S'""", "Bike Scoring"),
    ],
)
def test_bash(run: Inside, path: str, line: str, words: str, expected: str) -> None:
    script = f"""
        eval "$(retrainctl completion bash)"
        COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
        _retrainctl_complete
        printf '%s\\n' "${{COMPREPLY[@]}}"
        complete -p retrainctl
    """
    found, registered = _shell("bash", script, run.folder, path).splitlines()
    assert found == expected
    assert "_retrainctl_complete retrainctl" in registered


def test_fish(run: Inside, path: str) -> None:
    script = "retrainctl completion fish | source; complete -C 'retrainctl plan --env '"
    shown = _shell("fish", script, run.folder, path)
    assert {"local", "prod"} <= set(shown.split())


def test_zsh(run: Inside, path: str) -> None:
    script = """
        compdef() { print -r -- "registered $2" }
        _describe() { print -rl -- "${found[@]}" }
        eval "$(retrainctl completion zsh)"
        words=(retrainctl plan --env ''); CURRENT=4
        _retrainctl_complete
    """
    assert _shell("zsh", script, run.folder, path).splitlines() == ["registered retrainctl", "local", "prod"]


def test_powershell_as_far_as_reading_tells(run: Inside) -> None:
    """Where there is no PowerShell to run it: it is one, it is whole, and its one call answers what it splits."""
    from pygments.lexers.shell import PowerShellLexer
    from pygments.token import Token

    script = run("completion", "powershell").out
    tokens = list(PowerShellLexer().get_tokens(script))
    assert [text for kind, text in tokens if kind in Token.Error] == []
    plain = "".join(text for kind, text in tokens if kind not in Token.String and kind not in Token.Comment)
    for opening, closing in ("{}", "()", "[]"):
        assert plain.count(opening) == plain.count(closing)
    assert "Register-ArgumentCompleter -Native -CommandName retrainctl -ScriptBlock {" in script
    # The cursor's place counts from the start of the input, the text from the start of the command.
    assert "$cursorPosition - $commandAst.Extent.StartOffset" in script
    call = re.search(r"retrainctl (completion words --line) \$line", script)
    assert call is not None
    for line, first in (("retrainctl plan --env ", "local"), ("retrainctl plan --env p", "prod")):
        shown = run(*call[1].split(), line).out.splitlines()
        assert shown[0].split("\t")[0] == first
    assert run("completion", "pwsh").out == script


def test_powershell(run: Inside, path: str) -> None:
    script = (
        "retrainctl completion powershell | Out-String | Invoke-Expression; "
        "(TabExpansion2 'retrainctl plan --env p' 23).CompletionMatches.CompletionText"
    )
    assert _shell("pwsh", script, run.folder, path).strip() == "prod"
