"""The wire, faked at azure-core's transport seam: scripted answers, a clock that only moves when somebody sleeps."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.pipeline.transport import HttpTransport

from retrainctl.model.redaction import Redactor
from retrainctl.model.values import Secret
from retrainctl.targets.azure.bucket import Bucket, Rate
from retrainctl.targets.azure.credentials import KeyAuth
from retrainctl.targets.azure.hosts import HostRules
from retrainctl.targets.azure.pipeline import Pipeline
from retrainctl.targets.azure.response import ReadResponse
from retrainctl.targets.azure.retry import RetryRules

ARM = "https://management.azure.com"
TOKEN = "canary-token-0123456789"


class FakeClock:
    """Starts at 2026-11-20 12:00 UTC; sleeping is the only way to move it."""

    def __init__(self) -> None:
        self.start = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
        self.passed = 0.0
        self.sleeps: list[float] = []
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.passed += seconds
            self.sleeps.append(seconds)


@dataclass
class FakeWaiter:
    """Waits on the fake clock; `stop_after` pauses it raises `error`."""

    clock: FakeClock
    stop_after: int | None = None
    error: BaseException | None = None
    told: list[tuple[str | None, str | None]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def pause(self, seconds: float) -> None:
        if self.stop_after is not None and len(self.pauses) >= self.stop_after:
            assert self.error is not None
            raise self.error
        self.pauses.append(seconds)
        self.clock.sleep(seconds)

    def sent(self, operation: str | None, request_id: str | None) -> None:
        self.told.append((operation, request_id))


@dataclass(frozen=True)
class Call:
    """What came over the wire, and when."""

    method: str
    url: str
    headers: dict[str, str]
    body: Any
    at: float

    @property
    def path(self) -> str:
        return self.url.split("://", 1)[1].partition("/")[2].partition("?")[0]


@dataclass(frozen=True)
class Reply:
    """A scripted answer; `body` is sent as JSON unless it is bytes."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


Script = Callable[[Call], "Reply | Exception"]


def _parsed(content: Any) -> Any:
    """A body as JSON where it is JSON, else as text."""
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError:
        return content.decode() if isinstance(content, bytes) else content


class FakeTransport(HttpTransport):
    """Answers by a function of the call, or from a list in order; keeps every call. A list that is used up fails."""

    def __init__(self, clock: FakeClock, script: Script | list[Reply | Exception]) -> None:
        self.clock = clock
        self.calls: list[Call] = []
        self._script = script
        self._lock = threading.Lock()

    def send(self, request: Any, **_: Any) -> ReadResponse:
        content = request.content
        call = Call(
            method=request.method,
            url=request.url,
            headers=dict(request.headers),
            body=_parsed(content),
            at=self.clock.monotonic(),
        )
        with self._lock:
            self.calls.append(call)
            if isinstance(self._script, list):
                assert self._script, f"an unexpected call: {call.method} {call.url}"
                reply = self._script.pop(0)
            else:
                reply = self._script(call)
        if isinstance(reply, Exception):
            raise reply
        headers = {"content-type": "application/json; charset=utf-8", "x-ms-request-id": f"rid-{len(self.calls)}"}
        return ReadResponse(request, reply.status, "", list({**headers, **reply.headers}.items()), reply.content())

    def open(self) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> FakeTransport:
        return self

    def __exit__(self, *_: object) -> None: ...


def auth() -> KeyAuth:
    return KeyAuth(secret=Secret(TOKEN))


@dataclass
class Wire:
    """A pipeline over the fake transport, with the parts that a test looks at."""

    pipeline: Pipeline
    transport: FakeTransport
    clock: FakeClock
    redactor: Redactor
    bucket: Bucket

    @property
    def calls(self) -> list[Call]:
        return self.transport.calls

    def call(self, method: str = "GET", url: str = f"{ARM}/x", **more: Any) -> Any:
        more.setdefault("auth", auth())
        more.setdefault("what", "do it")
        return self.pipeline.call(method, url, **more)


def wire(
    script: Script | list[Reply | Exception],
    *,
    hosts: tuple[str, ...] = (ARM,),
    suffixes: tuple[str, ...] = (".blob.core.windows.net",),
    rate: Rate | None = None,
    rules: RetryRules | None = None,
    chance: Callable[[], float] = lambda: 0.0,
) -> Wire:
    clock = FakeClock()
    transport = FakeTransport(clock, script)
    redactor = Redactor()
    bucket = Bucket(clock, rate or Rate())
    pipeline = Pipeline(
        transport=transport,
        hosts=HostRules.of(hosts, suffixes),
        bucket=bucket,
        clock=clock,
        redactor=redactor,
        chance=chance,
        rules=rules,
    )
    return Wire(pipeline=pipeline, transport=transport, clock=clock, redactor=redactor, bucket=bucket)


def arm_error(code: str, message: str, *details: tuple[str, str], **more: Any) -> dict[str, Any]:
    """The recorded envelope (arm-webservices.md section 11)."""
    error: dict[str, Any] = {"code": code, "message": message, **more}
    if details:
        error["details"] = [{"code": c, "message": m} for c, m in details]
    return {"error": error}
