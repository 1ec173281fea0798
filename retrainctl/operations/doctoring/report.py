"""What a check works with and what it says; running all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol

from retrainctl.diagnostics import Diagnostic, Severity
from retrainctl.errors import InvalidInput, RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.manifest.load import Loaded
from retrainctl.model.environment import Environment
from retrainctl.model.kind import KINDS
from retrainctl.model.resource import Desired, Observed
from retrainctl.ports import BlobStore, Clock, Observer, Progress, Reading, SecretResolver, TargetError, TargetSet

if TYPE_CHECKING:
    from retrainctl.ledger.ledger import Ledger
    from retrainctl.targets.arm.client import ArmClient
    from retrainctl.targets.classic.client import ClassicClient


class NotApplicable(Exception):
    """A check has nothing to look at here; the text says why."""


class Reached(Protocol):
    """What became of one call to a host. trouble: None, `name`, `tls`, or `connection`; moment: the host's clock."""

    @property
    def trouble(self) -> str | None: ...
    @property
    def detail(self) -> str: ...
    @property
    def moment(self) -> datetime | None: ...


class Fact(NamedTuple):
    """Something that a check found to be so, in one sentence."""

    text: str


Said = Diagnostic | Fact


@dataclass(frozen=True, kw_only=True)
class Patient:
    """One environment under examination. What costs time or may fail is made when a check asks for it.

    services: the address that the emulator serves at, None for a real environment. plan: plans and gives what blocks
    it; raises `InvalidInput`.
    """

    loaded: Loaded
    clock: Clock
    resolver: SecretResolver
    services: Callable[[], str | None]
    targets: Callable[[], TargetSet]
    arm: Callable[[], ArmClient | None]
    classic: Callable[[], ClassicClient | None]
    blobs: Callable[[], BlobStore]
    ledger: Callable[[], Ledger]
    reach: Callable[[str], Reached]
    plan: Callable[[], Sequence[str]]

    @property
    def environment(self) -> Environment:
        return self.loaded.environment

    @cached_property
    def readings(self) -> Mapping[str, Reading | RetrainctlError]:
        """Live state by target; a target that cannot be read has its error."""
        wanted: dict[str, list[Desired]] = {}
        for desired in self.loaded.desired:
            wanted.setdefault(KINDS[desired.address.kind].target, []).append(desired)
        readers = self.targets().readers
        found: dict[str, Reading | RetrainctlError] = {}
        for target, entries in wanted.items():
            if (reader := readers.get(target)) is None:
                continue
            try:
                found[target] = reader.read(entries)
            except RetrainctlError as error:
                found[target] = error
        return found

    def live(self) -> Iterator[tuple[Desired, Observed | TargetError | None]]:
        """Every declared resource with what is live of it, or why that could not be read; None: not there."""
        for desired in self.loaded.desired:
            reading = self.readings.get(KINDS[desired.address.kind].target)
            if isinstance(reading, Reading):
                yield desired, reading.failures.get(desired.address) or reading.observed.get(desired.address)


class Check(NamedTuple):
    """One question. run: yields findings and facts as it comes upon them."""

    name: str
    title: str
    run: Callable[[Patient], Iterable[Said]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A check's answer. skipped: why it had nothing to look at."""

    check: Check
    findings: tuple[Diagnostic, ...] = ()
    facts: tuple[str, ...] = ()
    skipped: str | None = None

    @property
    def status(self) -> str:
        """`error`, `warning`, `ok` or `skipped`."""
        severities = {finding.severity for finding in self.findings}
        for severity in (Severity.ERROR, Severity.WARNING):
            if severity in severities:
                return str(severity)
        return "ok" if self.skipped is None else "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All answers, in the order of the checks."""

    environment: str
    emulator: bool
    results: tuple[Result, ...] = field(default_factory=tuple)

    def count(self, severity: Severity) -> int:
        return sum(one.severity is severity for result in self.results for one in result.findings)


def examine(patient: Patient, checks: Sequence[Check], observer: Observer) -> Report:
    """Runs every check; what one raises is its finding."""
    results: list[Result] = []
    told: set[tuple[str, str]] = set()
    for number, check in enumerate(checks, 1):
        results.append(_run(check, patient, told))
        observer.progress(Progress(task="check", done=number, total=len(checks), item=check.title))
    return Report(
        environment=patient.environment.name,
        emulator=patient.environment.emulator is not None,
        results=tuple(results),
    )


def _run(check: Check, patient: Patient, told: set[tuple[str, str]]) -> Result:
    findings: list[Diagnostic] = []
    facts: list[str] = []
    skipped: str | None = None
    try:
        for said in check.run(patient):
            if isinstance(said, Fact):
                facts.append(said.text)
            else:
                findings.append(said)
    except NotApplicable as why:
        skipped = str(why)
    except InvalidInput as error:
        findings.extend(error.diagnostics)
    except RetrainctlError as error:
        findings.append(of_error(error))
    except Exception as error:
        # A defect in one check must not take the others away; KeyboardInterrupt passes.
        findings.append(problem("RC920", f"{check.title}: {type(error).__name__}: {error}"))
    # One cause is told once, where it was met first.
    fresh = [one for one in dict.fromkeys(findings) if (one.code, one.message) not in told]
    told.update((one.code, one.message) for one in fresh)
    if findings and not fresh and skipped is None:
        skipped = "it needs what an earlier check found missing"
    return Result(check=check, findings=tuple(fresh), facts=tuple(facts), skipped=skipped)


def of_error(error: RetrainctlError) -> Diagnostic:
    """An error as a finding, request id included."""
    request = getattr(error, "request_id", None)
    address = getattr(error, "address", None)
    return Diagnostic(
        code=error.code,
        message=error.message + (f" (request id {request})" if request else ""),
        hint=error.hint,
        address=None if address is None else str(address),
    )


def problem(
    code: str, message: str, hint: str | None = None, *, address: object = None, severity: Severity = Severity.ERROR
) -> Diagnostic:
    """A finding; without a hint of its own it has the catalogue's fix."""
    if hint is None:
        from retrainctl.codes import catalogue

        hint = catalogue()[code].fix
    return Diagnostic(
        code=code, message=message, severity=severity, hint=hint, address=None if address is None else str(address)
    )
