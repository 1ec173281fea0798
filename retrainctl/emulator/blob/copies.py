"""The services' own copies of trained models.

A service keeps the model that it was given (arm-webservices.md section 8): it goes on scoring when the blob is
overwritten or gone, and learns of a missing blob only at the next update.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson

from retrainctl.emulator.blob import access
from retrainctl.emulator.blob.address import BlobAddress, parse_uri
from retrainctl.emulator.blob.shelf import Blob, Shelf
from retrainctl.emulator.blob.signature import sas_members
from retrainctl.emulator.clock import Clock
from retrainctl.emulator.exchange import Refusal
from retrainctl.emulator.store import Store

DDL: Final = """
CREATE TABLE IF NOT EXISTS model_copy(
  owner TEXT, slot TEXT, uri TEXT NOT NULL, contents BLOB, etag TEXT NOT NULL, taken REAL NOT NULL,
  before BLOB, PRIMARY KEY(owner, slot)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCopy:
    """`contents` None: the blob was not there. `before`: what was served until `taken`, where there was something."""

    uri: str
    contents: tuple[str, ...] | None
    etag: str
    taken: float
    before: tuple[str, ...] | None


class ModelCopies:
    """Copies by owner (a service or endpoint, any text) and slot (a resource's name); callers hold the transaction."""

    def __init__(self, store: Store, clock: Clock, shelf: Shelf) -> None:
        self._store = store
        self._clock = clock
        self._shelf = shelf

    def keep(self, owner: str, slot: str, uri: str, sas: str = "") -> str | None:
        """Point a slot at a blob and take a copy of what it is now.

        Args:
            uri: of the blob, in any form; a signature in it counts.
            sas: a signature given apart, with or without question mark.

        Returns:
            None when the copy is taken; else why not: `not-a-blob`, `missing`, or `denied: ...` for a signature that
            does not allow to read. The slot then points at the blob all the same and has no model until it is there.
        """
        address = parse_uri(uri)
        blob = None if address is None else self._shelf.blob(address.account, address.container, address.name)
        problem = _denied(address, sas, self._clock.now()) if address is not None else "not-a-blob"
        if problem is None and blob is None:
            problem = "missing"
        self._write(owner, slot, uri.partition("?")[0], blob if problem is None else None)
        return problem

    def _write(self, owner: str, slot: str, uri: str, blob: Blob | None) -> None:
        old = self.get(owner, slot)
        contents = None if blob is None else blob.contents
        before = None if old is None else (old.contents or old.before)
        if contents is not None:
            self._shelf.contents.hold(contents)
        if before is not None:
            self._shelf.contents.hold(before)
        self._forget(old)
        self._store.run(
            "INSERT OR REPLACE INTO model_copy VALUES(?,?,?,?,?,?,?)",
            owner,
            slot,
            uri,
            _packed(contents),
            "" if blob is None else blob.etag,
            self._clock.now(),
            _packed(before),
        )

    def get(self, owner: str, slot: str) -> ModelCopy | None:
        row = self._store.row(
            "SELECT uri, contents, etag, taken, before FROM model_copy WHERE owner=? AND slot=?", owner, slot
        )
        if row is None:
            return None
        return ModelCopy(uri=row[0], contents=_unpacked(row[1]), etag=row[2], taken=row[3], before=_unpacked(row[4]))

    def slots(self, owner: str) -> list[str]:
        return [str(slot) for (slot,) in self._store.rows("SELECT slot FROM model_copy WHERE owner=?", owner)]

    def share(self, source: str, target: str, slot: str | None = None) -> None:
        """Give another owner the same copies: all of them, or one slot."""
        for name in self.slots(source):
            if slot is not None and name != slot:
                continue
            copy = self.get(source, name)
            if copy is None:
                continue
            self.drop(target, name)
            if copy.contents is not None:
                self._shelf.contents.hold(copy.contents)
            self._store.run(
                "INSERT INTO model_copy VALUES(?,?,?,?,?,?,NULL)",
                target,
                name,
                copy.uri,
                _packed(copy.contents),
                copy.etag,
                self._clock.now(),
            )

    def drop(self, owner: str, slot: str | None = None) -> None:
        """Forget the copies of an owner, or one of them."""
        for name in self.slots(owner):
            if slot is None or name == slot:
                self._forget(self.get(owner, name))
                self._store.run("DELETE FROM model_copy WHERE owner=? AND slot=?", owner, name)

    def _forget(self, copy: ModelCopy | None) -> None:
        if copy is not None:
            self._shelf.contents.release([*(copy.contents or ()), *(copy.before or ())])


def _denied(address: BlobAddress | None, sas: str, now: float) -> str | None:
    token = sas or (address.sas if address else "")
    if address is None or not token:
        return None
    try:
        members = sas_members(token)
        access.sas_access(members, address.account, address.container, address.name, now).require("object", "r")
    except Refusal as refusal:
        detail = refusal.details[0][1] if refusal.details else refusal.message
        return f"denied: {detail}"
    return None


def _packed(contents: Any) -> bytes | None:
    return None if contents is None else orjson.dumps(list(contents))


def _unpacked(value: Any) -> tuple[str, ...] | None:
    return None if value is None else tuple(orjson.loads(value))
