"""The room of the Blob service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from retrainctl.emulator.blob import contents, copies, shelf
from retrainctl.emulator.blob.address import join
from retrainctl.emulator.blob.api import BlobApi
from retrainctl.emulator.blob.copies import ModelCopies
from retrainctl.emulator.blob.dialect import BlobDialect
from retrainctl.emulator.blob.seeding import Seeding
from retrainctl.emulator.blob.shelf import Shelf
from retrainctl.emulator.exchange import Answer, Call
from retrainctl.emulator.frame import Frame, Section
from retrainctl.emulator.knobs import Knob
from retrainctl.emulator.routing import Route

_OTHERS: Final = frozenset({"subscriptions", "workspaces", "providers", "metadata", "tenants", "api", "common"})
"""First segments that belong to other APIs, though an account might be called so."""


class BlobRoom:
    """`https://ACCOUNT.blob.core.windows.net/PATH`, served as `/ACCOUNT/PATH`."""

    name = "blob"
    tables = contents.DDL + shelf.DDL + copies.DDL
    knobs: tuple[Knob, ...] = ()

    def enter(self, frame: Frame) -> None:
        self._frame = frame
        self.shelf = Shelf(frame.store, frame.clock)
        self.copies = ModelCopies(frame.store, frame.clock, self.shelf)
        self._api = BlobApi(frame, self.shelf)
        self._seeding = Seeding(self.shelf)
        frame.blob_exists = self._exists

    def furnish(self) -> None:
        self.shelf.contents.sweep()

    def routes(self) -> Iterable[Route]:
        dialect = BlobDialect(self._frame.clock)
        yield Route(methods="*", pattern="/{account}/{*rest}", handler=self._answer, dialect=dialect, streamed=True)

    def sections(self) -> Mapping[str, Section]:
        return {"blobs": self._seeding.blobs}

    def controls(self) -> Mapping[tuple[str, str], Callable[[Call], Any]]:
        """As `control.Controllable` asks: there are none."""
        return {}

    def holdings(self) -> Mapping[str, int]:
        """As `control.Controllable` asks."""
        return {"blobs": count} if (count := self.shelf.count()) else {}

    async def _answer(self, call: Call) -> Answer:
        if not self._ours(call):
            body = {"error": {"code": "NotFound", "message": f"The emulator serves no {call.path}."}}
            return Answer(status=404, body=body)
        return await self._api.answer(call)

    def _ours(self, call: Call) -> bool:
        """The route of this room takes every path; what no client of the Blob service would ask is simply unknown."""
        account = call.params["account"].lower()
        if account in _OTHERS:
            return False
        return "x-ms-version" in call.headers or "sv" in call.query or self.shelf.knows(account)

    def _exists(self, account: str, path: str) -> bool:
        address = join(account, path)
        return address is not None and self.shelf.blob(address.account, address.container, address.name) is not None

    def keep_models(self, owner: str, uris: Mapping[str, str]) -> dict[str, str]:
        """Take a service's copies of all its models, as a write of its definition does; former slots go.

        Args:
            owner: the same as in its `Serving`.
            uris: resource name to blob URI, signature and all.

        Returns:
            slot to the reason, for each of which no copy could be taken (`ModelCopies.keep`).
        """
        for slot in self.copies.slots(owner):
            if slot not in uris:
                self.copies.drop(owner, slot)
        problems = {slot: self.copies.keep(owner, slot, uri) for slot, uri in uris.items()}
        return {slot: problem for slot, problem in problems.items() if problem is not None}


def blob_room(frame: Frame) -> BlobRoom:
    """The frame's room of this kind, entered before those that need it."""
    return next(room for room in frame.rooms if isinstance(room, BlobRoom))
