"""Where a call may go, and who may be given a credential."""

from __future__ import annotations

import pytest

from retrainctl.ports import Rejected
from retrainctl.targets.azure.clouds import PUBLIC, cloud_of
from retrainctl.targets.azure.hosts import HostRules, is_loopback, origin_of

RULES = HostRules.of(["https://management.azure.com", "http://127.0.0.1:8123"], PUBLIC.suffixes)


@pytest.mark.parametrize(
    "url",
    [
        "https://management.azure.com/subscriptions/s?api-version=1",
        "https://MANAGEMENT.azure.com:443/x",
        "https://management.azure.com./x",
        "http://127.0.0.1:8123/subscriptions",
        "https://ussouthcentral.services.azureml.net/workspaces/w",
        "https://acct.blob.core.windows.net/models/1.ilearner",
    ],
)
def test_credentials_go_to_configured_and_listed_hosts(url: str) -> None:
    RULES.check(url, credential=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/x",
        "https://management.azure.com.evil.example/x",
        "https://evilblob.core.windows.net.example/x",
        "https://evil-services.azureml.net/x",
        "https://blob.core.windows.net/x",
        "https://management.azure.com:8443/x",
        "https://acct.blob.core.windows.net:444/x",
        "https://ussouthcentral.webservicesrp.azureml.net/x",
        "http://127.0.0.1:9999/x",
    ],
)
def test_credentials_go_nowhere_else(url: str) -> None:
    with pytest.raises(Rejected) as caught:
        RULES.check(url, credential=True)
    assert caught.value.code == "RC318"
    assert not caught.value.sent


def test_a_signed_address_is_a_credential() -> None:
    with pytest.raises(Rejected):
        RULES.check("https://evil.example/m.ilearner?sv=1&sig=abc", credential=False)
    RULES.check("https://evil.example/m.ilearner", credential=False)


@pytest.mark.parametrize("url", ["http://management.azure.com/x", "http://10.0.0.1/x", "http://[::2]/x"])
def test_nothing_goes_in_clear_beyond_this_machine(url: str) -> None:
    with pytest.raises(Rejected) as caught:
        RULES.check(url, credential=False)
    assert caught.value.code == "RC319"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://management.azure.com/x",
        "management.azure.com/x",
        "https:///x",
        "https://user:pw@management.azure.com/x",
        "https://management.azure.com\\@evil.example/x",
        "https://management.azure.com/a b",
        "https://management.azure.com/x\r\nHost: evil.example",
        "https://management.azure.com:99999/x",
    ],
)
def test_what_is_no_plain_address_is_refused_without_showing_its_query(url: str) -> None:
    with pytest.raises(Rejected) as caught:
        origin_of(f"{url}?sig=CANARY")
    assert caught.value.code == "RC318"
    assert "CANARY" not in str(caught.value)


def test_loopback() -> None:
    assert all(is_loopback(host) for host in ("localhost", "127.0.0.1", "127.8.8.8", "::1"))
    assert not any(is_loopback(host) for host in ("localhost.example", "0.0.0.0", "10.0.0.1", "example"))


def test_a_cloud_is_known_by_its_management_host() -> None:
    assert cloud_of("https://management.usgovcloudapi.net").authority == "login.microsoftonline.us"
    assert cloud_of("http://127.0.0.1:1") is PUBLIC
    assert PUBLIC.vault_scope == "https://vault.azure.net/.default"
