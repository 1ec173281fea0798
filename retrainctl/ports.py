"""The protocols that the middle of the house speaks through, and the failures they promise.

Targets implement them, tests implement them in memory, the rooms above use nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, ClassVar, Protocol

from retrainctl.diagnostics import Diagnostic
from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.change import ResourceChange, Risk, Step
from retrainctl.model.resource import Desired, Observed
from retrainctl.model.retraining import ServiceRef
from retrainctl.model.values import Json, JsonObject, Secret, SecretRef
from retrainctl.model.versions import ModelVersion


class TargetError(RetrainctlError):
    """The other side refused or could not be reached.

    status: the HTTP status, where there was an answer. service_code: the service's own code (`WebServiceNotFound`).
    request_id: what the vendor's support asks for. sent: whether the request may have reached the service; a write
    that was sent and got no answer is unknown, not failed.
    """

    default_code: ClassVar[str] = "RC300"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        status: int | None = None,
        service_code: str | None = None,
        request_id: str | None = None,
        sent: bool = True,
        address: Address | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.status = status
        self.service_code = service_code
        self.request_id = request_id
        self.sent = sent
        self.address = address


class AuthFailed(TargetError):
    """No credentials, or not accepted (401, 403)."""

    default_code = "RC301"


class NotFound(TargetError):
    """There is no such thing (404, or 204 where the dossier says so)."""

    default_code = "RC302"


class Conflict(TargetError):
    """The resource is in another state than the request assumes (409, 412)."""

    default_code = "RC303"


class Throttled(TargetError):
    """Too many requests, and waiting did not help (429)."""

    default_code = "RC304"


class Rejected(TargetError):
    """The service understood and said no (other 4xx, a failed operation)."""

    default_code = "RC305"


class Unavailable(TargetError):
    """The service or the network is down (5xx, no connection)."""

    default_code = "RC306"


class SecretUnavailable(RetrainctlError):
    """A secret reference that does not resolve here: a variable that is not set, a file that cannot be read."""

    default_code: ClassVar[str] = "RC307"


class StopWaiting(Exception):
    """Raised out of `Waiter.pause` when the run is told to end; the write stays in flight."""


class Clock(Protocol):
    """Time as an argument: wall time in UTC, and seconds that only grow."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a task is. `total` None: not known. `item` and `outcome` name what has just ended."""

    task: str
    done: int
    total: int | None = None
    item: str | None = None
    outcome: str | None = None


class Observer(Protocol):
    """Hears of progress while work goes on; must be quick and must not raise."""

    def progress(self, progress: Progress) -> None: ...

    def note(self, message: str) -> None: ...


class Waiter(Protocol):
    """What a target uses while a write is under way."""

    def pause(self, seconds: float) -> None:
        """Sleeps; raises `StopWaiting` as soon as the run is told to end."""

    def sent(self, operation: str | None, request_id: str | None) -> None:
        """The service took the request: `operation` is its status URL without query, where it has one."""


class SecretResolver(Protocol):
    """Turns references into secrets, as late as possible."""

    def resolve(self, reference: SecretRef) -> Secret:
        """Raises `SecretUnavailable` with the next step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Live state of the wanted resources.

    identities: the target's id of every wanted resource, also of one that does not exist yet.
    failures: what could not be read although it should be there to read.
    not_covered: what a snapshot says nothing about.
    facts: what else planning needs to know (`workspaceTier`, endpoint counts ...), per target.
    """

    observed: Mapping[Address, Observed] = field(default_factory=dict)
    identities: Mapping[Address, str] = field(default_factory=dict)
    failures: Mapping[Address, TargetError] = field(default_factory=dict)
    not_covered: frozenset[Address] = frozenset()
    facts: JsonObject = field(default_factory=dict)


class Reader(Protocol):
    """Reads live state. Takes no lease, writes nothing."""

    def read(self, wanted: Sequence[Desired]) -> Reading:
        """Reads what is wanted, with as few calls as the target allows; raises `TargetError` when nothing can be."""

    def reread(self, address: Address, identity: str) -> Observed | None:
        """Reads one resource again; None when it is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a target knows of a change before it is sent: refusals (errors) and risks."""

    findings: tuple[Diagnostic, ...] = ()
    risks: tuple[Risk, ...] = ()


