"""The ASGI application: finds the route, lets the faults have their way, runs the handler, counts, answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from dataclasses import replace
from inspect import isawaitable
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.responses import Response

from retrainctl.emulator.clock import http_date
from retrainctl.emulator.control import Control
from retrainctl.emulator.exchange import Answer, Call, Interrupted, Refusal, Streamed
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.routing import Route, split_path

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Drop = Callable[[tuple[str, int]], None]

log = logging.getLogger("retrainctl.emulator")

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


class Application:
    """One per process. `drop` cuts the connection of a client address; `activity` is when it was last spoken to."""

    def __init__(self, frame: Frame, control: Control, drop: Drop) -> None:
        self._frame = frame
        self._control = control
        self._drop = drop
        self.activity = time.monotonic()
        self.busy = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.busy += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self.busy -= 1
            self.activity = time.monotonic()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = read_head(scope)
        host = call.headers.get("host", "").rpartition(":")[0] or call.headers.get("host", "")
        if host not in _LOOPBACK and not host.endswith(".localhost"):
            # A web page that rebinds a name of its own to 127.0.0.1 must not reach the emulator.
            await _send(scope, receive, send, Answer(status=403, body={"error": {"code": "ForeignHost"}}), [])
            return
        if call.path.startswith("/_emulator/"):
            call = replace(call, body=await read_body(receive))
            await _send(scope, receive, send, await self._control.answer(call), [("Cache-Control", "no-store")])
            return
        segments = split_path(scope["raw_path"].decode("latin-1"))
        route, params, others = self._frame.router.find(call.method, segments)
        if route is None:
            await read_body(receive)
            await _nowhere(call, others, scope, receive, send, self._frame.clock.now())
            return
        if not route.streamed:
            call = replace(call, params=params, body=await read_body(receive))
            await self._routed(route, call, scope, receive, send)
            return
        stream = pieces(receive)
        await self._routed(route, replace(call, params=params, stream=stream), scope, receive, send)

    async def _routed(self, route: Route, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        knobs = self._frame.knobs
        method, path = call.method, call.path
        if route.dialect.faulty:
            if (pause := knobs.seconds("latency")) > 0:
                await asyncio.sleep(pause)
            if knobs.fires("drop-before", method, path):
                await self._cut(scope)
                return
        answer = await self._answer(route, call)
        entry = self._frame.tally.count(call, answer, self._frame.clock.now())
        if route.dialect.faulty and knobs.fires("drop-after", method, path):
            if entry is not None:
                entry.answered = False
            await self._cut(scope)
            return
        if call.stream is not None:
            # A client that is still sending hears the answer only when it is done.
            with contextlib.suppress(Interrupted):
                async for _ in call.stream:
                    pass
        await _send(scope, receive, send, answer, route.dialect.decorate(call, answer))

    async def _answer(self, route: Route, call: Call) -> Answer:
        frame = self._frame
        try:
            if route.dialect.faulty:
                self._refuse_by_fault(call)
            frame.operations.settle()
            route.dialect.admit(call)
            if call.method in ("GET", "HEAD"):
                result = route.handler(call)
            else:
                with frame.store.transaction():
                    result = route.handler(call)
            return await result if isawaitable(result) else result
        except Refusal as refusal:
            return route.dialect.refuse(call, refusal)
        except Exception:
            log.exception("%s %s failed inside the emulator", call.method, call.path)
            defect = Refusal(500, "InternalServerError", "The emulator failed; its log has the reason.")
            return route.dialect.refuse(call, defect)

    def _refuse_by_fault(self, call: Call) -> None:
        knobs = self._frame.knobs
        if knobs.fires("throttle", call.method, call.path):
            wait = knobs.text("throttle-retry-after")
            raise Refusal(
                429,
                "TooManyRequests",
                "The number of requests has exceeded the limit (emulator fault throttle).",
                headers=[("Retry-After", wait)] if wait != "0" else [],
                gateway=True,
            )
        if knobs.fires("error", call.method, call.path):
            status = int(knobs.number("error-status"))
            raise Refusal(
                status, _ERROR_CODES.get(status, "InternalServerError"), "Emulator fault error.", gateway=True
            )

    async def _cut(self, scope: Scope) -> None:
        self._drop(scope["client"])
        # The server must notice the lost connection, or it would answer 500 for an application without an answer.
        await asyncio.sleep(0.01)


_ERROR_CODES = {502: "BadGateway", 503: "ServiceUnavailable", 504: "GatewayTimeout"}


async def pieces(receive: Receive) -> AsyncIterator[bytes]:
    """The body as it comes; raises `Interrupted` when the client goes away before its end."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Interrupted
        more = message.get("more_body", False)
        if message.get("body"):
            yield message["body"]


async def read_body(receive: Receive) -> bytes:
    """The whole body; of a client that has gone away, what there is of it."""
    chunks: list[bytes] = []
    with contextlib.suppress(Interrupted):
        async for chunk in pieces(receive):
            chunks.append(chunk)
    return b"".join(chunks)


def read_head(scope: Scope) -> Call:
    """The request without its body; header and query names in lower case."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return Call(
        method=scope["method"],
        path="/" + "/".join(unquote(part) for part in split_path(scope["raw_path"].decode("latin-1"))),
        query={name.lower(): value for name, value in query},
        headers=headers,
        body=b"",
        base=f"{scope['scheme']}://{headers.get('host', '')}",
        target=(scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")).decode("latin-1"),
    )


async def _nowhere(
    call: Call, others: dict[str, Route], scope: Scope, receive: Receive, send: Send, now: float
) -> None:
    """No such path, with the time as every host says it; or no such verb there, in the words of the path's API."""
    if not others:
        body = {"error": {"code": "NotFound", "message": f"The emulator serves no {call.path}."}}
        await _send(scope, receive, send, Answer(status=404, body=body), [("Date", http_date(now))])
        return
    dialect = next(iter(others.values())).dialect
    allow = [("Allow", ", ".join(sorted(others)))]
    message = f"The requested resource does not support http method '{call.method}'."
    answer = dialect.refuse(call, Refusal(405, "MethodNotAllowed", message, headers=allow, gateway=True))
    await _send(scope, receive, send, answer, dialect.decorate(call, answer))


async def _send(scope: Scope, receive: Receive, send: Send, answer: Answer, headers: list[tuple[str, str]]) -> None:
    if isinstance(answer.body, Streamed):
        await _send_pieces(send, answer.status, answer.body, answer.media, headers or answer.headers)
        return
    response = Response(answer.payload(), answer.status)
    media = [("Content-Type", answer.media)] if answer.body is not None else []
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in [*media, *(headers or answer.headers)]]
    response.raw_headers.extend(raw)
    await response(scope, receive, send)


async def _send_pieces(send: Send, status: int, body: Streamed, media: str, headers: Sequence[tuple[str, str]]) -> None:
    listed = [("content-length", str(body.length)), ("content-type", media), *headers]
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in listed]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    if body.chunks is not None:
        async for chunk in body.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
