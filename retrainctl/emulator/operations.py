"""Asynchronous operations: accepted now, taking effect later, told about when polled.

An operation's end is a matter of time alone; that it also takes two polls to hear of it is how a client experiences it.
Effects are named functions, so that operations under way survive a restart of the emulator.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import orjson

from retrainctl.emulator.clock import Clock
from retrainctl.emulator.exchange import Call
from retrainctl.emulator.knobs import Knob, Knobs
from retrainctl.emulator.store import Store
from retrainctl.emulator.tally import Tally

DDL = """
CREATE TABLE IF NOT EXISTS operation(
  id TEXT PRIMARY KEY, effect TEXT NOT NULL, subject TEXT NOT NULL, place TEXT NOT NULL, arguments BLOB NOT NULL,
  started REAL NOT NULL, queued REAL NOT NULL, due REAL NOT NULL, outcome TEXT NOT NULL, state TEXT NOT NULL,
  failure BLOB) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS operation_running ON operation(state, due);
"""

KNOBS = (
    Knob(name="op-polls", form="number", default="2", meaning="polls that an operation takes at least, however fast"),
    Knob(name="op-seconds", form="number", default="0.2", meaning="seconds of work that an operation takes"),
    Knob(name="op-queue-seconds", form="number", default="0", meaning="seconds before that work starts"),
    Knob(
        name="realistic",
        form="choice",
        default="off",
        choices=("off", "on"),
        meaning="operations take as long as the recorded ones, and end when their time is over, however seldom polled",
    ),
    Knob(
        name="retry-after",
        form="number",
        default="0",
        meaning="seconds in Retry-After of asynchronous answers; 0 sends none, as recorded",
    ),
)

RECORDED_SECONDS: Mapping[str, tuple[float, float]] = {
    "webService.put": (2.6, 10.1),
    "webService.patch": (1.9, 8.6),
    "webService.delete": (3.2, 1.5),
    "webService.regional": (1.9, 1.5),
    "resourceGroup.delete": (0.0, 106.0),
    "storageAccount.put": (0.0, 22.0),
}
"""Kind to (seconds in the queue, seconds of work), medians of the recordings; `webService.regional` is a guess."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row: `state` is Provisioning, Succeeded, Failed or Canceled; `failure` is [code, message, details]."""

    id: str
    effect: str
    subject: str
    place: str
    arguments: Any
    started: float
    queued: float
    due: float
    outcome: str
    state: str
    failure: Any

    @property
    def ended(self) -> bool:
        return self.state != "Provisioning"


