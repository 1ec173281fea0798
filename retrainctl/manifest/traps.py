"""Reporting plain scalars that YAML readers take differently."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from retrainctl import schemas
from retrainctl.diagnostics import Diagnostics
from retrainctl.manifest.document import Document
from retrainctl.manifest.scalars import DATE

_TIMESTAMP: Final = "/timestamp"


def report_traps(document: Document, schema: str, found: Diagnostics) -> frozenset[int]:
    """Reports the document's traps; gives the reading positions of all that is reported by now.

    A date is fine where the schema wants a time.
    """
    reported = set(document.refused)
    for at, trap, key in document.traps:
        if trap.kind == DATE and key in _dated(schema):
            continue
        reported.add(at)
        found.error(
            "RC105", f"{trap.text[:40]} {trap.why}", document.span_at(at), f'For text write "{trap.text[:40]}".'
        )
    return frozenset(reported)


@lru_cache(maxsize=32)
def _dated(schema: str) -> frozenset[str]:
    """The names of the members that hold a time in this kind of manifest."""
    return frozenset(_timestamps(schemas.document(schema)))


def _timestamps(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, member in node.get("properties", {}).items():
            if str(member.get("$ref", "")).endswith(_TIMESTAMP) if isinstance(member, dict) else False:
                yield name
        for member in node.values():
            yield from _timestamps(member)
    elif isinstance(node, list):
        for member in node:
            yield from _timestamps(member)
