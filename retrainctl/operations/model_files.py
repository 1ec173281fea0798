"""Model versions as files on this machine: local ones as they are, blobs as copies that are kept and checked."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.model.redaction import without_query
from retrainctl.model.versions import ModelVersion
from retrainctl.ports import AuthFailed, BlobFacts, BlobStore, Conflict, SecretUnavailable, Unavailable

MIB: Final = 1 << 20
KEPT: Final = 256 * MIB
"""The most that the kept copies take together; the oldest go first."""


class TooLarge(RetrainctlError):
    """A blob is larger than what this command reads."""

    default_code = "RC664"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal. Raises `OSError`."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A version's bytes as a file. `sha256` is what they are, `facts` what the store said; None for a local file."""

    path: Path
    sha256: str
    facts: BlobFacts | None = None


class Unreached:
    """Accounts that could not even be asked (no connection, no credential): one try each, not one for every version."""

    def __init__(self) -> None:
        self._known: dict[str, RetrainctlError] = {}

    @contextmanager
    def asking(self, uri: str) -> Iterator[None]:
        """Around the first call about a URI; raises what its account's last try ended in."""
        host = urlsplit(uri).netloc
        if (known := self._known.get(host)) is not None:
            raise known
        try:
            yield
        except (AuthFailed, Unavailable) as error:
            if not error.sent:
                self._known[host] = error
            raise
        except SecretUnavailable as error:
            self._known[host] = error
            raise


class ModelFiles:
    """Gives versions as files. Thread-safe.

    root: the project's folder. store: where blobs are; None: only local files can be had. cache: folder for copies,
    under `.retrainctl/`, safe to delete; None, or one that cannot be written: copies last as long as this object.
    largest: bytes of a blob that is still fetched. To be used in a `with`.
    """

    def __init__(self, *, root: Path, store: BlobStore | None, cache: Path | None, largest: int) -> None:
        self._root = root
        self._store = store
        self._cache = cache
        self._largest = largest
        self._unreached = Unreached()
        self._lock = threading.Lock()
        self._temporary: TemporaryDirectory[str] | None = None
        self._made: Path | None = None

    def __enter__(self) -> ModelFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._made is not None and self._temporary is None:
            _prune(self._made)
        if self._temporary is not None:
            self._temporary.cleanup()

    def can_read(self, version: ModelVersion) -> bool:
        """Whether the version's bytes can be asked for here."""
        return version.file is not None or (version.uri is not None and self._store is not None)

    def copy(self, version: ModelVersion) -> Copy:
        """The version as a file.

        Raises:
            OSError: a local file that cannot be read.
            TooLarge: the blob is beyond the limit.
            TargetError: the store refuses, or cannot be reached; `SecretUnavailable` too.
        """
        if version.file is not None:
            path = self._root / version.file
            return Copy(path=path, sha256=file_sha256(path))
        assert version.uri is not None
        assert self._store is not None
        with self._unreached.asking(version.uri):
            facts = self._store.facts(version.uri)
        if facts.size > self._largest:
            raise TooLarge(
                f"{without_query(version.uri)} has {facts.size:,} bytes, the limit here is {self._largest:,}",
                hint=f"retrainctl models download {version.label}",
            )
        folder = self._folder()
        mark = folder / f"{_mark(version.uri, facts)}.etag"
        if facts.etag is not None and (kept := _kept(mark)) is not None:
            return Copy(path=kept, sha256=kept.name, facts=facts)
        path = _fetch(self._store, version.uri, facts, folder)
        with suppress(OSError):
            mark.write_text(path.name, encoding="ascii")
        return Copy(path=path, sha256=path.name, facts=facts)

    def _folder(self) -> Path:
        """Where copies are: made when the first one is wanted."""
        with self._lock:
            if self._made is None:
                self._made = self._usable()
            return self._made

    def _usable(self) -> Path:
        if self._cache is not None:
            with suppress(OSError):
                self._cache.mkdir(parents=True, exist_ok=True)
                # Categories of the training data are in these files: they are for this machine only.
                (self._cache / ".gitignore").write_text("*\n", encoding="ascii")
                return self._cache
        self._temporary = TemporaryDirectory(prefix="retrainctl-")
        return Path(self._temporary.name)


def _kept(mark: Path) -> Path | None:
    """The copy that a mark names, if its bytes are still those."""
    try:
        path = mark.with_name(mark.read_text(encoding="ascii"))
        if file_sha256(path) != path.name:
            return None
        os.utime(path)
    except (OSError, ValueError):
        return None
    return path


def _fetch(store: BlobStore, uri: str, facts: BlobFacts, folder: Path) -> Path:
    digest = hashlib.sha256()
    handle, name = tempfile.mkstemp(dir=folder, prefix=".fetch-")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in pieces(store, uri, facts):
                digest.update(piece)
                file.write(piece)
        path = folder / digest.hexdigest()
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return path


def _prune(folder: Path) -> None:
    """Keeps the copies within `KEPT`. Whatever stands in the way, the next run meets again."""
    with suppress(OSError):
        found = [(entry.stat(), entry) for entry in folder.iterdir() if entry.name != ".gitignore"]
        total = 0
        for status, path in sorted(found, key=lambda pair: pair[0].st_mtime, reverse=True):
            total += status.st_size
            if total > KEPT:
                path.unlink(missing_ok=True)


def pieces(store: BlobStore, uri: str, facts: BlobFacts) -> Iterator[bytes]:
    """A blob's bytes, all of one version of it. Raises `Conflict` when they are not as many as its facts say."""
    length = 0
    for piece in store.read(uri, etag=facts.etag):
        length += len(piece)
        yield piece
    if length != facts.size:
        raise Conflict(
            f"{without_query(uri)} ended after {length:,} of {facts.size:,} bytes", code="RC657", hint="Run again."
        )


def _mark(uri: str, facts: BlobFacts) -> str:
    return hashlib.sha256(f"{without_query(uri)}\0{facts.etag}\0{facts.size}".encode()).hexdigest()
