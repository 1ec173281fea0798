"""Whatever a service does, a job comes to an end, is never run twice, and never passes unseen."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from retrainctl.model.retraining import Gate
from retrainctl.ports import (
    AuthFailed,
    Conflict,
    JobState,
    JobStatus,
    NotFound,
    Rejected,
    TargetError,
    Throttled,
    Unavailable,
)
from retrainctl.retrain.evaluation import Evaluation, EvaluationUnreadable, read_evaluation
from retrainctl.retrain.gates import judge
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
from retrainctl.targets.services.status import NoStatus, read_failure, read_status

ERRORS = st.sampled_from(
    [
        Unavailable("lost", sent=True),
        Unavailable("no connection", sent=False),
        Throttled("busy", status=503),
        NotFound("gone", status=404),
        AuthFailed("no", status=401),
        AuthFailed("ended", code="RC655"),
        Rejected("no", status=400),
        Rejected("CannotStartJob", service_code="CannotStartJob", status=400),
        Conflict("other", status=409),
    ]
)
RULES = Rules(time_limit=3600)


class Service:
    """What a service may do with a wish, drawn; knows what it was really asked for."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.jobs = 0
        self.started: set[str] = set()
        self.ever_running = 0

    def carry_out(self, job: Job, wish: Wish) -> Event:
        error: TargetError | None = self.data.draw(st.none() | ERRORS, "error")
        match wish:
            case Prepare():
                return Prepared() if error is None else Failure(error)
            case Submit():
                # It may have been registered although the answer was lost; then nobody knows its id.
                if error is None or error.sent:
                    self.jobs += 1
                return Submitted(f"j{self.jobs}") if error is None else Failure(error)
            case Start():
                assert job.id is not None, "a start without an id"
                if error is None or error.sent:
                    self.started.add(job.id)
                return Started() if error is None else Failure(error)
            case Ask():
                assert job.id is not None
                if error is not None:
                    return Failure(error)
                states = list(JobState) if job.id in self.started else [JobState.NOT_STARTED, JobState.CANCELLED]
                return Told(JobStatus(state=self.data.draw(st.sampled_from(states), "state")))
            case Cancel():
                return Cancelled() if error is None else Failure(error)
            case Collect():
                return Collected() if error is None else Failure(error)
            case Rest():
                raise AssertionError("nothing is to be done")


@given(st.data())
@settings(max_examples=400)
def test_a_job_ends_is_run_once_and_is_known_before_it_runs(data: st.DataObject) -> None:
    service = Service(data)
    job, now = Job(), 0.0
    wish: Wish = Rest()
    event: Event = Begun()
    for _ in range(600):
        job, wish = advance(job, event, now, RULES)
        if isinstance(wish, Rest):
            break
        assert wish.after >= 0
        now += wish.after + data.draw(st.sampled_from([0.0, 1.0, 600.0]), "passed")
        if data.draw(st.integers(0, 60), "interrupt") == 0:
            job, wish = advance(job, Interrupted(cancel=data.draw(st.booleans())), now, RULES)
            if isinstance(wish, Rest):
                break
        event = service.carry_out(job, wish)
    assert job.stage is Stage.ENDED
    assert job.end is not None
    assert len(service.started) <= 1, "two jobs of one retraining were started"
    assert service.started <= {job.id}, "a job runs that nobody knows"
    if job.end is End.DONE:
        assert job.id in service.started
    if job.end is not End.DONE:
        assert job.why


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
@settings(max_examples=300)
def test_no_bytes_pass_a_gate_by_accident(data: bytes) -> None:
    """Whatever the file holds: either the metric is a finite number, or no gate on it passes."""
    try:
        found = read_evaluation(data)
    except EvaluationUnreadable as error:
        found = Evaluation(unreadable=error.message)
    for name in ("AUC", *found.troubles):
        (result,) = judge([Gate(metric=name, minimum=-1e300)], found, {})
        assert result.passed == (found.find(name) is not None)


CELLS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.sampled_from(["", " ", "NaN", "n/a", "0,5", "1.000,5", "1,234"]),
)


@given(st.dictionaries(st.sampled_from(["AUC", "Accuracy", "Mine", "root mean squared error"]), CELLS, min_size=1))
def test_a_table_is_read_cell_by_cell(cells: dict[str, str]) -> None:
    quoted = ",".join(f'"{cell}"' for cell in cells.values())
    text = f"{','.join(cells)}\n{quoted}\n"
    if not any(cell.strip() for cell in cells.values()):
        return
    found = read_evaluation(text.encode())
    assert len(found.metrics) + len(found.troubles) == len(cells)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["StatusCode", "Status Code", "Results", "Details", "x"]), JSON))
def test_any_answer_is_a_status_or_none(document: dict[str, object]) -> None:
    try:
        status = read_status(document)
    except NoStatus:
        return
    assert status.state in JobState
    assert (status.failure is not None) == (status.state is JobState.FAILED)


@given(st.text(max_size=300))
def test_any_text_is_a_reason(details: str) -> None:
    failure = read_failure(details)
    assert failure.message
    assert "\n" not in failure.message
