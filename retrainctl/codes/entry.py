"""The shape of one catalogue entry."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """What an error code means: a title, why it happens, what to do."""

    title: str
    cause: str
    fix: str
