"""Local training data on its way to a blob: once, under a name made of its content, never over another blob."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from retrainctl.fastclass import dataclass
from retrainctl.model.retraining import DATA_EXTENSIONS
from retrainctl.ports import BlobStore, Conflict, NotFound, Observer, Rejected

if TYPE_CHECKING:
    from io import BufferedReader

_FOLDER: Final = "retrainctl/data"
_SHA256: Final = "sha256"


@dataclass(slots=True)
class DataFiles:
    """Uploads files. Thread-safe; a file that many jobs need goes out once.

    root: the project's folder, which no file may be outside of; None: files are the user's own choice. address: the URI
    of a blob in an account's container.
    """

    store: BlobStore
    root: Path | None
    address: Callable[[str, str, str], str]
    observer: Observer
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)
    _there: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def bring(self, file: str, account: str, container: str) -> str:
        """The URI of the blob with the file's content, uploaded if it is not there yet.

        Raises:
            Rejected: the file cannot be read, is empty, or is outside the project.
            TargetError: the store refuses or cannot be reached; nothing half is left behind.
        """
        with self._lock:
            lock = self._locks.setdefault(file, threading.Lock())
        with lock:
            key = (file, account, container)
            if key not in self._there:
                self._there[key] = self._bring(file, account, container)
            return self._there[key]

    def _bring(self, file: str, account: str, container: str) -> str:
        with self._opened(file) as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            size = stream.tell()
            if not size:
                raise Rejected(f"{file} is empty", hint="Give data with a header and rows.", code="RC641", sent=False)
            uri = self.address(account, container, f"{_FOLDER}/{digest}{_extension(file)}")
            if self._is_there(uri, size, digest):
                return uri
            stream.seek(0)
            try:
                self.store.create(uri, stream, size, metadata={_SHA256: digest})
            except Conflict:
                if not self._is_there(uri, size, digest):
                    raise
            else:
                self.observer.note(f"uploaded {file} ({size:,} bytes) to {uri}")
        return uri

    def _is_there(self, uri: str, size: int, digest: str) -> bool:
        """Whether the blob is there and is what its name says, as far as its size and its mark tell."""
        try:
            facts = self.store.facts(uri)
        except NotFound:
            return False
        if facts.size != size or facts.metadata.get(_SHA256, digest) != digest:
            raise Conflict(
                f"{uri} is there with other bytes than its name says",
                code="RC657",
                hint="Somebody else wrote it: remove it, then run again.",
                sent=False,
            )
        return True

    def _opened(self, file: str) -> BufferedReader:
        path = Path(file) if self.root is None else (self.root / file).resolve()
        if self.root is not None and not path.is_relative_to(self.root.resolve()):
            raise Rejected(f"{file} is outside the project folder", hint="Keep data inside it.", sent=False)
        try:
            # A pipe in the file's place would block for ever.
            if not path.is_file():
                raise FileNotFoundError(2, os.strerror(2))
            return path.open("rb")
        except OSError as error:
            raise Rejected(
                f"{file} cannot be read: {error.strerror}",
                hint="Check the path and its rights.",
                code="RC641",
                sent=False,
            ) from error


def _extension(file: str) -> str:
    """The ending that tells the service how to read it, `.nh` (no header) included."""
    name = file.lower()
    ending = next((extension for extension in DATA_EXTENSIONS if name.endswith(extension)), ".csv")
    return f".nh{ending}" if name.endswith(f".nh{ending}") else ending
