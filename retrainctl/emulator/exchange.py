"""One HTTP request and its answer, as the handlers of every room see them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request. `path` has its doubled slashes collapsed; `params` holds the decoded `{...}` segments of the route.

    `target` is path and query as they were sent, which is what signatures are made of. On a `streamed` route `body` is
    empty and `stream` yields it piece by piece; it raises `Interrupted` when the client goes away in the middle.

    Names in `query` and `headers` are lower case: both are matched case-insensitively by the real services.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str
    params: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    stream: AsyncIterator[bytes] | None = None

    def json(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            Refusal: 400 `InvalidRequestContent`, as the ARM gateway words it.
        """
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Refusal(
                400,
                "InvalidRequestContent",
                f"The request content was invalid and could not be deserialized: '{error}'.",
                gateway=True,
            ) from None
        if not isinstance(value, dict):
            raise Refusal(
                400,
                "InvalidRequestContent",
                "The request content was invalid and could not be deserialized: 'An object was expected.'.",
                gateway=True,
            )
        return value


class Interrupted(Exception):
    """The connection ended in the middle of a request's body: whatever was to be done with it must not be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """A body that is sent piece by piece. `chunks` None: only its length is told, in the answer to a HEAD."""

    length: int
    chunks: AsyncIterator[bytes] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response. `body` is bytes as they are, `Streamed`, or anything else as JSON, or None for no body.

    `wrote` tells the tally that the call changed state: True for at once, or the id of the operation that will.
    `gateway` marks what ARM answers itself although a provider owns the path.
    """

    status: int = 200
    body: Any = None
    headers: Sequence[tuple[str, str]] = ()
    media: str = "application/json; charset=utf-8"
    wrote: bool | str = False
    gateway: bool = False

    def payload(self) -> bytes:
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        return orjson.dumps(self.body)


class Refusal(Exception):
    """An error answer. `details` are (code, message) pairs; `gateway` marks those that never reach a provider."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Sequence[tuple[str, str]] = (),
        *,
        headers: Sequence[tuple[str, str]] = (),
        gateway: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = tuple(details)
        self.headers = tuple(headers)
        self.gateway = gateway
