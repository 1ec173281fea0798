"""Values that flow through every room: JSON trees, secrets and references to secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, TypeAlias

from retrainctl.fastclass import dataclass

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""A JSON value as parsed. Trees are shared, never changed in place."""

JsonObject: TypeAlias = Mapping[str, Json]

Path: TypeAlias = tuple[str, ...]
"""A place inside a tree: member names, list positions as decimal text."""


class _Missing(Enum):
    MISSING = "missing"


MISSING: Final = _Missing.MISSING
"""Stands for a member that is not there at all; `None` is JSON's null."""

Missing: TypeAlias = _Missing


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is kept: `env` (a variable), `file` (a path) or `keyVault` (vault `name`, secret `item`).

    `generate` is kept nowhere: it is made up when it is sent. `name` says for what, `item` is the number of its
    rotation: by that, and not by its value, two of them are the same.

    May stand in any field tree in place of the value. It is not secret itself: plans and files carry the reference.
    """

    source: str
    name: str
    item: str | None = None

    def to_json(self) -> dict[str, str]:
        """The manifest form: `{env: NAME}`, `{file: PATH}` or `{keyVault: URL, secret: NAME}`."""
        if self.source == "keyVault":
            return {"keyVault": self.name, "secret": self.item or ""}
        if self.source == "generate":
            return {"generate": self.name, "rotation": self.item or ""}
        return {self.source: self.name}

    @classmethod
    def from_json(cls, data: Mapping[str, str]) -> SecretRef:
        """Reads the manifest form; raises `ValueError` on any other shape."""
        match sorted(data):
            case ["env"]:
                return cls("env", data["env"])
            case ["file"]:
                return cls("file", data["file"])
            case ["keyVault", "secret"]:
                return cls("keyVault", data["keyVault"], data["secret"])
            case ["generate", "rotation"]:
                return cls("generate", data["generate"], data["rotation"])
            case _:
                raise ValueError(f"not a secret reference: {sorted(data)}")

    def __str__(self) -> str:
        return ":".join(part for part in (self.source, self.name, self.item) if part)


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A resolved secret. Its text shows nowhere: only `reveal()` gives it out."""

    _value: str

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__


Tree: TypeAlias = "Json | SecretRef | Sequence[Tree] | Mapping[str, Tree]"
"""A JSON tree in which a secret is present only as a reference."""

Fields: TypeAlias = Mapping[str, Tree]
"""The fields of a resource by name, in the target's own spelling."""
