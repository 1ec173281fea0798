"""What a run of `retrain` has done so far, line by line: append-only JSON, so that a killed run can go on.

A line that was not written to its end is no line. Nothing in here is secret: job ids, blob addresses without signature.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from retrainctl.errors import RetrainctlError

FORMAT: Final = 1
_SUFFIX: Final = ".jsonl"
_LOCK: Final = "lock"
_KEPT: Final = 20
"""So many journals of finished runs are kept."""


class JournalUnusable(RetrainctlError):
    """The journal cannot be read or written; nothing was sent after that."""

    default_code = "RC631"


class AnotherRun(RetrainctlError):
    """A second run in the same environment would take the same version numbers."""

    default_code = "RC632"


class Journal:
    """The journal of one run. `durable` lines survive a power cut, the others a killed process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def write(self, kind: str, *, durable: bool = False, **members: Any) -> None:
        """Adds a line. Raises `JournalUnusable`."""
        line = json.dumps({"kind": kind, **members}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        try:
            if self._file is None:
                self._file = self._open()
            self._file.write(line)
            self._file.flush()
            if durable:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise _unusable("write", self.path, error) from error

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> IO[bytes]:
        _make(self.path.parent)
        _mend(self.path)
        return self.path.open("ab")


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Every whole line of a journal. Raises `JournalUnusable`, also for the journal of a newer retrainctl."""
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                if not raw.endswith(b"\n"):
                    return
                entry = _entry(raw, path, number)
                if number == 1 and entry.get("format", 0) > FORMAT:
                    raise JournalUnusable(
                        f"the journal {path} is of a newer retrainctl", hint="Use the version that began this run."
                    )
                yield entry
    except OSError as error:
        raise _unusable("read", path, error) from error


def journals(folder: Path) -> list[Path]:
    """The journals of an environment, the oldest first: run ids are in order of time."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == _SUFFIX)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unusable("read", folder, error) from error


def journal_of(folder: Path, run: str) -> Path:
    return folder / f"{run}{_SUFFIX}"


def run_of(path: Path) -> str:
    return path.name.removesuffix(_SUFFIX)


def is_finished(path: Path) -> bool:
    """Whether a run was carried out to its end; looks at the end of the file only."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 65536))
            whole = [raw for raw in file.read().split(b"\n")[:-1] if raw]
    except OSError as error:
        raise _unusable("read", path, error) from error
    try:
        return bool(whole) and json.loads(whole[-1]).get("kind") == "finished"
    except ValueError:
        return False


def prune(folder: Path) -> None:
    """Removes the journals of finished runs, but for the last ones. What cannot be removed stays."""
    for path in journals(folder)[:-_KEPT]:
        try:
            if is_finished(path):
                path.unlink()
        except (OSError, JournalUnusable):
            continue


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Held for the time of a run; raises `AnotherRun` when another process of this machine has it."""
    _make(folder)
    path = folder / _LOCK
    try:
        file = path.open("a+b")
    except OSError as error:
        raise _unusable("write", path, error) from error
    with file:
        try:
            _lock(file)
        except OSError as error:
            raise AnotherRun(
                "another `retrainctl retrain` runs in this environment", hint="Wait until it has ended."
            ) from error
        yield


def _lock(file: IO[bytes]) -> None:
    try:
        import fcntl
    except ImportError:
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _make(folder: Path) -> None:
    """The folder, kept out of Git: it tells about this machine's runs only."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ignore = folder.parent / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="ascii")
    except OSError as error:
        raise _unusable("write", folder, error) from error


def _mend(path: Path) -> None:
    """Cuts off a last line that was not written to its end."""
    if not path.exists():
        return
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.truncate(path, whole)


def _entry(raw: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        entry = json.loads(raw)
    except ValueError as error:
        raise JournalUnusable(f"line {number} of the journal {path} is damaged", hint="Move the file away.") from error
    if not isinstance(entry, Mapping):
        raise JournalUnusable(f"line {number} of the journal {path} is damaged", hint="Move the file away.")
    return dict(entry)


def _unusable(doing: str, path: Path, error: OSError) -> JournalUnusable:
    return JournalUnusable(
        f"cannot {doing} {path}: {error.strerror or error}", hint="Check the disk, the path and its rights."
    )
