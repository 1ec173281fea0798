"""The workspace's storage account: uploads, datasets, saved assets and what nodes of experiments put out.

The bytes are blobs of the emulator's own Blob service, so that the addresses in answers can be read there.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from retrainctl.emulator.blob import access
from retrainctl.emulator.blob.contents import Draft
from retrainctl.emulator.blob.room import blob_room
from retrainctl.emulator.blob.shelf import Blob
from retrainctl.emulator.exchange import Call, Interrupted, Refusal
from retrainctl.emulator.frame import Frame

ACCOUNT: Final = "mlstudiostorage"
UPLOADS: Final = "uploadedresources"
"""Container of uploads and of everything that was saved or promoted."""

OUTPUTS: Final = "experimentoutput"
"""Container of what nodes put out."""

_SAS_LIFE: Final = 24 * 3600.0
"""As long as those of batch jobs; datasets were never recorded (guess)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A blob of the workspace's account."""

    container: str
    name: str

    @property
    def path(self) -> str:
        return f"{self.container}/{self.name}"


class Storage:
    """Reading and writing; callers hold the transaction, except for `receive`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self.shelf = blob_room(frame).shelf

    async def receive(self, call: Call) -> Draft:
        """The body of a streamed call as a file that belongs to nobody yet; never whole in memory.

        Raises:
            Refusal: 400, the body ended early.
        """
        assert call.stream is not None
        path = self.shelf.contents.new_draft()
        digest, size = hashlib.md5(usedforsecurity=False), 0
        try:
            with path.open("wb") as file:
                async for piece in call.stream:
                    file.write(piece)
                    digest.update(piece)
                    size += len(piece)
            if int(call.headers.get("content-length", size)) != size:
                raise Interrupted
        except Interrupted:
            path.unlink(missing_ok=True)
            raise Refusal(400, "BadRequest", "The request body ended before it was complete.") from None
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Draft(path=path, size=size, md5=digest.digest())

    def draft(self, data: bytes) -> Draft:
        """Bytes as a file that belongs to nobody yet."""
        path = self.shelf.contents.new_draft()
        path.write_bytes(data)
        return Draft(path=path, size=len(data), md5=hashlib.md5(data, usedforsecurity=False).digest())

    def copied(self, file: Path) -> Draft:
        """A file of a seed, as one that belongs to nobody yet. Raises `OSError`."""
        path = self.shelf.contents.new_draft()
        shutil.copyfile(file, path)
        with path.open("rb") as copy:
            md5 = hashlib.file_digest(copy, lambda: hashlib.md5(usedforsecurity=False)).digest()
        return Draft(path=path, size=path.stat().st_size, md5=md5)

    def put(self, place: Place, content: Draft | bytes) -> Blob:
        """Write a blob whole, over an older one of this name."""
        draft = self.draft(content) if isinstance(content, bytes) else content
        headers = {**_HEADERS, "content-md5": base64.b64encode(draft.md5).decode()}
        return self._write(place, [("", self.shelf.contents.adopt(draft))], headers)

    def join(self, place: Place, contents: Iterable[str]) -> Blob:
        """Write a blob of contents that are there already: nothing is copied."""
        return self._write(place, [("", content) for content in contents], _HEADERS)

    def copy(self, source: Place, target: Place) -> Blob | None:
        """Another blob of the same contents; what happens to the first one later does not touch it."""
        blob = self.blob(source)
        return None if blob is None else self.join(target, blob.contents)

    def _write(self, place: Place, parts: list[tuple[str, str]], headers: dict[str, str]) -> Blob:
        if self.shelf.container(ACCOUNT, place.container) is None:
            self.shelf.put_container(ACCOUNT, place.container)
        return self.shelf.put(ACCOUNT, place.container, place.name, parts, headers, {})

    def blob(self, place: Place) -> Blob | None:
        return self.shelf.blob(ACCOUNT, place.container, place.name)

    def drop(self, place: Place) -> None:
        if (blob := self.blob(place)) is not None:
            self.shelf.drop(blob)

    def read(self, place: Place, most: int = -1) -> bytes:
        """The first `most` bytes of a blob that is there, all of them without a limit."""
        blob = self.blob(place)
        if blob is None:
            return b""
        size = self.shelf.ready(blob)
        return b"".join(self.shelf.pieces(blob, 0, size if most < 0 else min(most, size)))

    def size(self, place: Place) -> int:
        blob = self.blob(place)
        return 0 if blob is None else self.shelf.ready(blob)

    def base_uri(self, base: str) -> str:
        """`BaseUri` of answers; `base` is the address that the caller used, `Call.base`."""
        if self._frame.knobs.text("studio-storage-host") == "azure":
            return f"https://{ACCOUNT}.blob.core.windows.net/"
        return f"{base}/{ACCOUNT}/"

    def signature(self, place: Place) -> str:
        """A SAS with its question mark that allows to read this blob for a day from now."""
        now = self._frame.clock.now()
        return access.issue(ACCOUNT, place.path, begins=_moment(now - 300), ends=_moment(now + _SAS_LIFE))

    def endpoint(self, place: Place | None, base: str, *, name: str, file_type: str, size: int) -> dict[str, Any]:
        """An endpoint object as datasets and outputs have it (6.2), signed anew; without a place, an empty one.

        The members are those of 6.2; the words of `EndpointType` and `CredentialContainer` are guesses.
        """
        there = place is not None
        return {
            "BaseUri": self.base_uri(base) if there else None,
            "Size": size if there else 0,
            "Name": name,
            "EndpointType": "AzureBlob",
            "CredentialContainer": "SAS",
            "AccessCredential": None if place is None else self.signature(place),
            "Location": None if place is None else place.path,
            "FileType": file_type,
            "IsAuxiliary": False,
        }


_HEADERS: Final = {"content-type": "application/octet-stream"}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
