"""`batch`: one job of a batch service, its data brought there and its results brought back."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Final

from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.model.redaction import is_signed
from retrainctl.model.retraining import DATA_EXTENSIONS, ServiceRef
from retrainctl.model.values import Json, Secret
from retrainctl.ports import (
    AuthFailed,
    BlobStore,
    CallableService,
    Clock,
    JobBlob,
    JobRequest,
    JobStatus,
    Observer,
    Pause,
    ServiceDirectory,
)
from retrainctl.retrain.data import DataFiles
from retrainctl.retrain.lifecycle import Collected, End, Event, Job, Rules, Submitted
from retrainctl.retrain.runner import Entry, Runner
from retrainctl.retrain.stopping import Stop

_EXPIRED: Final = "RC655"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchWish:
    """What a job is asked for.

    inputs: by port, "" where the only port is meant: a local file's path or a blob's URI. outputs: by port; none: the
    service writes to its own storage. account, container: where local files are uploaded to.
    """

    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Json | Secret] = field(default_factory=dict)
    account: str | None = None
    container: str = "retrainctl"
    wait: bool = True
    time_limit: float | None = None
    cancel: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEnd:
    """How the job ended. results: by port, where each is; files: those that were brought here."""

    job: Job
    results: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    signal: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTools:
    """What a job is run with. folder: where results are brought to."""

    directory: ServiceDirectory
    store: BlobStore
    address: Callable[[str, str, str], str]
    clock: Clock
    observer: Observer
    folder: Path


def run_batch(service: ServiceRef, wish: BatchWish, tools: BatchTools) -> BatchEnd:
    """Runs one job to its end, or only starts it. Raises `RetrainctlError` for what is wrong before it runs."""
    hands = _Hands(service, wish, tools)
    return _run(hands, wish, tools, Job())


def take_up(service: ServiceRef, job: str, wish: BatchWish, tools: BatchTools) -> BatchEnd:
    """Waits for a job that was started before, and brings its results."""
    return _run(_Hands(service, wish, tools), wish, tools, Job(id=job))


def cancel(service: ServiceRef, job: str, tools: BatchTools) -> None:
    """Cancels a job."""
    tools.directory.open(service).cancel(job, tools.clock.sleep)


def _run(hands: _Hands, wish: BatchWish, tools: BatchTools, job: Job) -> BatchEnd:
    stop = Stop(tools.clock)
    rules = Rules(submit_only=not wish.wait)
    if wish.time_limit is not None:
        rules = Rules(submit_only=not wish.wait, time_limit=wish.time_limit)
    results: list[_Results] = []

    def heard(key: str, job: Job, event: Event) -> None:
        del key, job
        if isinstance(event, Submitted):
            tools.observer.note(f"submitted job {event.job}")
        if isinstance(event, Collected) and isinstance(event.detail, _Results):
            results.append(event.detail)

    with stop.listening():
        (entry,) = Runner(
            hands=hands, clock=tools.clock, stop=stop, on_change=heard, workers=1, cancel=wish.cancel
        ).run([Entry(key="batch", group="batch", rules=rules, job=job)])
    ended = entry.job
    if ended.end is End.REFUSED:
        raise RetrainctlError(ended.why, code=ended.code, hint=ended.hint)
    found = results[-1] if results else _Results()
    return BatchEnd(job=ended, results=found.places, files=found.files, signal=stop.signal)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Results:
    places: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)


class _Hands:
    """Carries out the wishes of one job (implements `runner.Hands`)."""

    def __init__(self, service: ServiceRef, wish: BatchWish, tools: BatchTools) -> None:
        self._ref = service
        self._wish = wish
        self._tools = tools
        self._request: JobRequest | None = None

    @property
    def _service(self) -> CallableService:
        return self._tools.directory.open(self._ref)

    def prepare(self, key: str, pause: Pause) -> None:
        del key, pause
        wish = self._wish
        inputs = {self._port(port): self._blob(given) for port, given in wish.inputs.items()}
        outputs = {port: JobBlob(uri=uri) for port, uri in wish.outputs.items()}
        self._request = JobRequest(inputs=inputs, outputs=outputs, parameters=wish.parameters)
        self._service.check(self._request)

    def submit(self, key: str, pause: Pause) -> str:
        assert self._request is not None, "prepared before"
        return self._service.submit(self._request, pause)

    def start(self, key: str, job: str, pause: Pause) -> None:
        self._service.start(job, pause)

    def status(self, key: str, job: str, pause: Pause) -> JobStatus:
        return self._service.status(job, pause)

    def cancel(self, key: str, job: str, pause: Pause) -> None:
        self._service.cancel(job, pause)

    def collect(self, key: str, status: JobStatus, pause: Pause) -> _Results:
        """Brings the results that are data; a model stays where it is."""
        del key, pause
        files: dict[str, Path] = {}
        for port, blob in status.results.items():
            if blob.uri.lower().endswith(DATA_EXTENSIONS):
                files[port] = self._fetched(port, blob)
        return _Results(places={port: blob.uri for port, blob in status.results.items()}, files=files)

    def _fetched(self, port: str, blob: JobBlob) -> Path:
        """Whole or not at all. A signature that has ended is asked for anew by asking for the job again."""
        suffix = next(e for e in DATA_EXTENSIONS if blob.uri.lower().endswith(e))
        with tempfile.NamedTemporaryFile(dir=self._tools.folder, suffix=suffix, delete=False) as file:
            for uri in self._ways(blob):
                try:
                    file.seek(0)
                    file.truncate()
                    facts = self._tools.store.facts(uri)
                    for piece in self._tools.store.read(uri, etag=facts.etag):
                        file.write(piece)
                    return Path(file.name)
                except AuthFailed as error:
                    if error.code == _EXPIRED or uri == blob.uri:
                        raise
        raise AssertionError(f"no way to the result of {port}")

    def _ways(self, blob: JobBlob) -> list[str]:
        """With the job's signature first, then with our own credentials."""
        return ([f"{blob.uri}?{blob.sas.reveal()}"] if blob.sas is not None else []) + [blob.uri]

    def _port(self, port: str) -> str:
        if port:
            return port
        known = self._service.ports().inputs
        if len(known) != 1:
            there = ", ".join(known) or "none"
            raise RetrainctlError(
                f"{self._service.name} has {len(known)} input ports: {there}",
                code="RC643",
                hint="Write --input PORT=...",
            )
        return next(iter(known))

    def _blob(self, given: str) -> JobBlob:
        """A blob, by its URI with or without a signature, or uploaded from a file."""
        if given.startswith("azureml://"):
            return JobBlob(uri=given)
        if given.startswith("https://"):
            uri, _, query = given.partition("?")
            return JobBlob(uri=uri, sas=Secret(query) if is_signed(given) else None)
        if self._wish.account is None:
            raise RetrainctlError(
                f"{given} is a local file, and it is not said where it shall be uploaded to",
                code="RC643",
                hint="Pass --store ACCOUNT/CONTAINER, or name one account under `storage` of the environment.",
            )
        data = DataFiles(store=self._tools.store, root=None, address=self._tools.address, observer=self._tools.observer)
        return JobBlob(uri=data.bring(given, self._wish.account, self._wish.container))
