"""What modules read: blobs of the emulator, as files for a worker process."""

from __future__ import annotations

from typing import Any

from retrainctl.emulator.blob import access
from retrainctl.emulator.blob.address import BlobAddress, parse_uri
from retrainctl.emulator.blob.shelf import Shelf
from retrainctl.emulator.blob.signature import sas_members
from retrainctl.emulator.clock import Clock
from retrainctl.emulator.exchange import Refusal
from retrainctl.emulator.training.failure import ModuleFailed


class Sources:
    """Callers hold the transaction: a promised content is made when it is read."""

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        self._shelf = shelf
        self._clock = clock

    def imported(self, uri: str) -> dict[str, Any]:
        """What an Import Data module reads: a blob that anybody may read, or that its signature opens.

        Raises:
            ModuleFailed: no blob of the emulator, not there, or not to be read.
        """
        address = parse_uri(uri)
        if address is None:
            what = (
                f"the address {uri.partition('?')[0]!r} is not a blob in the emulator" if uri else "no address is set"
            )
            raise ModuleFailed("Import Data", "0029", "InvalidUri", f"The data cannot be read: {what}.")
        container = self._shelf.container(address.account, address.container)
        try:
            if address.sas:
                members = sas_members(address.sas)
                now = self._clock.now()
                allowed = access.sas_access(members, address.account, address.container, address.name, now)
            else:
                allowed = access.anonymous_access(container)
            allowed.require("object", "r")
        except Refusal as refusal:
            why = refusal.details[0][1] if refusal.details else refusal.message
            raise ModuleFailed(
                "Import Data", "0029", "InvalidUri", f"The data at {address.uri} cannot be read: (403) {why}"
            ) from None
        return self.read(address)

    def read(self, address: BlobAddress) -> dict[str, Any]:
        """`{parts, name}` of a blob, whoever may read it.

        Raises:
            ModuleFailed: it is not there.
        """
        blob = self._shelf.blob(address.account, address.container, address.name)
        if blob is None:
            raise ModuleFailed(
                "Import Data", "0029", "InvalidUri", f"The data at {address.uri} cannot be read: (404) Not Found."
            )
        self._shelf.ready(blob)
        return {"parts": [str(self._shelf.contents.path(one)) for one in blob.contents], "name": address.name}
