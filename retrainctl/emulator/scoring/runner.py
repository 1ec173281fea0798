"""Running started jobs in the background, as far as the limit of each service allows."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from pathlib import Path
from typing import Any, Final

from retrainctl.emulator.blob.contents import Draft
from retrainctl.emulator.blob.shelf import Shelf
from retrainctl.emulator.exchange import Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.scoring.joblist import Job, JobList
from retrainctl.emulator.scoring.services import Services
from retrainctl.emulator.scoring.sources import Sources
from retrainctl.emulator.scoring.workers import WorkerLost, Workers
from retrainctl.emulator.training.failure import ModuleFailed

log = logging.getLogger("retrainctl.emulator")

_RECORDED_QUEUE: Final = 5.0
_RECORDED_WORK: Final = 25.0
"""Seconds in the queue and at work under `realistic`: a guess; samples poll every second and give up after 120."""

_FAULT_TEXT: Final = "All rows must have same number of elements (emulator fault job-fail)"


class Runner:
    """Belongs to the event loop that first asks it to advance."""

    def __init__(self, frame: Frame, services: Services, shelf: Shelf, jobs: JobList) -> None:
        self._frame = frame
        self._services = services
        self._shelf = shelf
        self._list = jobs
        self._sources = Sources(shelf, frame.clock)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._workers: Workers | None = None
        self._closing = False

    def advance(self) -> None:
        """Put started jobs to work, in order, as far as the limit of each service allows.

        Called with every request about jobs: after a restart of the emulator this is what takes up what was running.
        """
        limit = int(self._frame.knobs.number("job-limit"))
        active: Counter[str] = Counter()
        for job in self._list.running():
            if job.fate == "vanish" or self._closing:
                continue
            active[job.owner] += 1
            if active[job.owner] <= limit and job.id not in self._tasks and job.fate != "stick":
                task = asyncio.get_running_loop().create_task(self._run(job), name=job.id)
                self._tasks[job.id] = task
                task.add_done_callback(self._ended)

    def cancel(self, job: Job) -> None:
        """Stop the work on a job, if there is any."""
        task = self._tasks.get(job.id)
        if task is not None:
            task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task.get_name(), None)
        self.advance()

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
        serving = self._services.find(job.place)
        graph = self._services.graph(serving)
        bound = graph.bound(job.wish.parameters)
        with self._frame.store.transaction():
            inputs = {port: self._sources.read(address) for port, address in job.wish.inputs.items()}
            imports = {node: self._sources.imported(uri) for node, uri in bound.imports().items()}
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

    def _deliver(self, job: Job, outputs: dict[str, Any]) -> dict[str, list[str]]:
        """Put the results where they were wished; over what is there, as the service does."""
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

    def stop(self) -> None:
        """Stop all work, and forget it."""
        for task in self._tasks.values():
            task.cancel()

    async def close(self) -> None:
        """Stop all work; the jobs stay `Running` and are taken up by the next process."""
        self._closing = True
        tasks = list(self._tasks.values())
        self.stop()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._workers is not None:
            await self._workers.close()
