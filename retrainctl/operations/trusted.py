"""Guards from a Git ref that a pull request cannot change: limits, protections, freezes, policies, exceptions.

The project's manifests are read out of Git's own store with plumbing commands, into a folder that nothing else knows
and that goes away again. Nothing is checked out and no filter, hook or text conversion runs.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from retrainctl.diagnostics import Severity
from retrainctl.errors import InvalidInput, RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.manifest.discover import SUFFIXES
from retrainctl.manifest.handler import RawDocument
from retrainctl.manifest.load import load
from retrainctl.model.environment import Environment, Guards

_READ: Final = (*SUFFIXES, ".csv")
_SYMLINK: Final = "120000"
_FILES: Final = ("100644", "100755", "100664")
_QUIET: Final = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false")
_REF = re.compile(r"[^-\x00-\x20\x7f:][^\x00-\x20\x7f:]*")
_ELSEWHERE: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
"""Set by Git for its hooks; the repository is the one around the project."""
_SECONDS: Final = 60


class GuardsUnreadable(RetrainctlError):
    """The trusted guards cannot be read; without them nothing is planned."""

    default_code = "RC409"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """What stands in the ref. commit: what the ref was when it was read. environment: with its guards."""

    ref: str
    commit: str
    environment: Environment
    policies: tuple[RawDocument, ...]

    @property
    def guards(self) -> Guards:
        return self.environment.guards


def trusted_guards(project_file: Path, environment: str, ref: str, environ: Mapping[str, str]) -> Trusted:
    """Reads the guards of an environment as they are in `ref`.

    Variables have the values that stand in the ref: `--var` and RETRAINCTL_VAR_name do not reach the guards.

    Raises:
        GuardsUnreadable: there is no Git, no such ref, or no such project or environment in it.
        InvalidInput: what stands in the ref has errors.
    """
    git = _Git(project_file.resolve().parent, {name: text for name, text in environ.items() if name not in _ELSEWHERE})
    commit = git.commit(ref)
    name = project_file.name
    with tempfile.TemporaryDirectory(prefix="retrainctl-guards-") as temporary:
        root = Path(temporary).resolve()
        git.write_out(commit, root, lambda path: path == name or path.endswith(_READ))
        if not (root / name).is_file():
            raise GuardsUnreadable(
                f"there is no project file {name} in {ref} ({commit[:10]})",
                hint="Merge the project first, or plan without --guards-from.",
            )
        loaded = load(root / name, environment, {}, {}, only=frozenset({"Policy"}))
    errors = [finding for finding in loaded.diagnostics if finding.severity is Severity.ERROR]
    if any(finding.code == "RC012" for finding in errors):
        raise GuardsUnreadable(
            f'there is no environment "{environment}" in {ref} ({commit[:10]}), so it has no guards there',
            hint="Merge the environment first, or plan without --guards-from.",
        )
    if errors:
        # Their places are in the ref: the file of that name beside us may say something else.
        there = [replace(e, span=None, message=f"{ref}:{e.span or name}: {e.message}") for e in errors]
        raise InvalidInput(there, f"the guards in {ref} cannot be read")
    return Trusted(ref=ref, commit=commit, environment=loaded.environment, policies=loaded.policies)


@dataclass(frozen=True, slots=True)
class _Git:
    folder: Path
    environ: Mapping[str, str]

    def commit(self, ref: str) -> str:
        """The full id of the commit that a ref names."""
        if _REF.fullmatch(ref) is None:
            raise GuardsUnreadable(f"{ref!r} is no Git ref", hint="Name a branch, a tag or a commit: origin/main.")
        answer = self._run(["rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}"])
        found = answer.stdout.decode("ascii", "replace").strip()
        if answer.returncode or not re.fullmatch(r"[0-9a-f]{40,64}", found):
            said = answer.stderr.decode("utf-8", "replace").strip().splitlines()
            if said:
                raise GuardsUnreadable(f"Git cannot read {self.folder}: {said[0]}", hint=_WHERE)
            raise GuardsUnreadable(
                f"Git knows no commit {ref} here",
                hint="Fetch it first: git fetch origin main. (A pipeline's checkout often has one commit only.)",
            )
        return found

    def write_out(self, commit: str, root: Path, wanted: Callable[[str], bool]) -> None:
        """Puts the wanted files of the project's folder, as they are in the commit, below `root`."""
        listing = self._read(["ls-tree", "-r", "-z", commit, "--", "."])
        entries = [entry for entry in _entries(listing) if wanted(entry[2]) or entry[0] == _SYMLINK]
        entries.sort(key=lambda entry: entry[0] == _SYMLINK)  # last, so that no file is written through one
        blobs = self._blobs([digest for _, digest, _ in entries])
        try:
            for (mode, _, path), data in zip(entries, blobs, strict=True):
                target = root / path
                target.parent.mkdir(parents=True, exist_ok=True)
                if mode == _SYMLINK:
                    # Kept as it is: the reading of manifests refuses one that leads out of the project.
                    target.symlink_to(os.fsdecode(data))
                else:
                    target.write_bytes(data)
        except OSError as error:
            reason = f"the trusted files cannot be put into {root}: {error.strerror}"
            raise GuardsUnreadable(reason, hint="Check TMPDIR and the space there.") from error

    def _blobs(self, digests: Sequence[str]) -> Iterator[bytes]:
        """The contents of blobs, by one process."""
        if not digests:
            return
        answer = self._read(["cat-file", "--batch"], "".join(f"{digest}\n" for digest in digests).encode())
        at = 0
        for digest in digests:
            end = answer.index(b"\n", at)
            head = answer[at:end].split()
            if len(head) != 3 or head[1] != b"blob":
                raise GuardsUnreadable(f"Git has not got the object {digest[:10]}", hint="Fetch the commit completely.")
            size = int(head[2])
            yield answer[end + 1 : end + 1 + size]
            at = end + 1 + size + 1

    def _read(self, arguments: Sequence[str], given: bytes = b"") -> bytes:
        answer = self._run(arguments, given)
        if answer.returncode:
            said = answer.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
            raise GuardsUnreadable(f"Git cannot read the trusted commit: {said[0]}", hint=_WHERE)
        return answer.stdout

    def _run(self, arguments: Sequence[str], given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        environ = {**self.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
        try:
            return subprocess.run(  # noqa: S603 - no shell; the only text from outside is a commit id or a checked ref
                ["git", *_QUIET, *arguments],  # noqa: S607
                cwd=self.folder,
                env=environ,
                input=given,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except FileNotFoundError:
            raise GuardsUnreadable("--guards-from needs Git, which is not installed", hint="Install git.") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise GuardsUnreadable(f"Git cannot be run: {error}", hint=_WHERE) from error


_WHERE: Final = "Run it inside the checkout of a Git repository that holds the project and the ref."


def _entries(listing: bytes) -> Iterator[tuple[str, str, str]]:
    """Mode, object id and path (from the project's folder) of the files of a tree; nothing that leads elsewhere."""
    for line in listing.split(b"\0"):
        about, tab, raw = line.partition(b"\t")
        if not tab:
            continue
        mode, _, digest = about.decode("ascii").split()
        path = os.fsdecode(raw)
        parts = PurePosixPath(path).parts
        if (mode in _FILES or mode == _SYMLINK) and parts and not {"..", "/"} & set(parts):
            yield mode, digest, path
