"""Batch jobs: submitted, started, run by the workers, asked about, cancelled."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from retrainctl.emulator.blob import access
from retrainctl.emulator.blob.address import BlobAddress, parse_uri
from retrainctl.emulator.blob.contents import Draft
from retrainctl.emulator.blob.shelf import Shelf
from retrainctl.emulator.blob.signature import sas_members
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.scoring.dialect import invalid_operation, json_body, not_found
from retrainctl.emulator.scoring.joblist import ENDED, STATES, Job, JobList
from retrainctl.emulator.scoring.services import Services
from retrainctl.emulator.scoring.submission import Submission
from retrainctl.emulator.scoring.workers import WorkerLost, Workers
from retrainctl.emulator.serving import Serving
from retrainctl.emulator.training.failure import ModuleFailed
from retrainctl.emulator.training.graph import Graph

log = logging.getLogger("retrainctl.emulator")

_RECORDED_QUEUE: Final = 5.0
_RECORDED_WORK: Final = 25.0
"""Seconds in the queue and at work under `realistic`: a guess; samples poll every second and give up after 120."""

_FATES: Final = ("fail", "cancel", "stick", "vanish")
_SAS_LIFE: Final = 24 * 3600.0
"""Samples show tokens of about a day."""


class Jobs:
    """The handlers of `A/jobs`, and the running of jobs in the background."""

    def __init__(self, frame: Frame, services: Services, shelf: Shelf) -> None:
        self._frame = frame
        self._services = services
        self._shelf = shelf
        self._list = JobList(frame.store, frame.clock)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._workers: Workers | None = None

    # Handlers

    async def submit(self, call: Call) -> Answer:
        """`POST A/jobs`: the job's id, as a JSON string."""
        serving = self._services.admitted(call)
        graph = self._services.graph(serving)
        free = self._frame.knobs.text("job-output-container") == "create"
        submission = Submission(self._shelf, self._frame.clock.now(), free_containers=free)
        wish = submission.read(json_body(call), serving, graph)
        with self._frame.store.transaction():
            identifier = self._list.add(serving.owner, _place(call), wish)
        return Answer(body=orjson.dumps(identifier), wrote=True)

    async def start(self, call: Call) -> Answer:
        """`POST A/jobs/{id}/start`."""
        job = self._job(call)
        if job.state != "NotStarted":
            raise invalid_operation("CannotStartJob", f"The job cannot be started: it is {job.state}.")
        with self._frame.store.transaction():
            self._list.start(job, self._fate(call, job))
        self._advance()
        return Answer(status=204, wrote=True)

    async def status(self, call: Call) -> Answer:
        """`GET A/jobs/{id}`: every call signs the results anew."""
        self._advance()
        return Answer(body=self._status_body(self._job(call)))

    async def delete(self, call: Call) -> Answer:
        """`DELETE A/jobs/{id}`: cancels a job that has not ended; whether it is then forgotten is a switch."""
        job = self._job(call)
        task = self._tasks.get(job.id)
        if task is not None:
            task.cancel()
        with self._frame.store.transaction():
            if self._frame.knobs.text("job-delete") == "forget":
                self._list.forget(job)
            elif job.state not in ENDED:
                self._list.end(job, "Cancelled")
        return Answer(status=204, wrote=True)

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

    # Running

    def _advance(self) -> None:
        """Put started jobs to work, in order, as far as the limit of each service allows.

        Called with every request about jobs: after a restart of the emulator this is what takes up what was running.
        """
        limit = int(self._frame.knobs.number("job-limit"))
        active: Counter[str] = Counter()
        for job in self._list.running():
            active[job.owner] += 1
            if active[job.owner] <= limit and job.id not in self._tasks and job.fate not in ("stick", "vanish"):
                task = asyncio.get_running_loop().create_task(self._run(job))
                self._tasks[job.id] = task
                task.add_done_callback(lambda _, identifier=job.id: self._ended(identifier))

    def _ended(self, identifier: str) -> None:
        self._tasks.pop(identifier, None)
        self._advance()

    async def _run(self, job: Job) -> None:
        queue, work = self._durations()
        due = self._frame.clock.now() + queue + work
        try:
            end = await self._outcome(job)
            while (left := due - self._frame.clock.now()) > 0:
                await asyncio.sleep(min(left, 0.05))
        except asyncio.CancelledError:
            return
        except Exception:
            log.exception("the job %s failed inside the emulator", job.id)
            end = ("Failed", "The emulator failed; its log has the reason.", None)
        state, details, outputs = end
        with self._frame.store.transaction():
            results = None if outputs is None else self._deliver(job, outputs)
            self._list.end(job, state, details, results)

    def _durations(self) -> tuple[float, float]:
        knobs = self._frame.knobs
        if knobs.on("realistic"):
            return _RECORDED_QUEUE, _RECORDED_WORK
        return knobs.number("job-queue-seconds"), knobs.number("job-seconds")

    async def _outcome(self, job: Job) -> tuple[str, str | None, dict[str, Any] | None]:
        """State, details, and for a finished job (file, size, md5, is a model) by port."""
        if job.fate == "cancel":
            return "Cancelled", None, None
        if job.fate == "fail":
            failure = ModuleFailed("Import Data", "1000", "LibraryException", _FAULT_TEXT)
            return "Failed", failure.details(job.id), None
        try:
            request = self._request(job)
        except ModuleFailed as error:
            return "Failed", error.details(job.id), None
        except Refusal as refusal:
            message = refusal.details[0][1] if refusal.details else refusal.message
            return "Failed", ModuleFailed("Web service", "0018", "InvalidDataset", message).details(job.id), None
        self._workers = self._workers or Workers()
        try:
            answer = await self._workers.run(request)
        except WorkerLost:
            lost = ModuleFailed(
                "Train Model", "0138", "MemoryQuotaViolation", "Memory has been exhausted, unable to complete running."
            )
            return "Failed", lost.details(job.id), None
        if "failed" in answer:
            return "Failed", answer["failed"], None
        if "broken" in answer:
            raise RuntimeError(answer["broken"])
        places = {port: {**told, "file": request["outputs"][port]["file"]} for port, told in answer["outputs"].items()}
        return "Finished", None, places

    def _request(self, job: Job) -> dict[str, Any]:
        """What a worker is asked to do (`training.job.perform`).

        Raises:
            ModuleFailed: something that is to be read cannot be.
            Refusal: the service is gone, or has no model.
        """
        serving = self._serving(job)
        graph = self._services.graph(serving)
        bound = graph.bound(job.wish.parameters)
        with self._frame.store.transaction():
            inputs = {port: self._source(address) for port, address in job.wish.inputs.items()}
            imports = {node: self._import(uri) for node, uri in bound.imports().items()}
        models = self._services.models(serving, graph)
        outputs = {
            port: {"file": str(self._shelf.contents.new_draft()), "name": address.name}
            for port, address in job.wish.outputs.items()
        }
        members = ("package", "assets", "parameters")
        return {
            "id": job.id,
            "definition": {name: serving.properties.get(name) for name in members},
            "parameters": dict(job.wish.parameters),
            "inputs": inputs,
            "imports": imports,
            "models": {name: self._services.files(contents) for name, contents in models.items()},
            "outputs": outputs,
        }

    def _serving(self, job: Job) -> Serving:
        flavour, scope, service = job.place.split("/")
        return self._services.find(
            Call(
                method="GET",
                path=f"/{job.place}",
                query={},
                headers={},
                body=b"",
                base="",
                params={"scope": scope, "service": service},
            )
        )

    def _import(self, uri: str) -> dict[str, Any]:
        """What an Import Data module reads: a blob that anybody may read, or that its signature opens."""
        address = parse_uri(uri)
        if address is None:
            what = f"the address {uri.partition('?')[0]!r} is not a blob in the emulator" if uri else "no address is set"
            raise ModuleFailed("Import Data", "0029", "InvalidUri", f"The data cannot be read: {what}.")
        container = self._shelf.container(address.account, address.container)
        try:
            if address.sas:
                members = sas_members(address.sas)
                now = self._frame.clock.now()
                allowed = access.sas_access(members, address.account, address.container, address.name, now)
            else:
                allowed = access.anonymous_access(container)
            allowed.require("object", "r")
        except Refusal as refusal:
            why = refusal.details[0][1] if refusal.details else refusal.message
            raise ModuleFailed(
                "Import Data", "0029", "InvalidUri", f"The data at {address.uri} cannot be read: (403) {why}"
            ) from None
        return self._source(address)

    def _source(self, address: BlobAddress) -> dict[str, Any]:
        blob = self._shelf.blob(address.account, address.container, address.name)
        if blob is None:
            raise ModuleFailed(
                "Import Data", "0029", "InvalidUri", f"The data at {address.uri} cannot be read: (404) Not Found."
            )
        self._shelf.ready(blob)
        return {"parts": self._services.files(blob.contents), "name": address.name}

    def _deliver(self, job: Job, outputs: dict[str, Any]) -> dict[str, list[str]]:
        """Put the results where they were wished; over what is there, as the service does."""
        from pathlib import Path

        results = {}
        for port, told in outputs.items():
            address = job.wish.outputs[port]
            draft = Draft(path=Path(told["file"]), size=told["size"], md5=bytes.fromhex(told["md5"]))
            if self._shelf.container(address.account, address.container) is None:
                self._shelf.put_container(address.account, address.container)
            content = self._shelf.contents.adopt(draft)
            media = "application/octet-stream" if told["model"] else "text/csv"
            metadata = {"retrainctl-format": "onnx"} if told["model"] else {}
            self._shelf.put(
                address.account, address.container, address.name, [("", content)], {"content-type": media}, metadata
            )
            results[port] = [address.account, address.container, address.name]
        return results

    async def close(self) -> None:
        """Stop all work; the jobs stay `Running` and are taken up by the next process."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._workers is not None:
            await self._workers.close()


_FAULT_TEXT: Final = "All rows must have same number of elements (emulator fault job-fail)"


def _place(call: Call) -> str:
    flavour = call.path.split("/")[1].lower()
    return f"{flavour}/{call.params['scope'].lower()}/{call.params['service'].lower()}"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
