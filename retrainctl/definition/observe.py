"""A document as the engine sees it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from retrainctl.definition.document import properties_of
from retrainctl.definition.moment import read_moment
from retrainctl.definition.normalise import fingerprint, normalise
from retrainctl.definition.slots import slots
from retrainctl.model.address import Address
from retrainctl.model.resource import Observed, SlotState

STALE: Final = timedelta(hours=1)
"""Longest recorded operation: 14 s on the server (arm-webservices.md section 3). One real service had been
`Provisioning` for eleven months."""


def observe(address: Address, identity: str, document: Mapping[str, Any], *, now: datetime | None = None) -> Observed:
    """One web service as read.

    Args:
        document: in proper form (`document.read`, `document.proper`).
        now: when it was read; with it, a service that has been `Provisioning` for longer than `STALE` is broken.
    """
    fields, notes = normalise(document)
    properties = properties_of(document)
    modified = properties.get("modifiedOn")
    return Observed(
        address=address,
        identity=identity,
        fields=fields,
        slots={
            name: SlotState(uri=slot.uri, path=("assets", slot.asset, "locationInfo", "uri"))
            for name, slot in slots(document).items()
        },
        fingerprint=fingerprint(fields),
        revision=modified if isinstance(modified, str) else None,
        broken=(why := broken(document, now=now)),
        busy=why is None and str(properties.get("provisioningState") or "").lower() == "provisioning",
        document=document,
        normalised=notes,
    )


def broken(document: Mapping[str, Any], *, now: datetime | None = None) -> str | None:
    """Why the service exists but does not work, in one sentence; None when it works or is being changed."""
    properties = properties_of(document)
    state = str(properties.get("provisioningState") or "").lower()
    stub = "packageType" not in properties and "package" not in properties
    if state == "failed":
        if stub:
            return "its creation failed: it has no definition (provisioningState is Failed)"
        return "its last change failed (provisioningState is Failed)"
    if state == "provisioning":
        since = read_moment(properties.get("modifiedOn"))
        if now is not None and since is not None and now - since > STALE:
            return f"it has been Provisioning since {properties['modifiedOn']}"
        if stub and now is None:
            return "it is Provisioning and has no definition"
        return None
    return "it has no definition (a stub of a failed creation)" if stub and state else None
