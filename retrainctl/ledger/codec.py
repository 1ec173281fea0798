"""The ledger's nouns as JSON and back. Members that say nothing are left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from retrainctl.ledger.chain import moment, timestamp
from retrainctl.ledger.records import BackupRef, Intent, RunInfo, RunSummary, Unsettled, Who
from retrainctl.model.address import Address
from retrainctl.model.change import Action
from retrainctl.model.redaction import without_query
from retrainctl.model.resource import Applied, AppliedSlot

_Object = dict[str, Any]


def applied_to_json(applied: Applied) -> _Object:
    """`run` is left out: it is the run whose record this stands in. A URI loses its query: it may be signed."""
    data: _Object = {"identity": applied.identity}
    if applied.fields:
        data["fields"] = applied.fields
    if applied.slots:
        data["slots"] = {name: _slot_to_json(slot) for name, slot in applied.slots.items()}
    if applied.created:
        data["created"] = True
    if applied.fingerprint is not None:
        data["fingerprint"] = applied.fingerprint
    if applied.revision is not None:
        data["revision"] = applied.revision
    return data


class AppliedState(Mapping[Address, Applied]):
    """What is applied by address, each decoded when it is first asked for."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        self._texts = texts
        self._decoded: dict[Address, Applied] = {}

    def __getitem__(self, address: Address) -> Applied:
        if (found := self._decoded.get(address)) is None:
            data = orjson.loads(self._texts[str(address)])
            found = self._decoded[address] = applied_from_json(address, data, data["run"])
        return found

    def __iter__(self) -> Iterator[Address]:
        return map(Address.parse, self._texts)

    def __len__(self) -> int:
        return len(self._texts)


def applied_from_json(address: Address, data: Mapping[str, Any], run: str | None = None) -> Applied:
    slots = data.get("slots")
    return Applied(
        address=address,
        identity=data.get("identity", ""),
        fields=data.get("fields", {}),
        slots={name: _slot_from_json(slot) for name, slot in slots.items()} if slots else {},
        created=data.get("created", False),
        fingerprint=data.get("fingerprint"),
        revision=data.get("revision"),
        run=run,
    )


def _slot_to_json(slot: AppliedSlot) -> _Object:
    data: _Object = {"uri": without_query(slot.uri)}
    if slot.model is not None:
        data["model"] = slot.model
    if slot.version is not None:
        data["version"] = slot.version
    if slot.sha256 is not None:
        data["sha256"] = slot.sha256
    if slot.etag is not None:
        data["etag"] = slot.etag
    return data


def _slot_from_json(data: Mapping[str, Any]) -> AppliedSlot:
    return AppliedSlot(
        uri=data["uri"],
        model=data.get("model"),
        version=data.get("version"),
        sha256=data.get("sha256"),
        etag=data.get("etag"),
    )


def intent_to_json(intent: Intent, backup: BackupRef | None) -> _Object:
    """backup: the one that the run keeps for it, whatever the intent itself names."""
    data: _Object = {
        "address": str(intent.address),
        "step": intent.step,
        "action": intent.action.value,
        "target": intent.target,
        "identity": intent.identity,
    }
    if intent.fingerprint is not None:
        data["fingerprint"] = intent.fingerprint
    if intent.intended is not None:
        data["intended"] = applied_to_json(intent.intended)
    if backup is not None:
        data["backup"] = {"pack": backup.pack, "item": backup.item}
    if intent.detail:
        data["detail"] = intent.detail
    return data


def intent_from_json(data: Mapping[str, Any]) -> Intent:
    address = Address.parse(data["address"])
    intended = data.get("intended")
    backup = data.get("backup")
    return Intent(
        address=address,
        step=data["step"],
        action=Action(data["action"]),
        target=data["target"],
        identity=data["identity"],
        fingerprint=data.get("fingerprint"),
        intended=None if intended is None else applied_from_json(address, intended),
        backup=None if backup is None else BackupRef(pack=backup["pack"], item=backup["item"]),
        detail=data.get("detail", {}),
    )


def unsettled_from_json(key: tuple[int, int], data: Mapping[str, Any]) -> Unsettled:
    return Unsettled(
        key=key,
        run=data["run"],
        time=moment(data["time"]),
        intent=intent_from_json(data),
        sent=data.get("sent", False),
        operation=data.get("operation"),
        request_id=data.get("request_id"),
        gave_up=data.get("gave_up", False),
    )


def who_from_json(data: Mapping[str, Any]) -> Who:
    return Who(user=data["user"], host=data["host"], run_url=data.get("run_url"))


def run_to_json(info: RunInfo) -> _Object:
    who: _Object = {"user": info.who.user, "host": info.who.host}
    if info.who.run_url is not None:
        who["run_url"] = info.who.run_url
    data: _Object = {
        "run": info.run,
        "environment": info.environment,
        "command": info.command,
        "who": who,
        "version": info.version,
        "started": timestamp(info.started),
    }
    optional: _Object = {"digest": info.digest, "commit": info.commit, "resumes": info.resumes}
    data.update((name, value) for name, value in optional.items() if value is not None)
    if info.dirty:
        data["dirty"] = True
    return data


def run_from_json(data: Mapping[str, Any]) -> RunInfo:
    return RunInfo(
        run=data["run"],
        environment=data["environment"],
        command=data["command"],
        who=who_from_json(data["who"]),
        version=data["version"],
        started=moment(data["started"]),
        digest=data.get("digest"),
        commit=data.get("commit"),
        dirty=data.get("dirty", False),
        resumes=data.get("resumes"),
    )


def summary_from_json(data: Mapping[str, Any]) -> RunSummary:
    finished = data.get("finished")
    return RunSummary(
        info=run_from_json(data),
        finished=None if finished is None else moment(finished),
        writes=data["writes"],
        done=data["done"],
        failed=data["failed"],
        fence=data["fence"],
        streams=tuple(data["streams"]),
    )
