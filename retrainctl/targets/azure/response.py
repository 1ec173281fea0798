"""An answer that is read already, in azure-core's form."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest, HttpResponse
from azure.core.utils import case_insensitive_dict


class ReadResponse(HttpResponse):
    """The whole answer in memory; its connection is free again."""

    def __init__(
        self, request: HttpRequest, status: int, reason: str, headers: list[tuple[str, str]], content: bytes
    ) -> None:
        self._request = request
        self._status = status
        self._reason = reason
        self._headers: MutableMapping[str, str] = case_insensitive_dict(headers)
        self._content = content
        self._encoding: str | None = None

    @property
    def request(self) -> HttpRequest:
        return self._request

    @property
    def status_code(self) -> int:
        return self._status

    @property
    def headers(self) -> MutableMapping[str, str]:
        return self._headers

    @property
    def reason(self) -> str:
        return self._reason

    @property
    def content_type(self) -> str | None:
        return self._headers.get("content-type")

    @property
    def is_closed(self) -> bool:
        return True

    @property
    def is_stream_consumed(self) -> bool:
        return True

    @property
    def encoding(self) -> str | None:
        return self._encoding

    @encoding.setter
    def encoding(self, value: str | None) -> None:
        self._encoding = value

    @property
    def url(self) -> str:
        return self._request.url

    @property
    def content(self) -> bytes:
        return self._content

    def text(self, encoding: str | None = None) -> str:
        return self._content.decode(encoding or self._encoding or "utf-8-sig", errors="replace")

    def json(self) -> Any:
        return json.loads(self.text())

    def raise_for_status(self) -> None:
        if self._status >= 400:
            raise HttpResponseError(response=self)

    def read(self) -> bytes:
        return self._content

    def iter_raw(self, **_: Any) -> Iterator[bytes]:
        yield self._content

    def iter_bytes(self, **_: Any) -> Iterator[bytes]:
        yield self._content

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> ReadResponse:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
