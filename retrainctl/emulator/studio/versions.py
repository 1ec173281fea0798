"""New versions of assets: their ids, families and names (classic-api.md sections 1, 6 and 6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from retrainctl.emulator.blob.contents import Draft
from retrainctl.emulator.classic.dialect import bad_argument
from retrainctl.emulator.exchange import Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import WORKSPACE
from retrainctl.emulator.studio.asset_records import Asset, AssetRecords, Kind
from retrainctl.emulator.studio.dialect import date
from retrainctl.emulator.studio.storage import UPLOADS, Place, Storage

NOUNS: Final[dict[Kind, str]] = {
    "dataset": "dataset",
    "model": "trained model",
    "transform": "transform",
    "module": "module",
}
_EPOCH_TICKS: Final = 621355968000000000
"""1970 in .NET's ticks of 100 ns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a caller asks for. `family` "" is a new one; `upload` is the `ResourceUploadId`."""

    name: str
    data_type: str
    origin: str
    description: str = ""
    family: str = ""
    owner: str = "owner"
    upload: str = ""
    experiment: str | None = None
    promoted_from: str | None = None
    file_name: str | None = None
    extension: str = ""
    workspace: str = WORKSPACE


class Versions:
    """Adds assets; callers hold the transaction."""

    def __init__(self, frame: Frame, records: AssetRecords, storage: Storage) -> None:
        self._frame = frame
        self._records = records
        self._storage = storage

    def read(self, kind: Kind, members: object) -> tuple[str, str, str]:
        """Name, description and family id of a body's `DataSource`, `TrainedModel` or `Transform`.

        Raises:
            Refusal: 400, or 409 for a name that another family has.
        """
        if not isinstance(members, Mapping):
            raise bad_argument("RequestBodyInvalid", f"The members of the {NOUNS[kind]} are missing.")
        name = members.get("Name")
        if not isinstance(name, str) or not name.strip():
            raise bad_argument("BadParameterValue", f"Name, the name of the {NOUNS[kind]}, is missing.")
        family = str(members.get("FamilyId") or "").lower()
        if family and not self._records.family(kind, family):
            raise bad_argument("BadParameterValue", f"There is no {NOUNS[kind]} family {family}.")
        self._check_name(kind, name, family)
        return name, str(members.get("Description") or ""), family

    def _check_name(self, kind: Kind, name: str, family: str) -> None:
        """409 (section 6; for uploads: azureml's own test of a live workspace); the detail code is a guess."""
        knobs = self._frame.knobs
        if knobs.text("studio-name-taken") == "allow":
            return
        exact = knobs.text("studio-name-case") == "exact"
        others = [one for one in self._records.named(kind, name) if one.family != family]
        if any(one.name == name or not exact for one in others):
            detail = (
                "AssetNameInUse",
                f"A {NOUNS[kind]} named {name!r} exists already; name its FamilyId to replace it.",
            )
            raise Refusal(409, "Conflict", "The resource exists already.", [detail])

    def add(self, kind: Kind, wish: Wish, source: Place | Draft, *, due: float = 0.0, outcome: str = "") -> Asset:
        """A new version of the wished family, with its own copy of the bytes at `source`, or with that file.

        Raises:
            Refusal: 400, the bytes are gone.
        """
        upload = wish.upload or uuid4().hex
        place = Place(container=UPLOADS, name=f"{uuid4().hex}{wish.extension}")
        if isinstance(source, Draft):
            self._storage.put(place, source)
        elif self._storage.copy(source, place) is None:
            raise bad_argument("BlobNotFound", "The uploaded resource is not there any more.")
        family, batch = wish.family or uuid4().hex, self._records.next_batch()
        before = self._records.family(kind, family)
        identifier = f"{wish.workspace}.{family}.v1-default-{batch}"
        asset = Asset(
            kind=kind,
            id=identifier,
            family=family,
            name=wish.name,
            batch=batch,
            body=self._body(kind, wish, identifier, family, batch, upload, self._storage.size(place), len(before)),
            place=place,
            due=due,
            outcome=outcome,
        )
        self._records.put_asset(asset)
        return asset

    def adopt(self, kind: Kind, wish: Wish, identifier: str, place: Place | None) -> None:
        """An asset under an id that is known already, whose bytes lie at `place`; nothing when it is there.

        Its `Size` is 0, as in the recorded list: the content may be only promised.
        """
        if self._records.asset(kind, identifier) is not None:
            return
        _, family, version = identifier.split(".")
        batch = int(version.rpartition("-")[2])
        body = self._body(kind, wish, identifier, family, batch, wish.upload or uuid4().hex, 0, 0)
        self._records.put_asset(
            Asset(kind=kind, id=identifier, family=family, name=wish.name, batch=batch, body=body, place=place)
        )

    def _body(
        self, kind: Kind, wish: Wish, identifier: str, family: str, batch: int, upload: str, size: int, version: int
    ) -> dict[str, Any]:
        """In the order of the recorded list of trained models; datasets begin as `azureml` reads them."""
        now = self._frame.clock.now()
        head: dict[str, Any] = {"Language": {"Language": "DotNet", "Version": "4.5.0"}}
        if kind == "dataset":
            head = {"VisualizeEndPoint": None, "SchemaEndPoint": None, "SchemaStatus": None}
        return {
            **head,
            "Id": identifier,
            "DataTypeId": wish.data_type,
            "Name": wish.name,
            "Description": wish.description,
            "FamilyId": family,
            "ResourceUploadId": upload,
            "SourceOrigin": wish.origin,
            "Size": size,
            "CreatedDate": date(now),
            "Owner": wish.owner,
            "ExperimentId": wish.experiment,
            "ClientVersion": None,
            "PromotedFrom": wish.promoted_from,
            "UploadedFromFilename": wish.file_name,
            "ServiceVersion": version,
            "IsLatest": True,
            "Category": None,
            "DownloadLocation": None,
            "IsDeprecated": False,
            "Culture": "default",
            "Batch": batch,
            "CreatedDateTicks": ticks(now),
        }


def ticks(moment: float) -> int:
    """`CreatedDateTicks`, to the millisecond of `CreatedDate`."""
    return _EPOCH_TICKS + round(moment * 1000) * 10_000


def shown(asset: Asset) -> dict[str, Any]:
    """The document of an asset as lists have it."""
    return {**asset.body, "IsLatest": asset.latest}
