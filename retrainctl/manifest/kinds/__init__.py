"""The kinds that manifests may have: one module per kind beside this one, each with its `HANDLER`.

A module has the name of its kind in lower case, and is imported for the first manifest of that kind.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retrainctl.manifest.handler import KindHandler


@lru_cache(maxsize=64)
def handler_of(kind: str) -> KindHandler | None:
    """How manifests of a kind are decoded; None for a kind that there is not."""
    name = kind.lower()
    if name not in _modules():
        return None
    found: KindHandler = import_module(f"{__name__}.{name}").HANDLER
    return found if found.kind == kind else None


@lru_cache(maxsize=1)
def handlers() -> Mapping[str, KindHandler]:
    """Every kind by its name."""
    found = (import_module(f"{__name__}.{name}").HANDLER for name in sorted(_modules()))
    return MappingProxyType({handler.kind: handler for handler in found})


@lru_cache(maxsize=1)
def _modules() -> frozenset[str]:
    return frozenset(module.name for module in iter_modules(__path__))
