"""What was asked and what it did: the counters by which tests prove that nothing was written twice."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from retrainctl.emulator.exchange import Answer, Call

_KEPT = 200_000


@dataclass(slots=True)
class Write:
    """A call that could change state. `effect` is `done`, `pending`, `failed` or `none`."""

    number: int
    at: float
    method: str
    path: str
    status: int
    body_sha256: str
    effect: str
    answered: bool = True

    def as_json(self) -> dict[str, Any]:
        return {
            "n": self.number,
            "at": self.at,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "bodySha256": self.body_sha256,
            "effect": self.effect,
            "answered": self.answered,
        }


class Tally:
    """Counts since the start or the last clearing; kept in memory, it dies with the process."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.requests: dict[tuple[str, str], int] = {}
        self.effects: dict[tuple[str, str], int] = {}
        self.writes: deque[Write] = deque(maxlen=_KEPT)
        self.total = 0
        self._number = 0
        self._waiting: dict[str, Write] = {}

    def count(self, call: Call, answer: Answer, at: float) -> Write | None:
        """Note one answered call; the entry for a call that may write, so that the server can mark it unanswered."""
        key = (call.method, call.path)
        self.total += 1
        self.requests[key] = self.requests.get(key, 0) + 1
        if call.method in ("GET", "HEAD", "OPTIONS"):
            return None
        self._number += 1
        entry = Write(
            number=self._number,
            at=at,
            method=call.method,
            path=call.path,
            status=answer.status,
            body_sha256=sha256(call.body).hexdigest() if call.body else "",
            effect="none",
        )
        self.writes.append(entry)
        if isinstance(answer.wrote, str):
            entry.effect = "pending"
            self._waiting[answer.wrote] = entry
        elif answer.wrote:
            self._took_effect(entry)
        return entry

    def note(self, verb: str, path: str, *, done: bool) -> None:
        """Count what a request brought about inside, such as a copy of it; `total` counts what came from outside."""
        key = (verb, path)
        self.requests[key] = self.requests.get(key, 0) + 1
        if done:
            self.effects[key] = self.effects.get(key, 0) + 1

    def settled(self, operation: str, succeeded: bool) -> None:
        """An asynchronous write has ended; `succeeded` when its content is in place."""
        entry = self._waiting.pop(operation, None)
        if entry is None:
            return
        if succeeded:
            self._took_effect(entry)
        else:
            entry.effect = "failed"

    def _took_effect(self, entry: Write) -> None:
        entry.effect = "done"
        key = (entry.method, entry.path)
        self.effects[key] = self.effects.get(key, 0) + 1

    def as_json(self) -> dict[str, Any]:
        """`{"total": n, "paths": {"PATCH /subscriptions/...": {"requests": 3, "writes": 1}}}`."""
        return {
            "total": self.total,
            "paths": {
                f"{method} {path}": {"requests": count, "writes": self.effects.get((method, path), 0)}
                for (method, path), count in sorted(self.requests.items())
            },
        }
