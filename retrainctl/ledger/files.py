"""Durable file work: what is reported as written survives a power cut, and is for the owner's eyes only."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

from retrainctl.ports import LedgerUnavailable

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
_AT_ONCE: Final = 1 << 20
"""So many bytes are copied together rather than written piece by piece."""

_ELSEWHERE: Final = "or set `ledger:` of the environment to another place."
_HINTS: Final = {
    errno.ENOSPC: "Free some space, then run again.",
    errno.EDQUOT: "Your quota is used up: free some space, then run again.",
    errno.EFBIG: "A limit on the size of files is in the way (`ulimit -f`): lift it, then run again.",
    errno.EROFS: "The file system is read-only: mount it for writing, " + _ELSEWHERE,
    errno.EACCES: "Give yourself access to it, " + _ELSEWHERE,
    errno.EPERM: "Give yourself access to it, " + _ELSEWHERE,
    errno.ENOTDIR: "A part of this path is a file: move it away, " + _ELSEWHERE,
}


class guarded:  # noqa: N801 - reads as what it does
    """Turns what the system says into `LedgerUnavailable` with a next step.

    Not a generator with `contextmanager`: that costs more than the call to the system which it guards.
    """

    __slots__ = ("doing", "path")

    def __init__(self, doing: str, path: Path) -> None:
        self.doing = doing
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(problem, OSError):
            reason = problem.strerror or str(problem)
            raise LedgerUnavailable(
                f"cannot {self.doing} the ledger at {self.path}: {reason}",
                hint=_HINTS.get(problem.errno or 0, "Check the disk and the path, then run again."),
            ) from problem


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, so that they last."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir(mode=FOLDER_MODE)
    except FileExistsError:
        return
    flush_folder(folder.parent)


def flush(descriptor: int) -> None:
    """Returns when the file's bytes are on the medium."""
    if sys.platform == "darwin":
        import fcntl

        # fsync leaves the data in the drive's cache there.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(descriptor)


def flush_folder(folder: Path | str) -> None:
    """Returns when the folder's entries are on the medium."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Writes every byte: the system may take less than it is given."""
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def replace(path: Path | str, chunks: Sequence[bytes]) -> None:
    """Puts a whole file in place, all or nothing, durably."""
    folder, name = os.path.split(path)
    draft = os.path.join(folder, f".{name}.{os.getpid()}.tmp")  # noqa: PTH118 - some thousand times in a run
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    try:
        try:
            if sum(map(len, chunks)) <= _AT_ONCE:
                chunks = [b"".join(chunks)]
            for chunk in chunks:
                write_all(descriptor, chunk)
            flush(descriptor)
        finally:
            os.close(descriptor)
        os.replace(draft, path)  # noqa: PTH105
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(draft)  # noqa: PTH108
        raise
    flush_folder(folder)
