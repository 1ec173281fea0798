"""Batch jobs: an endpoint is called, a deployment's model scores files, its predictions lie in a datastore.

The first answer is as recorded (R23); what a job shows later, and how its file looks, is documented only: one line per
row, without names: its number, the predictions, the file that it came from.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from uuid import uuid4

from retrainctl.emulator.azureml.invoking import DEPLOYMENT, FrontDoor
from retrainctl.emulator.azureml.models import DATASTORE, Models
from retrainctl.emulator.azureml.serving import ModelFailed, Serving
from retrainctl.emulator.azureml.workspace import LOCATION, PATTERN, SCOPE, Provider, Workspace, view
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.operations import EffectFailed, Operation
from retrainctl.emulator.resources import Resource
from retrainctl.emulator.routing import Route

_RUN: Final = "azureml.batchJob"
_OUTPUT: Final = "score"
_ENDED: Final = {"Succeeded": "Completed", "Failed": "Failed", "Canceled": "Canceled"}
_WORDS: Final = (("careful", "bold", "calm", "keen", "plum"), ("bulb", "sail", "root", "pear", "drum"))
_OVERRIDES: Final = ("outputFileName", "errorThreshold", "miniBatchSize", "retrySettings")


class Jobs:
    """The handlers."""

    def __init__(self, workspace: Workspace, models: Models, serving: Serving, dialect: Provider) -> None:
        self._workspace = workspace
        self._models = models
        self._serving = serving
        self._dialect = dialect
        self._resources = workspace.frame.resources
        self._operations = workspace.frame.operations
        self._operations.define(_RUN, self._ran, self._left)

    def routes(self) -> Iterable[Route]:
        door = FrontDoor()
        jobs = "/inference/{endpoint}/jobs"
        yield Route(methods="POST", pattern=jobs, handler=self._post, dialect=door)
        yield Route(methods="GET", pattern=jobs + "/{job}", handler=self._get, dialect=door)
        cancel = self._workspace.scoped(self._cancel)
        yield Route(methods="POST", pattern=PATTERN + "/jobs/{job}/cancel", handler=cancel, dialect=self._dialect)

    def _post(self, call: Call) -> Answer:
        endpoint = self._endpoint(call)
        deployment = self._deployment(call, endpoint)
        wish = call.json().get("properties") or {}
        inputs = {name: _input(given) for name, given in (wish.get("inputData") or {}).items()}
        if not inputs:
            raise Refusal(400, "BadRequest", "The job has no inputData.")
        name = f"batchjob-{uuid4()}"
        properties = _described(deployment, inputs, wish)
        made = self._workspace.save(f"{deployment.id}/jobs/{name}", {}, properties)
        self._operations.start(call, _RUN, made.id, LOCATION, {key: wish[key] for key in _OVERRIDES if key in wish})
        place = f"https://{LOCATION}.api.azureml.ms/mferp/managementfrontend{deployment.id}"
        headers = [(DEPLOYMENT, deployment.name), ("Location", f"{place}?api-version=2020-09-01-dataplanepreview")]
        return Answer(status=201, body=view(made), headers=headers, wrote=True)

    def _get(self, call: Call) -> Answer:
        """By its name, or by the id in its name."""
        wanted = "batchjob-" + call.params["job"].removeprefix("batchjob-")
        for job in self._jobs(self._endpoint(call)):
            if job.name == wanted:
                body = view(job)
                if body["properties"]["status"] == "Preparing":
                    body["properties"]["status"] = "Running"
                return Answer(body=body)
        raise Refusal(404, "NotFound", f"There is no job {call.params['job']}.")

    def _cancel(self, call: Call) -> Answer:
        """By the name of its run; one that has ended stays as it is."""
        endpoints, _ = self._resources.children(SCOPE, "Microsoft.MachineLearningServices/workspaces/batchEndpoints")
        for job in (job for endpoint in endpoints for job in self._jobs(endpoint)):
            if job.body["properties"]["name"] == call.params["job"]:
                if job.body["properties"]["status"] == "Preparing":
                    self._show(job, status="Canceled")
                return Answer(status=200, wrote=True)
        raise Refusal(404, "NotFound", f"There is no job {call.params['job']}.")

    def _endpoint(self, call: Call) -> Resource:
        """Batch endpoints take Microsoft Entra tokens alone."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._workspace.frame.identity.accepts(token):
            raise Refusal(401, "Unauthorized", "The token is missing or wrong.")
        found = self._resources.get(f"{SCOPE}/batchEndpoints/{call.params['endpoint']}")
        if found is None:
            raise Refusal(404, "NotFound", "There is no such endpoint.")
        return found

    def _deployment(self, call: Call, endpoint: Resource) -> Resource:
        """The one that the header names, else the endpoint's default (R23)."""
        default = (endpoint.body["properties"].get("defaults") or {}).get("deploymentName")
        named = call.headers.get(DEPLOYMENT, default)
        found = None if named is None else self._resources.get(f"{endpoint.id}/deployments/{named}")
        if found is None or found.body["properties"]["provisioningState"] != "Succeeded":
            raise Refusal(404, "NotFound", "No deployment takes this job.")
        return found

    def _jobs(self, endpoint: Resource) -> Iterator[Resource]:
        kind = "Microsoft.MachineLearningServices/workspaces/batchEndpoints/deployments"
        for deployment in self._resources.children(endpoint.id, kind)[0]:
            for listed in self._resources.children(deployment.id, f"{kind}/jobs")[0]:
                if (job := self._resources.get(listed.id)) is not None:
                    yield job

    # Running

    def _ran(self, operation: Operation) -> None:
        job = self._resources.get(operation.subject)
        if job is None or job.body["properties"]["status"] != "Preparing":
            return
        deployment = self._workspace.find(job.id.rpartition("/jobs/")[0])
        settings = {**deployment.body["properties"], **operation.arguments}
        properties = job.body["properties"]
        lines: list[list[object]] = []
        failures: list[str] = []
        for given in properties["inputData"].values():
            for name, data in self._files(given):
                try:
                    lines += _lines(name, self._serving.run(deployment, _rows(name, data)))
                except ModelFailed as error:
                    failures.append(f"{name}: {error}")
        if 0 <= settings["errorThreshold"] < len(failures):
            raise EffectFailed("UserError", f"{len(failures)} files failed, the first: {failures[0]}")
        outputs = properties.get("outputData") or {_OUTPUT: _default_output(job)}
        self._write(outputs, settings, lines)
        self._show(job, status="Completed", outputData=outputs)

    def _files(self, given: Mapping[str, Any]) -> list[tuple[str, bytes]]:
        """Raises `EffectFailed` where nothing is found."""
        found = self._models.files(str(given["uri"])) if "uri" in given else []
        if not found:
            raise EffectFailed("UserError", f"There is no data at {str(given.get('uri')).partition('?')[0]}.")
        return found

    def _write(self, outputs: Mapping[str, Any], settings: Mapping[str, Any], lines: list[list[object]]) -> None:
        if settings["outputAction"] != "AppendRow":
            return
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(lines)
        for given in outputs.values():
            uri = str(given["uri"])
            if given["jobOutputType"] != "UriFile":
                uri = f"{uri.rstrip('/')}/{settings['outputFileName']}"
            if not self._models.keep_at(uri, text.getvalue().encode()):
                raise EffectFailed(
                    "UserError", f"The output {uri.partition('?')[0]} is in no datastore of the emulator."
                )

    def _left(self, operation: Operation, state: str) -> None:
        """A fault, or a job that failed by itself. What a failed job says beside its state is not known."""
        job = self._resources.get(operation.subject)
        if job is not None:
            self._show(job, status=_ENDED[state])

    def _show(self, job: Resource, **properties: Any) -> None:
        job.body["properties"] = {**job.body["properties"], **properties}
        self._resources.put(job)


