"""The Azure clouds as data: where a cloud signs in, and which hosts belong to it (DESIGN.md section 9)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from retrainctl.fastclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """One sovereign part of Azure.

    management: host of Azure Resource Manager. authority: host that gives out tokens.
    vault: host suffix of its key vaults; scope: what a key vault token is asked for.
    suffixes: hosts read from an authenticated answer may get a credential only below one of these.
    """

    name: str
    management: str
    authority: str
    vault: str
    suffixes: tuple[str, ...]

    @property
    def blob(self) -> str:
        """The host suffix of its storage accounts."""
        return next(suffix for suffix in self.suffixes if suffix.startswith(".blob."))

    @property
    def vault_scope(self) -> str:
        return f"https://{self.vault.removeprefix('.')}/.default"


PUBLIC: Final = Cloud(
    name="AzureCloud",
    management="management.azure.com",
    authority="login.microsoftonline.com",
    vault=".vault.azure.net",
    suffixes=(
        ".services.azureml.net",
        ".management.azureml.net",
        ".studioapi.azureml.net",
        ".blob.core.windows.net",
        ".inference.ml.azure.com",
        ".vault.azure.net",
    ),
)

_CLOUDS: Final = (
    PUBLIC,
    Cloud(
        name="AzureUSGovernment",
        management="management.usgovcloudapi.net",
        authority="login.microsoftonline.us",
        vault=".vault.usgovcloudapi.net",
        suffixes=(".blob.core.usgovcloudapi.net", ".inference.ml.azure.us", ".vault.usgovcloudapi.net"),
    ),
    Cloud(
        name="AzureChinaCloud",
        management="management.chinacloudapi.cn",
        authority="login.chinacloudapi.cn",
        vault=".vault.azure.cn",
        suffixes=(".blob.core.chinacloudapi.cn", ".inference.ml.azure.cn", ".vault.azure.cn"),
    ),
    Cloud(
        name="AzureGermanCloud",
        management="management.microsoftazure.de",
        authority="login.microsoftonline.de",
        vault=".vault.microsoftazure.de",
        suffixes=(
            ".services.azureml.de",
            ".management.azureml.de",
            ".studioapi.azureml.de",
            ".blob.core.cloudapi.de",
            ".vault.microsoftazure.de",
        ),
    ),
)


def cloud_of(endpoint: str) -> Cloud:
    """The cloud whose management host `endpoint` names; the public one for any other (an emulator, a private host)."""
    host = (urlsplit(endpoint).hostname or "").lower()
    return next((cloud for cloud in _CLOUDS if cloud.management == host), PUBLIC)
