"""The handlers of batch jobs: submit, start, status, cancel."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import orjson

from retrainctl.emulator.blob import access
from retrainctl.emulator.blob.shelf import Shelf
from retrainctl.emulator.exchange import Answer, Call
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.scoring.dialect import invalid_operation, json_body, not_found
from retrainctl.emulator.scoring.joblist import ENDED, STATES, Job, JobList
from retrainctl.emulator.scoring.runner import Runner
from retrainctl.emulator.scoring.services import Services, place_of
from retrainctl.emulator.scoring.submission import Submission

_FATES: Final = ("fail", "cancel", "stick", "vanish")
_SAS_LIFE: Final = 24 * 3600.0
"""Samples show tokens of about a day."""


class Jobs:
    """`A/jobs` and what is below it."""

    def __init__(self, frame: Frame, services: Services, shelf: Shelf) -> None:
        self._frame = frame
        self._services = services
        self._shelf = shelf
        self._list = JobList(frame.store, frame.clock)
        self.runner = Runner(frame, services, shelf, self._list)

    async def submit(self, call: Call) -> Answer:
        """`POST A/jobs`: the job's id, as a JSON string."""
        serving = self._services.admitted(call)
        graph = self._services.graph(serving)
        free = self._frame.knobs.text("job-output-container") == "create"
        submission = Submission(self._shelf, self._frame.clock.now(), free_containers=free)
        wish = submission.read(json_body(call), serving, graph)
        with self._frame.store.transaction():
            identifier = self._list.add(serving.owner, place_of(call), wish)
        return Answer(body=orjson.dumps(identifier), wrote=True)

    async def start(self, call: Call) -> Answer:
        """`POST A/jobs/{id}/start`."""
        job = self._job(call)
        if job.state != "NotStarted":
            raise invalid_operation("CannotStartJob", f"The job cannot be started: it is {job.state}.")
        with self._frame.store.transaction():
            self._list.start(job, self._fate(call, job))
        self.runner.advance()
        return Answer(status=204, wrote=True)

    async def status(self, call: Call) -> Answer:
        """`GET A/jobs/{id}`: every call signs the results anew."""
        self.runner.advance()
        return Answer(body=self._status_body(self._job(call)))

    async def delete(self, call: Call) -> Answer:
        """`DELETE A/jobs/{id}`: cancels a job that has not ended; whether it is then forgotten is a switch."""
        job = self._job(call)
        self.runner.cancel(job)
        with self._frame.store.transaction():
            if self._frame.knobs.text("job-delete") == "forget":
                self._list.forget(job)
            elif job.state not in ENDED:
                self._list.end(job, "Cancelled")
        return Answer(status=204, wrote=True)

    def counts(self) -> dict[str, int]:
        """`jobs/STATE` to number."""
        return {f"jobs/{state}": number for state, number in self._list.counts().items()}

    def _job(self, call: Call) -> Job:
        serving = self._services.admitted(call)
        job = self._list.get(serving.owner, call.params["job"])
        if job is None or (job.fate == "vanish" and job.state != "NotStarted"):
            raise not_found("JobNotFound", f"The job {call.params['job']} could not be found.")
        return job

    def _fate(self, call: Call, job: Job) -> str:
        """What the faults have in store; a pattern may name the job's parameters, which follow the path."""
        told = orjson.dumps(job.wish.as_json()).decode()
        for fate in _FATES:
            if self._frame.knobs.fires(f"job-{fate}", call.method, f"{call.path} {told}"):
                return fate
        return ""

    def _status_body(self, job: Job) -> dict[str, Any]:
        knobs = self._frame.knobs
        sparse = knobs.text("job-members") == "sparse"
        results: dict[str, Any] | None = None
        if job.state == "Finished" and job.results is not None:
            results = {port: self._result(address, sparse=sparse) for port, address in job.results.items()}
        code: str | int = job.state
        if knobs.text("job-status") == "number":
            code = STATES.index(job.state)
        elif job.state == "Cancelled":
            code = knobs.text("job-cancelled")
        body: dict[str, Any] = {"StatusCode": code, "Results": results}
        if not sparse or job.details is not None:
            body["Details"] = job.details
        return body

    def _result(self, address: list[str], *, sparse: bool) -> dict[str, Any]:
        account, container, name = address
        now = self._frame.clock.now()
        sas = access.issue(account, f"{container}/{name}", begins=_moment(now - 300), ends=_moment(now + _SAS_LIFE))
        result = {
            "ConnectionString": None,
            "RelativeLocation": f"{container}/{name}",
            "BaseLocation": f"https://{account}.blob.core.windows.net/",
            "SasBlobToken": sas,
        }
        if sparse:
            del result["ConnectionString"]
        return result


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
