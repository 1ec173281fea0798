"""An in-memory target: a documented fake that behaves like a service, for tests of the engine.

It stores fields and slots by address, fingerprints them, counts its writes and can be told to misbehave.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from retrainctl.model.address import Address
from retrainctl.model.change import Action, Request, ResourceChange, Step
from retrainctl.model.resource import Desired, Observed, SlotState
from retrainctl.model.values import MISSING, SecretRef
from retrainctl.ports import Judgement, Outcome, Performed, Reading, Rejected, TargetError


def fingerprint(fields: Mapping[str, Any], slots: Mapping[str, str]) -> str:
    data = orjson.dumps([fields, slots], option=orjson.OPT_SORT_KEYS, default=str)
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass
class Thing:
    fields: dict[str, Any] = field(default_factory=dict)
    slots: dict[str, str] = field(default_factory=dict)


@dataclass
class MemoryTarget:
    """Implements `Reader`, `Planner` and `Writer`. `hidden` names fields that a read does not show."""

    things: dict[Address, Thing] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    writes: list[tuple[str, Address]] = field(default_factory=list)
    fail: dict[Address, TargetError] = field(default_factory=dict)
    lose_answer: set[Address] = field(default_factory=set)
    ignore_write: set[Address] = field(default_factory=set)
    reads: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def _observe(self, address: Address) -> Observed | None:
        thing = self.things.get(address)
        if thing is None:
            return None
        shown = {name: deepcopy(value) for name, value in thing.fields.items() if name not in self.hidden}
        return Observed(
            address=address,
            identity=f"/memory/{address}",
            fields=shown,
            slots={slot: SlotState(uri=uri) for slot, uri in thing.slots.items()},
            fingerprint=fingerprint(shown, thing.slots),
            document=deepcopy(shown),
        )

    def read(self, wanted: Sequence[Desired]) -> Reading:
        observed = {d.address: o for d in wanted if (o := self._observe(d.address)) is not None}
        return Reading(observed=observed, identities={d.address: f"/memory/{d.address}" for d in wanted})

    def reread(self, address: Address, identity: str) -> Observed | None:
        self.reads += 1
        return self._observe(address)

    def judge(self, change, desired, observed, facts) -> Judgement:
        return Judgement()

    def calm(self, observed, facts) -> bool:
        return False

    def steps(self, change: ResourceChange, observed: Observed | None) -> tuple[Step, ...]:
        if change.action is Action.NO_OP:
            return ()
        method = {Action.CREATE: "PUT", Action.DELETE: "DELETE"}.get(change.action, "PATCH")
        body = {**change.wanted(), "slots": {m.slot: m.to_uri for m in change.models}}
        return (Step(id=change.action.value, requests=(Request(method=method, path=change.identity, body=body),)),)

    def perform(self, change, step, observed, waiter) -> Performed:
        waiter.pause(0)
        waiter.sent(None, "request-1")
        address = change.address
        if address in self.fail:
            return Performed(outcome=Outcome.FAILED, error=self.fail[address], request_id="request-1")
        with self.lock:
            self.writes.append((step.id, address))
            if address not in self.ignore_write:
                self._write(change)
        if address in self.lose_answer:
            error = Rejected("the connection was lost", sent=True)
            return Performed(outcome=Outcome.UNKNOWN, error=error)
        return Performed(outcome=Outcome.DONE, request_id="request-1")

    def _write(self, change: ResourceChange) -> None:
        if change.action is Action.DELETE:
            self.things.pop(change.address, None)
            return
        thing = self.things.setdefault(change.address, Thing())
        for entry in change.fields:
            node = thing.fields
            for name in entry.path[:-1]:
                node = node.setdefault(name, {})
            if entry.after is MISSING:
                node.pop(entry.path[-1], None)
            else:
                node[entry.path[-1]] = revealed(entry.after)
        for move in change.models:
            thing.slots[move.slot] = move.to_uri or ""

    def settle(self, operation, waiter) -> Performed:
        return Performed(outcome=Outcome.DONE)

    def backup(self, observed: Observed) -> tuple[bytes, bytes]:
        return orjson.dumps(observed.document), b"{}"


def revealed(value: Any) -> Any:
    if isinstance(value, SecretRef):
        return f"secret of {value}"
    if isinstance(value, Mapping):
        return {name: revealed(member) for name, member in value.items()}
    return deepcopy(value)


@dataclass
class FakeClock:
    """Time that moves only when somebody sleeps."""

    seconds: float = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(1_700_000_000 + self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Silent:
    """An observer that remembers."""

    heard: list[Any] = field(default_factory=list)

    def progress(self, progress: Any) -> None:
        self.heard.append(progress)

    def note(self, message: str) -> None:
        self.heard.append(message)


@dataclass
class MemoryBooks:
    """Books in memory, in the order of writing."""

    lines: list[tuple[str, ...]] = field(default_factory=list)
    applied: dict[Address, Any] = field(default_factory=dict)
    broken: Exception | None = None

    def before(self, entries):
        if self.broken:
            raise self.broken
        for entry in entries:
            self.lines.append(("intent", str(entry.change.address), entry.step))
        return [None if entry.observed is None else f"backup:{entry.change.address}" for entry in entries]

    def sent(self, address, step, operation, request_id):
        self.lines.append(("sent", str(address), step))

    def after(self, address, step, outcome, *, applied, removed, detail, then=None):
        self.lines.append(("result", str(address), step, outcome.value))
        if applied is not None:
            self.applied[address] = applied
        elif removed:
            self.applied.pop(address, None)
        if then is not None:
            then(None)

    def adopt(self, address, applied):
        self.lines.append(("adopted", str(address)))
        if applied is None:
            self.applied.pop(address, None)
        else:
            self.applied[address] = applied
