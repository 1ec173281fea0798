"""One training job as a pure state machine: what happened in, what to do next out. No I/O, no clock.

Two rules carry the rest. A job is started only after its id is in the journal, so a submission whose answer was lost
has left behind at most a job that was never started and does nothing (classic-api.md section 7); it may be submitted
again, a few times. And whatever cannot be told for certain is asked again, never assumed.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Final, TypeAlias, assert_never

from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.ports import AuthFailed, Conflict, JobState, JobStatus, NotFound, Throttled, Unavailable


class Stage(StrEnum):
    """How far a job is."""

    NEW = "new"
    PREPARING = "preparing"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    RUNNING = "running"
    CANCELLING = "cancelling"
    COLLECTING = "collecting"
    ENDED = "ended"


class End(StrEnum):
    """How a job ended for us."""

    DONE = "done"
    """Its results were collected; what they are worth is another question."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    STUCK = "stuck"
    VANISHED = "vanished"
    REFUSED = "refused"
    """It was never run: the request was not acceptable."""
    LEFT = "left"
    """It may still be running: `--resume` goes on with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The patience of a run.

    time_limit: seconds from the start to the end of a job. first, longest: seconds between two questions; in between a
    tenth of the time that has passed. submit_only: leave a job as soon as it is started.
    """

    time_limit: float = 24 * 3600.0
    first: float = 0.25
    longest: float = 15.0
    submissions: int = 3
    starts: int = 5
    refusals: int = 12
    misses: int = 3
    silences: int = 40
    collections: int = 5
    submit_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job as we know it. Times are seconds of wall time, so that they count across a resume.

    lost: submissions without an answer. refused: calls that were told to come back later. because: why it is being
    cancelled. why: of the end, in a sentence; code and hint go with it. notes: what a user should know besides.
    """

    stage: Stage = Stage.NEW
    id: str | None = None
    started: float | None = None
    lost: int = 0
    refused: int = 0
    starts: int = 0
    misses: int = 0
    silences: int = 0
    collections: int = 0
    end: End | None = None
    because: End | None = None
    why: str = ""
    code: str | None = None
    hint: str | None = None
    notes: tuple[str, ...] = ()


# What is to be done next. `after`: seconds until then.


@dataclass(frozen=True, slots=True)
class Prepare:
    """Bring local data to blobs, find a free version, check the request."""

    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Submit:
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Start:
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Ask:
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Cancel:
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Collect:
    status: JobStatus
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing: the job has ended for us."""

    after: float = 0.0


Wish: TypeAlias = Prepare | Submit | Start | Ask | Cancel | Collect | Rest


# What happened.


@dataclass(frozen=True, slots=True)
class Begun:
    """It is its turn; also after a resume, with whatever is known by then."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """detail: what the preparation found, for whoever keeps the books."""

    detail: object = None


@dataclass(frozen=True, slots=True)
class Submitted:
    job: str


@dataclass(frozen=True, slots=True)
class Started:
    pass


@dataclass(frozen=True, slots=True)
class Told:
    status: JobStatus


@dataclass(frozen=True, slots=True)
class Cancelled:
    pass


@dataclass(frozen=True, slots=True)
class Collected:
    """detail: the results."""

    detail: object = None


@dataclass(frozen=True, slots=True)
class Failure:
    """The last wish could not be carried out."""

    error: RetrainctlError


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The run shall end. cancel: the job too, else it is left running."""

    cancel: bool = False


Event: TypeAlias = Begun | Prepared | Submitted | Started | Told | Cancelled | Collected | Failure | Interrupted

_TRANSIENT: Final = (Unavailable, Throttled)
_EXPIRED: Final = frozenset({"RC654", "RC655"})
"""A signature that is not accepted (any more): asking for the job again gives a fresh one (classic-api.md 5.4)."""


def advance(job: Job, event: Event, now: float, rules: Rules) -> tuple[Job, Wish]:
    """The job after the event, and what to do next."""
    match event:
        case Begun():
            return _begun(job, now, rules)
        case Prepared():
            return replace(job, stage=Stage.SUBMITTING), Submit()
        case Submitted():
            return _submitted(job, event.job), Start()
        case Started():
            return _started(job, now, rules)
        case Told():
            return _told(replace(job, misses=0, silences=0), event.status, now, rules)
        case Cancelled():
            return _ended(job, job.because or End.CANCELLED, job.why, job.code, job.hint)
        case Collected():
            return _ended(job, End.DONE, "")
        case Failure():
            return _failed(job, event.error, now, rules)
        case Interrupted():
            return _interrupted(job, cancel=event.cancel)
        case _:  # pragma: no cover
            assert_never(event)


