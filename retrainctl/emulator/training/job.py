"""One batch job, from files to files: what a worker process is asked to do, and what it answers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from retrainctl.emulator.training.failure import ModuleFailed, library_failure
from retrainctl.emulator.training.graph import GraphInvalid, read_graph
from retrainctl.emulator.training.modules import TrainedModel, model_from
from retrainctl.emulator.training.run import run
from retrainctl.emulator.training.table import Table, csv_form, read_csv, write_csv


def perform(request: Mapping[str, Any]) -> dict[str, Any]:
    """Run a job.

    Args:
        request: `id`, `definition` (package, assets, parameters), `parameters` (by name), `inputs` and `imports`
            (port or node id to `{parts, name}`), `models` (resource name to parts), `outputs` (port to
            `{file, name}`). Parts are paths of files to be read one after the other; `name` tells the format by its
            ending; `file` is the path to write.

    Returns:
        `{"outputs": {port: {"size", "md5", "model"}}}`, or `{"failed": "the text for Details"}`.
    """
    identifier = str(request["id"])
    try:
        graph = read_graph(request["definition"]).bound(request["parameters"])
        values = run(
            graph,
            request["outputs"],
            inputs={port: read_table(place, "Web service input") for port, place in request["inputs"].items()},
            imports={node: read_table(place, "Import Data") for node, place in request["imports"].items()},
            models={name: model_from(read_parts(parts), name) for name, parts in request["models"].items()},
        )
    except ModuleFailed as error:
        return {"failed": error.details(identifier)}
    except GraphInvalid as error:
        return {"failed": library_failure("Web service", str(error)).details(identifier)}
    return {"outputs": {port: _write(values[port], place) for port, place in request["outputs"].items()}}


def read_parts(parts: Sequence[str]) -> bytes:
    """The bytes of a blob, from the files of its contents."""
    return b"".join(Path(part).read_bytes() for part in parts)


def read_table(place: Mapping[str, Any], module: str) -> Table:
    """A data blob, `{parts, name}`, for a module. Raises `ModuleFailed`."""
    header, separator = csv_form(place["name"])
    return read_csv(read_parts(place["parts"]), module, header=header, separator=separator)


def _write(value: Table | TrainedModel, place: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(value, TrainedModel):
        data = value.data
    else:
        header, separator = csv_form(place["name"])
        data = write_csv(value, header=header, separator=separator)
    Path(place["file"]).write_bytes(data)
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return {"size": len(data), "md5": digest.hex(), "model": isinstance(value, TrainedModel)}
