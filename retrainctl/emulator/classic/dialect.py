"""How the management API speaks: tokens, error envelopes, request ids (classic-api.md sections 3 and 7).

Codes that are in the service's error catalogue are evidenced; those marked (guess) are named after the rule they state.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import orjson

from retrainctl.emulator.clock import http_date
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import WORKSPACE

KeysOf = Callable[[str, str], tuple[str, ...]]
"""(service id, endpoint name) -> the endpoint's keys; none when it is not there."""


class ManagementDialect:
    """The workspace's token opens everything, an endpoint's keys what is below that endpoint.

    A workspace that is not this one is a wrong token, not a missing workspace: so it was in the wrong region (T5).
    """

    faulty = True

    def __init__(self, frame: Frame, keys_of: KeysOf) -> None:
        self._frame = frame
        self._keys_of = keys_of

    def admit(self, call: Call) -> None:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._opens(call, token.strip().encode("latin-1")):
            raise Refusal(
                401,
                "Unauthorized",
                "The request is unauthorized.",
                [("ManagementRequestUnauthorized", "Invalid credentials provided.")],
            )

    def _opens(self, call: Call, token: bytes) -> bool:
        if call.params["workspace"].lower() != WORKSPACE:
            return False
        if hmac.compare_digest(token, self._frame.identity.token.encode()):
            return True
        if "name" not in call.params:
            return False
        keys = self._keys_of(call.params["service"].lower(), call.params["name"])
        return any(hmac.compare_digest(token, key.encode()) for key in keys)

    def decorate(self, call: Call, answer: Answer) -> list[tuple[str, str]]:
        del call
        return [("x-ms-request-id", str(uuid4())), ("Date", http_date(self._frame.clock.now())), *answer.headers]

    def refuse(self, call: Call, refusal: Refusal) -> Answer:
        del call
        error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
        if refusal.details:
            error["details"] = [{"code": code, "message": message} for code, message in refusal.details]
        return Answer(status=refusal.status, body={"error": error}, headers=refusal.headers)


def bad_argument(code: str, message: str) -> Refusal:
    """400 for what the caller sent; the useful sentence is the detail's."""
    return Refusal(400, "BadArgument", "Invalid argument provided.", [(code, message)])


def not_found(code: str, message: str) -> Refusal:
    return Refusal(404, "NotFound", "The specified resource was not found.", [(code, message)])


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
