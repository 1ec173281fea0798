"""The registry of plannable kinds: one file per kind beside this one, each with its `SPEC`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from retrainctl.model.kind import (
    batchdefault,
    batchdeployment,
    batchendpoint,
    classicwebservice,
    commitmentplan,
    endpoint,
    onlinedeployment,
    onlineendpoint,
    onlinetraffic,
    webservice,
)
from retrainctl.model.kinds import KindSpec

KINDS: Mapping[str, KindSpec] = MappingProxyType(
    {
        s.kind: s
        for s in (
            webservice.SPEC,
            commitmentplan.SPEC,
            classicwebservice.SPEC,
            endpoint.SPEC,
            onlineendpoint.SPEC,
            onlinedeployment.SPEC,
            onlinetraffic.SPEC,
            batchendpoint.SPEC,
            batchdeployment.SPEC,
            batchdefault.SPEC,
        )
    }
)
"""Kind name -> what the engine knows about it."""