class Planner(Protocol):
    """The pure half of a target: no network, no clock, no secrets."""

    def judge(
        self, change: ResourceChange, desired: Desired | None, observed: Observed | None, facts: JsonObject
    ) -> Judgement:
        """What the service would refuse, and what a reviewer should know."""

    def calm(self, observed: Observed, facts: JsonObject) -> bool:
        """Whether of a resource that is as wished `judge` would say nothing and `steps` give none.

        Spares plans of thousands of resources the asking; False is always right.
        """

    def steps(self, change: ResourceChange, observed: Observed | None) -> tuple[Step, ...]:
        """The exact calls of a change, in order, secrets as references."""


class Outcome(StrEnum):
    """What became of a write."""

    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Performed:
    """The end of one step: `error` says why where it is not done, `note` what else the receipt shall say."""

    outcome: Outcome
    operation: str | None = None
    request_id: str | None = None
    error: TargetError | None = None
    note: str = ""


class Writer(Reader, Protocol):
    """Writes what a plan says."""

    def perform(self, change: ResourceChange, step: Step, observed: Observed | None, waiter: Waiter) -> Performed:
        """Sends one step's calls, built anew from `observed`, and waits for the final result.

        Never raises for what the service did: a refusal is `FAILED`, a lost answer after sending is `UNKNOWN`.
        Lets `StopWaiting` out. Raises `SecretUnavailable` before anything is sent.
        """

    def settle(self, operation: str, waiter: Waiter) -> Performed:
        """Asks what became of an operation that an earlier run left behind."""

    def backup(self, observed: Observed) -> tuple[bytes, bytes]:
        """The definition as `export` writes it, and as JSON what `export` leaves out; neither holds a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSet:
    """The plug-ins of one environment by target name (`arm`, `classic`, ...): who reads, who plans, who writes."""

    readers: Mapping[str, Reader]
    planners: Mapping[str, Planner]
    writers: Mapping[str, Writer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobFacts:
    """What a store tells of a blob without its bytes. `size` in bytes; `metadata` names are in lower case."""

    size: int
    etag: str | None = None
    modified: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


class BlobStore(Protocol):
    """Blobs by their https URI. Who we are to an account is the store's own matter; a SAS in the URI goes before it.

    Every call may raise `TargetError` (`NotFound`, `AuthFailed`, `Unavailable` ...) and `SecretUnavailable`; no message
    holds the query of a URI. Lost calls are repeated where that is safe.
    """

    def facts(self, uri: str) -> BlobFacts:
        """Raises `NotFound` when there is no such blob."""

    def read(self, uri: str, *, etag: str | None = None) -> Iterator[bytes]:
        """The bytes, in pieces. With `etag`, raises `Conflict` when the blob is another one by now."""

    def create(self, uri: str, source: BinaryIO, size: int, *, metadata: Mapping[str, str] | None = None) -> BlobFacts:
        """A new blob from `size` bytes of `source`, all or nothing. Raises `Conflict` when there is one already."""

    def remove(self, uri: str, *, etag: str) -> None:
        """Takes a blob away if it still is the one of this ETag."""

    def expires(self, uri: str) -> datetime | None:
        """When the signature ends that this blob is reached with; None where it is no signature, or says no end."""


class ModelRegistry(Protocol):
    """Where a target keeps models under a name and a version, before a service can point at them. Thread-safe.

    A version is registered once and never written again.
    """

    def bring(self, version: ModelVersion, identity: str, path: Path | None) -> str | None:
        """Sees to it that a version is registered under `identity` with its own bytes.

        path: the version's local file or folder, its bytes checked against `version.sha256`; None where `version.file`
        is the address of a blob or of a job's output.

        Returns what was done in one sentence, or None when the version was there.

        Raises:
            Conflict: a version with other bytes has the identity, or another blob the place.
            TargetError: the service or the store refuses or cannot be reached.
        """


Pause = Callable[[float], None]
"""Sleeps for so many seconds; may raise `StopWaiting`."""


class JobState(StrEnum):
    """Where a batch job is, in the service's words (classic-api.md 5.4)."""

    NOT_STARTED = "NotStarted"
    RUNNING = "Running"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    FINISHED = "Finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobBlob:
    """A blob that a job reads or writes: `uri` without signature, `sas` only where it is reached with that one."""

    uri: str
    sas: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """One run of a batch service: blobs by port, web service parameters, and a dedicated pool where there is one."""

    inputs: Mapping[str, JobBlob] = field(default_factory=dict)
    outputs: Mapping[str, JobBlob] = field(default_factory=dict)
    parameters: Mapping[str, Json | Secret] = field(default_factory=dict)
    pool: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailure:
    """Why a job failed, out of the service's free text."""

    message: str
    module: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """A job as asked just now. results: by port, each with a signature made for this answer."""

    state: JobState
    results: Mapping[str, JobBlob] = field(default_factory=dict)
    failure: JobFailure | None = None