def _begun(job: Job, now: float, rules: Rules) -> tuple[Job, Wish]:
    if job.id is None:
        return replace(job, stage=Stage.PREPARING), Prepare()
    # An earlier run got this far: only the service knows where the job is now.
    return replace(job, stage=Stage.RUNNING if job.started else Stage.SUBMITTED), Ask()


def _submitted(job: Job, identifier: str) -> Job:
    notes = job.notes
    if job.lost:
        notes = (*notes, f"{job.lost} earlier submission(s) got no answer; what they registered was never started")
    return replace(job, stage=Stage.SUBMITTED, id=identifier, starts=1, notes=notes)


def _started(job: Job, now: float, rules: Rules) -> tuple[Job, Wish]:
    job = replace(job, stage=Stage.RUNNING, started=job.started or now)
    if rules.submit_only:
        return _ended(job, End.LEFT, "the job was started")
    return job, Ask(rules.first)


def _told(job: Job, status: JobStatus, now: float, rules: Rules) -> tuple[Job, Wish]:
    if job.stage is Stage.CANCELLING and status.state in (JobState.NOT_STARTED, JobState.RUNNING):
        return job, Cancel()
    match status.state:
        case JobState.NOT_STARTED:
            if job.starts >= rules.starts:
                return _ended(job, End.STUCK, "the job does not start although it was asked to", "RC615")
            later = _back_off(job.starts, rules) if job.starts else 0.0
            return replace(job, stage=Stage.SUBMITTED, starts=job.starts + 1), Start(later)
        case JobState.RUNNING:
            job = replace(job, stage=Stage.RUNNING, started=job.started or now)
            if rules.submit_only:
                return _ended(job, End.LEFT, "the job was started")
            return _still(job, now, rules)
        case JobState.FAILED:
            failure = status.failure
            where = f"{failure.module}: " if failure is not None and failure.module else ""
            return _ended(job, End.FAILED, where + (failure.message if failure else "no reason is given"), "RC610")
        case JobState.CANCELLED:
            if job.because is not None:
                return _ended(job, job.because, job.why, job.code, job.hint)
            return _ended(job, End.CANCELLED, "the job was cancelled at the service", "RC611")
        case JobState.FINISHED:
            return replace(job, stage=Stage.COLLECTING), Collect(status)


def _still(job: Job, now: float, rules: Rules) -> tuple[Job, Wish]:
    """Under way: asked again later, unless it has had its time."""
    began = job.started or now
    if now - began <= rules.time_limit:
        return job, Ask(_wait(job, now, rules))
    job = replace(
        job,
        stage=Stage.CANCELLING,
        because=End.STUCK,
        why=f"the job did not end within {_span(rules.time_limit)} and was cancelled",
        code="RC612",
        hint="Look at the service; raise `timeLimit` when such jobs take longer.",
    )
    return job, Cancel()


def _failed(job: Job, error: RetrainctlError, now: float, rules: Rules) -> tuple[Job, Wish]:
    match job.stage:
        case Stage.PREPARING:
            return _not_prepared(job, error, rules)
        case Stage.SUBMITTING:
            return _not_submitted(job, error, rules)
        case Stage.SUBMITTED:
            return _not_started(job, error, now, rules)
        case Stage.RUNNING:
            return _not_told(job, error, now, rules)
        case Stage.CANCELLING:
            note = f"it could not be cancelled: {error.message}"
            job = replace(job, notes=(*job.notes, note))
            return _ended(job, job.because or End.LEFT, job.why or note, job.code, job.hint)
        case Stage.COLLECTING:
            return _not_collected(job, error, now, rules)
    return _ended(job, End.FAILED, error.message, error.code, error.hint)


def _not_prepared(job: Job, error: RetrainctlError, rules: Rules) -> tuple[Job, Wish]:
    if isinstance(error, _TRANSIENT) and job.refused < rules.refusals:
        return replace(job, refused=job.refused + 1), Prepare(_back_off(job.refused, rules))
    return _ended(job, End.REFUSED, error.message, error.code, error.hint)


