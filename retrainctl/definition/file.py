"""Definitions from disk: the only module of this room that touches a file."""

from __future__ import annotations

import os
import stat
from io import FileIO
from pathlib import Path
from typing import Any

from retrainctl.definition.parsing import LIMIT, invalid
from retrainctl.diagnostics import Span


def load(path: Path, *, shown: str | None = None) -> dict[str, Any]:
    """Reads the web service definition in a file; `shown` is the path as the user would type it.

    Raises:
        InvalidInput: the file cannot be read or is no definition.
    """
    from retrainctl.definition.document import read

    name = shown or str(path)
    return read(load_bytes(path, shown=name), file=name)


def load_bytes(path: Path, *, shown: str | None = None, limit: int = LIMIT) -> bytes:
    """A file's bytes, at most one more than `limit` of them, so that the reader can refuse a file that is too large
    without filling the memory. Raises `InvalidInput` with the system's reason where it cannot be read."""
    name = shown or str(path)
    try:
        with path.open("rb", buffering=0) as stream:
            size = os.fstat(stream.fileno())
            if stat.S_ISREG(size.st_mode) and size.st_size <= limit:
                return stream.readall()
            return _at_most(stream, limit + 1)
    except FileNotFoundError:
        reason, hint = "the file does not exist", "check the path"
    except IsADirectoryError:
        reason, hint = "this is a folder, not a file", "name the file in it"
    except PermissionError:
        reason, hint = "the file may not be read by this user", "check the file's permissions"
    except (OSError, ValueError) as bad:
        reason, hint = f"the file cannot be read: {getattr(bad, 'strerror', None) or bad}", "check the path"
    raise invalid("RC200", reason, span=Span(name, 1, 1), hint=hint)


def _at_most(stream: FileIO, count: int) -> bytes:
    """The first bytes of a pipe, a device or a huge file."""
    parts: list[bytes] = []
    while count > 0 and (part := stream.read(min(count, 1 << 20))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
