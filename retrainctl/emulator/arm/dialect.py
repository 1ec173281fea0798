"""How ARM speaks: bearer tokens, error envelopes, and the headers that every recorded answer carries."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from retrainctl.emulator.clock import compact_stamp, http_date
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame

_READS = 15_000
_WRITES = 1_200


class ArmDialect:
    """One for what the gateway answers itself, one (`provider=True`) for what a resource provider answers.

    A provider's `x-ms-request-id` is its own; the gateway's equals the correlation id (recordings of both versions).
    """

    faulty = True

    def __init__(self, frame: Frame, *, provider: bool) -> None:
        self._frame = frame
        self._provider = provider
        self._count = 0

    def admit(self, call: Call) -> None:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if not token:
            raise _unauthorized("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        if scheme.lower() != "bearer":
            raise _unauthorized(
                "AuthenticationFailedInvalidHeader",
                "Authentication failed. The 'Authorization' header is provided in an invalid format.",
            )
        if not self._frame.identity.accepts(token):
            raise _unauthorized("InvalidAuthenticationToken", "The access token is invalid.")

    def decorate(self, call: Call, answer: Answer) -> list[tuple[str, str]]:
        now = self._frame.clock.now()
        correlation = str(uuid4())
        from_gateway = not self._provider or answer.gateway
        self._count += 1
        reading = call.method in ("GET", "HEAD")
        remaining = (_READS if reading else _WRITES) - 1 - self._count % 1000
        headers = [
            ("Expires", "-1"),
            ("Pragma", "no-cache"),
            ("Cache-Control", "no-cache"),
            ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
            (f"x-ms-ratelimit-remaining-subscription-{'reads' if reading else 'writes'}", str(remaining)),
            ("x-ms-request-id", correlation if from_gateway else str(uuid4())),
            ("x-ms-correlation-request-id", correlation),
            ("x-ms-routing-request-id", f"LOCAL:{compact_stamp(now)}:{correlation}"),
            ("Date", http_date(now)),
        ]
        if not from_gateway:
            headers.append(("Server", "Microsoft-HTTPAPI/2.0"))
            if call.query.get("api-version") == "2017-01-01":
                headers.append(("x-ms-request-duration", "12"))
        if call.headers.get("x-ms-return-client-request-id", "").lower() == "true":
            headers.append(("x-ms-client-request-id", call.headers.get("x-ms-client-request-id", "")))
        return [*headers, *answer.headers]

    def refuse(self, call: Call, refusal: Refusal) -> Answer:
        del call
        error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
        if refusal.details:
            error["details"] = [{"code": code, "message": message} for code, message in refusal.details]
        headers = list(refusal.headers)
        if refusal.gateway:
            headers.append(("x-ms-failure-cause", "gateway"))
        return Answer(status=refusal.status, body={"error": error}, headers=headers, gateway=refusal.gateway)


def _unauthorized(code: str, message: str) -> Refusal:
    challenge = (
        'Bearer authorization_uri="https://login.windows.net/00000000-0000-0000-0000-000000000002", '
        f'error="invalid_token", error_description="{message}"'
    )
    return Refusal(401, code, message, headers=[("WWW-Authenticate", challenge)], gateway=True)


def not_found(code: str, message: str) -> Refusal:
    """The web service provider's 404: outer code `NotFound`, the specific one in the details (R16, R17)."""
    return Refusal(404, "NotFound", "The specified resource was not found.", [(code, message)])


def bad_request(code: str, message: str) -> Refusal:
    """The web service provider's 400 (issue #3465): outer code `BadRequest`, the specific one in the details."""
    return Refusal(400, "BadRequest", "The request is invalid.", [(code, message)])
