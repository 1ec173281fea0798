"""The room of the Studio API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from retrainctl.emulator.classic.dialect import not_found
from retrainctl.emulator.classic.room import ClassicRoom
from retrainctl.emulator.exchange import Answer, Call
from retrainctl.emulator.frame import Frame, Section
from retrainctl.emulator.knobs import Knob
from retrainctl.emulator.routing import Route
from retrainctl.emulator.studio import asset_records, others, outputs, packages, run_records
from retrainctl.emulator.studio import records as rows
from retrainctl.emulator.studio.asset_records import AssetRecords
from retrainctl.emulator.studio.asset_seeding import AssetSeeding
from retrainctl.emulator.studio.assets import Assets
from retrainctl.emulator.studio.datasets import Datasets
from retrainctl.emulator.studio.deploying import Deploying
from retrainctl.emulator.studio.dialect import StudioDialect
from retrainctl.emulator.studio.experiments import Experiments
from retrainctl.emulator.studio.knobs import KNOBS
from retrainctl.emulator.studio.modules import Modules
from retrainctl.emulator.studio.other_seeding import OtherSeeding
from retrainctl.emulator.studio.others import Documents, Others
from retrainctl.emulator.studio.outputs import Outputs
from retrainctl.emulator.studio.package_zip import Packer
from retrainctl.emulator.studio.packages import Packages
from retrainctl.emulator.studio.promotion import Promotion
from retrainctl.emulator.studio.records import Records
from retrainctl.emulator.studio.run_knobs import RUN_KNOBS
from retrainctl.emulator.studio.run_records import RunRecords
from retrainctl.emulator.studio.running import Runs
from retrainctl.emulator.studio.seeding import Seeding
from retrainctl.emulator.studio.storage import Storage
from retrainctl.emulator.studio.uploads import Uploads
from retrainctl.emulator.studio.versions import Versions
from retrainctl.emulator.studio.workspace import BASE, Workspace


class StudioRoom:
    """`https://studioapi.azureml.net/api/`, served as `/api/`; what it deploys is in the Classic room."""

    name = "studio"
    tables = rows.DDL + asset_records.DDL + outputs.DDL + run_records.DDL + packages.DDL + others.DDL
    knobs: tuple[Knob, ...] = KNOBS + RUN_KNOBS

    def enter(self, frame: Frame) -> None:
        self._frame = frame
        classic = next(room for room in frame.rooms if isinstance(room, ClassicRoom))
        self._records = Records(frame.store)
        self._storage = Storage(frame)
        self._outputs = Outputs(frame.store, self._storage)
        self._assets = AssetRecords(frame.store)
        self._versions = Versions(frame, self._assets, self._storage)
        self._modules = Modules(frame, self._assets, self._storage)
        self._asset_seeding = AssetSeeding(self._assets, self._storage, self._versions, self._modules)
        self._workspace = Workspace(frame, self._records)
        under_way = RunRecords(frame.store)
        self._runs = Runs(frame, self._records, under_way, self._outputs, self._assets)
        self._experiments = Experiments(frame, self._records, self._runs, self._outputs)
        self._deploying = Deploying(frame, self._records, self._runs, classic.records, classic.deployments)
        self._documents = Documents(frame.store)
        self._other_seeding = OtherSeeding(frame.clock, self._records, self._documents)
        packer = Packer(self._experiments, self._runs, under_way, self._assets, self._storage)
        self._packages = Packages(frame, self._records, self._storage, packer)
        self._seeding = Seeding(
            self._records,
            under_way,
            self._experiments,
            self._outputs,
            self._assets,
            self._versions,
            classic.records,
            self._documents,
        )

    def furnish(self) -> None:
        """A new workspace has no experiments; what was under way before a reset is over."""
        self._runs.stop()

    def routes(self) -> Iterable[Route]:
        dialect = StudioDialect(self._frame)
        yield from self._workspace.routes(dialect)
        yield from self._experiments.routes(dialect)
        yield from self._deploying.routes(dialect)
        yield from self._packages.routes(dialect)
        yield from self._asset_routes(dialect)
        yield from Others(self._frame, self._records, self._documents).routes(dialect)
        yield Route(methods="*", pattern=BASE + "/{*rest}", handler=_unknown, dialect=dialect)

    def _asset_routes(self, dialect: StudioDialect) -> Iterable[Route]:
        promotion = Promotion(self._frame, self._records, self._outputs, self._versions)
        yield from Uploads(self._frame, self._assets, self._storage).routes(dialect)
        yield from Datasets(self._frame, self._assets, self._storage, self._versions, promotion).routes(dialect)
        yield from Assets(self._frame, self._assets, promotion).routes(dialect)
        yield from self._modules.routes(dialect)

    def sections(self) -> Mapping[str, Section]:
        own = {**self._asset_seeding.sections(), "experiments": self._seeding.experiments}
        return {**own, **self._other_seeding.sections()}

    def controls(self) -> Mapping[tuple[str, str], Callable[[Call], Any]]:
        """As `control.Controllable` asks: there are none."""
        return {}

    def holdings(self) -> Mapping[str, int]:
        """As `control.Controllable` asks."""
        count = len(self._records.experiments())
        counts = {**self._assets.counts(), **self._documents.counts()}
        kept = {f"studio/{kind}s": number for kind, number in counts.items()}
        return {**({"studio/experiments": count} if count else {}), **kept}


def _unknown(call: Call) -> Answer:
    raise not_found("ResourceNotFound", f"The emulator has no {call.method} {call.path} in the Studio API.")
