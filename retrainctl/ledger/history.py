"""The past, told from the records: who wrote what when, and what was live at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field, replace
from datetime import datetime
from typing import Any

from retrainctl.fastclass import dataclass
from retrainctl.ledger.chain import moment
from retrainctl.ledger.codec import applied_from_json, intent_from_json, run_from_json
from retrainctl.ledger.knowledge import Key
from retrainctl.ledger.records import AppliedAt, Entry, Note, RunInfo
from retrainctl.model.address import Address
from retrainctl.model.resource import Applied
from retrainctl.model.values import JsonObject
from retrainctl.ports import Outcome

Records = Iterable[tuple[int, dict[str, Any]]]
"""Records in order, each with the number of its stream; every stream's first one is among them."""


@dataclass(slots=True)
class Story:
    """What a sequence of records tells."""

    entries: dict[Key, Entry] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    documents: dict[str, str] = field(default_factory=dict)
    receipt: JsonObject | None = None


def tell(records: Records, only: str | None = None) -> Story:
    """Brings intents and what became of them together; `only`: those of one run, whoever settled them."""
    story = Story()
    for info, number, record in _with_run(records):
        kind = record["type"]
        if kind in ("result", "settled"):
            stream, seq = record["intent"]
            if (entry := story.entries.get((stream, seq))) is not None:
                story.entries[stream, seq] = _end(entry, info, record)
        if only not in (None, info.run):
            continue
        match kind:
            case "intent":
                story.entries[number, record["seq"]] = _begin(info, record)
            case "note":
                story.notes.append(_note(record))
            case "document":
                story.documents[record["name"]] = record["pack"]
            case "finish":
                story.receipt = record["receipt"]
    return story


def live_at(records: Records, time: datetime) -> dict[Address, AppliedAt]:
    """What we had applied at a time, each resource with who did it. Records after it do not count."""
    found: dict[Address, AppliedAt] = {}
    for info, _, record in _with_run(records):
        if record["type"] not in ("result", "settled", "adopted"):
            continue
        since = moment(record["time"])
        if since > time:
            break
        address = Address.parse(record["address"])
        if (data := record.get("applied")) is not None:
            found[address] = AppliedAt(
                applied=applied_from_json(address, data, info.run),
                since=since,
                run=info.run,
                who=info.who,
                commit=info.commit,
                digest=info.digest,
            )
        elif record.get("removed"):
            found.pop(address, None)
    return found


def applied_before(records: Records, run: str) -> dict[Address, Applied | None]:
    """What we had applied, right before a run first wrote to them, of the resources that it wrote to."""
    applied: dict[Address, Applied] = {}
    found: dict[Address, Applied | None] = {}
    for info, _, record in _with_run(records):
        kind = record["type"]
        if kind == "intent" and info.run == run:
            address = Address.parse(record["address"])
            found.setdefault(address, applied.get(address))
        elif kind in ("result", "settled", "adopted"):
            address = Address.parse(record["address"])
            if (data := record.get("applied")) is not None:
                applied[address] = applied_from_json(address, data, info.run)
            elif record.get("removed"):
                applied.pop(address, None)
    return found


def _with_run(records: Records) -> Iterator[tuple[RunInfo, int, dict[str, Any]]]:
    runs: dict[str, RunInfo] = {}
    info: RunInfo | None = None
    for number, record in records:
        match record["type"]:
            case "run":
                info = runs[record["run"]] = run_from_json(record)
            case "continued":
                info = runs[record["run"]]
        assert info is not None, "a stream begins with `run` or `continued`"
        yield info, number, record


def _begin(info: RunInfo, record: dict[str, Any]) -> Entry:
    intent = intent_from_json(record)
    return Entry(
        run=info.run,
        who=info.who,
        commit=info.commit,
        digest=info.digest,
        command=info.command,
        address=intent.address,
        step=intent.step,
        action=intent.action,
        began=moment(record["time"]),
        backup=intent.backup,
    )


def _end(entry: Entry, info: RunInfo, record: dict[str, Any]) -> Entry:
    applied = record.get("applied")
    return replace(
        entry,
        ended=moment(record["time"]),
        outcome=Outcome(record["outcome"]),
        applied=None if applied is None else applied_from_json(entry.address, applied, info.run),
        removed=record.get("removed", False),
        settled_in=info.run if record["type"] == "settled" else None,
        detail=record.get("detail", {}),
    )


def _note(record: dict[str, Any]) -> Note:
    address = record.get("address")
    return Note(
        time=moment(record["time"]),
        kind=record["kind"],
        message=record["message"],
        address=None if address is None else Address.parse(address),
        detail=record.get("detail", {}),
    )
