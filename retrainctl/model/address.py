"""Stable names of resources in plans and history."""

from __future__ import annotations

from typing import NamedTuple


class Address(NamedTuple):
    """`KIND/NAME`, e.g. `Endpoint/rentalloc001`. The name may hold any text, also slashes and spaces.

    A tuple, since it is the key of nearly every mapping: it hashes and sorts without a line of Python.
    """

    kind: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Reads `KIND/NAME`; raises `ValueError` when there is no kind or no name."""
        kind, slash, name = text.partition("/")
        if not (kind and slash and name):
            raise ValueError(f"not an address (KIND/NAME): {text!r}")
        return cls(kind, name)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"
