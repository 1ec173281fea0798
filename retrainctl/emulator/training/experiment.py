"""One run of an experiment, from files to files: every node that can be run, and what each of its ports put out.

The counterpart of `training.job`, which runs what the outputs of a service need.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from retrainctl.emulator.training.failure import ModuleFailed
from retrainctl.emulator.training.graph import Graph, read_graph
from retrainctl.emulator.training.job import read_parts, read_table
from retrainctl.emulator.training.modules import Outputs, TrainedModel, model_from
from retrainctl.emulator.training.run import values_of
from retrainctl.emulator.training.table import Table, missing, show, write_csv

_SAMPLE: Final = 100
"""Rows that a visualization shows, as Studio's pages did (guess)."""


def perform(request: Mapping[str, Any]) -> dict[str, Any]:
    """Run an experiment.

    Args:
        request: `id`, `definition` (package, assets; parameters are settled in the nodes), `nodes` (ids, each after
            those that feed it), `imports` (node id to `{parts, name}`), `models` and `datasets` (resource name to
            `{parts, name, title}`), `folder` (where files may be made).

    Returns:
        `{"nodes": {id: {port: {"file", "size", "md5", "model", "shown": {"file", "size", "md5"}}}}, "failed": None or
        {"node", "details"}}`. Nodes after the one that failed are missing; so are ports that have no file: untrained
        models, and transforms.
    """
    graph = read_graph(request["definition"])
    folder = Path(request["folder"])
    done: dict[str, Outputs] = {}
    told: dict[str, Any] = {}
    for name in request["nodes"]:
        try:
            outputs = _outputs(graph, name, request, done)
        except ModuleFailed as error:
            return {"nodes": told, "failed": {"node": name, "details": error.details(str(request["id"]))}}
        done[name] = outputs
        told[name] = {port: _written(value, folder) for port, value in outputs.items() if _has_file(value)}
    return {"nodes": told, "failed": None}


def _outputs(graph: Graph, name: str, request: Mapping[str, Any], done: dict[str, Outputs]) -> Outputs:
    """Saved assets and imported data are read when a node needs them."""
    node = graph.nodes[name]
    for source in node.feeds.values():
        feeder = graph.nodes[source.node]
        if feeder.resource is not None and feeder.id not in done:
            done[feeder.id] = {"": _resource(feeder.resource, request)}
    imports = {}
    if node.module == "Import Data":
        imports = {name: read_table(request["imports"][name], "Import Data")}
    return values_of(node, done, inputs={}, imports=imports, models={})


def _resource(name: str, request: Mapping[str, Any]) -> TrainedModel | Table:
    if name in request["models"]:
        place = request["models"][name]
        return model_from(read_parts(place["parts"]), place["title"])
    place = request["datasets"][name]
    return read_table(place, place["title"])


def _has_file(value: Any) -> bool:
    return isinstance(value, (Table, TrainedModel))


def _written(value: Table | TrainedModel, folder: Path) -> dict[str, Any]:
    is_model = isinstance(value, TrainedModel)
    data = value.data if isinstance(value, TrainedModel) else write_csv(value)
    shown = json.dumps(_shown(value), ensure_ascii=False, allow_nan=False).encode()
    return {**_file(data, folder), "model": is_model, "shown": _file(shown, folder)}


def _file(data: bytes, folder: Path) -> dict[str, Any]:
    path = folder / uuid4().hex
    path.write_bytes(data)
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return {"file": str(path), "size": len(data), "md5": digest}


def _shown(value: Table | TrainedModel) -> dict[str, Any]:
    """What a page would show of a port. The form of the real documents is not known (guess)."""
    if isinstance(value, TrainedModel):
        columns = [{"name": column.name} for column in value.scorer.input_columns]
        return {"type": "learner", "label": value.label, "features": columns}
    rows = zip(*([show(cell) for cell in column[:_SAMPLE].tolist()] for column in value.columns), strict=True)
    return {
        "type": "table",
        "rows": value.rows,
        "columns": [_column(value, place) for place in range(len(value.names))],
        "sample": [list(row) for row in rows],
    }


def _column(table: Table, place: int) -> dict[str, Any]:
    values = table.columns[place]
    gaps = missing(values)
    told: dict[str, Any] = {
        "name": table.names[place],
        "type": "Numeric" if table.numeric(place) else "String",
        "missing": int(gaps.sum()),
    }
    present = values[~gaps]
    if table.numeric(place) and len(present):
        measures = {"mean": present.mean(), "min": present.min(), "max": present.max()}
        told |= {name: float(value) if isfinite(value) else None for name, value in measures.items()}
    elif not table.numeric(place):
        told["unique"] = len(set(present.tolist()))
    return told
