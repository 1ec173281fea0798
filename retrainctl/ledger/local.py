"""The ledger in a folder: `runs/00000001.jsonl`, `packs/DIGEST.pack`, `lease/00000001.json`, `applied.index`.

Fencing without locks: acquiring the lease makes the next numbered file in `lease/`, which only one process can do, so
a holder that finds a higher number than its own knows that it was superseded, however long it slept. It looks before
and after every append; a stream that it left unfinished is replaced by a copy, so that what it still writes through
its open descriptor goes to a file that nobody reads.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from retrainctl.ledger import files
from retrainctl.ledger.chain import moment, timestamp
from retrainctl.ledger.holder import is_alive
from retrainctl.ports import LeaseGrant, LeaseHeld, LeaseLost, LeaseOwner, LeaseState, LedgerUnavailable, StreamInfo


class LocalLedgerStore:
    """A `LedgerStore` in a folder, made when the lease is first taken."""

    append_limit: int | None = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = folder / "runs"
        self._packs = folder / "packs"
        self._leases = folder / "lease"
        self._index = folder / "applied.index"
        self._open: dict[int, tuple[int, Path]] = {}
        self._watch = (0, "", "")

    @property
    def place(self) -> str:
        return str(self._folder)

    def name(self, number: int) -> str:
        return str(self._stream(number))

    def streams(self) -> Sequence[StreamInfo]:
        found = []
        with files.guarded("read", self._runs), suppress(FileNotFoundError), os.scandir(self._runs) as entries:
            for entry in entries:
                stem, _, end = entry.name.partition(".")
                if end == "jsonl" and stem.isdigit():
                    about = entry.stat()
                    found.append(StreamInfo(number=int(stem), size=about.st_size, mark=_mark(about)))
        return sorted(found, key=lambda info: info.number)

    def read(self, number: int, offset: int = 0) -> bytes:
        path = self._stream(number)
        with files.guarded("read", path), path.open("rb") as file:
            file.seek(offset)
            return file.read()

    def create(self, number: int, grant: LeaseGrant) -> None:
        self.check(grant)
        path = self._stream(number)
        with files.guarded("write", path):
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, files.FILE_MODE)
            except FileExistsError:
                raise LeaseLost(f"somebody else has already begun {path.name}") from None
            self._open[number] = descriptor, path
            files.flush_folder(self._runs)

    def append(self, number: int, data: bytes, *, offset: int, grant: LeaseGrant) -> None:
        self.check(grant)
        if number not in self._open:
            raise LedgerUnavailable(
                f"cannot write the ledger at {self._stream(number)}: an earlier write failed, "
                "so the disk is not to be trusted",
                hint="Check the disk, then run `retrainctl apply --resume`.",
            )
        descriptor, path = self._open[number]
        with files.guarded("write", path):
            if os.fstat(descriptor).st_size != offset:
                raise LeaseLost(f"somebody else wrote to {path.name}")
            try:
                files.write_all(descriptor, data)
            except OSError:
                os.ftruncate(descriptor, offset)
                raise
            try:
                files.flush(descriptor)
            except OSError:
                # After a failed flush nobody knows which pages are on the medium, and a second flush would lie.
                os.close(self._open.pop(number)[0])
                raise
        self.check(grant)

    def seal(self, number: int, grant: LeaseGrant) -> None:
        self.check(grant)
        path = self._stream(number)
        mine = self._open.pop(number, None)
        with files.guarded("write", path):
            if mine is None:
                data = path.read_bytes()
                files.replace(path, [data[: data.rfind(b"\n") + 1]])
            else:
                os.close(mine[0])
            about = path.stat()
            # A time that the system's coarse clock does not give: a later write of the same size shows in the mark.
            os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns + 1))

    def put(self, digest: str, chunks: Sequence[bytes], grant: LeaseGrant) -> None:
        self.check(grant)
        path = self._pack(digest)
        with files.guarded("write", path):
            if not _is_there(str(path)):
                files.replace(path, chunks)

    def get(self, digest: str, offset: int = 0, length: int | None = None) -> bytes:
        path = self._pack(digest)
        with files.guarded("read", path):
            try:
                with path.open("rb") as file:
                    file.seek(offset)
                    return file.read(-1 if length is None else length)
            except FileNotFoundError:
                raise KeyError(digest) from None

    def read_index(self) -> bytes | None:
        with files.guarded("read", self._index), suppress(FileNotFoundError):
            return self._index.read_bytes()
        return None

    def write_index(self, data: bytes, grant: LeaseGrant) -> None:
        self.check(grant)
        with files.guarded("write", self._index):
            files.replace(self._index, [data])

    def lease(self) -> LeaseState:
        fence = self._fence()
        path = self._lease(fence)
        if fence == 0:
            return LeaseState(fence=0, held=False)
        with files.guarded("read", path):
            try:
                data, about = path.read_bytes(), path.stat()
            except FileNotFoundError:
                return self.lease()  # superseded since we looked
        return _state(fence, data, about)

    def acquire(
        self, owner: LeaseOwner, *, since: datetime, ttl: float, stale: LeaseState | None = None, steal: bool = False
    ) -> LeaseGrant:
        with files.guarded("write", self._folder):
            for folder in (self._runs, self._packs, self._leases):
                files.make_folder(folder)
        now = self.lease()
        gone_silent = stale is not None and (stale.fence, stale.beat) == (now.fence, now.beat)
        if now.held and now.alive is not False and not gone_silent and not steal:
            raise LeaseHeld(now)
        path = self._lease(now.fence + 1)
        content = {"owner": asdict(owner), "since": timestamp(since), "ttl": ttl, "held": True}
        with files.guarded("write", path):
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, files.FILE_MODE)
            except FileExistsError:
                raise LeaseHeld(self.lease()) from None
            try:
                files.write_all(descriptor, orjson.dumps(content))
                files.flush(descriptor)
            except OSError:
                path.unlink(missing_ok=True)  # nobody was granted this number
                raise
            finally:
                os.close(descriptor)
            files.flush_folder(self._leases)
            for fence in sorted(self._fences()):
                if fence <= now.fence:
                    self._lease(fence).unlink(missing_ok=True)
        return LeaseGrant(fence=now.fence + 1)

    def renew(self, grant: LeaseGrant) -> None:
        self.check(grant)
        path = self._lease(grant.fence)
        with files.guarded("write", path):
            os.utime(path)

    def check(self, grant: LeaseGrant) -> None:
        # Whoever takes over makes the next file first and only then removes ours: one of the two always shows.
        if self._watch[0] != grant.fence:
            self._watch = (grant.fence, str(self._lease(grant.fence)), str(self._lease(grant.fence + 1)))
        _, ours, next_one = self._watch
        if not _is_there(ours) or _is_there(next_one):
            raise LeaseLost(f"it was taken over (fencing number {self._fence()}, ours is {grant.fence})")

    def release(self, grant: LeaseGrant) -> None:
        path = self._lease(grant.fence)
        with files.guarded("write", path):
            if self._fence() != grant.fence:
                return
            content = orjson.loads(path.read_bytes())
            files.replace(path, [orjson.dumps({**content, "held": False})])

    def _stream(self, number: int) -> Path:
        return self._runs / f"{number:08}.jsonl"

    def _pack(self, digest: str) -> Path:
        return self._packs / f"{digest}.pack"

    def _lease(self, fence: int) -> Path:
        return self._leases / f"{fence:08}.json"

    def _fence(self) -> int:
        return max(self._fences(), default=0)

    def _fences(self) -> list[int]:
        try:
            return [int(path.stem) for path in self._leases.iterdir() if path.stem.isdigit()]
        except FileNotFoundError:
            return []
        except OSError as problem:
            raise LedgerUnavailable(
                f"cannot read the ledger at {self._leases}: {problem.strerror}", hint="Give yourself access to it."
            ) from problem


def _state(fence: int, data: bytes, about: os.stat_result) -> LeaseState:
    beat = LeaseState(
        fence=fence,
        held=True,
        beat=str(about.st_mtime_ns),
        last_beat=datetime.fromtimestamp(about.st_mtime, UTC),
    )
    try:
        content: dict[str, Any] = orjson.loads(data)
        owner = LeaseOwner(**content["owner"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        # Its owner is just writing it, or died over it: held, until it stays like that for a whole TTL.
        return beat
    return replace(
        beat,
        held=content["held"],
        owner=owner,
        since=moment(content["since"]),
        ttl=content["ttl"],
        alive=is_alive(owner) if content["held"] else None,
    )


def _is_there(path: str) -> bool:
    """Asked four times for every append: no more than the system's own call."""
    try:
        os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        return False
    return True


def _mark(about: os.stat_result) -> str:
    return f"{about.st_size:x}.{about.st_mtime_ns:x}.{about.st_ctime_ns:x}.{about.st_ino:x}"
