"""Saving what a node of an experiment put out as an asset (classic-api.md 6.4)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from retrainctl.emulator.classic.dialect import bad_argument
from retrainctl.emulator.exchange import Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.studio.asset_records import Asset, Kind
from retrainctl.emulator.studio.dialect import missing
from retrainctl.emulator.studio.outputs import Output, Outputs, output_of
from retrainctl.emulator.studio.records import Records
from retrainctl.emulator.studio.versions import NOUNS, Versions, Wish

MEMBERS: Final[dict[Kind, tuple[str, str]]] = {
    "model": ("TrainedModel", "ILearnerDotNet"),
    "transform": ("Transform", "ITransformDotNet"),
    "dataset": ("DataSource", "Dataset"),
}
"""Kind to the member of the body that describes it, and the data type as lists spell it (6.1: requests differ)."""


class Promotion:
    """Promotes; callers hold the transaction."""

    def __init__(self, frame: Frame, experiments: Records, outputs: Outputs, versions: Versions) -> None:
        self._frame = frame
        self._experiments = experiments
        self._outputs = outputs
        self._versions = versions

    def promote(self, kind: Kind, wish: Mapping[str, Any]) -> Asset:
        """A new asset, or a new version, with a copy of the output's bytes.

        Raises:
            Refusal: 404 for the experiment, 409 for the name, 400 for everything else that is wrong.
        """
        member, data_type = MEMBERS[kind]
        name, description, family = self._versions.read(kind, wish.get(member))
        given = str(wish[member].get("DataTypeId") or data_type)
        if given.casefold() != data_type.casefold():
            raise bad_argument("DataTypeNotSupported", f"A {NOUNS[kind]} has the data type {data_type}, not {given}.")
        output = self._output(wish)
        found = output.kind.casefold()
        if found in _MODELS if kind == "dataset" else found != data_type.casefold():
            raise bad_argument("DataTypeNotSupported", f"The output {output.port} is a {output.kind}, no {data_type}.")
        origin = str(wish[member].get("SourceOrigin") or "FromOutputPromotion")
        return self._versions.add(
            kind,
            Wish(
                name=name,
                description=description,
                family=family,
                data_type=data_type,
                origin=origin,
                experiment=output.experiment,
                promoted_from=f"{output.experiment}.{output.node}.{output.port}",
                extension=PurePosixPath(output.place.name).suffix,
            ),
            output.place,
            outcome="Complete" if kind == "dataset" else "",
        )

    def _output(self, wish: Mapping[str, Any]) -> Output:
        identifier = str(wish.get("ExperimentId") or "")
        experiment = self._experiments.experiment(identifier)
        if experiment is None:
            raise missing("experiment", identifier)
        state = experiment["Status"]["StatusCode"]
        if state != "Finished" and self._frame.knobs.text("studio-promote-unfinished") == "reject":
            raise Refusal(
                400,
                "InvalidOperation",
                f"The experiment must have finished a run first; it is {state}.",
            )
        node, port = str(wish.get("ModuleNodeId") or ""), str(wish.get("OutputName") or "")
        output = output_of(self._outputs, experiment, node, port)
        if output is None:
            raise bad_argument("BadParameterValue", f"The node {node!r} has no output {port!r} to promote.")
        return output


_MODELS: Final = frozenset(data_type.casefold() for _, data_type in (MEMBERS["model"], MEMBERS["transform"]))
