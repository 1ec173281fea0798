"""Who we are to a service: a key, or a token from azure-identity, got only when the first call needs it.

Importing azure-identity costs 0.3 s, so nothing here imports it before a token is wanted; the emulator never does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from retrainctl.fastclass import dataclass
from retrainctl.model.values import Secret
from retrainctl.ports import AuthFailed, Clock

if TYPE_CHECKING:
    from azure.core.credentials import AccessTokenInfo, TokenRequestOptions

_EARLY = 300.0
_HOW_TO_SIGN_IN = (
    "Run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET for a service principal, "
    "or run where there is a managed identity or a workload identity."
)


class TokenSource(Protocol):
    """Gives out tokens (azure-core's `SupportsTokenInfo`)."""

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAuth:
    """A fixed key or token in a header: the emulator's token, a workspace token, an endpoint's key."""

    secret: Secret
    header: str = "Authorization"
    prefix: str = "Bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAuth:
    """A bearer token of a scope, e.g. `https://management.azure.com/.default`."""

    source: SharedTokens
    scope: str


Auth = KeyAuth | TokenAuth


class SharedTokens:
    """One token per scope for all threads: eight threads that start together ask once, not eight times.

    azure-core's bearer policy keeps a token too, but without a lock, and the Azure CLI behind it takes half a second
    a time. Raises `AuthFailed` in place of azure-identity's errors.
    """

    def __init__(self, source: TokenSource, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, ...], AccessTokenInfo] = {}

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """The kept token while it is good for five more minutes; a challenge with claims always asks anew."""
        with self._lock:
            kept = self._tokens.get(scopes)
            if kept is not None and not (options or {}).get("claims") and self._good(kept):
                return kept
            fresh = self._tokens[scopes] = _ask(self._source, scopes, options)
            return fresh

    def forget(self) -> None:
        """Drops the kept tokens, after a service has refused one."""
        with self._lock:
            self._tokens.clear()

    def _good(self, token: AccessTokenInfo) -> bool:
        now = self._clock.now().timestamp()
        return now < min(token.refresh_on or token.expires_on, token.expires_on - _EARLY)


class IdentitySource:
    """azure-identity's `DefaultAzureCredential`, made at the first token: service principal from the environment,
    workload identity, managed identity, Azure CLI and the other developer tools, in its order.

    tenant: asked for by name where the signed-in account knows several. authority: the cloud's sign-in host.
    ca_file: further certificate authorities, as for every other call.
    """

    def __init__(
        self,
        *,
        authority: str | None = None,
        tenant: str | None = None,
        ca_file: Path | None = None,
        make: Callable[..., Any] | None = None,
    ) -> None:
        self._authority = authority
        self._tenant = tenant
        self._ca_file = ca_file
        self._make = make
        self._credential: Any = None

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        if self._credential is None:
            self._credential = self._build()
        wanted: TokenRequestOptions = {**(options or {})}
        if self._tenant:
            wanted["tenant_id"] = self._tenant
        token: AccessTokenInfo = self._credential.get_token_info(*scopes, options=wanted)
        return token

    def _build(self) -> Any:
        settings: dict[str, Any] = {}
        # Left out, azure-identity itself reads AZURE_AUTHORITY_HOST.
        if self._authority:
            settings["authority"] = self._authority
        if self._tenant:
            settings["additionally_allowed_tenants"] = [self._tenant]
        if self._ca_file is not None:
            settings["connection_verify"] = str(self._ca_file)
        if self._make is not None:
            return self._make(**settings)
        from azure.identity import DefaultAzureCredential

        return DefaultAzureCredential(**settings)


def _ask(source: TokenSource, scopes: tuple[str, ...], options: TokenRequestOptions | None) -> AccessTokenInfo:
    from azure.core.exceptions import AzureError, ClientAuthenticationError

    try:
        return source.get_token_info(*scopes, options=options)
    except ClientAuthenticationError as error:
        # The chain names every source that it asked; a code of the sign-in service means that one was refused.
        refusal = next((line for line in str(error.message).splitlines() if "AADSTS" in line), None)
        if refusal is None:
            raise AuthFailed(
                "there are no credentials for Azure: no source of credentials gave a token",
                code="RC308",
                hint=_HOW_TO_SIGN_IN,
                sent=False,
            ) from error
        raise AuthFailed(
            f"signing in to Azure was refused: {refusal.strip()[:300]}",
            code="RC309",
            hint="Check tenant, client id and secret (or sign in again with `az login`).",
            sent=False,
        ) from error
    except (AzureError, ValueError) as error:
        raise AuthFailed(
            f"signing in to Azure did not work: {_first_line(error)}",
            code="RC309",
            hint="Check the connection to the sign-in host, the proxy settings and AZURE_AUTHORITY_HOST.",
            sent=False,
        ) from error


def _first_line(error: Exception) -> str:
    text = str(getattr(error, "message", None) or error).strip()
    return (text.splitlines() or ["no reason given"])[0][:300]
