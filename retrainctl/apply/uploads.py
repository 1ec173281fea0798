"""Local model files on their way to where a plan says: once each, verified, before the write that needs them.

Blobs are named after their content, so that one that is there is never written again and never another one. A target
that has a registry of models gets them there instead.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from retrainctl.fastclass import dataclass
from retrainctl.model.change import ModelChange, ResourceChange
from retrainctl.model.versions import ModelVersion
from retrainctl.ports import BlobStore, Conflict, ModelRegistry, NotFound, Observer, Rejected

if TYPE_CHECKING:
    from io import BufferedReader

SHA256 = "sha256"
"""Metadata of an uploaded blob: the hash of its bytes, in hexadecimal."""


class FileChanged(Conflict):
    """A local file has other bytes than when the plan was made, or is gone; nothing was sent."""

    default_code = "RC658"

    def __init__(self, message: str) -> None:
        super().__init__(message, hint="Plan again and review the new plan.", sent=False)


def file_moves(changes: Iterable[ResourceChange]) -> Iterator[ModelChange]:
    """The moves to versions that are local files."""
    for change in changes:
        yield from (move for move in change.models if move.after.file is not None)


def content_sha256(path: Path) -> str:
    """SHA-256 in hexadecimal: of a file's bytes; of a folder over the names and the bytes of all files in it.

    Raises `OSError`.
    """
    if not path.is_dir():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    digest = hashlib.sha256()
    for name, one in sorted((one.relative_to(path).as_posix(), one) for one in path.rglob("*") if one.is_file()):
        digest.update(f"{content_sha256(one)}  {name}\n".encode())
    return digest.hexdigest()


@dataclass(slots=True)
class Uploads:
    """Brings files to their blobs. Thread-safe; a file that many changes need goes out once.

    root: the project's folder, which no file may be outside of. said: what was uploaded, in sentences.
    registries: of the targets that keep models themselves, by target.
    """

    store: BlobStore
    root: Path
    observer: Observer
    registries: Mapping[str, ModelRegistry] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)
    _there: set[str] = field(default_factory=set)

    def check(self, change: ResourceChange) -> None:
        """Whether the credentials for a change's accounts are there; asks nobody. Raises `SecretUnavailable`."""
        if change.target in self.registries:
            return
        for move in file_moves([change]):
            if move.to_uri is not None:
                self.store.expires(move.to_uri)

    def bring(self, change: ResourceChange) -> bool:
        """Sees to it that the blobs of this change's files are there; whether anything had to be sent.

        Raises:
            FileChanged: the file is not the planned one any more, and its blob is not there yet.
            TargetError: the store refuses or cannot be reached, or another blob has the name.
        """
        registry = self.registries.get(change.target)
        return sum(self._one(move, registry) for move in file_moves([change])) > 0

    def _one(self, move: ModelChange, registry: ModelRegistry | None) -> bool:
        file, uri, sha256 = move.after.file, move.to_uri, move.after.sha256
        if file is None or uri is None or (sha256 is None and registry is None):
            raise Rejected(
                f"the plan does not say where {move.after.label} shall be", hint="Plan again.", code="RC650", sent=False
            )
        with self._lock:
            lock = self._locks.setdefault(uri, threading.Lock())
        with lock:
            if uri in self._there:
                return False
            if registry is not None:
                sent = self._register(registry, move.after, file, uri)
            else:
                sent = not self._is_there(uri, sha256 or "") and self._send(file, uri, sha256 or "")
            self._there.add(uri)
            return sent

    def _register(self, registry: ModelRegistry, version: ModelVersion, file: str, identity: str) -> bool:
        path = None if "://" in file else self._inside(file)
        if path is not None:
            try:
                actual = content_sha256(path)
            except OSError as error:
                raise FileChanged(f"{file} cannot be read any more: {error.strerror}") from error
            if actual != version.sha256:
                raise FileChanged(f"{file} changed since the plan was made")
        done = registry.bring(version, identity, path)
        if done is not None:
            self.said.append(done)
            self.observer.note(done)
        return done is not None

    def _is_there(self, uri: str, sha256: str) -> bool:
        try:
            facts = self.store.facts(uri)
        except NotFound:
            return False
        digest = hashlib.sha256()
        for piece in self.store.read(uri, etag=facts.etag):
            digest.update(piece)
        if digest.hexdigest() != sha256:
            raise Conflict(
                f"{uri} is there with other bytes than its name says",
                code="RC657",
                hint="Somebody else wrote it: remove it, then apply again.",
                sent=False,
            )
        return True

    def _send(self, file: str, uri: str, sha256: str) -> bool:
        """Whether it was sent by us: another run may have been quicker."""
        with self._opened(file) as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != sha256:
                raise FileChanged(f"{file} changed since the plan was made")
            size = stream.tell()
            stream.seek(0)
            reader = _Hashed(stream)
            try:
                facts = self.store.create(uri, cast("BinaryIO", reader), size, metadata={SHA256: sha256})
            except Conflict:
                if self._is_there(uri, sha256):
                    return False
                raise
        if reader.sha256 != sha256:
            if facts.etag is not None:
                self.store.remove(uri, etag=facts.etag)
            raise FileChanged(f"{file} changed while it was uploaded")
        if (arrived := self.store.facts(uri)).size != size:
            raise Conflict(f"{uri} has {arrived.size} bytes, {size} were sent", code="RC657", hint="Apply again.")
        text = f"uploaded {file} ({size:,} bytes) to {uri}"
        self.said.append(text)
        self.observer.note(text)
        return True

    def _inside(self, file: str) -> Path:
        root = self.root.resolve()
        path = (root / file).resolve()
        if not path.is_relative_to(root):
            raise Rejected(
                f"{file} is outside the project folder", hint="Plan again with the project's own files.", sent=False
            )
        return path

    def _opened(self, file: str) -> BufferedReader:
        path = self._inside(file)
        try:
            # A pipe in the file's place would block for ever.
            if not path.is_file():
                raise FileNotFoundError(2, os.strerror(2))
            return path.open("rb")
        except OSError as error:
            raise FileChanged(f"{file} cannot be read any more: {error.strerror}") from error


class _Hashed:
    """Reads on and hashes what it gives out. It cannot go back: whoever sends it keeps what it may have to repeat."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._digest.update(data)
        return data

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()
