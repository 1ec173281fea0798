"""The recorded ARM traffic in the order in which it happened."""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One recorded request with its answer. `at` is the response's `Date` in seconds since 1970, whole."""

    method: str
    uri: str
    request: Any
    status: int
    response: Any
    headers: dict[str, list[str]]
    at: float

    @property
    def path(self) -> str:
        return self.uri.partition("?")[0]

    @property
    def is_poll(self) -> bool:
        return "/operationsStatus/" in self.uri


def load(file: Path) -> list[Exchange]:
    """Entries are grouped by request in the file; they are sorted by `Date`, polls first within a second.

    (A client polls an operation to its end before it goes on; a write and its own first poll are 5 s apart.)
    """
    entries = json.loads(file.read_text(encoding="utf-8-sig"))["Entries"]
    exchanges = [_exchange(entry) for entry in entries]
    return sorted(exchanges, key=lambda exchange: (exchange.at, not exchange.is_poll))


def _exchange(entry: dict[str, Any]) -> Exchange:
    headers = {name.lower(): values for name, values in entry["ResponseHeaders"].items()}
    return Exchange(
        method=entry["RequestMethod"],
        uri=entry["RequestUri"],
        request=json.loads(entry["RequestBody"]) if entry["RequestBody"] else None,
        status=entry["StatusCode"],
        response=json.loads(entry["ResponseBody"]) if entry["ResponseBody"] else None,
        headers=headers,
        at=parsedate_to_datetime(headers["date"][0]).timestamp(),
    )
