"""User delegation keys: SAS tokens without an account key, on the authority of whoever is signed in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from retrainctl.model.values import Secret
from retrainctl.ports import Clock, Unavailable
from retrainctl.targets.azure.credentials import Auth
from retrainctl.targets.azure.pipeline import Pipeline
from retrainctl.targets.classic.sas import VERSION, DelegationKey

SCOPE: Final = "https://storage.azure.com/.default"

_LIFETIME: Final = timedelta(hours=6)
_MEMBERS: Final = {
    "object_id": "SignedOid",
    "tenant_id": "SignedTid",
    "starts": "SignedStart",
    "expires": "SignedExpiry",
    "service": "SignedService",
    "version": "SignedVersion",
    "value": "Value",
}


def ask(pipeline: Pipeline, endpoint: str, account: str, auth: Auth, clock: Clock) -> DelegationKey:
    """A key of the account, good for six hours; one call. `endpoint` is the account's blob address.

    Raises `TargetError`: among others 403 where the role Storage Blob Delegator is missing.
    """
    now = clock.now()
    starts, ends = (_moment(now - timedelta(minutes=30)), _moment(now + _LIFETIME))
    body = f'<?xml version="1.0" encoding="utf-8"?><KeyInfo><Start>{starts}</Start><Expiry>{ends}</Expiry></KeyInfo>'
    answer = pipeline.call(
        "POST",
        f"{endpoint.rstrip('/')}/?restype=service&comp=userdelegationkey",
        what=f"get a user delegation key of storage account {account}",
        auth=auth,
        content=body.encode(),
        headers={"Content-Type": "application/xml", "Accept": "application/xml", "x-ms-version": VERSION},
        harmless=True,
    )
    text = answer.body.decode("utf-8-sig", errors="replace")
    found = {name: match[1] for name, tag in _MEMBERS.items() if (match := re.search(f"<{tag}>([^<]*)</{tag}>", text))}
    if found.keys() < _MEMBERS.keys():
        raise Unavailable(
            f"storage account {account} answered without a user delegation key",
            code="RC321",
            hint="Give the account's key, or a SAS token, in the environment's `storage:`.",
            request_id=answer.request_id,
        )
    value = Secret(found.pop("value"))
    pipeline.redactor.learn(value)
    return DelegationKey(value=value, **found)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
