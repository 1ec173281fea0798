"""A batch endpoint of Azure Machine Learning v2, asked for jobs: azureml-v2.md sections 2.4 and 9.

Implements `ports.CallableService`, of which its half of scoring at once is refused. Where a job's predictions go is
always said to the service: what it chooses by itself, it tells in another API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from retrainctl.model.values import JsonObject
from retrainctl.ports import (
    JobBlob,
    JobFailure,
    JobRequest,
    JobState,
    JobStatus,
    Pause,
    Rejected,
    ServicePorts,
    Unavailable,
)
from retrainctl.targets.azureml.client import AzuremlClient, value_of
from retrainctl.targets.azureml.registry import DATASTORE, FOLDER, container_of
from retrainctl.targets.services.workspace_endpoint import WorkspaceEndpoint

PORT: Final = "input"
SCORES: Final = "score"
_STATES: Final = {
    "completed": JobState.FINISHED,
    "failed": JobState.FAILED,
    "canceled": JobState.CANCELLED,
    "notstarted": JobState.NOT_STARTED,
    "queued": JobState.NOT_STARTED,
}
"""Everything else that a run can be in is on the way to one of these."""
_FILES: Final = (".csv", ".tsv", ".json", ".parquet")


class BatchService(WorkspaceEndpoint):
    """Without a deployment, the endpoint's default."""

    KIND = "batch"

    def __init__(self, client: AzuremlClient, endpoint: str, deployment: str | None = None) -> None:
        """Raises also `Unavailable` (RC640) for an endpoint without an address."""
        super().__init__(client, endpoint, deployment)
        if not self.location:
            raise Unavailable(f"batch endpoint {self.name} has no address yet", code="RC640", sent=False)

    def ports(self) -> ServicePorts:
        """One input and one output, whose columns only the model knows; nobody is asked."""
        return ServicePorts(inputs={PORT: ()}, outputs={SCORES: ()}, any_request=True)

    def score(self, request: JsonObject, pause: Pause | None = None) -> JsonObject:
        """Raises `Rejected`."""
        del request, pause
        raise Rejected(
            f"batch endpoint {self.name} runs jobs and does not answer at once",
            code="RC640",
            hint="Use `retrainctl batch`, or an online endpoint.",
            sent=False,
        )

    def check(self, request: JobRequest) -> None:
        """Raises `Rejected`."""
        if not request.inputs:
            why, next_step = "has nothing to read", "Pass --input."
        elif request.parameters:
            why, next_step = "takes no parameters", "Leave --parameter out."
        elif any(blob.sas is not None for blob in (*request.inputs.values(), *request.outputs.values())):
            why = "reads and writes as itself, and a signature would be kept with the job"
            next_step = "Pass the address without its query."
        else:
            return
        raise Rejected(f"a job of batch endpoint {self.name} {why}", code="RC640", hint=next_step, sent=False)

    def submit(self, request: JobRequest, pause: Pause) -> str:
        """The id is the end of the job's address."""
        plain = self._client.workspace_id.replace("/providers/Microsoft.MachineLearningServices", "")
        place = f"azureml:/{plain}/datastores/{DATASTORE}/paths/{FOLDER}/batch/{uuid4()}/"
        outputs = {port: blob.uri for port, blob in request.outputs.items()} or {SCORES: place}
        properties = {
            "inputData": {port: _data("jobInputType", blob.uri) for port, blob in request.inputs.items()},
            "outputData": {port: _data("jobOutputType", uri) for port, uri in outputs.items()},
        }
        answer = self._client.ask_batch(
            "POST",
            self.location,
            what=f"start a job of {self.name}",
            body={"properties": properties},
            deployment=self._deployment,
            pause=pause,
        )
        name = str(answer.get("id") or answer.get("name") or "").rpartition("/")[2]
        if not name:
            raise Unavailable(f"batch endpoint {self.name} took the job and gave no id for it", code="RC640")
        return name

    def start(self, job: str, pause: Pause) -> None:
        """It runs from the moment that it was submitted."""

    def status(self, job: str, pause: Pause) -> JobStatus:
        document = self._job(job, pause)
        said = str(value_of(document, "properties", "status") or "")
        state = _STATES.get(said.casefold(), JobState.RUNNING)
        if state is JobState.FAILED:
            return JobStatus(
                state=state, failure=JobFailure(message="the job failed; its log in the workspace says why")
            )
        if state is not JobState.FINISHED:
            return JobStatus(state=state)
        return JobStatus(state=state, results=self._results(document, pause))

    def cancel(self, job: str, pause: Pause) -> None:
        """By the name of its run, which the job tells."""
        run = value_of(self._job(job, pause), "properties", "name")
        if not isinstance(run, str) or not run:
            raise Rejected(
                f"job {job} does not say which run it is, so it cannot be canceled", code="RC640", sent=False
            )
        self._client.start("POST", f"{self._client.workspace_id}/jobs/{run}/cancel", pause=pause)

    def _job(self, job: str, pause: Pause) -> JsonObject:
        return self._client.ask_batch("GET", f"{self.location}/{job}", what=f"read job {job}", pause=pause)

    def _results(self, document: JsonObject, pause: Pause) -> dict[str, JobBlob]:
        """Where the predictions are; nothing for a job that does not say it."""
        outputs = value_of(document, "properties", "outputData")
        if not isinstance(outputs, Mapping):
            return {}
        deployment = str(document.get("id") or "").rpartition("/jobs/")[0]
        found = self._client.get(deployment, pause) if deployment else None
        file = value_of(found or {}, "properties", "outputFileName") or "predictions.csv"
        return {str(port): JobBlob(uri=self._blob(given, str(file))) for port, given in outputs.items()}

    def _blob(self, given: Any, file: str) -> str:
        """The blob behind an output's URI, which may be one of the datastore."""
        uri = str(value_of(given, "uri"))
        if str(value_of(given, "jobOutputType")).casefold() != "urifile":
            uri = f"{uri.rstrip('/')}/{file}"
        _, marker, path = uri.partition(f"/datastores/{DATASTORE}/paths/")
        if not marker:
            return uri
        return f"{container_of(self._client, self._client.workspace_id)}/{path}"


def _data(kind: str, uri: str) -> dict[str, str]:
    """A file by what its name ends with, else a folder."""
    path = unquote(urlsplit(uri).path)
    return {kind: "UriFile" if path.lower().endswith(_FILES) else "UriFolder", "uri": uri}
