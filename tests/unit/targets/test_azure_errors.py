"""Every way in which a call can fail, in our words: kind, code, next step, request id, sent or not, nothing secret."""

from __future__ import annotations

import logging
import socket
import ssl

import pytest
from azure.core.exceptions import (
    IncompleteReadError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)

from retrainctl.codes.target import CODES
from retrainctl.model.address import Address
from retrainctl.model.values import Secret
from retrainctl.ports import AuthFailed, Conflict, NotFound, Rejected, TargetError, Throttled, Unavailable
from retrainctl.targets.azure.credentials import KeyAuth
from retrainctl.targets.azure.retry import RetryRules
from retrainctl.targets.azure.transport import NotTrusted, ProxyFailed
from tests.support.wire import ARM, TOKEN, Reply, arm_error, wire

ONCE = RetryRules(attempts=1, connects=1, refusals=1)
URL = f"{ARM}/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearning/webServices/census?api-version=1"


def failure(trouble, method: str = "PATCH", **more) -> TargetError:
    line = wire([trouble], rules=ONCE)
    with pytest.raises(TargetError) as caught:
        line.call(method, URL, what='update web service "census"', **more)
    return caught.value


@pytest.mark.parametrize(
    ("reply", "kind", "code", "word"),
    [
        (Reply(401, arm_error("ExpiredAuthenticationToken", "expired")), AuthFailed, "RC301", "az login"),
        (Reply(401, arm_error("InvalidAuthenticationTokenTenant", "wrong")), AuthFailed, "RC301", "tenant"),
        (Reply(403, arm_error("AuthorizationFailed", "no role")), AuthFailed, "RC310", "Contributor"),
        (Reply(403, arm_error("RequestDisallowedByPolicy", "policy")), AuthFailed, "RC310", "policy"),
        (
            Reply(404, arm_error("ResourceGroupNotFound", "gone"), {"x-ms-failure-cause": "gateway"}),
            NotFound,
            "RC311",
            "az group create",
        ),
        (Reply(404, arm_error("SubscriptionNotFound", "gone")), NotFound, "RC320", "subscription"),
        (Reply(400, arm_error("InvalidSubscriptionId", "bad")), NotFound, "RC320", "subscription"),
        (
            Reply(404, arm_error("NotFound", "The specified resource was not found.", ("WebServiceNotFound", "x"))),
            NotFound,
            "RC302",
            "webservice list",
        ),
        (Reply(404, b"", {"x-ms-failure-cause": "gateway"}), NotFound, "RC302", "subscription and group"),
        (Reply(409, arm_error("Conflict", "busy")), Conflict, "RC303", "plan again"),
        (Reply(409, arm_error("MissingSubscriptionRegistration", "x")), Conflict, "RC303", "az provider register"),
        (Reply(412, arm_error("PreconditionFailed", "x")), Conflict, "RC303", "plan again"),
        (Reply(429, arm_error("TooManyRequests", "slow")), Throttled, "RC304", "--parallel"),
        (Reply(500, arm_error("InternalError", "oops")), Unavailable, "RC306", "later"),
        (Reply(502, b"<html>Bad Gateway</html>", {"content-type": "text/html"}), Unavailable, "RC306", "proxy"),
        (Reply(503), Unavailable, "RC306", "later"),
        (Reply(504), Unavailable, "RC306", "later"),
        (Reply(408), Unavailable, "RC306", "later"),
        (Reply(302, headers={"Location": "https://evil.example"}), Rejected, "RC317", "redirect"),
        (
            Reply(400, arm_error("BadRequest", "The request is invalid.", ("CannotChangeStorageAccount", "cannot"))),
            Rejected,
            "RC305",
            "storageAccount.name",
        ),
        (Reply(400, arm_error("BadArgument", "x", ("ExpiryTimeInThePast", "x"))), Rejected, "RC305", "expiry"),
    ],
)
def test_each_answer_has_its_kind_code_and_next_step(reply: Reply, kind, code: str, word: str) -> None:
    error = failure(reply)
    assert type(error) is kind
    assert error.code == code
    assert error.code in CODES
    assert word in (error.hint or "")
    assert error.status == reply.status
    assert error.request_id == "rid-1"
    assert error.sent
    assert 'cannot update web service "census": management.azure.com answered' in error.message


def test_the_services_words_codes_target_and_details_are_all_told() -> None:
    body = arm_error(
        "BadRequest", "The request is invalid.", ("FormatError", "Node n7 has no asset."), target="package"
    )
    error = failure(Reply(400, body))
    assert error.service_code == "FormatError"
    assert "The request is invalid. Node n7 has no asset. (target: package)" in error.message


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        ({"error": {"code": "A", "details": [{"code": "B", "details": [{"code": "C"}]}]}}, {}, "B"),
        ({"Error": {"Code": "A", "Message": "m"}}, {}, "A"),
        ({"code": "A", "message": "m"}, {}, "A"),
        ({"error": "invalid_client", "error_description": "m"}, {}, "invalid_client"),
        (
            b"\xef\xbb\xbf<?xml version='1.0'?><Error><Code>BlobNotFound</Code><Message>m</Message></Error>",
            {},
            "BlobNotFound",
        ),
        (b"<?xml version='1.0'?><Error><Code>BlobNotFound</Code><Message>m</Message></Error>", {}, "BlobNotFound"),
        (b"", {"x-ms-error-code": "BlobNotFound"}, "BlobNotFound"),
        (b"not json", {}, None),
        ([1, 2], {}, None),
        ({"error": {"code": 7, "message": None, "details": "none"}}, {}, None),
    ],
)
def test_every_envelope_that_is_in_use_is_read_and_no_other_breaks_us(body, headers, code) -> None:
    assert failure(Reply(400, body, headers)).service_code == code


