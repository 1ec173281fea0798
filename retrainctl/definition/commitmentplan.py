"""Commitment plans: reading, comparable fields, fingerprint (arm-webservices.md section 12)."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from retrainctl.definition.encoding import canonical
from retrainctl.definition.rules import Reason
from retrainctl.model.address import Address
from retrainctl.model.resource import Normalised, Observed

READ_ONLY: Final = ("id", "name", "type", "etag", "systemData", "properties")
"""Of a plan, only location, sku and tags are ours; all `properties` are server values."""


def normalise(document: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Normalised, ...]]:
    """The comparable fields `{location, tags, sku}`, and a note per rule that applied."""
    fields: dict[str, Any] = {}
    notes: list[Normalised] = []
    for name, item in document.items():
        if name in READ_ONLY:
            notes.append(Normalised(path=(name,), reason=Reason.READ_ONLY))
        elif item is None:
            notes.append(Normalised(path=(name,), reason=Reason.NULL_DROPPED))
        elif name == "tags" and item == {}:
            notes.append(Normalised(path=(name,), reason=Reason.EMPTY_EQUALS_ABSENT))
        else:
            fields[name] = item
    return fields, tuple(notes)


def fingerprint(fields: Mapping[str, Any]) -> str:
    """SHA-256 of the normalised fields. Plans do not normalise their location, so it is folded here (section 1)."""
    compared = dict(fields)
    if isinstance(location := compared.get("location"), str):
        compared["location"] = location.replace(" ", "").casefold()
    return "sha256:" + sha256(canonical(compared)).hexdigest()


def observe(address: Address, identity: str, document: Mapping[str, Any]) -> Observed:
    """One plan as read; its `etag` is the change mark."""
    fields, notes = normalise(document)
    etag = document.get("etag")
    return Observed(
        address=address,
        identity=identity,
        fields=fields,
        fingerprint=fingerprint(fields),
        revision=etag if isinstance(etag, str) else None,
        document=document,
        normalised=notes,
    )
