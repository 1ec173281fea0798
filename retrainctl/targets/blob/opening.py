"""Opening a ledger that is kept in Azure Blob Storage."""

from __future__ import annotations

from typing import Any

from retrainctl.model.values import Secret
from retrainctl.targets.blob.ledger_store import AzureLedgerStore


def open_ledger_store(
    place: str, key: Secret | None, *, endpoint: str | None = None, tenant: str | None = None
) -> AzureLedgerStore:
    """The store at `azblob://ACCOUNT/CONTAINER/FOLDER`: with the account's key, else signed in by azure-identity."""
    return AzureLedgerStore(place, key if key is not None else _signed_in(tenant), endpoint=endpoint)


def _signed_in(tenant: str | None) -> Any:
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential(**({"additionally_allowed_tenants": [tenant]} if tenant else {}))
