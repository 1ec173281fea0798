"""Packing experiments and unpacking them, here or in another emulator (classic-api.md section 6).

What the real service put into a package was never seen; here it is a ZIP of the experiment, the definition behind it,
and the saved assets that its graph names (guess).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

from retrainctl.emulator.blob import access
from retrainctl.emulator.blob.address import BlobAddress, parse_uri
from retrainctl.emulator.blob.signature import sas_members
from retrainctl.emulator.classic.dialect import bad_argument
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.routing import Route
from retrainctl.emulator.store import Store
from retrainctl.emulator.studio.dialect import StudioDialect, missing
from retrainctl.emulator.studio.package_zip import Broken, Packer
from retrainctl.emulator.studio.records import Records
from retrainctl.emulator.studio.storage import Place, Storage
from retrainctl.emulator.studio.workspace import BASE

DDL: Final = """
CREATE TABLE IF NOT EXISTS studio_activity(
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, container TEXT, blob TEXT, items INTEGER NOT NULL, due REAL NOT NULL,
  outcome TEXT NOT NULL) WITHOUT ROWID;
"""

CONTAINER: Final = "packages"
_REALISTIC: Final = 10.0
"""Seconds of packing or unpacking under `realistic` (guess)."""

_PATIENCE: Final = 30.0
_DONE: Final = "Complete"


class Packages:
    """The handlers."""

    def __init__(self, frame: Frame, records: Records, storage: Storage, packer: Packer) -> None:
        self._frame = frame
        self._store: Store = frame.store
        self._records = records
        self._storage = storage
        self._packer = packer

    def routes(self, dialect: StudioDialect) -> Iterable[Route]:
        every = BASE + "/packages"
        for method, handler in (("POST", self._pack), ("PUT", self._unpack), ("GET", self._status)):
            yield Route(methods=method, pattern=every, handler=handler, dialect=dialect)

    def _pack(self, call: Call) -> Answer:
        """The known client sends a stray slash after the id, which belongs to it no more than a blank would."""
        identifier = call.query.get("experimentid", "").strip().rstrip("/")
        if not identifier:
            raise bad_argument("InvalidQueryParameter", "experimentid, the experiment to pack, is missing.")
        experiment = self._records.experiment(identifier)
        if experiment is None:
            raise missing("experiment", identifier)
        clear = call.query.get("clearcredentials", "").lower() != "false"
        author = call.query.get("includeauthorid", "").lower() == "true"
        if self._fails(call, str(experiment["Description"])):
            return self._begun("pack", None, 1, "Failed")
        file, items = self._packer.pack(experiment, clear=clear, author=author)
        place = Place(container=CONTAINER, name=f"{uuid4().hex}.zip")
        self._storage.put(place, file)
        return self._begun("pack", place, items, _DONE)

    async def _unpack(self, call: Call) -> Answer:
        uri = call.query.get("packageuri", "")
        address = parse_uri(uri)
        if address is None:
            raise bad_argument("InvalidQueryParameter", "packageUri must be the address of a package in an emulator.")
        fetched = await self._fetched(uri, address, call)
        try:
            with self._frame.store.transaction():
                if self._fails(call, address.name):
                    return self._begun("unpack", None, 1, "Failed")
                items = self._packer.unpack(fetched or self._own(address))
                return self._begun("unpack", None, items, _DONE)
        except Broken as error:
            raise bad_argument("BadParameterValue", f"The package cannot be unpacked: {error}.") from None
        finally:
            if fetched is not None:
                fetched.unlink(missing_ok=True)

    async def _fetched(self, uri: str, address: BlobAddress, call: Call) -> Path | None:
        """A package that lies in another emulator on this machine, as a file; None for one that is here."""
        there, here = urlsplit(uri), urlsplit(call.base)
        if there.hostname not in ("127.0.0.1", "localhost", "::1") or there.port == here.port:
            return None
        path = self._storage.shelf.contents.new_draft()
        try:
            await asyncio.to_thread(_download, uri, path)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise _unreadable(address, str(error)) from None
        return path

    def _own(self, address: BlobAddress) -> Path:
        """A package of this emulator, as a file. The address must be signed: nobody else may read it."""
        shelf = self._storage.shelf
        blob = shelf.blob(address.account, address.container, address.name)
        try:
            members = sas_members(address.sas)
            now = self._frame.clock.now()
            access.sas_access(members, address.account, address.container, address.name, now).require("object", "r")
        except Refusal as refusal:
            raise _unreadable(address, refusal.details[0][1] if refusal.details else refusal.message) from None
        if blob is None:
            raise _unreadable(address, "it is not there")
        shelf.ready(blob)
        if len(blob.contents) != 1:
            raise _unreadable(address, "it was not written by packing")
        return shelf.contents.path(blob.contents[0])

    def _fails(self, call: Call, name: str) -> bool:
        return self._frame.knobs.fires("studio-package-fail", call.method, f"{call.path} {name}")

    def _begun(self, kind: str, place: Place | None, items: int, outcome: str) -> Answer:
        knobs = self._frame.knobs
        seconds = _REALISTIC if knobs.on("realistic") else knobs.number("studio-package-seconds")
        identifier = uuid4().hex
        self._store.run(
            "INSERT INTO studio_activity VALUES(?,?,?,?,?,?,?)",
            identifier,
            kind,
            None if place is None else place.container,
            None if place is None else place.name,
            items,
            self._frame.clock.now() + seconds,
            outcome,
        )
        body = _activity(identifier, self._frame.knobs.text("studio-package-wait"), 0, items, None)
        return Answer(body=body, wrote=True)

    def _status(self, call: Call) -> Answer:
        """By `packageActivityId` or `unpackActivityId`."""
        for kind in ("pack", "unpack"):
            member = "packageactivityid" if kind == "pack" else "unpackactivityid"
            if identifier := call.query.get(member, ""):
                return Answer(body=self._activity(kind, identifier, call))
        raise bad_argument("InvalidQueryParameter", "packageActivityId or unpackActivityId is missing.")

    def _activity(self, kind: str, identifier: str, call: Call) -> dict[str, Any]:
        row = self._store.row(
            "SELECT container, blob, items, due, outcome FROM studio_activity WHERE id=? AND kind=?", identifier, kind
        )
        if row is None:
            raise missing("activity", identifier)
        container, blob, items, due, outcome = row
        if self._frame.clock.now() < due:
            return _activity(identifier, self._frame.knobs.text("studio-package-wait"), 0, items, None)
        location = None
        if blob is not None and outcome == _DONE:
            place = Place(container=container, name=blob)
            location = self._storage.base_uri(call.base) + place.path + self._storage.signature(place)
        complete = items if outcome == _DONE else 0
        return _activity(identifier, outcome, complete, items - complete, location)


def _activity(identifier: str, status: str, complete: int, pending: int, location: str | None) -> dict[str, Any]:
    return {
        "Location": location,
        "ItemsComplete": complete,
        "ItemsPending": pending,
        "Status": status,
        "ActivityId": identifier,
    }


def _unreadable(address: BlobAddress, why: str) -> Refusal:
    return bad_argument("BlobNotFound", f"The package at {address.path} cannot be read: {why}.")


def _download(uri: str, path: Path) -> None:
    """Raises `OSError`."""
    import httpx

    try:
        with httpx.stream("GET", uri, timeout=_PATIENCE) as response, path.open("wb") as file:
            if response.status_code != 200:
                raise OSError(f"the other emulator says {response.status_code}")
            for piece in response.iter_bytes():
                file.write(piece)
    except httpx.HTTPError as error:
        raise OSError(f"the other emulator does not answer: {error}") from error