class JobService(Protocol):
    """Batch jobs of one web service. Every call may raise `TargetError`; nothing it says holds a secret."""

    @property
    def name(self) -> str:
        """What messages call it; services of one name share their limit of jobs."""

    def check(self, request: JobRequest) -> None:
        """Whether the request can be made; asks nobody. Raises `Rejected`, `SecretUnavailable`."""

    def submit(self, request: JobRequest, pause: Pause) -> str:
        """Registers a job and gives its id; it runs only once it is started. Never sent twice by itself."""

    def start(self, job: str, pause: Pause) -> None:
        """Starts a registered job."""

    def status(self, job: str, pause: Pause) -> JobStatus:
        """Asks for a job; raises `NotFound` when the service does not know it."""

    def cancel(self, job: str, pause: Pause) -> None:
        """Cancels a job, or removes one that has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePorts:
    """What a web service says of itself.

    inputs, outputs: port to its columns, in order; a model's port is among the outputs without any. parameters: the web
    service parameters. example: a scoring request, where the definition holds one. any_request: the service takes
    whatever JSON object its own script understands.
    """

    inputs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    outputs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    example: JsonObject | None = None
    any_request: bool = False


class Scorer(Protocol):
    """One web service that answers at once (request-response). Every call may raise `TargetError`."""

    def ports(self) -> ServicePorts:
        """What goes in and comes out."""

    def score(self, request: JsonObject, pause: Pause | None = None) -> JsonObject:
        """Sends `{"Inputs": {PORT: {"ColumnNames", "Values"}}, "GlobalParameters": {}}`, gives `{"Results": {...}}`."""


class CallableService(JobService, Scorer, Protocol):
    """A web service that can be called both ways."""

    @property
    def location(self) -> str:
        """The address of its API as the target says it, without closing slash."""

    @property
    def identity(self) -> str:
        """The target's id of the service, of a Classic one with its endpoint."""


class ServiceDirectory(Protocol):
    """Finds web services: address and key come from the target, none of them is ever built or stored."""

    def open(self, service: ServiceRef) -> CallableService:
        """Raises `TargetError` (`NotFound` names what there is) and `SecretUnavailable`."""


class LedgerError(RetrainctlError):
    """The ledger cannot do what was asked. Raised before anything is written, unless the message says otherwise."""

    default_code: ClassVar[str] = "RC550"


class LedgerUnavailable(LedgerError):
    """The ledger's place cannot be read or written: disk full, no permission, no network."""

    default_code = "RC551"


class LeaseLost(LedgerError):
    """Somebody else has the lease now: whoever is told so writes nothing more, neither here nor to a target."""

    default_code = "RC553"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the lease was lost: {why}",
            hint="This run writes nothing more. Run `retrainctl apply --resume` once the other run has ended.",
        )
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseOwner:
    """Who applies: for people (`user`, `host`, `run_url`) and to tell whether the process still lives.

    machine: a mark of this boot of this machine and its process table; equal marks make `pid` comparable.
    process_start: tells a process from a later one with the same number; empty where the system does not say.
    """

    user: str
    host: str
    pid: int
    process_start: str = ""
    machine: str = ""
    run_url: str | None = None

    def __str__(self) -> str:
        return f"{self.user}@{self.host} (process {self.pid})"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseState:
    """The lease as anybody can read it.

    fence: grows by one with every acquisition, never shrinks. held: taken and not given back.
    owner: None when it was never held, or when it is just being written.
    beat: changes with every sign of life; opaque. last_beat: when that was, by the store's clock.
    alive: the owner certainly lives (True), is certainly dead (False), or that cannot be told from here (None).
    """

    fence: int
    held: bool
    owner: LeaseOwner | None = None
    since: datetime | None = None
    ttl: float = 30.0
    beat: str = ""
    last_beat: datetime | None = None
    alive: bool | None = None

    @property
    def expires(self) -> datetime | None:
        """When it lapses unless its owner gives another sign of life."""
        return None if self.last_beat is None else self.last_beat + timedelta(seconds=self.ttl)


