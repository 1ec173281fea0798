"""SAS tokens: made by hand as the library makes them, given ones checked before they are used."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from azure.storage.blob import BlobSasPermissions, UserDelegationKey, generate_blob_sas
from azure.storage.blob._shared_access_signature import BlobSharedAccessSignature

from retrainctl.emulator.blob import signature
from retrainctl.model.values import Secret
from retrainctl.ports import AuthFailed, Rejected, Unavailable
from retrainctl.targets.classic.delegation import ask
from retrainctl.targets.classic.sas import VERSION, Blob, BlobTokens, DelegationKey, blob_of, check_given, sign
from tests.support.classic_cases import HOUR, KEY, Workspace, target, tokens
from tests.support.wire import FakeClock, Reply, auth, wire

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NAMES = ["m.ilearner", "a/b c/ü+&%=?.ilearner", "x'y\"z#.ilearner"]
ENDPOINT = "https://acct.blob.core.windows.net"


def members(token: str) -> dict[str, str]:
    assert token.startswith("?")
    return {name: values[0] for name, values in parse_qs(token[1:], strict_parsing=True).items()}


def library(blob: Blob) -> dict[str, str]:
    made = BlobSharedAccessSignature(blob.account, KEY)
    made.x_ms_version = VERSION
    token = made.generate_blob(
        blob.container,
        blob.name,
        permission=BlobSasPermissions(read=True),
        start=NOW,
        expiry=NOW + HOUR,
        protocol="https",
    )
    return members("?" + token)


@pytest.mark.parametrize("name", NAMES)
def test_a_token_is_signed_as_the_library_signs_it(name: str) -> None:
    blob = Blob(account="acct", container="models", name=name)
    ours = members(sign(blob, Secret(KEY), starts=NOW, ends=NOW + HOUR))
    assert ours == library(blob)
    assert ours["sp"] == "r"
    assert ours["sr"] == "b"


@pytest.mark.parametrize("name", NAMES)
def test_one_of_a_delegation_key_is_signed_as_documented(name: str) -> None:
    """The library signs only the text of its newest version, which has more lines; the emulator's text is its own."""
    ours = DelegationKey(
        value=Secret(KEY), object_id="o-1", tenant_id="t-1", starts="2026-11-20T11:30:00Z",
        expires="2026-11-20T18:00:00Z", service="b", version=VERSION,
    )  # fmt: skip
    blob = Blob(account="acct", container="models", name=name)
    given = members(sign(blob, ours, starts=NOW, ends=NOW + HOUR))
    text = signature.delegation_text(given, "acct", f"models/{name}")
    assert given["sig"] == signature.sign(KEY, text)
    assert (given["skoid"], given["ske"], given["sp"]) == ("o-1", "2026-11-20T18:00:00Z", "r")
    newest = library_text(blob)
    del newest[13:15]  # the delegated user's tenant and object id, since 2025-07-05
    del newest[newest.index("b", 14) + 3 : -5]  # signed headers and queries, since 2026-04-06
    assert newest[:15] + newest[16:] == [line for at, line in enumerate(text.split("\n")) if at != 15]


def library_text(blob: Blob) -> list[str]:
    """The text that the library signs with a delegation key, in lines; its version is the newest."""
    key = UserDelegationKey()
    key.signed_oid, key.signed_tid, key.signed_service, key.signed_version = "o-1", "t-1", "b", VERSION
    key.signed_start, key.signed_expiry, key.value = "2026-11-20T11:30:00Z", "2026-11-20T18:00:00Z", KEY
    seen: list[str] = []
    generate_blob_sas(
        blob.account, blob.container, blob.name, user_delegation_key=key, permission="r", start=NOW, expiry=NOW + HOUR,
        protocol="https", sts_hook=seen.append,
    )  # fmt: skip
    return seen[0].split("\n")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (f"{ENDPOINT}/models/a%20b/m.ilearner", ("acct", "models", "a b/m.ilearner")),
        ("https://ACCT.blob.core.windows.net/models/m.ilearner", ("acct", "models", "m.ilearner")),
        ("https://acct.blob.core.cloudapi.de/c/m", ("acct", "c", "m")),
        ("http://127.0.0.1:10000/devstore/c/m", ("devstore", "c", "m")),
    ],
)
def test_the_blob_behind_an_address(uri: str, expected: tuple[str, str, str]) -> None:
    blob = blob_of(uri, {"devstore": "http://127.0.0.1:10000/devstore/"})
    assert (blob.account, blob.container, blob.name) == expected


