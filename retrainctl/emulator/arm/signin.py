"""Signing in as a client does it: cloud metadata, OpenID configuration, and a token for any credentials.

The sequence of `az cloud register` and `az login --service-principal` is in `reference/components.md` section 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

from retrainctl.emulator.arm.dialect import ArmDialect
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import TENANT
from retrainctl.emulator.routing import Route


class SignInDialect(ArmDialect):
    """Open to all, and spared by the faults: a client that cannot sign in cannot show how it meets them."""

    faulty = False

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame, provider=False)

    def admit(self, call: Call) -> None:
        """Nobody has a token yet."""
        del call


class SignIn:
    """The handlers."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def routes(self) -> Iterable[Route]:
        dialect = SignInDialect(self._frame)
        for methods, pattern, handler in (
            ("GET", "/metadata/endpoints", self._metadata),
            ("GET", "/{tenant}/.well-known/openid-configuration", self._openid),
            ("GET", "/{tenant}/v2.0/.well-known/openid-configuration", self._openid),
            ("GET", "/common/discovery/instance", self._instance),
            ("POST", "/{tenant}/oauth2/v2.0/token", self._token),
            ("POST", "/{tenant}/oauth2/token", self._token),
        ):
            yield Route(methods=methods, pattern=pattern, handler=handler, dialect=dialect)

    def _metadata(self, call: Call) -> Answer:
        base = call.base
        return Answer(
            body={
                "name": "local",
                "portal": base,
                "authentication": {
                    "loginEndpoint": base,
                    "audiences": [base, "https://management.azure.com/"],
                    "tenant": "common",
                    "identityProvider": "AAD",
                },
                "resourceManager": base,
                "gallery": base,
                "graph": base,
                "graphAudience": base,
                "microsoftGraphResourceId": base,
                "activeDirectoryDataLake": base,
                "batch": base,
                "media": base,
                "sqlManagement": base,
                "vmImageAliasDoc": base,
                "suffixes": {
                    "storage": "core.windows.net",
                    "keyVaultDns": "vault.azure.net",
                    "acrLoginServer": "azurecr.io",
                    "sqlServerHostname": "database.windows.net",
                    "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
                    "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
                },
            }
        )

    def _openid(self, call: Call) -> Answer:
        tenant = call.params["tenant"]
        root = f"{call.base}/{tenant}"
        return Answer(
            body={
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
                "issuer": f"{root}/v2.0",
                "jwks_uri": f"{root}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "response_types_supported": ["code"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "tenant_region_scope": None,
                "cloud_instance_name": "local",
            }
        )

    def _instance(self, call: Call) -> Answer:
        host = call.base.partition("://")[2]
        body: dict[str, Any] = {
            "tenant_discovery_endpoint": f"{call.base}/common/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }
        return Answer(body=body)

    def _token(self, call: Call) -> Answer:
        form = {name: values[-1] for name, values in parse_qs(call.body.decode("utf-8", "replace")).items()}
        if not form.get("grant_type"):
            raise Refusal(400, "invalid_request", "The request body must contain the parameter grant_type.")
        tenant = call.params["tenant"] if "-" in call.params["tenant"] else TENANT
        token = self._frame.identity.issue(tenant, form.get("client_id", "unknown"))
        return Answer(
            body={"token_type": "Bearer", "expires_in": 86400, "ext_expires_in": 86400, "access_token": token}
        )
