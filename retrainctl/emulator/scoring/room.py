"""The room of the services API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from retrainctl.emulator.blob.room import blob_room
from retrainctl.emulator.exchange import Answer, Call
from retrainctl.emulator.frame import Frame, Section
from retrainctl.emulator.knobs import Knob
from retrainctl.emulator.routing import Route
from retrainctl.emulator.scoring import joblist
from retrainctl.emulator.scoring.description import describe
from retrainctl.emulator.scoring.dialect import ServicesDialect
from retrainctl.emulator.scoring.execute import Execute
from retrainctl.emulator.scoring.jobs import Jobs
from retrainctl.emulator.scoring.services import Services, place_of

_WHERE: Final = "the path pattern is matched against the path of the start call, a blank, and the job as JSON"


def _job_fault(name: str, meaning: str) -> Knob:
    return Knob(name=f"job-{name}", form="trigger", default="never", meaning=f"a started job {meaning}; {_WHERE}")


class ScoringRoom:
    """`https://REGION.services.azureml.net`."""

    name = "scoring"
    tables = joblist.DDL
    knobs: tuple[Knob, ...] = (
        Knob(name="job-seconds", form="number", default="0", meaning="seconds that a job works at least"),
        Knob(name="job-queue-seconds", form="number", default="0", meaning="seconds before that"),
        Knob(name="job-limit", form="number", default="40", meaning="jobs of one endpoint at one time; more wait"),
        Knob(
            name="job-status",
            form="choice",
            default="string",
            choices=("string", "number"),
            meaning="StatusCode as the swagger declares it, or as one saved answer has it",
        ),
        Knob(
            name="job-cancelled",
            form="choice",
            default="Cancelled",
            choices=("Cancelled", "Canceled"),
            meaning="the word for a cancelled job: the service's, or the one that azuremlps waits for",
        ),
        Knob(
            name="job-members",
            form="choice",
            default="full",
            choices=("full", "sparse"),
            meaning="a status with all members, or without ConnectionString and an empty Details",
        ),
        Knob(
            name="job-delete",
            form="choice",
            default="keep",
            choices=("keep", "forget"),
            meaning="whether a deleted job can still be asked for",
        ),
        Knob(
            name="job-output-container",
            form="choice",
            default="refuse",
            choices=("refuse", "create"),
            meaning="an output into a container that does not exist",
        ),
        Knob(
            name="model-delay",
            form="number",
            default="0",
            meaning="seconds that a service scores with its former model after an update (up to 30 were seen)",
        ),
        Knob(
            name="rrs-throttle",
            form="choice",
            default="on",
            choices=("on", "off"),
            meaning="503 RequestThrottled above the concurrency of the endpoint",
        ),
        _job_fault("fail", "ends Failed"),
        _job_fault("cancel", "ends Cancelled, as if the service had stopped it"),
        _job_fault("stick", "stays Running for ever"),
        _job_fault("vanish", "is not found any more"),
    )

    def enter(self, frame: Frame) -> None:
        self._frame = frame
        blobs = blob_room(frame)
        self._services = Services(frame, blobs.shelf, blobs.copies)
        self._execute = Execute(frame, self._services)
        self._jobs = Jobs(frame, self._services, blobs.shelf)

    def furnish(self) -> None:
        """Nothing is there from the start; what was under way before a reset is over."""
        self._jobs.runner.stop()

    def routes(self) -> Iterable[Route]:
        dialect = ServicesDialect(self._frame.clock)
        for flavour in ("workspaces", "subscriptions"):
            service = f"/{flavour}/{{scope}}/services/{{service}}"
            for methods, path, handler in (
                ("POST", "/execute", self._execute.answer),
                ("GET", "/swagger.json", self._describe),
                ("POST", "/jobs", self._jobs.submit),
                ("POST", "/jobs/{job}/start", self._jobs.start),
                ("GET", "/jobs/{job}", self._jobs.status),
                ("DELETE", "/jobs/{job}", self._jobs.delete),
            ):
                yield Route(methods=methods, pattern=service + path, handler=handler, dialect=dialect)

    def sections(self) -> Mapping[str, Section]:
        return {}

    def controls(self) -> Mapping[tuple[str, str], Callable[[Call], Any]]:
        """As `control.Controllable` asks: there are none."""
        return {}

    def holdings(self) -> Mapping[str, int]:
        """As `control.Controllable` asks: jobs by state."""
        return self._jobs.counts()

    def _describe(self, call: Call) -> Answer:
        serving = self._services.find(place_of(call))
        path = call.path.rpartition("/")[0]
        return Answer(body=describe(serving, self._services.graph(serving), call.base, path))

    async def close(self) -> None:
        """End the worker processes; needed only where the server's own end does not end them."""
        await self._jobs.runner.close()
