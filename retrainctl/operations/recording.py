"""Accepted versions into the manifests, and the slots along with them; what was written is read again and compared."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from retrainctl.diagnostics import Severity
from retrainctl.errors import InvalidInput, RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.manifest.edit import Edited, Editor
from retrainctl.manifest.load import Loaded
from retrainctl.model.address import Address
from retrainctl.model.versions import ModelVersion
from retrainctl.operations.git_branch import check_branch, commit_to


class NotAsMeant(RetrainctlError):
    """The edited manifests do not say what they should; every file was put back."""

    default_code = "RC634"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A slot that names another version now."""

    address: Address
    slot: str
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """files: what was changed, paths in the project. commit: where there is one."""

    files: tuple[str, ...] = ()
    moves: tuple[Move, ...] = ()
    notes: tuple[str, ...] = ()
    branch: str | None = None
    commit: str | None = None


def check_recording(loaded: Loaded, models: Sequence[str], *, bump: bool, branch: str | None) -> None:
    """Whether new versions of these models can be recorded; raises `InvalidInput` (all findings) or `BranchProblem`."""
    editor = Editor(loaded, bump=bump)
    if findings := editor.check(models):
        raise InvalidInput(findings, "the new versions could not be recorded")
    if branch is not None:
        check_branch(loaded.project.root, branch, editor.files(models))


def record(
    loaded: Loaded,
    reload: Callable[[], Loaded],
    versions: Sequence[ModelVersion],
    *,
    bump: bool,
    branch: str | None = None,
) -> Recorded:
    """Writes the versions, all or none; a version that stands there already is not written again.

    Args:
        loaded: the project as it is now. reload: reads it anew.
        bump: whether slots that name a model's previous version move along. branch: where to commit.

    Raises:
        NotAsMeant: the edited project has errors or says something else; the files are as they were.
        OSError: a file cannot be written; the others are as they were.
    """
    if not versions:
        return Recorded()
    edited = Editor(loaded, bump=bump).edited(versions)
    root = loaded.project.root
    former = {file: (root / file).read_bytes() for file in edited.files}
    changed = {file: data for file, data in edited.files.items() if data != former[file]}
    try:
        for file, data in changed.items():
            _replace(root / file, data)
        _compare(loaded, reload(), versions, edited)
    except BaseException:
        for file in changed:
            with suppress(OSError):
                _replace(root / file, former[file])
        raise
    commit = None
    if branch is not None and changed:
        commit = commit_to(root, branch, list(changed), _message(versions))
    return Recorded(
        files=tuple(changed),
        moves=tuple(
            Move(address=pin.address, slot=pin.slot, before=pin.version, after=after) for pin, after in edited.moved
        ),
        notes=tuple(_notes(edited)),
        branch=branch if commit is not None else None,
        commit=commit,
    )


def _notes(edited: Edited) -> list[str]:
    notes = [f"{file} got the columns {', '.join(names)}" for file, names in edited.widened.items()]
    return notes + [
        f'{pin.address} stays at version {pin.version} in slot "{pin.slot}": it does not name the latest one'
        for pin in edited.left
    ]


def _compare(before: Loaded, after: Loaded, versions: Sequence[ModelVersion], edited: Edited) -> None:
    """The project has no error, has the versions, and only the slots that were meant have moved."""
    errors = [finding for finding in after.diagnostics if finding.severity is Severity.ERROR]
    if errors:
        raise NotAsMeant(
            f"the edited manifests have an error: {errors[0].message}"
            + (f" at {errors[0].span}" if errors[0].span else ""),
            hint="Every file was put back. Report it with the manifests; or run with --no-bump.",
        )
    for version in versions:
        found = after.models[version.model].find(version.version)
        same = found is not None and (found.uri, found.sha256) == (version.uri, version.sha256)
        if not same:
            raise NotAsMeant(f"{version.label} was not read back as it was written", hint="Every file was put back.")
    moved = {(pin.address, pin.slot): version for pin, version in edited.moved}
    wanted = {key: moved.get(key, number) for key, number in _slots(before).items()}
    if wanted != (now := _slots(after)):
        address, slot = next(key for key in {**wanted, **now} if wanted.get(key) != now.get(key))
        raise NotAsMeant(
            f'slot "{slot}" of {address} would not name the version that was meant',
            hint="Every file was put back. Report it with the manifests; or run with --no-bump.",
        )


def _slots(loaded: Loaded) -> Mapping[tuple[Address, str], int]:
    return {(d.address, slot): version.version for d in loaded.desired for slot, version in d.slots.items()}


def _message(versions: Sequence[ModelVersion]) -> str:
    if len(versions) == 1:
        return f"Retrained {versions[0].label}"
    names = "\n".join(f"- {version.label}" for version in versions[:50])
    more = f"\n- and {len(versions) - 50} more" if len(versions) > 50 else ""
    return f"Retrained {len(versions)} models\n\n{names}{more}\n"


def _replace(path: Path, data: bytes) -> None:
    """Puts new content in place in one step, for whom the old one was readable."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(target.stat().st_mode & 0o777)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
