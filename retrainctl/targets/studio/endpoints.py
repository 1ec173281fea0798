"""Where the Studio API keeps data: `BaseUri`, `Location` and `AccessCredential` as one address (sections 3, 6.2)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from retrainctl.model.values import JsonObject
from retrainctl.targets.blob.place import PUBLIC_SUFFIX
from retrainctl.targets.studio.client import StudioClient

_MEMBERS: Final = ("BaseUri", "Location", "AccessCredential")


def signed_address(endpoint: JsonObject, studio: StudioClient) -> str:
    """The signed address of an endpoint's data, as `BlobStore` reads it; empty for an endpoint without data.

    What lies on the Studio API's own host is the emulator's storage, whose `/ACCOUNT/P` stands for
    `https://ACCOUNT.blob.core.windows.net/P`.
    """
    base, location, credential = (str(endpoint.get(name) or "") for name in _MEMBERS)
    if not location:
        return ""
    address = f"{base.rstrip('/')}/{location.lstrip('/')}" if base else location
    own, there = urlsplit(studio.studio), urlsplit(address)
    if (own.scheme, own.netloc) == (there.scheme, there.netloc):
        account, _, path = there.path.lstrip("/").partition("/")
        address = f"https://{account}{PUBLIC_SUFFIX}/{path}" + (f"?{there.query}" if there.query else "")
    return f"{address}?{credential.lstrip('?')}" if credential else address