def _not_submitted(job: Job, error: RetrainctlError, rules: Rules) -> tuple[Job, Wish]:
    """Refused for now: later. No answer: a job may be registered, but it will never run. Else: refused for good."""
    if not getattr(error, "sent", False) or isinstance(error, Throttled):
        if isinstance(error, _TRANSIENT) and job.refused < rules.refusals:
            return replace(job, refused=job.refused + 1), Submit(_back_off(job.refused, rules))
        return _ended(job, End.REFUSED, error.message, error.code, error.hint)
    if not isinstance(error, Unavailable):
        return _ended(job, End.REFUSED, error.message, error.code, error.hint)
    job = replace(job, lost=job.lost + 1)
    if job.lost >= rules.submissions:
        what = f"{job.lost} submissions got no answer ({error.message}); what they registered was never started"
        return _ended(job, End.REFUSED, what, "RC614", error.hint)
    return job, Submit(_back_off(job.lost, rules))


def _not_started(job: Job, error: RetrainctlError, now: float, rules: Rules) -> tuple[Job, Wish]:
    """Whether it runs is what the service says, not what the answer to the start says."""
    said = (getattr(error, "service_code", None) or "").casefold()
    again = isinstance(error, (*_TRANSIENT, Conflict)) or said == "cannotstartjob"
    if again and job.silences < rules.silences:
        return replace(job, silences=job.silences + 1), Ask(_back_off(job.silences, rules))
    if isinstance(error, NotFound):
        return _not_told(replace(job, stage=Stage.RUNNING), error, now, rules)
    if again or isinstance(error, AuthFailed):
        return _ended(job, End.LEFT, error.message, error.code, error.hint)
    return _ended(job, End.FAILED, error.message, error.code, error.hint)


def _not_told(job: Job, error: RetrainctlError, now: float, rules: Rules) -> tuple[Job, Wish]:
    if isinstance(error, NotFound):
        job = replace(job, misses=job.misses + 1)
        if job.misses >= rules.misses:
            return _ended(job, End.VANISHED, f"the service does not know job {job.id} any more", "RC613")
        return job, Ask(_back_off(job.misses, rules))
    if isinstance(error, _TRANSIENT):
        job = replace(job, silences=job.silences + 1)
        if job.silences < rules.silences:
            return job, Ask(_back_off(job.silences, rules))
    return _ended(job, End.LEFT, error.message, error.code, error.hint)


def _not_collected(job: Job, error: RetrainctlError, now: float, rules: Rules) -> tuple[Job, Wish]:
    """Asking for the job again gives fresh signatures; what stays unreadable is left for later, never guessed."""
    job = replace(job, collections=job.collections + 1)
    again = isinstance(error, (*_TRANSIENT, Conflict)) or error.code in _EXPIRED
    if again and job.collections < rules.collections:
        return replace(job, stage=Stage.RUNNING), Ask(_back_off(job.collections, rules))
    if isinstance(error, NotFound):
        return _ended(job, End.FAILED, f"the job finished, but {error.message}", "RC616", error.hint)
    return _ended(job, End.LEFT, f"its results cannot be read: {error.message}", "RC616", error.hint)


def _interrupted(job: Job, *, cancel: bool) -> tuple[Job, Wish]:
    if job.stage is Stage.ENDED:
        return job, Rest()
    if job.stage is Stage.CANCELLING:
        return job, Cancel()
    if cancel and job.id is not None:
        why = "the run was interrupted and the job cancelled"
        return replace(job, stage=Stage.CANCELLING, because=End.CANCELLED, why=why, code="RC611"), Cancel()
    if job.id is None:
        return _ended(job, End.LEFT, "the run was interrupted before the job was submitted", "RC617")
    return _ended(job, End.LEFT, "the run was interrupted; the job goes on", "RC617")


def _ended(job: Job, end: End, why: str, code: str | None = None, hint: str | None = None) -> tuple[Job, Wish]:
    return replace(job, stage=Stage.ENDED, end=end, why=why, code=code, hint=hint), Rest()


def _wait(job: Job, now: float, rules: Rules) -> float:
    """A tenth of the time that has passed: few questions to a job of hours, no delay for one of seconds."""
    passed = now - job.started if job.started is not None else 0.0
    return min(rules.longest, max(rules.first, passed / 10))


def _back_off(times: int, rules: Rules) -> float:
    return min(rules.longest, rules.first * 2.0**times)


def _span(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
