"""One web service at its own address: scoring and batch jobs (implements `ports.CallableService`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from retrainctl.model.values import MISSING, Json, JsonObject, Missing
from retrainctl.ports import JobFailure, JobRequest, JobStatus, Pause, Rejected, ServicePorts, TargetError, Unavailable
from retrainctl.targets.azure.credentials import Auth
from retrainctl.targets.azure.pipeline import Answer, Pipeline
from retrainctl.targets.classic.catalogue import explain
from retrainctl.targets.services.description import from_swagger
from retrainctl.targets.services.requests import Credential, Locate, job_body
from retrainctl.targets.services.status import NoStatus, read_status

VERSION: Final = "api-version=2.0"
_LONGEST_ID: Final = 200


class ServiceClient:
    """Thread-safe.

    name: what messages call it. location: `ApiLocation`, the address of its API; base: where that is really called.
    example: finds a scoring request for what the service says of itself, where its swagger has none.
    """

    def __init__(
        self,
        *,
        name: str,
        location: str,
        base: str,
        identity: str,
        pipeline: Pipeline,
        auth: Auth,
        locate: Locate,
        credential: Credential,
        example: Callable[[ServicePorts], JsonObject | None] = lambda _: None,
    ) -> None:
        self._name = name
        self._location = location.rstrip("/")
        self._base = base.rstrip("/")
        self._identity = identity
        self._pipeline = pipeline
        self._auth = auth
        self._locate = locate
        self._credential = credential
        self._example = example

    @property
    def name(self) -> str:
        return self._name

    @property
    def location(self) -> str:
        return self._location

    @property
    def identity(self) -> str:
        return self._identity

    # Batch jobs

    def check(self, request: JobRequest) -> None:
        job_body(request, self._locate, self._credential)

    def submit(self, request: JobRequest, pause: Pause) -> str:
        body = job_body(request, self._locate, self._credential)
        # A POST is not repeated by the pipeline: after a lost answer the service may have registered a job.
        answer = self._call("POST", f"jobs?{VERSION}", "job", "submit a job to", body=body, pause=pause)
        job = answer.json()
        if not isinstance(job, str) or not job or len(job) > _LONGEST_ID:
            raise Unavailable(
                f"cannot submit a job to {self._name}: the answer is no job id",
                code="RC618",
                hint="Check that the address is that of a web service; a proxy may stand before it.",
                request_id=answer.request_id,
            )
        return job

    def start(self, job: str, pause: Pause) -> None:
        self._call("POST", f"{_path(job)}/start?{VERSION}", "job", f"start job {job} of", pause=pause, content=b"")

    def status(self, job: str, pause: Pause) -> JobStatus:
        answer = self._call("GET", f"{_path(job)}?{VERSION}", "job", f"ask for job {job} of", pause=pause)
        try:
            status = read_status(answer.object())
        except NoStatus as error:
            raise Unavailable(
                f"cannot ask for job {job} of {self._name}: the answer says {error}",
                code="RC618",
                request_id=answer.request_id,
            ) from error
        if status.failure is None:
            return status
        return replace(status, failure=self._told(status.failure))

    def cancel(self, job: str, pause: Pause) -> None:
        self._call("DELETE", f"{_path(job)}?{VERSION}", "job", f"cancel job {job} of", pause=pause, harmless=True)

    def _told(self, failure: JobFailure) -> JobFailure:
        """Without secrets: a module that cannot read its source quotes the address."""
        return replace(failure, message=self._pipeline.redactor.clean(failure.message))

    # Scoring

    def ports(self) -> ServicePorts:
        answer = self._call("GET", f"swagger.json?{VERSION}", "score", "read the description of")
        found = from_swagger(answer.object())
        example = found.example or self._example(found)
        return ServicePorts(inputs=found.inputs, outputs=found.outputs, parameters=found.parameters, example=example)

    def score(self, request: JsonObject, pause: Pause | None = None) -> JsonObject:
        answer = self._call(
            "POST", f"execute?{VERSION}&details=true", "score", "score", body=request, pause=pause, harmless=True
        )
        found = answer.object()
        if not isinstance(found.get("Results"), dict):
            raise Rejected(
                f"cannot score {self._name}: the answer has no Results",
                code="RC644",
                hint="Check that the service scores: a training service only runs jobs.",
                request_id=answer.request_id,
            )
        return found

    def _call(
        self,
        method: str,
        below: str,
        call: str,
        what: str,
        *,
        body: Json | Missing = MISSING,
        content: bytes | None = None,
        pause: Pause | None = None,
        harmless: bool = False,
    ) -> Answer:
        options: dict[str, Any] = {"headers": {"Content-Type": "application/json"}} if content is not None else {}
        try:
            return self._pipeline.call(
                method,
                f"{self._base}/{below}",
                what=f"{what} {self._name}",
                auth=self._auth,
                body=body,
                content=content,
                pause=pause,
                harmless=harmless,
                **options,
            )
        except TargetError as error:
            explain(error, call)
            raise


def _path(job: str) -> str:
    return f"jobs/{quote(job, safe='')}"
