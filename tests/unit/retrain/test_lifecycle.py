"""The state machine of a training job: every road to its end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from retrainctl.ports import (
    AuthFailed,
    JobBlob,
    JobFailure,
    JobState,
    JobStatus,
    NotFound,
    Rejected,
    TargetError,
    Throttled,
    Unavailable,
)
from retrainctl.retrain.lifecycle import (
    Ask,
    Begun,
    Cancel,
    Cancelled,
    Collect,
    Collected,
    End,
    Event,
    Failure,
    Interrupted,
    Job,
    Prepare,
    Prepared,
    Rest,
    Rules,
    Stage,
    Start,
    Started,
    Submit,
    Submitted,
    Told,
    Wish,
    advance,
)

RULES = Rules()
LOST = Unavailable("the connection broke", sent=True)


def told(state: JobState, failure: JobFailure | None = None) -> Told:
    results = {"output1": JobBlob(uri="https://a.blob.core.windows.net/c/m.ilearner")}
    return Told(JobStatus(state=state, results=results if state is JobState.FINISHED else {}, failure=failure))


def walk(*events: Event, job: Job | None = None, rules: Rules = RULES, now: float = 1000.0) -> tuple[Job, Wish]:
    job, wish = job or Job(), Rest()
    for event in events:
        job, wish = advance(job, event, now, rules)
    return job, wish


UNTIL_RUNNING = (Begun(), Prepared(), Submitted("j1"), Started())


def test_the_straight_road() -> None:
    assert walk(Begun())[1] == Prepare()
    assert walk(Begun(), Prepared())[1] == Submit()
    assert walk(Begun(), Prepared(), Submitted("j1"))[1] == Start()
    job, wish = walk(*UNTIL_RUNNING)
    assert (job.id, job.started, wish) == ("j1", 1000.0, Ask(RULES.first))
    job, wish = walk(*UNTIL_RUNNING, told(JobState.FINISHED))
    assert isinstance(wish, Collect)
    assert walk(*UNTIL_RUNNING, told(JobState.FINISHED), Collected())[0].end is End.DONE


def test_questions_get_rarer_the_longer_a_job_runs() -> None:
    waits = []
    for passed in (0, 10, 60, 3600):
        job, _ = walk(*UNTIL_RUNNING)
        _, wish = advance(job, told(JobState.RUNNING), 1000.0 + passed, RULES)
        waits.append(wish.after)
    assert waits == [RULES.first, 1.0, 6.0, RULES.longest]


def test_failed_and_cancelled_are_told_apart() -> None:
    failure = JobFailure(message="All rows must have same number of elements", module="Import Data", code="1000")
    job, wish = walk(*UNTIL_RUNNING, told(JobState.FAILED, failure))
    assert (job.end, job.code, wish) == (End.FAILED, "RC610", Rest())
    assert job.why == "Import Data: All rows must have same number of elements"
    job, _ = walk(*UNTIL_RUNNING, told(JobState.CANCELLED))
    assert (job.end, job.code) == (End.CANCELLED, "RC611")


def test_a_job_that_takes_too_long_is_cancelled_and_called_stuck() -> None:
    job, _ = walk(*UNTIL_RUNNING)
    rules = replace(RULES, time_limit=60)
    job, wish = advance(job, told(JobState.RUNNING), 1061.0, rules)
    assert wish == Cancel()
    job, _ = advance(job, Cancelled(), 1061.5, rules)
    assert (job.end, job.code) == (End.STUCK, "RC612")
    assert "1 min" in job.why


def test_a_stuck_job_that_cannot_be_cancelled_is_stuck_all_the_same() -> None:
    job, _ = walk(*UNTIL_RUNNING)
    job, _ = advance(job, told(JobState.RUNNING), 1e9, RULES)
    job, _ = advance(job, Failure(Unavailable("down")), 1e9, RULES)
    assert job.end is End.STUCK
    assert "could not be cancelled" in job.notes[0]


def test_a_job_that_is_not_found_a_few_times_has_vanished() -> None:
    missing = Failure(NotFound("no such job"))
    job, wish = walk(*UNTIL_RUNNING, missing)
    assert isinstance(wish, Ask)
    assert walk(*UNTIL_RUNNING, missing, missing, told(JobState.RUNNING))[0].misses == 0
    job, _ = walk(*UNTIL_RUNNING, *[missing] * RULES.misses)
    assert (job.end, job.code) == (End.VANISHED, "RC613")


def test_a_lost_submission_is_repeated_a_few_times_and_said() -> None:
    job, wish = walk(Begun(), Prepared(), Failure(LOST))
    assert isinstance(wish, Submit)
    assert wish.after > 0
    job, wish = walk(Begun(), Prepared(), Failure(LOST), Submitted("j2"))
    assert (job.id, wish) == ("j2", Start())
    assert "never started" in job.notes[0]
    job, _ = walk(Begun(), Prepared(), *[Failure(LOST)] * RULES.submissions)
    assert (job.end, job.code) == (End.REFUSED, "RC614")


@pytest.mark.parametrize(
    "error",
    [Throttled("busy", status=503), Unavailable("no connection", sent=False)],
    ids=["throttled", "not sent"],
)
def test_a_submission_that_did_nothing_is_made_later(error: TargetError) -> None:
    job, wish = walk(Begun(), Prepared(), Failure(error), Failure(error))
    assert isinstance(wish, Submit)
    assert job.lost == 0
    job, _ = walk(Begun(), Prepared(), *[Failure(error)] * (RULES.refusals + 1))
    assert job.end is End.REFUSED


def test_a_request_that_is_not_acceptable_is_refused_at_once() -> None:
    job, _ = walk(Begun(), Prepared(), Failure(Rejected("bad port", code="RC386", status=400)))
    assert (job.end, job.code) == (End.REFUSED, "RC386")
    job, _ = walk(Begun(), Failure(Rejected("taken", code="RC607", sent=False)))
    assert (job.end, job.code) == (End.REFUSED, "RC607")


def test_a_start_without_an_answer_is_asked_about_not_repeated() -> None:
    job, wish = walk(Begun(), Prepared(), Submitted("j1"), Failure(LOST))
    assert isinstance(wish, Ask)
    job, wish = advance(job, told(JobState.RUNNING), 1000.0, RULES)
    assert job.stage is Stage.RUNNING
    job, _ = walk(Begun(), Prepared(), Submitted("j1"), Failure(LOST))
    _, wish = advance(job, told(JobState.NOT_STARTED), 1000.0, RULES)
    assert isinstance(wish, Start)


def test_cannot_start_means_started_before() -> None:
    error = Rejected("it is Running", service_code="CannotStartJob", status=400)
    _, wish = walk(Begun(), Prepared(), Submitted("j1"), Failure(error))
    assert isinstance(wish, Ask)
    _, wish = walk(*UNTIL_RUNNING, told(JobState.NOT_STARTED), Failure(error))
    assert isinstance(wish, Ask)


def test_a_job_that_never_starts_ends() -> None:
    job, _ = walk(Begun(), Prepared(), Submitted("j1"))
    for _ in range(RULES.starts):
        job, _ = advance(job, told(JobState.NOT_STARTED), 1000.0, RULES)
    assert (job.end, job.code) == (End.STUCK, "RC615")


def test_an_outage_is_waited_for_and_then_the_job_is_left() -> None:
    job, wish = walk(*UNTIL_RUNNING, *[Failure(Unavailable("down"))] * (RULES.silences - 1))
    assert isinstance(wish, Ask)
    job, _ = walk(*UNTIL_RUNNING, *[Failure(Unavailable("down"))] * RULES.silences)
    assert job.end is End.LEFT
    job, _ = walk(*UNTIL_RUNNING, Failure(AuthFailed("the key changed", status=401)))
    assert job.end is End.LEFT


def test_an_expired_signature_is_asked_for_anew() -> None:
    finished = told(JobState.FINISHED)
    expired = Failure(AuthFailed("it ended", code="RC655"))
    job, wish = walk(*UNTIL_RUNNING, finished, expired)
    assert isinstance(wish, Ask)
    assert isinstance(walk(*UNTIL_RUNNING, finished, expired, finished)[1], Collect)
    job, _ = walk(*UNTIL_RUNNING, *[finished, expired] * RULES.collections)
    assert (job.end, job.code) == (End.LEFT, "RC616")


def test_a_result_that_is_not_there_is_a_failure() -> None:
    job, _ = walk(*UNTIL_RUNNING, told(JobState.FINISHED), Failure(NotFound("there is no blob", code="RC653")))
    assert (job.end, job.code) == (End.FAILED, "RC616")


def test_submit_only_leaves_a_started_job() -> None:
    job, wish = walk(*UNTIL_RUNNING, rules=replace(RULES, submit_only=True))
    assert (job.end, wish, job.id) == (End.LEFT, Rest(), "j1")


def test_an_interruption_leaves_or_cancels() -> None:
    job, wish = walk(*UNTIL_RUNNING, Interrupted())
    assert (job.end, wish) == (End.LEFT, Rest())
    job, wish = walk(*UNTIL_RUNNING, Interrupted(cancel=True))
    assert wish == Cancel()
    assert walk(*UNTIL_RUNNING, Interrupted(cancel=True), Cancelled())[0].end is End.CANCELLED
    assert walk(Begun(), Interrupted(cancel=True))[0].end is End.LEFT


def test_a_resumed_job_is_asked_about_first() -> None:
    assert walk(Begun(), job=Job(id="j1"))[1] == Ask()
    _, wish = walk(Begun(), told(JobState.NOT_STARTED), job=Job(id="j1"))
    assert wish == Start()
    _, wish = walk(Begun(), told(JobState.FINISHED), job=Job(id="j1", started=5.0))
    assert isinstance(wish, Collect)
