"""Puts the pipeline's parts together from settings. Everything of the outside world comes in as an argument."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from retrainctl.model.redaction import Redactor
from retrainctl.ports import Clock, Unavailable
from retrainctl.targets.azure.bucket import Bucket
from retrainctl.targets.azure.clouds import PUBLIC, Cloud
from retrainctl.targets.azure.credentials import IdentitySource, SharedTokens, TokenAuth
from retrainctl.targets.azure.hosts import HostRules
from retrainctl.targets.azure.pipeline import Pipeline
from retrainctl.targets.azure.proxies import ProxyRules
from retrainctl.targets.azure.retry import RetryRules


def make_pipeline(
    hosts: Iterable[str],
    *,
    clock: Clock,
    redactor: Redactor,
    chance: Callable[[], float],
    bucket: Bucket,
    environ: Mapping[str, str],
    cloud: Cloud = PUBLIC,
    ca_file: Path | None = None,
    rules: RetryRules | None = None,
) -> Pipeline:
    """The pipeline of an environment.

    hosts: base addresses from the environment's settings; they and the cloud's own suffixes may get credentials.
    bucket: one for the whole process. environ: the proxy variables. ca_file: further certificate authorities.
    Raises `Unavailable` (RC315) for a proxy address that cannot be used.
    """
    from retrainctl.targets.azure.transport import LightTransport

    try:
        proxies = ProxyRules.of(environ)
    except ValueError as error:
        raise Unavailable(
            f"the proxy in HTTPS_PROXY cannot be used: {error}",
            code="RC315",
            hint="Give an address such as http://proxy.example:8080, or list the hosts in NO_PROXY.",
            sent=False,
        ) from error
    return Pipeline(
        transport=LightTransport(ca_file=ca_file, proxies=proxies),
        hosts=HostRules.of(hosts, cloud.suffixes),
        bucket=bucket,
        clock=clock,
        redactor=redactor,
        chance=chance,
        rules=rules,
    )


def shared_tokens(
    *, clock: Clock, cloud: Cloud = PUBLIC, tenant: str | None = None, ca_file: Path | None = None
) -> SharedTokens:
    """The process's Azure credentials; nothing is imported or asked before the first token is needed."""
    # For the public cloud the choice is azure-identity's, which reads AZURE_AUTHORITY_HOST.
    authority = None if cloud is PUBLIC else cloud.authority
    return SharedTokens(IdentitySource(authority=authority, tenant=tenant, ca_file=ca_file), clock)


def management_auth(tokens: SharedTokens, endpoint: str) -> TokenAuth:
    """Tokens for Azure Resource Manager at `endpoint`."""
    return TokenAuth(source=tokens, scope=f"{endpoint.rstrip('/')}/.default")


def vault_auth(tokens: SharedTokens, cloud: Cloud = PUBLIC) -> TokenAuth:
    """Tokens for the cloud's key vaults."""
    return TokenAuth(source=tokens, scope=cloud.vault_scope)