def _caused(kind: type[Exception], cause: BaseException | None) -> Exception:
    return kind("x", error=cause)


UNTRUSTED = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")
NO_TLS = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
NO_TLS.reason = "WRONG_VERSION_NUMBER"


@pytest.mark.parametrize(
    ("trouble", "code", "sent", "text", "hint"),
    [
        (_caused(ServiceRequestError, socket.gaierror(-2, "unknown")), "RC312", False, "cannot be resolved", "network"),
        (_caused(ServiceRequestError, ConnectionRefusedError(111, "x")), "RC312", False, "nothing listens", "address"),
        (_caused(ServiceRequestError, OSError(101, "x")), "RC312", False, "no connection", "network"),
        (_caused(ServiceRequestTimeoutError, TimeoutError()), "RC316", False, "in time", "firewall"),
        (_caused(NotTrusted, UNTRUSTED), "RC314", False, "no certificate that is trusted", "RETRAINCTL_CA_FILE"),
        (_caused(NotTrusted, NO_TLS), "RC314", False, "does not speak TLS", "port"),
        (_caused(ProxyFailed, OSError("Tunnel connection failed: 407")), "RC315", False, "407", "HTTPS_PROXY"),
        (_caused(ServiceResponseTimeoutError, TimeoutError()), "RC316", True, "no answer in time", "what is live"),
        (_caused(ServiceResponseError, ConnectionResetError()), "RC313", True, "closed the connection", "what is live"),
        (IncompleteReadError("half"), "RC313", True, "cannot be read", "what is live"),
    ],
)
def test_each_broken_connection_says_whether_anything_was_sent(trouble, code, sent, text, hint) -> None:
    error = failure(trouble)
    assert isinstance(error, Unavailable)
    assert (error.code, error.sent, error.status) == (code, sent, None)
    assert text in error.message
    assert hint in (error.hint or "")


def test_nobody_at_the_emulators_address_is_told_at_once_how_to_start_it() -> None:
    local = "http://127.0.0.1:8123"
    line = wire([ServiceRequestError("x", error=ConnectionRefusedError())], hosts=(local,))
    with pytest.raises(Unavailable) as caught:
        line.call("GET", f"{local}/x")
    assert "retrainctl emulator up" in (caught.value.hint or "")
    assert line.clock.sleeps == []


def test_the_address_of_the_resource_stays_with_the_error() -> None:
    address = Address("WebService", "census")
    assert failure(Reply(400), address=address).address == address


def test_what_is_not_json_where_json_is_due_is_an_error_of_its_own() -> None:
    line = wire([Reply(200, b"<html>log in to the hotel</html>"), Reply(200, b"[1]")])
    for _ in range(2):
        with pytest.raises(Unavailable) as caught:
            line.call().object()
        assert caught.value.code == "RC321"
        assert "hotel" not in caught.value.message


def test_no_token_key_or_signature_is_in_errors_logs_or_reprs(caplog: pytest.LogCaptureFixture) -> None:
    key = "canary+key/with==signs"
    sas = "https://acct.blob.core.windows.net/m/1.ilearner?sv=2020&sig=CANARYSIGNATURE%3D"
    said = f"the key {key} and {TOKEN} and {sas} were not liked; Authorization: Bearer {TOKEN}"
    line = wire(lambda call: Reply(400, arm_error("BadRequest", said), {"x-ms-request-id": "rid"}))
    line.redactor.learn(Secret(key))
    line.redactor.learn(Secret(TOKEN))
    everything = []
    with caplog.at_level(logging.DEBUG):
        for url in (URL, sas):
            with pytest.raises(Rejected) as caught:
                line.call("PATCH", url, body={"key": key}, auth=KeyAuth(secret=Secret(key)))
            everything += [str(caught.value), repr(caught.value), caught.value.hint or "", str(caught.value.args)]
    everything += [record.getMessage() for record in caplog.records]
    assert [r for r in caplog.records if r.name == "retrainctl.http"]
    for canary in (key, TOKEN, "CANARYSIGNATURE", "canary%2Bkey"):
        assert not [text for text in everything if canary in text]
    assert line.calls[0].headers["Authorization"] == f"Bearer {key}"


def test_at_debug_level_each_call_is_one_line_without_its_query(caplog: pytest.LogCaptureFixture) -> None:
    line = wire([Reply(200, {}), ServiceResponseError("x"), Reply(200, {})])
    with caplog.at_level(logging.DEBUG, "retrainctl.http"):
        line.call("GET", URL)
        line.call("GET", URL)
    path = URL.partition("?")[0]
    assert [record.getMessage() for record in caplog.records if record.name == "retrainctl.http"] == [
        f"GET {path} -> 200 (request id rid-1) in 0 ms",
        f"GET {path} -> ServiceResponseError in 0 ms",
        f"GET {path} -> 200 (request id rid-3) in 0 ms",
    ]


def test_every_code_that_the_targets_use_is_explained(repo) -> None:
    import re

    used = {
        code
        for room in ("azure", "arm")
        for file in (repo / "retrainctl" / "targets" / room).glob("*.py")
        for code in re.findall(r"\bRC3\d\d\b", file.read_text(encoding="utf-8"))
    }
    assert used <= CODES.keys()
    assert all(part.strip() for entry in CODES.values() for part in entry)
