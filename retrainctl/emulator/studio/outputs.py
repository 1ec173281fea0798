"""What nodes of experiments put out: written by runs, read by downloads and promotions (classic-api.md 6.2, 6.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from retrainctl.emulator.blob.contents import Draft
from retrainctl.emulator.store import Store
from retrainctl.emulator.studio.storage import OUTPUTS, Place, Storage

DDL: Final = """
CREATE TABLE IF NOT EXISTS studio_output(
  experiment TEXT, node TEXT, port TEXT COLLATE NOCASE, kind TEXT NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY(experiment, node, port)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output port's value after a run.

    Attributes:
        port: as it was put, which is how the graph spells it.
        kind: the data type: `Dataset`, `GenericCSV`, `ILearnerDotNet`, `ITransformDotNet` ...
        place: the blob with the bytes, in the account `storage.ACCOUNT`.
    """

    experiment: str
    node: str
    port: str
    kind: str
    place: Place


class Outputs:
    """Outputs by experiment, node and port; callers hold the transaction. A later run replaces what it puts again."""

    def __init__(self, store: Store, storage: Storage) -> None:
        self._store = store
        self.storage = storage

    def put(
        self, experiment: str, node: str, port: str, content: Draft | bytes, *, kind: str, extension: str = ""
    ) -> Output:
        """Keep a port's value.

        Args:
            experiment: its `ExperimentId`.
            content: the bytes, or a file that was written below `storage.shelf.contents.new_draft()`.
            extension: of the blob's name, such as `.csv` or `.ilearner`.
        """
        self._drop(self._found(experiment, node, port))
        place = Place(container=OUTPUTS, name=f"{uuid4().hex}{extension}")
        self.storage.put(place, content)
        self._store.run(
            "INSERT OR REPLACE INTO studio_output VALUES(?,?,?,?,?)", experiment, node, port, kind, place.name
        )
        return Output(experiment=experiment, node=node, port=port, kind=kind, place=place)

    def of(self, experiment: str, node: str | None = None) -> list[Output]:
        """All outputs of an experiment, or of one of its nodes."""
        rows = self._store.rows(
            "SELECT node, port, kind, name FROM studio_output WHERE experiment=? AND (?2 IS NULL OR node=?2)"
            " ORDER BY node, port",
            experiment,
            node,
        )
        return [_output(experiment, *row) for row in rows]

    def forget(self, experiment: str) -> None:
        """Drop all outputs of an experiment, blobs and all."""
        for output in self.of(experiment):
            self._drop(output)

    def endpoint(self, output: Output, base: str) -> dict[str, Any]:
        """A member of `OutputEndpoints` (6.2), signed anew: build it for each answer, do not store it.

        Args:
            base: `Call.base` of the request that is answered.
        """
        size = self.storage.size(output.place)
        return self.storage.endpoint(output.place, base, name=output.port, file_type=output.kind, size=size)

    def _found(self, experiment: str, node: str, port: str) -> Output | None:
        row = self._store.row(
            "SELECT node, port, kind, name FROM studio_output WHERE experiment=? AND node=? AND port=?",
            experiment,
            node,
            port,
        )
        return None if row is None else _output(experiment, *row)

    def _drop(self, output: Output | None) -> None:
        if output is None:
            return
        self._store.run(
            "DELETE FROM studio_output WHERE experiment=? AND node=? AND port=?",
            output.experiment,
            output.node,
            output.port,
        )
        self.storage.drop(output.place)


def output_of(records: Outputs, experiment: Mapping[str, Any], node: str, port: str) -> Output | None:
    """The value of a port, found without regard to the case of its name (section 9); None where there is none.

    Args:
        experiment: a document as 6.2 describes it.
    """
    found = records.of(experiment["ExperimentId"], node)
    return next((output for output in found if output.port.casefold() == port.casefold()), None)


def _output(experiment: str, node: str, port: str, kind: str, name: str) -> Output:
    place = Place(container=OUTPUTS, name=name)
    return Output(experiment=experiment, node=node, port=port, kind=kind, place=place)
