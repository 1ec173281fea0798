"""Which proxy stands between us and a host, from the usual variables."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from retrainctl.fastclass import dataclass
from retrainctl.model.values import Secret
from retrainctl.targets.azure.hosts import is_loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """An HTTP proxy that tunnels to https hosts (CONNECT). `login` is the value of `Proxy-Authorization`."""

    host: str
    port: int
    login: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyRules:
    """The proxy for https, and the hosts that are reached without it."""

    proxy: Proxy | None = None
    bypass: tuple[str, ...] = ()

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> ProxyRules:
        """Reads `HTTPS_PROXY`, else `ALL_PROXY`, and `NO_PROXY`, in either case; `ValueError` on a bad address."""
        address = _first(environ, "https_proxy", "all_proxy")
        if not address:
            return cls()
        parts = urlsplit(address if "://" in address else f"http://{address}")
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError("only an http:// proxy can be used")
        login = None
        if parts.username is not None:
            login = Secret(_basic(unquote(parts.username), unquote(parts.password or "")))
        names = _first(environ, "no_proxy").replace(" ", "").lower().split(",")
        return cls(
            proxy=Proxy(host=parts.hostname, port=parts.port or 80, login=login),
            bypass=tuple(name.removeprefix("*").lstrip(".") for name in names if name),
        )

    def for_host(self, host: str) -> Proxy | None:
        """The proxy for this host; this machine is always reached directly."""
        if self.proxy is None or is_loopback(host):
            return None
        if any(name == "" or host == name or host.endswith("." + name) for name in self.bypass):
            return None
        return self.proxy


def _first(environ: Mapping[str, str], *names: str) -> str:
    return next((value for name in names for key in (name, name.upper()) if (value := environ.get(key))), "")


def _basic(user: str, password: str) -> str:
    import base64

    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
