"""How the Blob service speaks: its headers, and errors as XML."""

from __future__ import annotations

from typing import Final
from uuid import uuid4
from xml.sax.saxutils import escape

from retrainctl.emulator.clock import Clock, http_date, stamp
from retrainctl.emulator.exchange import Answer, Call, Refusal

XML: Final = "application/xml"
_VERSION: Final = "2021-12-02"
_THROTTLED: Final = {429: (503, "ServerBusy"), 503: (503, "ServerBusy"), 500: (500, "InternalError")}


class BlobDialect:
    """Credentials are judged per blob, so `admit` lets everything in."""

    faulty = True

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def admit(self, call: Call) -> None:
        del call

    def decorate(self, call: Call, answer: Answer) -> list[tuple[str, str]]:
        headers = [
            ("Server", "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0"),
            ("x-ms-request-id", str(uuid4())),
            ("x-ms-version", call.headers.get("x-ms-version", _VERSION)),
            ("Date", http_date(self._clock.now())),
        ]
        if "x-ms-client-request-id" in call.headers:
            headers.append(("x-ms-client-request-id", call.headers["x-ms-client-request-id"]))
        return [*headers, *answer.headers]

    def refuse(self, call: Call, refusal: Refusal) -> Answer:
        """The service's own words; a throttling fault becomes what this service answers when it has had enough."""
        status, code = refusal.status, refusal.code
        if refusal.gateway:
            status, code = _THROTTLED.get(status, (status, code))
        headers = [*refusal.headers, ("x-ms-error-code", code)]
        if call.method == "HEAD" or status == 304:
            return Answer(status=status, headers=headers)
        text = f"{refusal.message}\nRequestId:{uuid4()}\nTime:{stamp(self._clock.now())}"
        extra = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in refusal.details)
        body = document(f"<Error><Code>{escape(code)}</Code><Message>{escape(text)}</Message>{extra}</Error>")
        return Answer(status=status, body=body, headers=headers, media=XML)


def document(content: str) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?>{content}'.encode()
