"""The kinds that manifests may have: one module per kind beside this one, each with its `HANDLER`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from retrainctl.manifest.handler import KindHandler


@lru_cache(maxsize=1)
def handlers() -> Mapping[str, KindHandler]:
    """Kind name -> how its manifests are decoded. A new kind is a new module in this folder."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    return MappingProxyType({module.HANDLER.kind: module.HANDLER for module in modules})
