"""The books of a run: what a killed process leaves behind is enough to go on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrainctl.retrain.book import Book, Row, State, Terms
from retrainctl.retrain.gates import GateResult
from retrainctl.retrain.journal import (
    AnotherRun,
    Journal,
    JournalUnusable,
    is_finished,
    journals,
    lines,
    only_one,
    prune,
)
from retrainctl.retrain.lifecycle import (
    Begun,
    Collected,
    End,
    Job,
    Prepared,
    Stage,
    Started,
    Submitted,
)
from retrainctl.retrain.results import Outcome
from retrainctl.retrain.training import Place
from tests.support.memory import FakeClock

PLACE = Place(version=2, model="https://a.blob.core.windows.net/c/2.ilearner", parameters={"URI": "x"})
OUTCOME = Outcome(
    uri=PLACE.model,
    sha256="ab" * 32,
    etag='"0x1"',
    size=7,
    metrics={"AUC": 0.9},
    gates=(GateResult(metric="AUC", passed=True, reason="AUC 0.9 is at least 0.8", value=0.9),),
)


def book(path: Path, count: int = 3) -> Book:
    rows = [Row(key=f"Retraining/m{n}", model=f"m{n}") for n in range(count)]
    return Book.begin(
        path,
        rows,
        run="r1",
        environment="local",
        version="1",
        terms=Terms(bump=False, branch="b"),
        clock=FakeClock(),
    )


def through(book: Book, key: str, *, until: str) -> None:
    job = Job(stage=Stage.PREPARING)
    steps = {
        "begun": (job, Begun()),
        "prepared": (Job(stage=Stage.SUBMITTING), Prepared(PLACE)),
        "submitted": (Job(stage=Stage.SUBMITTED, id="j1"), Submitted("j1")),
        "started": (Job(stage=Stage.RUNNING, id="j1", started=5.0), Started()),
        "ended": (Job(stage=Stage.ENDED, id="j1", started=5.0, end=End.DONE), Collected(OUTCOME)),
    }
    for name, (state, event) in steps.items():
        book.heard(key, state, event)
        if name == until:
            return


def test_a_run_is_read_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "r1.jsonl"
    begun = book(path)
    for n, until in enumerate(("ended", "started", "prepared")):
        through(begun, f"Retraining/m{n}", until=until)
    begun.recorded(["Retraining/m0"], files=["a"])
    begun.close()
    found = Book.read(path, FakeClock())
    assert (found.run, found.environment, found.terms) == ("r1", "local", Terms(bump=False, branch="b"))
    first, second, third = found.rows.values()
    assert (first.state, first.outcome, first.place, first.recorded) == (State.ACCEPTED, OUTCOME, PLACE, True)
    assert first.seconds is not None
    assert (second.job.id, second.job.started, second.job.end) == ("j1", 5.0, None)
    assert (third.job.id, third.place) == (None, PLACE)
    assert not is_finished(path)


def test_any_cut_leaves_books_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "r1.jsonl"
    begun = book(path)
    for n in range(3):
        through(begun, f"Retraining/m{n}", until="ended")
    begun.close()
    data = path.read_bytes()
    head = data.index(b"\n") + 1
    for cut in range(head, len(data), 3):
        path.write_bytes(data[:cut])
        found = Book.read(path, FakeClock())
        for row in found.rows.values():
            # What was started has its id in the books.
            assert row.job.started is None or row.job.id == "j1"
            assert row.job.end is None or row.outcome == OUTCOME
        again = Journal(path)
        again.write("note", text="went on")
        again.close()
        assert [entry["kind"] for entry in lines(path)][-1] == "note"


def test_a_journal_of_a_newer_version_is_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "r1.jsonl"
    path.write_text(json.dumps({"kind": "run", "format": 99}) + "\n")
    with pytest.raises(JournalUnusable, match="newer"):
        Book.read(path, FakeClock())
    path.write_text("no json\n")
    with pytest.raises(JournalUnusable, match="damaged"):
        Book.read(path, FakeClock())
    path.write_text("")
    with pytest.raises(JournalUnusable, match="does not begin"):
        Book.read(path, FakeClock())


def test_finished_runs_are_told_and_the_old_ones_go(tmp_path: Path) -> None:
    for n in range(30):
        one = book(tmp_path / f"r{n:02}.jsonl")
        if n != 3:
            one.finish(outcome="finished")
        one.close()
    assert is_finished(tmp_path / "r00.jsonl")
    assert not is_finished(tmp_path / "r03.jsonl")
    prune(tmp_path)
    left = [path.name for path in journals(tmp_path)]
    assert left[0] == "r03.jsonl"
    assert len(left) == 21


def test_only_one_run_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "retrain" / "local"
    with only_one(folder), pytest.raises(AnotherRun), only_one(folder):
        pass
    with only_one(folder):
        assert (folder.parent / ".gitignore").read_text() == "*\n"


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalUnusable), only_one(tmp_path / "file" / "folder"):
        pass


def test_an_abandoned_row_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "r1.jsonl"
    begun = book(path)
    through(begun, "Retraining/m1", until="started")
    begun.dropped("Retraining/m1", "the run was abandoned")
    begun.close()
    assert Book.read(path, FakeClock()).rows["Retraining/m1"].state is State.CANCELLED
