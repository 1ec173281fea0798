"""`ClassicWebService`: a Studio (classic) web service, adopted as it is; classic-api.md sections 1 and 4.1.

It is made by deploying an experiment, never by us: there is only whether it exists and what it is called.
"""

from __future__ import annotations

from retrainctl.model.kinds import KindSpec

SPEC = KindSpec(
    kind="ClassicWebService",
    target="classic",
    place=("webService", "workspace"),
    creatable=False,
    deletable=False,
)
