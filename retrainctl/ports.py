"""The protocols that the middle of the house speaks through, and the failures they promise.

Targets implement them, tests implement them in memory, the rooms above use nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol

from retrainctl.diagnostics import Diagnostic
from retrainctl.errors import RetrainctlError
from retrainctl.model.address import Address
from retrainctl.model.change import ResourceChange, Risk, Step
from retrainctl.model.resource import Desired, Observed
from retrainctl.model.values import JsonObject, Secret, SecretRef


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

    def steps(self, change: ResourceChange, observed: Observed | None) -> tuple[Step, ...]:
        """The exact calls of a change, in order, secrets as references."""


class Outcome(StrEnum):
    """What became of a write."""

    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Performed:
    """The end of one step: `error` says why where it is not done."""

    outcome: Outcome
    operation: str | None = None
    request_id: str | None = None
    error: TargetError | None = None


class Writer(Reader, Protocol):
    """Writes what a plan says."""

    def perform(self, change: ResourceChange, step: Step, observed: Observed | None, waiter: Waiter) -> Performed:
        """Sends one step's calls, built anew from `observed`, and waits for the final result.

        Never raises for what the service did: a refusal is `FAILED`, a lost answer after sending is `UNKNOWN`.
        Lets `StopWaiting` out. Raises `SecretUnavailable` before anything is sent.
        """

    def settle(self, operation: str, waiter: Waiter) -> Performed:
        """Asks what became of an operation that an earlier run left behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSet:
    """The plug-ins of one environment by target name (`arm`, `classic`, ...): who reads, who plans, who writes."""

    readers: Mapping[str, Reader]
    planners: Mapping[str, Planner]
    writers: Mapping[str, Writer] = field(default_factory=dict)
