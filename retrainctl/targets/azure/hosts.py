"""Where a call may go: nothing in clear beyond this machine, credentials only to hosts that are ours (DESIGN.md 9)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from retrainctl.fastclass import dataclass
from retrainctl.model.redaction import is_signed, without_query
from retrainctl.ports import Rejected

_PORTS = {"https": 443, "http": 80}
_UNFIT = re.compile(r"[^\x21-\x7e]|[\\\"<>^`{|}]")
_BASE = re.compile(r"[A-Za-z]+://[^/?#]+")


class Origin(NamedTuple):
    """Scheme, host and port: what decides who gets a credential."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        port = "" if _PORTS.get(self.scheme) == self.port else f":{self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{port}"


def origin_of(url: str) -> Origin:
    """The origin of an absolute http(s) URL; raises `Rejected` (RC318) for anything else, nothing sent."""
    found = None if _UNFIT.search(url) else _BASE.match(url)
    origin = _origin(found[0]) if found is not None else None
    if origin is None:
        raise Rejected(
            f"this is not an address that can be called: {without_query(url)[:200]!r}",
            code="RC318",
            hint="An absolute https URL without user name is needed: check the environment in retrainctl.yaml.",
            sent=False,
        )
    return origin


@lru_cache(maxsize=1024)
def _origin(base: str) -> Origin | None:
    try:
        parts = urlsplit(base)
        scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
        if not host or "@" in parts.netloc:
            return None
        return Origin(scheme, host, parts.port or _PORTS[scheme])
    except (ValueError, KeyError):
        return None


def is_loopback(host: str) -> bool:
    """Whether a host name or literal address is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRules:
    """Which hosts may be given a token, a key or a signed URL.

    configured: origins from the environment's settings. suffixes: of hosts that an authenticated answer may name.
    """

    configured: frozenset[Origin]
    suffixes: tuple[str, ...] = ()

    @classmethod
    def of(cls, urls: Iterable[str], suffixes: Iterable[str] = ()) -> HostRules:
        """Rules from configured base addresses."""
        return cls(configured=frozenset(origin_of(url) for url in urls), suffixes=tuple(suffixes))

    def trusts(self, origin: Origin) -> bool:
        """Whether this origin may be given a credential."""
        if origin in self.configured:
            return True
        return origin.scheme == "https" and origin.port == 443 and origin.host.endswith(self.suffixes)

    def check(self, url: str, *, credential: bool) -> Origin:
        """Raises `Rejected`, nothing sent, unless the call may be made.

        http is for loopback only (RC319). A call with `credential`, or with a signature in its query, goes only to
        hosts that are trusted (RC318).
        """
        origin = origin_of(url)
        if origin.scheme != "https" and not is_loopback(origin.host):
            raise Rejected(
                f"{origin} is not encrypted: nothing is sent over http except to this machine",
                code="RC319",
                hint="Use the https address.",
                sent=False,
            )
        if (credential or is_signed(url)) and not self.trusts(origin):
            raise Rejected(
                f"{origin} is not a host of this environment: no token, key or signed address is sent to it",
                code="RC318",
                hint="If the host is right, name it in the environment's settings.",
                sent=False,
            )
        return origin
