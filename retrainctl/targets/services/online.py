"""An online endpoint of Azure Machine Learning v2, called for scores: azureml-v2.md section 9.

Implements `ports.CallableService`, of which its half of batch jobs is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from retrainctl.model.values import JsonObject
from retrainctl.ports import JobRequest, JobStatus, Pause, Rejected, ServicePorts
from retrainctl.targets.services.workspace_endpoint import WorkspaceEndpoint

PORT: Final = "input_data"
"""What the one input of an endpoint is called here: the member that the MLflow scoring server takes rows in."""
ANSWER: Final = "predictions"


class OnlineService(WorkspaceEndpoint):
    """Without a deployment, the one that the traffic says."""

    KIND = "online"

    def ports(self) -> ServicePorts:
        """One input, whose columns only the model knows; nobody is asked."""
        return ServicePorts(inputs={PORT: ()}, outputs={ANSWER: ()}, any_request=True)

    def score(self, request: JsonObject, pause: Pause | None = None) -> JsonObject:
        """As `Scorer.score`; a request without `Inputs` is sent as it is."""
        answer = self._client.score(self._document, _body(request), self._deployment, pause)
        return {"Results": {ANSWER: _rows(answer)}}

    def check(self, request: JobRequest) -> None:
        self._no_jobs()

    def submit(self, request: JobRequest, pause: Pause) -> str:
        self._no_jobs()

    def start(self, job: str, pause: Pause) -> None:
        self._no_jobs()

    def status(self, job: str, pause: Pause) -> JobStatus:
        self._no_jobs()

    def cancel(self, job: str, pause: Pause) -> None:
        self._no_jobs()

    def _no_jobs(self) -> NoReturn:
        raise Rejected(
            f"online endpoint {self.name} scores at once and runs no batch jobs",
            code="RC640",
            hint="Use a batch endpoint, or `retrainctl score`.",
            sent=False,
        )


def _body(request: JsonObject) -> JsonObject:
    """A request in the form that all services take, as the MLflow scoring server takes it."""
    inputs = request.get("Inputs")
    if not isinstance(inputs, Mapping) or len(inputs) != 1:
        return request
    (table,) = inputs.values()
    if not isinstance(table, Mapping):
        return request
    values: Any = table.get("Values") or []
    return {PORT: {"columns": table.get("ColumnNames"), "index": list(range(len(values))), "data": values}}


def _rows(answer: Any) -> Any:
    """The predictions: a list, below `predictions` with MLflow 2 and later, or JSON as text from a script (R22)."""
    if isinstance(answer, str):
        try:
            answer = json.loads(answer)
        except (ValueError, RecursionError):
            return answer
    return answer.get(ANSWER, answer) if isinstance(answer, Mapping) else answer
