"""Where a blob is: names in a path, and the URIs that definitions and jobs carry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

ACCOUNT: Final = re.compile(r"[a-z0-9]{3,24}")
CONTAINER: Final = re.compile(r"(?:[a-z0-9](?:-?[a-z0-9]){2,62}|\$root|\$logs|\$web)")
_HOST: Final = re.compile(r"([a-z0-9]{3,24})\.blob\.core\.(?:windows\.net|chinacloudapi\.cn|usgovcloudapi\.net)")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobAddress:
    """`sas` is the query of a URI, without its question mark; "" for none."""

    account: str
    container: str
    name: str
    sas: str = ""

    @property
    def path(self) -> str:
        return f"{self.container}/{self.name}"

    @property
    def uri(self) -> str:
        """Without the signature."""
        return f"https://{self.account}.blob.core.windows.net/{self.path}"


def parse_uri(uri: str) -> BlobAddress | None:
    """The address of a blob URI in Azure's form or in the emulator's own, None for any other URI."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https"):
        return None
    match = _HOST.fullmatch((parts.hostname or "").lower())
    path = unquote(parts.path).lstrip("/")
    if match:
        return join(match[1], path, parts.query)
    if parts.hostname in ("localhost", "127.0.0.1", "::1"):
        account, _, rest = path.partition("/")
        return join(account, rest, parts.query)
    return None


def join(account: str, path: str, sas: str = "") -> BlobAddress | None:
    """The address of `CONTAINER/BLOB` in an account, None when the names cannot be."""
    container, _, name = path.lstrip("/").partition("/")
    if not ACCOUNT.fullmatch(account) or not CONTAINER.fullmatch(container) or not name:
        return None
    return BlobAddress(account=account, container=container, name=name, sas=sas.removeprefix("?"))