class EffectFailed(Exception):
    """Raised by an effect: the operation ends Failed with this code, message and details."""

    def __init__(self, code: str, message: str, details: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


Effect = Callable[[Operation], None]
Abandon = Callable[[Operation, str], None]
_KEPT_SECONDS = 86_400.0
_COLUMNS = "id, effect, subject, place, arguments, started, queued, due, outcome, state, failure"


class Operations:
    """All operations of all rooms."""

    def __init__(self, store: Store, clock: Clock, knobs: Knobs, tally: Tally) -> None:
        self._store = store
        self._clock = clock
        self._knobs = knobs
        self._tally = tally
        self._effects: dict[str, tuple[Effect, Abandon | None]] = {}
        self._polls: dict[str, int] = {}
        self._due: list[tuple[float, str]] = []

    def define(self, name: str, apply: Effect, abandon: Abandon | None = None) -> None:
        """Name an effect: `apply` puts the content in place; `abandon` gets the final state when it did not."""
        self._effects[name] = (apply, abandon)

    def restore(self) -> None:
        """Take up what was under way when the process ended, or drop it after the store was cleared."""
        self._store.run(
            "DELETE FROM operation WHERE state<>'Provisioning' AND due<?", self._clock.now() - _KEPT_SECONDS
        )
        rows = self._store.rows("SELECT due, id FROM operation WHERE state='Provisioning' AND outcome<>'hang'")
        self._due = [(float(due), str(id_)) for due, id_ in rows]
        heapq.heapify(self._due)
        self._polls.clear()

    def start(self, call: Call, effect: str, subject: str, place: str, arguments: Any) -> Operation:
        """Accept one write; whether it will hang, fail or change nothing is decided here, by the faults.

        Args:
            effect: a defined name; also the key of its recorded duration.
            subject: what it works on, as the effect understands it.
            place: the region or other part of the poll URL.
            arguments: JSON for the effect.
        """
        now = self._clock.now()
        queue, work = self._durations(effect)
        operation = Operation(
            id=str(uuid4()),
            effect=effect,
            subject=subject,
            place=place,
            arguments=arguments,
            started=now,
            queued=now + queue,
            due=now + queue + work,
            outcome=self._outcome(call),
            state="Provisioning",
            failure=None,
        )
        self._store.run(
            f"INSERT INTO operation({_COLUMNS}) VALUES(?,?,?,?,?,?,?,?,?,?,NULL)",
            operation.id,
            effect,
            subject,
            place,
            orjson.dumps(arguments),
            operation.started,
            operation.queued,
            operation.due,
            operation.outcome,
            operation.state,
        )
        if operation.outcome != "hang":
            heapq.heappush(self._due, (operation.due, operation.id))
        return operation

    def _durations(self, effect: str) -> tuple[float, float]:
        if self._knobs.on("realistic"):
            return RECORDED_SECONDS.get(effect, (0.0, 5.0))
        return self._knobs.number("op-queue-seconds"), self._knobs.number("op-seconds")

    def _outcome(self, call: Call) -> str:
        for knob, outcome in (("op-hang", "hang"), ("op-fail", "fail"), ("op-cancel", "cancel"), ("op-stale", "stale")):
            if self._knobs.fires(knob, call.method, call.path):
                return outcome
        return "succeed"

    def settle(self) -> None:
        """Let everything that is due take effect, in order of its due time."""
        now = self._clock.now()
        while self._due and self._due[0][0] <= now:
            _, identifier = heapq.heappop(self._due)
            operation = self.get(identifier)
            if operation is not None and not operation.ended:
                self._end(operation, operation.outcome)

    def finish(self, identifier: str | None, outcome: str) -> int:
        """End one operation, or all that run, at once and as told; how many that were (for tests of hanging ones)."""
        rows = self._store.rows(
            "SELECT id FROM operation WHERE state='Provisioning' AND (? IS NULL OR id=?)", identifier, identifier
        )
        for (one,) in rows:
            operation = self.get(str(one))
            if operation is not None:
                self._end(operation, outcome)
        return len(rows)

    def _end(self, operation: Operation, outcome: str) -> None:
        apply, abandon = self._effects[operation.effect]
        state, failure = "Succeeded", None
        with self._store.transaction():
            if outcome == "succeed":
                try:
                    apply(operation)
                except EffectFailed as error:
                    state, failure = "Failed", [error.code, error.message, list(error.details)]
            elif outcome == "fail":
                state = "Failed"
                failure = ["InternalServerError", "The operation failed (emulator fault op-fail).", []]
            elif outcome == "cancel":
                state, failure = "Canceled", ["OperationCanceled", "The operation was canceled (emulator fault).", []]
            if (state != "Succeeded" or outcome == "stale") and abandon is not None:
                abandon(operation, state)
            self._store.run(
                "UPDATE operation SET state=?, outcome=?, failure=?, due=min(due, ?) WHERE id=?",
                state,
                outcome,
                None if failure is None else orjson.dumps(failure),
                self._clock.now(),
                operation.id,
            )
        self._tally.settled(operation.id, state == "Succeeded" and outcome == "succeed")

    def get(self, identifier: str) -> Operation | None:
        row = self._store.row(f"SELECT {_COLUMNS} FROM operation WHERE id=?", identifier)  # noqa: S608 - constant columns
        if row is None:
            return None
        names = _COLUMNS.split(", ")
        values = dict(zip(names, row, strict=True))
        values["arguments"] = orjson.loads(values["arguments"])
        values["failure"] = None if values["failure"] is None else orjson.loads(values["failure"])
        return Operation(**values)

    def poll(self, identifier: str) -> Operation | None:
        """The operation as a poller sees it: the first poll is never the last, unless time is realistic."""
        operation = self.get(identifier)
        if operation is None:
            return None
        polls = self._polls.get(identifier, 0) + 1
        self._polls[identifier] = polls
        if operation.ended and not self._knobs.on("realistic") and polls < self._knobs.number("op-polls"):
            return replace(operation, state="Provisioning")
        return operation