class LeaseHeld(LedgerError):
    """Somebody else applies to this environment (exit code 7)."""

    default_code = "RC552"

    def __init__(self, lease: LeaseState) -> None:
        whom = "somebody who is just taking it" if lease.owner is None else str(lease.owner)
        since = "" if lease.since is None else f" since {lease.since:%Y-%m-%d %H:%M:%S} UTC"
        run = f", run {lease.owner.run_url}" if lease.owner and lease.owner.run_url else ""
        super().__init__(
            f"the lease of this environment is held by {whom}{since}{run}",
            hint="Wait until that run has ended. `retrainctl lease show` tells more, "
            "`retrainctl lease steal` takes it away.",
        )
        self.lease = lease

    @property
    def owner(self) -> LeaseOwner | None:
        return self.lease.owner

    @property
    def run_url(self) -> str | None:
        return self.lease.owner.run_url if self.lease.owner else None

    @property
    def since(self) -> datetime | None:
        return self.lease.since

    @property
    def expires(self) -> datetime | None:
        return self.lease.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseGrant:
    """The right to write to a ledger store: the fencing number, and the store's own handle."""

    fence: int
    handle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """One stream of records: `number` counts from 1 without gaps; `mark` changes whenever the content may have."""

    number: int
    size: int
    mark: str


class LedgerStore(Protocol):
    """Where a ledger is kept: numbered append-only streams, immutable packs, one lease, one index.

    Every call may raise `LedgerUnavailable`. A call that takes a grant writes nothing for a grant that was superseded:
    it raises `LeaseLost`.
    """

    @property
    def place(self) -> str:
        """The store as a message names it: a folder, an `azblob://` address."""

    @property
    def append_limit(self) -> int | None:
        """How many appends one stream takes; None: any number."""

    def name(self, number: int) -> str:
        """A stream as a message names it."""

    def streams(self) -> Sequence[StreamInfo]:
        """All streams in ascending order; none when there is no ledger yet."""

    def read(self, number: int, offset: int = 0) -> bytes:
        """A stream from `offset` to its present end."""

    def create(self, number: int, grant: LeaseGrant) -> None:
        """Makes an empty stream that only this grant can append to; `LeaseLost` when the number is taken."""

    def append(self, number: int, data: bytes, *, offset: int, grant: LeaseGrant) -> None:
        """Adds bytes at `offset`, which is the present end; durable on return.

        After `LedgerUnavailable` the bytes may be there, in part or in whole; nobody may act on them.
        """

    def seal(self, number: int, grant: LeaseGrant) -> None:
        """Ends a stream for good: no former holder can add to it any more, an incomplete last line is cut off
        where the store can cut."""

    def put(self, digest: str, chunks: Sequence[bytes], grant: LeaseGrant) -> None:
        """Keeps a pack under its digest, durable on return; the same digest again is nothing new."""

    def get(self, digest: str, offset: int = 0, length: int | None = None) -> bytes:
        """A part of a pack; raises `KeyError` when there is none."""

    def read_index(self) -> bytes | None:
        """The index as last written, if any. It is only a shortcut: it may be old, damaged or gone."""

    def write_index(self, data: bytes, grant: LeaseGrant) -> None:
        """Replaces the index, all or nothing."""

    def lease(self) -> LeaseState:
        """The lease as it is; fence 0 when it was never held."""

    def acquire(
        self, owner: LeaseOwner, *, since: datetime, ttl: float, stale: LeaseState | None = None, steal: bool = False
    ) -> LeaseGrant:
        """Takes the lease when it is free, or its holder is dead, or it still is what the caller saw go `stale`.

        `steal` takes it from anybody. Raises `LeaseHeld`.
        """

    def renew(self, grant: LeaseGrant) -> None:
        """A sign of life; raises `LeaseLost`."""

    def check(self, grant: LeaseGrant) -> None:
        """Whether the grant still stands, as cheaply as the store can tell; raises `LeaseLost`."""

    def release(self, grant: LeaseGrant) -> None:
        """Gives the lease back; nothing happens when it is no longer ours."""
