"""How the services API speaks: errors in an envelope, the telling code in the details (classic-api.md section 7)."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

import orjson

from retrainctl.emulator.clock import Clock, http_date
from retrainctl.emulator.exchange import Answer, Call, Refusal

_FAULTS: Final = {
    429: (503, "ServiceUnavailable", "RequestThrottled"),
    502: (503, "ServiceUnavailable", "NoMoreResources"),
    503: (503, "ServiceUnavailable", "TooManyConcurrentRequests"),
    504: (504, "GatewayTimeout", "BackendScoreTimeout"),
    500: (500, "InternalError", "UnknownError"),
}
"""What a switched-on fault looks like in this API."""


class ServicesDialect:
    """Keys belong to a service, so `admit` lets everything in and the handlers check."""

    faulty = True

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def admit(self, call: Call) -> None:
        del call

    def decorate(self, call: Call, answer: Answer) -> list[tuple[str, str]]:
        del call
        return [("x-ms-request-id", str(uuid4())), ("Date", http_date(self._clock.now())), *answer.headers]

    def refuse(self, call: Call, refusal: Refusal) -> Answer:
        del call
        status, code, message, details = refusal.status, refusal.code, refusal.message, refusal.details
        if refusal.gateway:
            status, code, inner = _FAULTS.get(status, (status, code, code))
            details, message = ((inner, message),), "The service is temporarily unavailable."
        error: dict[str, Any] = {"code": code, "message": message}
        if details:
            error["details"] = [{"code": inner, "message": text} for inner, text in details]
        return Answer(status=status, body={"error": error}, headers=refusal.headers)


def bad_argument(code: str, message: str) -> Refusal:
    """400 for what the caller sent."""
    return Refusal(400, "BadArgument", "Invalid argument provided.", [(code, message)])


def bad_input(code: str, message: str) -> Refusal:
    """400 for the data that a caller sent to be scored."""
    return Refusal(400, "BadUserArgument", "Invalid argument provided.", [(code, message)])


def invalid_operation(code: str, message: str) -> Refusal:
    return Refusal(400, "InvalidOperation", "The operation is invalid.", [(code, message)])


def json_body(call: Call) -> dict[str, Any]:
    """The body as a JSON object.

    Raises:
        Refusal: 400 `RequestBodyInvalid`.
    """
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError as error:
        raise bad_argument("RequestBodyInvalid", f"The request body is not JSON: {error}.") from None
    if not isinstance(body, dict):
        raise bad_argument("RequestBodyInvalid", "The request body must be a JSON object.")
    return body


def not_found(code: str, message: str) -> Refusal:
    return Refusal(404, "NotFound", "The specified resource was not found.", [(code, message)])


def unauthorized() -> Refusal:
    return Refusal(
        401,
        "Unauthorized",
        "The request is unauthorized.",
        [("ScoreRequestUnauthorized", "Invalid credentials provided.")],
    )
