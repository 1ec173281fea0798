"""How one kind of manifest is checked and decoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from enum import IntEnum
from typing import Any, TypeAlias

from retrainctl.diagnostics import Span
from retrainctl.fastclass import dataclass
from retrainctl.manifest.context import Context
from retrainctl.manifest.instance import Instance
from retrainctl.manifest.tree import Late
from retrainctl.model.resource import Desired
from retrainctl.model.versions import ModelLine


class Stage(IntEnum):
    """Kinds are decoded in this order, so that what a kind refers to is known before it."""

    MODELS = 0
    REFERENCED = 1
    """Resources that other resources name in their fields (commitment plans, adopted Classic services)."""
    RESOURCES = 2
    RULES = 3
    """What is no resource itself: retrainings, policies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawDocument:
    """A checked manifest of a kind that another room interprets.

    spec: its data, expressions evaluated, but for those that the kind keeps for later. scope: the values with which
    those are evaluated (`item`, `vars`, `environment`).
    """

    kind: str
    name: str
    spec: Mapping[str, Any]
    scope: Mapping[str, Any]
    origin: Span
    instance: Instance = field(repr=False)


Decoded: TypeAlias = Desired | ModelLine | RawDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class KindHandler:
    """One kind.

    schema: name of its JSON Schema. decode: makes the value, or reports what is wrong and gives None; it is called
    with data that satisfies the schema. late: members whose expressions are evaluated later, with further names.
    """

    kind: str
    schema: str
    stage: Stage
    decode: Callable[[Instance, Context], Decoded | None]
    late: Late = field(default_factory=dict)
