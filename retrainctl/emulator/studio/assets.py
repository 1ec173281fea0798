"""Trained models and transforms: list, promote from a node's output (classic-api.md 6, 6.1, 6.4)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from retrainctl.emulator.classic.dialect import json_body
from retrainctl.emulator.exchange import Answer, Call
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.routing import Route
from retrainctl.emulator.studio.asset_records import AssetRecords, Kind
from retrainctl.emulator.studio.dialect import StudioDialect, created
from retrainctl.emulator.studio.promotion import Promotion
from retrainctl.emulator.studio.versions import shown
from retrainctl.emulator.studio.workspace import BASE

COLLECTIONS: Final[dict[str, Kind]] = {"trainedmodels": "model", "transformmodules": "transform"}


class Assets:
    """The handlers."""

    def __init__(self, frame: Frame, records: AssetRecords, promotion: Promotion) -> None:
        self._frame = frame
        self._records = records
        self._promotion = promotion

    def routes(self, dialect: StudioDialect) -> Iterable[Route]:
        for name, kind in COLLECTIONS.items():
            pattern = f"{BASE}/{name}"
            yield Route(methods="GET", pattern=pattern, handler=partial(self._list, kind), dialect=dialect)
            yield Route(methods="POST", pattern=pattern, handler=partial(self._promote, kind), dialect=dialect)

    def _list(self, kind: Kind, call: Call) -> Answer:
        del call
        old = self._frame.knobs.text("studio-lists") == "all"
        return Answer(body=[shown(asset) for asset in self._records.assets(kind, old=old)])

    def _promote(self, kind: Kind, call: Call) -> Answer:
        return created(self._frame, self._promotion.promote(kind, json_body(call)).id)
