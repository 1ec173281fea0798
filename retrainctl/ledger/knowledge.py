"""What the records add up to: what is applied, which writes are unsettled, which runs there were.

Folded record by record, in order; pure. Record types that this version does not know are passed over.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

import orjson

from retrainctl.fastclass import dataclass
from retrainctl.ledger.chain import GENESIS

Key = tuple[int, int]
"""A record's place: its stream and its line."""

_Object = dict[str, Any]


@dataclass(slots=True)
class Head:
    """How far a stream was read: bytes, lines, the last line's hash and time; `mark` is the store's at that time."""

    size: int = 0
    seq: int = 0
    hash: str = GENESIS
    time: str = ""
    mark: str = ""


@dataclass(slots=True)
class Knowledge:
    """The sum of all streams up to their heads.

    applied: by address text, as recorded, with the `run` that wrote it; as JSON, because most are never looked at.
    unsettled: intents by key, with their `run`, `time`, and what is known of the sending.
    runs: by id, in order: the run's first record with counts, `finished`, `fence` and `streams`.
    current: the id of the run that the last stream belongs to.
    """

    heads: dict[int, Head] = field(default_factory=dict)
    applied: dict[str, bytes] = field(default_factory=dict)
    unsettled: dict[Key, _Object] = field(default_factory=dict)
    runs: dict[str, _Object] = field(default_factory=dict)
    current: str | None = None

    def tip(self) -> Head:
        """The head of the last stream that holds a record: where the chain goes on."""
        for head in reversed(self.heads.values()):
            if head.seq:
                return head
        return Head()

    def before(self, number: int) -> str:
        """The hash that the first line of stream `number` names as its predecessor."""
        for earlier in range(number - 1, 0, -1):
            if self.heads[earlier].seq:
                return self.heads[earlier].hash
        return GENESIS

    @property
    def open_run(self) -> _Object | None:
        """The last run, when it has no end yet."""
        last = self.runs[self.current] if self.current is not None else None
        return last if last is not None and last["finished"] is None else None

    def fold(self, number: int, record: _Object) -> None:
        """Takes one record in. Owns the object from then on."""
        match record["type"]:
            case "intent":
                self._intend(number, record)
            case "result":
                self._result(record)
            case "sent":
                if (intent := self.unsettled.get(_key(record))) is not None:
                    intent["sent"] = True
                    intent.update((name, record[name]) for name in ("operation", "request_id") if name in record)
            case "settled":
                self._settled(record)
            case "adopted":
                self._learn(record)
            case "run":
                self.current = record["run"]
                record.update(finished=None, writes=0, done=0, failed=0, streams=[number])
                self.runs[record["run"]] = _own_members(record)
            case "continued":
                self.current = record["run"]
                self.runs[record["run"]]["streams"].append(number)
            case "finish":
                self._run()["finished"] = record["time"]

    def _run(self) -> _Object:
        assert self.current is not None, "a stream begins with `run` or `continued`"
        return self.runs[self.current]

    def _intend(self, number: int, record: _Object) -> None:
        run = self._run()
        run["writes"] += 1
        key = (number, record["seq"])
        record["run"] = run["run"]
        self.unsettled[key] = _own_members(record)

    def _result(self, record: _Object) -> None:
        key, outcome = _key(record), record["outcome"]
        if outcome == "unknown":
            if (intent := self.unsettled.get(key)) is not None:
                intent["gave_up"] = True
        elif self.unsettled.pop(key, None) is not None:
            self._run()[outcome] += 1
        self._learn(record)

    def _settled(self, record: _Object) -> None:
        key, outcome = _key(record), record["outcome"]
        if outcome != "unknown" and (intent := self.unsettled.pop(key, None)) is not None:
            self.runs[intent["run"]][outcome] += 1
        self._learn(record)

    def _learn(self, record: _Object) -> None:
        if (applied := record.get("applied")) is not None:
            applied["run"] = self.current
            self.applied[record["address"]] = orjson.dumps(applied)
        elif record.get("removed"):
            self.applied.pop(record["address"], None)


def _key(record: _Object) -> Key:
    stream, seq = record["intent"]
    return stream, seq


def _own_members(record: _Object) -> _Object:
    for name in ("seq", "prev", "hash", "type", "format"):
        record.pop(name, None)
    return record
