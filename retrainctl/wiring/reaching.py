"""One call to a host, to learn whether it can be reached. Standard library only, proxies and authorities as set."""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

_SECONDS: Final = 5.0


class Reached(NamedTuple):
    """trouble: None, or `name`, `tls`, `connection`; detail: why, in the system's words; moment: the host's clock."""

    trouble: str | None = None
    detail: str = ""
    moment: datetime | None = None


def reach(base: str, *, ca: Path | None = None, environ: Mapping[str, str]) -> Reached:
    """Asks for the root of an address, without credentials; any HTTP status is an answer.

    environ: whose `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` count; empty: none.
    """
    try:
        context = ssl.create_default_context()
        if ca is not None:
            context.load_verify_locations(cafile=ca)
        opener = urllib.request.build_opener(
            _proxies(base, environ), urllib.request.HTTPSHandler(context=context), _Stay()
        )
        request = urllib.request.Request(base, method="HEAD")  # noqa: S310
        with opener.open(request, timeout=_SECONDS) as answer:
            return Reached(moment=_moment(answer.headers))
    except urllib.error.HTTPError as error:
        with error:
            return Reached(moment=_moment(error.headers))
    except urllib.error.URLError as error:
        return _trouble(error.reason)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _trouble(error)


class _Stay(urllib.request.HTTPRedirectHandler):
    """An answer that points elsewhere is an answer."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _proxies(base: str, environ: Mapping[str, str]) -> urllib.request.ProxyHandler:
    found = {}
    for scheme in ("http", "https"):
        if proxy := environ.get(f"{scheme}_proxy") or environ.get(f"{scheme.upper()}_PROXY"):
            found[scheme] = proxy
    host = urlsplit(base).netloc
    without = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if without and _bypassed(host, without):
        found = {}
    return urllib.request.ProxyHandler(found)


def _bypassed(host: str, without: str) -> bool:
    """Whether `NO_PROXY` names a host, as names or as suffixes; `*` names all."""
    name = host.partition(":")[0].casefold()
    rules = [rule.strip().casefold().lstrip(".") for rule in without.split(",")]
    return any(rule == "*" or (rule and (name == rule or name.endswith(f".{rule}"))) for rule in rules)


def _trouble(reason: object) -> Reached:
    if isinstance(reason, ssl.SSLError):
        return Reached("tls", str(getattr(reason, "verify_message", "") or reason.reason or reason))
    if isinstance(reason, socket.gaierror):
        return Reached("name", str(reason.strerror or reason))
    detail = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return Reached("connection", str(detail))


def _moment(headers: Any) -> datetime | None:
    try:
        moment = parsedate_to_datetime(headers["Date"])
    except (TypeError, ValueError, KeyError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
