"""How the Studio API speaks: its token header and its dates (classic-api.md sections 3 and 6.1).

Its error bodies were never recorded; the envelope and the 401 are those of the management API (guess).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final
from uuid import uuid4

import orjson

from retrainctl.emulator.classic.dialect import not_found
from retrainctl.emulator.clock import http_date
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import WORKSPACE


class StudioDialect:
    """The workspace's token in `x-ms-metaanalytics-authorizationtoken`; every other header is tolerated."""

    faulty = True

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def admit(self, call: Call) -> None:
        token = call.headers.get("x-ms-metaanalytics-authorizationtoken", "").strip().encode("latin-1")
        mine = hmac.compare_digest(token, self._frame.identity.token.encode())
        if not mine or call.params["workspace"].lower() != WORKSPACE:
            raise _REFUSED[self._frame.knobs.text("studio-wrong-token")]()

    def decorate(self, call: Call, answer: Answer) -> list[tuple[str, str]]:
        del call
        return [("x-ms-request-id", str(uuid4())), ("Date", http_date(self._frame.clock.now())), *answer.headers]

    def refuse(self, call: Call, refusal: Refusal) -> Answer:
        del call
        error: dict[str, object] = {"code": refusal.code, "message": refusal.message}
        if refusal.details:
            error["details"] = [{"code": code, "message": message} for code, message in refusal.details]
        return Answer(status=refusal.status, body={"error": error}, headers=refusal.headers)


_WRONG_TOKEN = ("ManagementRequestUnauthorized", "Invalid credentials provided.")
_REFUSED: Final[dict[str, Callable[[], Refusal]]] = {
    "401": lambda: Refusal(401, "Unauthorized", "The request is unauthorized.", [_WRONG_TOKEN]),
    "403": lambda: Refusal(403, "Forbidden", "The request is forbidden.", [_WRONG_TOKEN]),
    "404": lambda: not_found("WorkspaceNotFound", "The workspace could not be found."),
}


def created(frame: Frame, identifier: str) -> Answer:
    """The answer to a POST that made something: its id, as a JSON string where the switches say nothing else."""
    bare = frame.knobs.text("studio-id-form") == "bare"
    body = identifier.encode() if bare else orjson.dumps(identifier)
    media = "text/plain; charset=utf-8" if bare else "application/json; charset=utf-8"
    return Answer(status=made(frame), body=body, media=media, wrote=True)


def made(frame: Frame) -> int:
    """The status of a POST that made something."""
    return int(frame.knobs.text("studio-write-status"))


def date(moment: float) -> str:
    """`/Date(1464022083218)/`: milliseconds, unlike the management API (6.1)."""
    return f"/Date({round(moment * 1000)})/"


def missing(what: str, identifier: str) -> Refusal:
    """404; the detail code is a guess."""
    return not_found("ResourceNotFound", f"There is no {what} {identifier} in the workspace.")
