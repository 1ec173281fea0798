"""Bodies of the services API (classic-api.md 5.1 and 5.2). Pure: credentials come in as arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from retrainctl.model.retraining import DATA_EXTENSIONS, MODEL_EXTENSION
from retrainctl.model.values import Secret
from retrainctl.ports import JobBlob, JobRequest, Rejected
from retrainctl.targets.blob.place import BlobPlace

Locate = Callable[[str], BlobPlace | None]
"""A blob's place out of its URI; None for an address that is no blob of this cloud."""

Credential = Callable[[str], Secret | None]
"""The secret of a storage account: its key, a SAS or a connection string; None where the environment has none."""

_READABLE: Final = DATA_EXTENSIONS
_WRITABLE: Final = (*DATA_EXTENSIONS, MODEL_EXTENSION)


def job_body(request: JobRequest, locate: Locate, credential: Credential) -> dict[str, Any]:
    """The body of a submission: named inputs and outputs, no member that the request does not need.

    Raises:
        Rejected: nothing sent: an address that is no blob, an extension that the service refuses, or no credential that
            a job could write with.
        SecretUnavailable: a secret of an account does not resolve here.
    """
    body: dict[str, Any] = {}
    if request.inputs:
        body["Inputs"] = {
            port: _reference(port, blob, locate, credential, writing=False) for port, blob in request.inputs.items()
        }
    if request.outputs:
        body["Outputs"] = {
            port: _reference(port, blob, locate, credential, writing=True) for port, blob in request.outputs.items()
        }
    body["GlobalParameters"] = {
        name: value.reveal() if isinstance(value, Secret) else value for name, value in request.parameters.items()
    }
    if request.pool is not None:
        body["AzureBatchPoolId"] = request.pool.replace("-", "").lower()
    return body


def _reference(
    port: str, blob: JobBlob, locate: Locate, credential: Credential, *, writing: bool
) -> dict[str, str | None]:
    """A blob reference: a connection string where there is a key, else base location and signature."""
    place = locate(blob.uri)
    if place is None:
        raise Rejected(
            f"{port}: {blob.uri} is not the address of a blob in a storage account",
            code="RC652",
            hint="Write https://ACCOUNT.blob.core.windows.net/CONTAINER/BLOB.",
            sent=False,
        )
    allowed = _WRITABLE if writing else _READABLE
    if not place.name.lower().endswith(allowed):
        raise Rejected(
            f'{port}: the blob "{place.name}" must end in {", ".join(allowed)}',
            code="RC601",
            hint="The service tells what a blob is by its name.",
            sent=False,
        )
    relative = f"{place.container}/{place.name}"
    if blob.sas is not None:
        return _signed(place, relative, blob.sas.reveal())
    secret = credential(place.account)
    if secret is None:
        if writing:
            raise Rejected(
                f"{port}: a job writes to storage account {place.account} with its key or a SAS, and there is neither",
                code="RC606",
                hint=f"Give `key` or `sas` under storage.{place.account} of the environment, as a reference.",
                sent=False,
            )
        # A blob that anybody may read.
        return {"BaseLocation": f"{place.base}/", "RelativeLocation": relative, "SasBlobToken": place.query or None}
    text = secret.reveal().strip()
    if "accountkey=" in text.lower() or "sharedaccesssignature=" in text.lower():
        return {"ConnectionString": text, "RelativeLocation": relative}
    if "sig=" in text:
        return _signed(place, relative, text)
    return {"ConnectionString": _connection(place, text), "RelativeLocation": relative}


def _signed(place: BlobPlace, relative: str, token: str) -> dict[str, str | None]:
    return {
        "BaseLocation": f"{place.base}/",
        "RelativeLocation": relative,
        "SasBlobToken": f"?{token.strip().lstrip('?')}",
    }


def _connection(place: BlobPlace, key: str) -> str:
    """With the suffix of the cloud where it is not the public one (whose samples leave it out)."""
    suffix = place.base.partition(".blob.")[2]
    more = f";EndpointSuffix={suffix}" if suffix not in ("", "core.windows.net") else ""
    return f"DefaultEndpointsProtocol=https;AccountName={place.account};AccountKey={key}{more}"
