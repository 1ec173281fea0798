"""Definitions as read before, so that the next plan reads only what changed since.

A list shows `createdOn` and `modifiedOn` of every service, and `modifiedOn` grows with each write (arm-webservices.md
section 4), so a copy with the same two marks is what a GET would answer. Only plans use copies: an apply reads each
resource again right before it writes. The folder is safe to delete; a copy that cannot be read is no copy.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson

from retrainctl.fastclass import dataclass
from retrainctl.model.values import JsonObject

_SIGNED: Final = b"sig="
_MARKS: Final = ("createdOn", "modifiedOn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """The copies of one management host and api-version below `folder`."""

    folder: Path
    scope: str

    def find(self, identity: str, listed: JsonObject) -> dict[str, Any] | None:
        """The definition that `listed`, an item of a list, stands for; None when it has to be read."""
        marks = _marks(listed)
        if marks is None:
            return None
        try:
            kept = orjson.loads(self._file(identity).read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(kept, dict) or kept.get("identity") != identity or kept.get("marks") != marks:
            return None
        document = kept.get("document")
        return document if isinstance(document, dict) else None

    def keep(self, identity: str, document: JsonObject) -> None:
        """Keeps a definition for the next time. One with a signature in it is not kept, and a full disk is no error."""
        marks = _marks(document)
        if marks is None:
            return
        data = orjson.dumps({"identity": identity, "marks": marks, "document": document})
        if _SIGNED in data:
            return
        file = self._file(identity)
        part = file.with_suffix(f".{os.getpid()}")
        try:
            if not self.folder.is_dir():
                # Several threads may come here at once.
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                (self.folder / ".gitignore").write_text("*\n", encoding="ascii")
            part.write_bytes(data)
            part.replace(file)
        except OSError:
            part.unlink(missing_ok=True)

    def _file(self, identity: str) -> Path:
        return self.folder / f"{sha256(f'{self.scope}|{identity}'.encode()).hexdigest()[:40]}.json"


def _marks(item: JsonObject) -> list[str] | None:
    """What tells one state of a service from another; None for a service that a write is changing just now."""
    properties = item.get("properties")
    if not isinstance(properties, Mapping) or properties.get("provisioningState") != "Succeeded":
        return None
    marks = [properties.get(name) for name in _MARKS]
    return [str(mark) for mark in marks] if all(isinstance(mark, str) and mark for mark in marks) else None
