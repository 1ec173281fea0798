"""Where a blob is: account, container and name out of its URI."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from retrainctl.fastclass import dataclass

PUBLIC_SUFFIX: Final = ".blob.core.windows.net"

_ACCOUNT: Final = re.compile(r"[a-z0-9]{3,24}")
_CONTAINER: Final = re.compile(r"(?=.{3,63}\Z)[a-z0-9](?:-?[a-z0-9])+|\$root|\$logs|\$web")
_ROOT: Final = "$root"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobPlace:
    """One blob. `base` is the account's address without trailing slash, `query` a SAS of the URI, without its `?`."""

    base: str
    account: str
    container: str
    name: str
    query: str = ""

    @property
    def uri(self) -> str:
        """Without the signature."""
        return blob_uri(self.base, self.container, self.name)


def blob_uri(base: str, container: str, name: str) -> str:
    """The URI of a blob; its name in plain text."""
    return f"{base}/{container}/{quote(name, safe='/~()!*,;=:@$&+')}"


def place_of(uri: str, *, suffix: str = PUBLIC_SUFFIX, endpoints: Mapping[str, str] | None = None) -> BlobPlace | None:
    """The place of a blob URI, None for any other address.

    Args:
        uri: `https://ACCOUNT.blob.core.windows.net/CONTAINER/BLOB` (http is read as https: Classic jobs write it so),
            or below one of `endpoints`. A blob right below the host is in the container `$root`.
        suffix: of the storage hosts of the cloud.
        endpoints: account -> its address, where that is another one.
    """
    for account, endpoint in (endpoints or {}).items():
        base = endpoint.rstrip("/")
        if uri.lower().startswith(base.lower() + "/"):
            return _place(base, account, uri[len(base) :])
    try:
        parts = urlsplit(uri)
        host = (parts.hostname or "").lower()
        if parts.scheme.lower() not in ("http", "https") or parts.port not in (None, 80, 443) or "@" in parts.netloc:
            return None
    except ValueError:
        return None
    account = host.removesuffix(suffix)
    if account == host or not _ACCOUNT.fullmatch(account):
        return None
    query = f"?{parts.query}" if parts.query else ""
    return _place(f"https://{host}", account, parts.path + query)


def _place(base: str, account: str, rest: str) -> BlobPlace | None:
    path, _, query = rest.partition("?")
    container, slash, name = unquote(path.partition("#")[0]).lstrip("/").partition("/")
    if not slash:
        container, name = _ROOT, container
    if not name or not _CONTAINER.fullmatch(container):
        return None
    return BlobPlace(base=base, account=account, container=container, name=name, query=query.partition("#")[0])