@pytest.mark.parametrize("uri", ["https://example.com/c/m", f"{ENDPOINT}/m", f"{ENDPOINT}/", "https://x.blob./"])
def test_what_is_no_blob_gets_no_token(uri: str) -> None:
    with pytest.raises(Rejected) as caught:
        blob_of(uri, {})
    assert caught.value.code == "RC371"
    assert not caught.value.sent


def test_a_token_lives_an_hour_and_began_before_any_clock_that_is_slow() -> None:
    _, line = target(Workspace())
    given = members(tokens(line).token(f"{ENDPOINT}/c/m"))
    assert (given["st"], given["se"]) == ("2026-11-20T11:45:00Z", "2026-11-20T13:00:00Z")


@pytest.mark.parametrize("lead", ["", "?"])
def test_a_given_token_is_used_as_it_is_with_one_question_mark(lead: str) -> None:
    token = "sv=2018-03-28&se=2026-11-20T13%3A00%3A00Z&sr=c&sp=rl&sig=abc%3D"
    assert check_given(f"{lead}{token}\n", "acct", NOW) == f"?{token}"
    assert check_given("sv=1&si=policy&sig=x", "acct", NOW) == "?sv=1&si=policy&sig=x", "a policy says the rest"


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("se=2026-11-20T11:59:59Z&sp=r&sig=x", "RC372"),
        ("se=2026-11-20T12:00:30Z&sp=r&sig=x", "RC372"),
        ("se=2026-11-19&sp=r&sig=x", "RC372"),
        ("se=2027-01-01T00:00:00Z&sp=w&sig=x", "RC373"),
        ("not a token", "RC373"),
        ("", "RC373"),
    ],
)
def test_a_given_token_of_no_use_is_an_error_before_the_call(token: str, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        check_given(token, "acct", NOW)
    assert caught.value.code == code
    assert "acct" in caught.value.message
    assert token not in caught.value.message or not token
    assert not caught.value.sent


ANSWER = (
    '<?xml version="1.0" encoding="utf-8"?><UserDelegationKey><SignedOid>o</SignedOid><SignedTid>t</SignedTid>'
    "<SignedStart>2026-11-20T11:30:00Z</SignedStart><SignedExpiry>2026-11-20T18:00:00Z</SignedExpiry>"
    f"<SignedService>b</SignedService><SignedVersion>{VERSION}</SignedVersion><Value>{KEY}</Value></UserDelegationKey>"
).encode()


def test_a_delegation_key_is_asked_for_once_and_hidden() -> None:
    line = wire([Reply(200, ANSWER)])
    key = ask(line.pipeline, ENDPOINT, "acct", auth(), line.clock)
    assert (key.object_id, key.expires, key.value.reveal()) == ("o", "2026-11-20T18:00:00Z", KEY)
    (call,) = line.calls
    assert call.url == f"{ENDPOINT}/?restype=service&comp=userdelegationkey"
    assert call.headers["x-ms-version"] == VERSION
    assert KEY not in line.redactor.clean(f"the key is {KEY}")
    assert KEY not in repr(key)


def test_a_delegation_key_that_is_refused_or_strange() -> None:
    with pytest.raises(AuthFailed):
        ask((line := wire([Reply(403)])).pipeline, ENDPOINT, "acct", auth(), line.clock)
    with pytest.raises(Unavailable) as caught:
        ask((line := wire([Reply(200, b"<UserDelegationKey/>")])).pipeline, ENDPOINT, "acct", auth(), line.clock)
    assert caught.value.code == "RC321"


def test_a_delegation_key_is_renewed_before_it_ends() -> None:
    clock = FakeClock()
    asked: list[str] = []

    def signer(account: str) -> DelegationKey:
        asked.append(account)
        ends = (clock.now() + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return DelegationKey(
            value=Secret(base64.b64encode(b"x").decode()), object_id="o", tenant_id="t", starts="s", expires=ends,
            service="b", version=VERSION,
        )  # fmt: skip

    made = BlobTokens(clock=clock, given=lambda account: None, signer=signer)
    for hours in (0, 4, 5.5):
        clock.passed = hours * 3600
        made.token(f"{ENDPOINT}/c/m")
    assert asked == ["acct", "acct"]
