"""A saved plan: written atomically, read with suspicion."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from retrainctl.plan.encode import FORMAT_VERSION, canonical, checksum, digest
from retrainctl.plan.errors import PlanFileInvalid

_LARGEST = 512 * 1024 * 1024


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Writes the canonical bytes; a reader sees the old file or the new one, never a part."""
    import tempfile

    data = canonical(document)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read(path: Path, *, strict: bool) -> dict[str, Any]:
    """The document of a plan file.

    strict (for an apply): the schema and the digest must hold, so a flipped byte is refused before any call.
    Otherwise (for `show`) a newer minor format with unknown members is read as well as it can be.
    Raises `PlanFileInvalid`.
    """
    try:
        data = path.read_bytes() if path.stat().st_size <= _LARGEST else b""
    except OSError as error:
        raise PlanFileInvalid(
            f"cannot read {path}: {error.strerror}", hint="Make the plan with `retrainctl plan --out FILE`."
        ) from error
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise PlanFileInvalid(f"{path} is not a plan file: {error}", hint="Make the plan again.") from error
    if not isinstance(document, dict) or "resource_changes" not in document:
        raise PlanFileInvalid(f"{path} is not a plan file", hint="Make the plan with `retrainctl plan --out FILE`.")
    version = str(document.get("format_version", ""))
    if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        raise PlanFileInvalid(
            f"{path} has format {version or 'unknown'}, this retrainctl reads {FORMAT_VERSION}",
            hint="Use the retrainctl version that wrote it, or plan again.",
        )
    if strict:
        _check(path, document, data)
    return document


def _check(path: Path, document: dict[str, Any], data: bytes) -> None:
    from retrainctl.schemas import checker

    schema = checker("plan")
    if not schema.is_valid(document):
        wrong = next(schema.violations(document), None)
        where = "/".join(str(part) for part in wrong.path) if wrong is not None else ""
        raise PlanFileInvalid(f"{path} is not a valid plan: see {where or 'its members'}", hint="Plan again.")
    try:
        genuine = digest(document) == document["digest"] and checksum(document) == document["checksum"]
        unchanged = genuine and canonical(document) == data
    except (KeyError, TypeError, AttributeError):
        unchanged = False
    if not unchanged:
        raise PlanFileInvalid(f"{path} was changed after it was made: its digest does not match", hint="Plan again.")
