"""Committing files to a branch with the user's own Git. Everything that can be wrong is found out before the work."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from retrainctl.errors import RetrainctlError

_SECONDS = 60


class BranchProblem(RetrainctlError):
    """The branch cannot be made, or the commit does not work."""

    default_code = "RC633"


def check_branch(root: Path, name: str, files: Sequence[str]) -> None:
    """Whether `commit_to` will work. Raises `BranchProblem`.

    files: those that will change; changes of them that are not committed yet would be committed along.
    """
    if _git(root, "rev-parse", "--is-inside-work-tree").returncode:
        raise BranchProblem("--branch needs a Git repository", hint="Run `git init`, or leave --branch out.")
    if _git(root, "check-ref-format", "--branch", name).returncode:
        raise BranchProblem(f'"{name}" is no name of a branch', hint="Write for example retrain/2026-11-20.")
    if _git(root, "rev-parse", "--verify", "--quiet", "HEAD").returncode:
        raise BranchProblem("the repository has no commit yet", hint="Commit the project first.")
    if name != _current(root) and not _git(root, "rev-parse", "--verify", "--quiet", f"refs/heads/{name}").returncode:
        raise BranchProblem(f"the branch {name} is there already", hint="Take another name, or switch to it first.")
    if (identity := _git(root, "var", "GIT_COMMITTER_IDENT")).returncode:
        raise BranchProblem(
            f"Git does not know who commits: {_said(identity)}", hint="Set user.name and user.email of Git."
        )
    status = _git(root, "status", "--porcelain", "--untracked-files=all", "--", *files)
    if status.stdout.strip():
        changed = ", ".join(line[3:] for line in status.stdout.splitlines()[:5])
        raise BranchProblem(
            f"there are changes that are not committed in {changed}, and they would be committed along",
            hint="Commit or stash them first.",
        )


def commit_to(root: Path, name: str, files: Sequence[str], message: str) -> str:
    """Switches to the branch, made from here if it is new, commits exactly these files, and gives the commit.

    Raises `BranchProblem`; the files are changed all the same.
    """
    if name != _current(root):
        _must(root, "switch", "--create", name)
    _must(root, "add", "--", *files)
    _must(root, "commit", "--quiet", "--message", message, "--", *files)
    return _must(root, "rev-parse", "HEAD").strip()


def _current(root: Path) -> str:
    return _git(root, "symbolic-ref", "--short", "--quiet", "HEAD").stdout.strip()


def _must(root: Path, *arguments: str) -> str:
    done = _git(root, *arguments)
    if done.returncode:
        raise BranchProblem(
            f"git {arguments[0]} did not work: {_said(done)}",
            hint="The manifests are changed; commit them yourself.",
        )
    return done.stdout


def _said(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stderr or done.stdout).split())[:500] or f"exit code {done.returncode}"


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - our own arguments; names of files come after `--`
            ["git", *arguments],  # noqa: S607
            cwd=root,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise BranchProblem("--branch needs Git, which is not installed", hint="Install it.") from error
    except subprocess.TimeoutExpired as error:
        raise BranchProblem(f"git {arguments[0]} gave no answer", hint="Look at its hooks and its signing.") from error
