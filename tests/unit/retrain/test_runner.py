"""Many jobs at once, on a clock that only sleeping moves."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from retrainctl.ports import JobState, JobStatus, NotFound
from retrainctl.retrain.lifecycle import End, Event, Job, Rules, Stage, Started, Submitted
from retrainctl.retrain.runner import Entry, Runner
from retrainctl.retrain.stopping import Stop
from tests.support.memory import FakeClock


class FakeHands:
    """Jobs that finish after `polls` questions; counts what runs at once."""

    def __init__(self, polls: int = 1) -> None:
        self.polls = polls
        self.asked: dict[str, int] = {}
        self.running: dict[str, set[str]] = {}
        self.most: dict[str, int] = {}
        self.lock = threading.Lock()
        self.before_start: Any = lambda key: None
        self.collected: list[str] = []
        self.cancelled: list[str] = []

    def prepare(self, key: str, pause: Any) -> str:
        return f"place of {key}"

    def submit(self, key: str, pause: Any) -> str:
        return f"job-{key}"

    def start(self, key: str, job: str, pause: Any) -> None:
        self.before_start(key)
        with self.lock:
            group = key.partition("-")[0]
            running = self.running.setdefault(group, set())
            running.add(key)
            self.most[group] = max(self.most.get(group, 0), len(running))

    def status(self, key: str, job: str, pause: Any) -> JobStatus:
        with self.lock:
            self.asked[key] = self.asked.get(key, 0) + 1
            if self.asked[key] < self.polls:
                return JobStatus(state=JobState.RUNNING)
            self.running[key.partition("-")[0]].discard(key)
            return JobStatus(state=JobState.FINISHED)

    def cancel(self, key: str, job: str, pause: Any) -> None:
        self.cancelled.append(key)

    def collect(self, key: str, status: JobStatus, pause: Any) -> str:
        self.collected.append(key)
        return "results"


def run(hands: FakeHands, entries: list[Entry], **more: Any) -> tuple[list[Entry], list[tuple[str, Job, Event]]]:
    clock = FakeClock()
    heard: list[tuple[str, Job, Event]] = []
    stop = more.pop("stop", None) or Stop(clock)
    more.setdefault("on_change", lambda key, job, event: heard.append((key, job, event)))
    runner = Runner(hands=hands, clock=clock, stop=stop, **more)
    return list(runner.run(entries)), heard


def entries(count: int, group: str = "a") -> list[Entry]:
    return [Entry(key=f"{group}-{n}", group=group, rules=Rules()) for n in range(count)]


def test_every_job_ends_and_its_results_are_collected_once() -> None:
    hands = FakeHands(polls=3)
    done, _ = run(hands, entries(25))
    assert {entry.job.end for entry in done} == {End.DONE}
    assert sorted(hands.collected) == sorted(entry.key for entry in done)


def test_each_endpoint_has_its_own_limit() -> None:
    hands = FakeHands(polls=4)
    run(hands, [*entries(30, "a"), *entries(30, "b")], limit=5, workers=8)
    assert hands.most["a"] <= 5
    assert hands.most["b"] <= 5


def test_an_id_is_in_the_books_before_its_start_is_sent() -> None:
    known: set[str] = set()
    hands = FakeHands()
    early: list[str] = []
    hands.before_start = lambda key: early.append(key) if key not in known else None

    def heard(key: str, job: Job, event: Event) -> None:
        if isinstance(event, Submitted):
            known.add(key)

    run(hands, entries(20), on_change=heard)
    assert early == []
    assert len(known) == 20


def test_an_interruption_starts_nothing_new_and_leaves_what_runs() -> None:
    hands = FakeHands(polls=1_000_000)
    clock = FakeClock()
    stop = Stop(clock)
    started = []

    def heard(key: str, job: Job, event: Event) -> None:
        if isinstance(event, Started):
            started.append(key)
            if len(started) == 3:
                stop.ask(2)

    done, _ = run(hands, entries(50), stop=stop, on_change=heard, limit=10, workers=2)
    assert {entry.job.end for entry in done} == {End.LEFT}
    assert len(started) <= 10
    assert sum(entry.job.id is not None for entry in done) < 50
    assert hands.cancelled == []


def test_an_interruption_may_cancel_instead() -> None:
    hands = FakeHands(polls=1_000_000)
    stop = Stop(FakeClock())

    def heard(key: str, job: Job, event: Event) -> None:
        if isinstance(event, Started) and not stop.asked:
            stop.ask(2)

    done, _ = run(hands, entries(5), stop=stop, on_change=heard, cancel=True, workers=2)
    submitted = [entry.key for entry in done if entry.job.id is not None]
    assert sorted(hands.cancelled) == sorted(submitted)
    assert {entry.job.end for entry in done if entry.job.id} == {End.CANCELLED}


def test_one_job_in_trouble_does_not_hold_the_others_up() -> None:
    hands = FakeHands()
    status = hands.status
    hands.status = lambda key, job, pause: (  # type: ignore[method-assign]
        _raise(NotFound("gone")) if key == "a-3" else status(key, job, pause)
    )
    done, _ = run(hands, entries(10))
    ends = {entry.key: entry.job.end for entry in done}
    assert ends.pop("a-3") is End.VANISHED
    assert set(ends.values()) == {End.DONE}


def test_resumed_jobs_take_their_places_first() -> None:
    hands = FakeHands()
    hands.running["a"] = {"a-9"}
    waiting = entries(9)
    resumed = Entry(key="a-9", group="a", rules=Rules(), job=Job(id="job-old", started=1.0))
    order: list[str] = []
    done, _ = run(hands, [*waiting, resumed], limit=1, workers=1, on_change=lambda key, job, event: order.append(key))
    assert order[0] == "a-9"
    assert all(entry.job.stage is Stage.ENDED for entry in done)


def test_books_that_cannot_be_kept_end_the_run() -> None:
    def heard(key: str, job: Job, event: Event) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run(FakeHands(), entries(3), on_change=heard)


def _raise(error: Exception) -> Any:
    raise error