def _input(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": None, "mode": "ReadOnlyMount", **given}


def _default_output(job: Resource) -> dict[str, Any]:
    run = job.body["properties"]["name"]
    return {"jobOutputType": "UriFolder", "uri": f"azureml://datastores/{DATASTORE}/paths/azureml/{run}/{_OUTPUT}/"}


def _described(deployment: Resource, inputs: Mapping[str, Any], wish: Mapping[str, Any]) -> dict[str, Any]:
    """A job as its first answer shows it (R23)."""
    settings = {**deployment.body["properties"], **{name: wish[name] for name in _OVERRIDES if name in wish}}
    told = {
        "run_max_try": settings["retrySettings"]["maxRetries"],
        "run_invocation_timeout": str(settings["retrySettings"]["timeout"]).strip("PTS"),
        "mini_batch_size": settings["miniBatchSize"],
        "error_threshold": settings["errorThreshold"],
        "logging_level": settings["loggingLevel"].upper(),
        "process_count_per_node": settings["maxConcurrencyPerInstance"],
        "legacy_model_job": False,
        "NodeCount": settings["resources"]["instanceCount"],
        "append_row_file_name": settings["outputFileName"],
    }
    parameters = json.dumps({name: str(value) for name, value in told.items()}, separators=(",", ":"))
    nothing = dict.fromkeys(("location", "instanceType", "properties"))
    properties = {
        "provisioningState": "Succeeded",
        "inputData": dict(inputs),
        "compute": {"target": settings["compute"], "instanceCount": None, "isLocal": False, **nothing},
        "output": {"datastoreId": None, "path": None},
        "retrySettings": settings["retrySettings"],
        "status": "Preparing",
        "interactionEndpoints": {},
        "tags": {
            "outputType": "output_data",
            "inputType": "input_data",
            "azureml.batchrun": "true",
            "azureml.deploymentname": deployment.name,
            "azureml.jobtype": "azureml.batchjob",
        },
        "properties": {"azureml.parameters": parameters},
        "name": "_".join((*map(random.choice, _WORDS), uuid4().hex[:8])),
    }
    return {**properties, **({"outputData": wish["outputData"]} if wish.get("outputData") else {})}


def _rows(name: str, data: bytes) -> list[dict[str, Any]]:
    """The rows of a CSV file with names in its first line, numbers as numbers. Raises `ModelFailed`."""
    if not name.lower().endswith(".csv"):
        raise ModelFailed("Only .csv files are read by the emulator.")
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig")), strict=True)
        return [{column: _value(text) for column, text in row.items()} for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ModelFailed(f"It is no CSV file: {error}") from error


def _value(text: Any) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except (TypeError, ValueError):
            continue
    return text or None


def _lines(name: str, scores: Iterable[Mapping[str, object]]) -> list[list[object]]:
    return [[number, *row.values(), name.rpartition("/")[2]] for number, row in enumerate(scores)]
