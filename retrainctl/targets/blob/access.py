"""Who we are to a storage account, and the way there."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from retrainctl.fastclass import dataclass
from retrainctl.model.values import Secret
from retrainctl.ports import AuthFailed
from retrainctl.targets.azure.credentials import SharedTokens

if TYPE_CHECKING:
    from pathlib import Path

    from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
    from azure.core.pipeline.transport import RequestsTransport

_CONNECT_SECONDS = 10
_READ_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How an account is reached.

    endpoint: without trailing slash. credential: its key, a shared access signature or a connection string; or a
    source of Entra tokens. ca: further certificate authorities. direct: past every proxy (this machine).
    makes_containers: whether a container that is missing is made on the way.
    """

    endpoint: str
    credential: Secret | SharedTokens = field(repr=False)
    ca: Path | None = None
    direct: bool = False
    makes_containers: bool = False

    @property
    def signature(self) -> str | None:
        """The shared access signature that is the credential, without its question mark; None for any other kind."""
        if not isinstance(self.credential, Secret):
            return None
        text = _members(self.credential).get("sharedaccesssignature", self.credential.reveal())
        return text.strip().lstrip("?") if "sig=" in text else None

    def usable(self, account: str) -> Any:
        """The credential as azure-storage-blob takes it; raises `AuthFailed` for a text that is none (RC666)
        and for tokens where they would go out in clear."""
        from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential

        if not isinstance(self.credential, Secret):
            if not self.endpoint.lower().startswith("https://"):
                raise AuthFailed(
                    f"storage account {account} is reached without encryption, where no token is sent",
                    code="RC654",
                    hint="Set the account's key under `storage` of the environment.",
                    sent=False,
                )
            return _Tokens(self.credential)
        if (signature := self.signature) is not None:
            return AzureSasCredential(signature)
        key = _members(self.credential).get("accountkey", self.credential.reveal()).strip()
        if not _is_key(key):
            raise AuthFailed(
                f"the secret for storage account {account} is no key, no signature and no connection string",
                code="RC666",
                hint="Copy the key again (`az storage account keys list`): base64 text of 88 characters.",
                sent=False,
            )
        return AzureNamedKeyCredential(account, key)

    def transport(self) -> RequestsTransport:
        """A connection pool to the account."""
        from azure.core.pipeline.transport import RequestsTransport

        settings: dict[str, Any] = {"connection_timeout": _CONNECT_SECONDS, "read_timeout": _READ_SECONDS}
        if self.ca is not None:
            settings["session"] = _session(self.ca, direct=self.direct)
        return RequestsTransport(use_env_settings=not self.direct, **settings)


class _Tokens:
    """Tokens in the form that azure-storage-blob asks for: it knows a credential by its `get_token`."""

    def __init__(self, source: SharedTokens) -> None:
        self._source = source

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        from azure.core.credentials import AccessToken

        found = self._source.get_token_info(*scopes)
        return AccessToken(found.token, found.expires_on)

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        return self._source.get_token_info(*scopes, options=options)


def _members(secret: Secret) -> dict[str, str]:
    """The members of a connection string by lower-case name; none for another text."""
    parts = [part.partition("=") for part in secret.reveal().split(";")]
    return {name.strip().lower(): value for name, _, value in parts if value} if len(parts) > 1 else {}


def _is_key(text: str) -> bool:
    import base64
    import binascii

    try:
        return len(base64.b64decode(text, validate=True)) > 0
    except (binascii.Error, ValueError):
        return False


def _session(ca: Path, *, direct: bool) -> Any:
    """A session that trusts `ca` beside the usual authorities (which requests adds itself)."""
    import ssl

    import requests
    from requests.adapters import HTTPAdapter

    context = ssl.create_default_context()
    context.load_verify_locations(ca)

    class Trusting(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, ssl_context=context, **kwargs)

        def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
            return super().proxy_manager_for(*args, ssl_context=context, **kwargs)

    session = requests.Session()
    session.trust_env = not direct
    session.mount("https://", Trusting(max_retries=0))
    return session
