"""A training service and a blob store in memory, for tests of retraining: they behave, and can be told to misbehave."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from retrainctl.model.retraining import ServiceRef
from retrainctl.model.values import Secret
from retrainctl.ports import (
    AuthFailed,
    BlobFacts,
    Conflict,
    JobBlob,
    JobFailure,
    JobRequest,
    JobState,
    JobStatus,
    NotFound,
    ServicePorts,
)

CSV = b"AUC,Accuracy\n0.9,0.8\n"


def address(account: str, container: str, name: str) -> str:
    return f"https://{account}.blob.core.windows.net/{container}/{name}"


@dataclass
class MemoryBlobs:
    """Implements `ports.BlobStore`. `refuse` maps a URI to what reading it raises; `expired` signatures end."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    metadata: dict[str, Mapping[str, str]] = field(default_factory=dict)
    refuse: dict[str, Exception] = field(default_factory=dict)
    expired: set[str] = field(default_factory=set)
    created: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def _bare(self, uri: str) -> str:
        bare, _, query = uri.partition("?")
        if query and query in self.expired:
            raise AuthFailed("its signature ended", code="RC655", status=403)
        if bare in self.refuse:
            raise self.refuse[bare]
        return bare

    def facts(self, uri: str) -> BlobFacts:
        bare = self._bare(uri)
        if bare not in self.blobs:
            raise NotFound(f"there is no blob {bare}", code="RC653")
        data = self.blobs[bare]
        return BlobFacts(
            size=len(data), etag=f'"{hashlib.md5(data).hexdigest()[:8]}"', metadata=self.metadata.get(bare, {})
        )

    def read(self, uri: str, *, etag: str | None = None) -> Iterator[bytes]:
        facts = self.facts(uri)
        if etag is not None and etag != facts.etag:
            raise Conflict("another blob by now", code="RC657")
        data = self.blobs[self._bare(uri)]
        yield data[: len(data) // 2]
        yield data[len(data) // 2 :]

    def create(self, uri: str, source: BinaryIO, size: int, *, metadata: Mapping[str, str] | None = None) -> BlobFacts:
        with self._lock:
            if uri in self.blobs:
                raise Conflict("the blob is there already", code="RC657")
            self.blobs[uri] = source.read(size)
            self.metadata[uri] = dict(metadata or {})
            self.created.append(uri)
        return self.facts(uri)

    def remove(self, uri: str, *, etag: str) -> None:
        self.blobs.pop(uri, None)

    def expires(self, uri: str) -> None:
        return None


@dataclass
class FakeJob:
    request: JobRequest
    state: JobState = JobState.NOT_STARTED
    asked: int = 0


@dataclass
class FakeService:
    """Implements `ports.JobService`: a job finishes when it was asked about `polls` times.

    fate: parameter value `who` -> `fail`, `cancel`, `stick`, `vanish`. fail: method name -> errors raised first.
    """

    store: MemoryBlobs
    polls: int = 1
    evaluation: Callable[[Any], bytes] = lambda who: CSV
    fate: dict[Any, str] = field(default_factory=dict)
    fail: dict[str, list[Exception]] = field(default_factory=dict)
    lose: int = 0
    jobs: dict[str, FakeJob] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    most: int = 0
    name: str = "training"
    location: str = "https://training"
    identity: str = "/training"
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self, service: ServiceRef) -> FakeService:
        return self

    def check(self, request: JobRequest) -> None: ...

    def submit(self, request: JobRequest, pause: Any) -> str:
        with self._lock:
            self._called("submit")
            job = f"job-{len(self.jobs) + 1}"
            self.jobs[job] = FakeJob(request)
            if self.lose:
                self.lose -= 1
                from retrainctl.ports import Unavailable

                raise Unavailable("the connection broke", sent=True)
            return job

    def start(self, job: str, pause: Any) -> None:
        with self._lock:
            self._called("start")
            self.jobs[job].state = JobState.RUNNING
            self.most = max(self.most, sum(j.state is JobState.RUNNING for j in self.jobs.values()))

    def status(self, job: str, pause: Any) -> JobStatus:
        with self._lock:
            self._called("status")
            found = self.jobs.get(job)
            who = None if found is None else found.request.parameters.get("who")
            if found is None or (self.fate.get(who) == "vanish" and found.state is JobState.RUNNING):
                raise NotFound("no such job", status=404)
            found.asked += 1
            if found.state is JobState.RUNNING and found.asked >= self.polls:
                self._end(found, who)
            if found.state is JobState.FAILED:
                return JobStatus(state=found.state, failure=JobFailure(message="bad data", module="Import Data"))
            if found.state is not JobState.FINISHED:
                return JobStatus(state=found.state)
            sas = Secret(f"sig={job}-{found.asked}")
            return JobStatus(
                state=found.state,
                results={port: JobBlob(uri=blob.uri, sas=sas) for port, blob in found.request.outputs.items()},
            )

    def cancel(self, job: str, pause: Any) -> None:
        with self._lock:
            self._called("cancel")
            self.jobs[job].state = JobState.CANCELLED

    def ports(self) -> ServicePorts:
        return ServicePorts()

    def score(self, request: Any, pause: Any = None) -> Any:
        raise NotImplementedError

    def _end(self, job: FakeJob, who: Any) -> None:
        match self.fate.get(who):
            case "fail":
                job.state = JobState.FAILED
            case "cancel":
                job.state = JobState.CANCELLED
            case "stick":
                return
            case _:
                for blob in job.request.outputs.values():
                    data = self.evaluation(who) if blob.uri.endswith(".csv") else f"model {who} {blob.uri}".encode()
                    assert blob.uri not in self.store.blobs, "a blob was written over"
                    self.store.blobs[blob.uri] = data
                job.state = JobState.FINISHED

    def _called(self, method: str) -> None:
        self.calls[method] += 1
        if self.fail.get(method):
            raise self.fail[method].pop(0)
