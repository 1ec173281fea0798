"""Request-response scoring: rows in, rows out, at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from time import perf_counter
from typing import Any, Final

from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.scoring.dialect import bad_argument, bad_input, json_body
from retrainctl.emulator.scoring.parameters import bind
from retrainctl.emulator.scoring.services import LoadedModels, Services
from retrainctl.emulator.scoring.wire import read_inputs, write_table
from retrainctl.emulator.serving import Serving
from retrainctl.emulator.training.failure import ModuleFailed
from retrainctl.emulator.training.graph import Graph, text_of
from retrainctl.ilearner.errors import IlearnerError

NOTES_HEADER: Final = "x-retrainctl-notes"
"""How many notes an answer carries in its member `Notes`: what the emulator did not do as the service would have."""


class Execute:
    """`POST A/execute`."""

    def __init__(self, frame: Frame, services: Services) -> None:
        self._frame = frame
        self._services = services
        self._loaded = LoadedModels()
        self._under_way: Counter[str] = Counter()

    async def answer(self, call: Call) -> Answer:
        """Score.

        Raises:
            Refusal: 400 for a bad request or data that a module refuses, 503 above the endpoint's concurrency.
        """
        serving = self._services.admitted(call)
        if self._frame.knobs.on("rrs-throttle") and self._under_way[serving.owner] >= serving.most_calls:
            raise Refusal(
                503,
                "ServiceUnavailable",
                "Service is temporarily unavailable.",
                [("RequestThrottled", f"The maximum concurrency for the endpoint is {serving.most_calls}.")],
            )
        self._under_way[serving.owner] += 1
        try:
            return await self._scored(call, serving)
        finally:
            self._under_way[serving.owner] -= 1

    async def _scored(self, call: Call, serving: Serving) -> Answer:
        graph = self._services.graph(serving)
        trains = any(node.module == "Train Model" for node in graph.nodes.values())
        if trains:
            raise bad_argument(
                "WebServiceTypeInvalid", "This web service trains a model: the emulator runs it as a batch job only."
            )
        body = json_body(call)
        graph = bind(graph, body.get("GlobalParameters"))
        outputs = [name for name in graph.outputs if not graph.delivers_model(name)]
        ports = _mapping(_mapping(serving.properties.get("input")).get("properties"))
        contents = self._services.models(serving, graph)
        files = {name: self._services.files(parts) for name, parts in contents.items()}

        def work() -> tuple[dict[str, Any], list[str]]:
            tables = read_inputs(body.get("Inputs"), list(graph.inputs), ports)
            models = {name: self._loaded.get(parts, files[name], name) for name, parts in contents.items()}
            return _run(graph, outputs, tables, models, serving.properties)

        began = perf_counter()
        try:
            results, notes = await asyncio.to_thread(work)
        except ModuleFailed as error:
            raise Refusal(
                400,
                "ModuleExecutionError",
                f"Module execution encountered an error in {error.module}.",
                [(error.kind, error.text)],
            ) from error
        self._services.used(serving, perf_counter() - began)
        details = call.query.get("details", "").lower() == "true"
        swagger = call.query.get("format", "").lower() == "swagger"
        shown = {name: write_table(table, details=details, swagger=swagger) for name, table in results.items()}
        if not notes:
            return Answer(body={"Results": shown})
        return Answer(body={"Results": shown, "Notes": notes}, headers=[(NOTES_HEADER, str(len(notes)))])


def _run(
    graph: Graph, outputs: list[str], inputs: dict[str, Any], models: dict[str, Any], properties: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The result tables, and what was not done as the service would have done it."""
    from retrainctl.emulator.training.run import UnknownModule, run

    try:
        return run(graph, outputs, inputs=inputs, imports={}, models=models), []
    except UnknownModule:
        if len(inputs) != 1 or len(outputs) != 1:
            raise
        return _beside_unknown_modules(outputs[0], inputs, models, properties)


def _beside_unknown_modules(
    output: str, inputs: dict[str, Any], models: dict[str, Any], properties: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The model's own scores, past modules that the emulator does not have; said in the notes.

    Raises:
        ModuleFailed: what stands before the model would change the values that it needs.
    """
    from retrainctl.emulator.training.modules import TrainedModel
    from retrainctl.emulator.training.table import from_cells
    from retrainctl.ilearner.service import read_service
    from retrainctl.ilearner.serving import score_service

    ((port, table),) = inputs.items()
    scorable = [model for model in models.values() if isinstance(model, TrainedModel)]
    if len(scorable) != 1:
        raise bad_input("InputMismatchError", "The emulator cannot tell which model this graph scores with.")
    try:
        scored = score_service(read_service(_plain(properties), port=port), scorable[0].scorer, table.records())
    except IlearnerError as error:
        raise ModuleFailed("Score Model", "1000", "LibraryException", error.message) from error
    names = list(scored.rows[0]) if scored.rows else []
    columns = [[row[name] for row in scored.rows] for name in names]
    return {output: from_cells(names, columns)}, list(scored.notes)


def _plain(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The definition with module parameters as texts, the only form that the model reader knows."""
    package = _mapping(properties.get("package"))
    nodes = {
        name: {**node, "parameters": {key: text_of(value) for key, value in _mapping(node.get("parameters")).items()}}
        for name, node in _mapping(package.get("nodes")).items()
    }
    return {**properties, "package": {**package, "nodes": nodes}}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
