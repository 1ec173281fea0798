"""The registry of plannable kinds: one file per kind beside this one, each with its `SPEC`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from retrainctl.model.kind import classicwebservice, commitmentplan, endpoint, webservice
from retrainctl.model.kinds import KindSpec

KINDS: Mapping[str, KindSpec] = MappingProxyType(
    {s.kind: s for s in (webservice.SPEC, commitmentplan.SPEC, classicwebservice.SPEC, endpoint.SPEC)}
)
"""Kind name -> what the engine knows about it."""
