"""Who comes together shares one write: nobody waits for one that does not carry his own, nothing is told too early."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from retrainctl.apply.books import Entry, GroupCommit
from retrainctl.errors import RetrainctlError
from retrainctl.ledger.group import Group
from retrainctl.model.address import Address
from retrainctl.model.change import Action, ResourceChange


def entry(number: int) -> Entry:
    address = Address("WebService", f"svc-{number}")
    change = ResourceChange(address=address, target="arm", identity="/x", action=Action.UPDATE)
    return Entry(change=change, step="update", observed=None)


def test_those_who_arrive_during_a_write_share_the_next_one() -> None:
    batches: list[list[str]] = []
    begun, go = threading.Event(), threading.Event()

    def write(entries):
        batches.append([one.change.address.name for one in entries])
        if len(batches) == 1:
            begun.set()
            assert go.wait(10)
        return [f"pack of {one.change.address.name}" for one in entries]

    commit = GroupCommit(write)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(commit.before, entry(0))
        assert begun.wait(10)
        others = [pool.submit(commit.before, entry(n)) for n in range(1, 9)]
        while len(commit._queue) < 8:
            assert not first.done()
        go.set()
        assert first.result(10) == "pack of svc-0"
        assert [one.result(10) for one in others] == [f"pack of svc-{n}" for n in range(1, 9)]
    assert [len(batch) for batch in batches] == [1, 8]


def test_a_failure_reaches_everybody_it_was_written_for_and_nobody_else() -> None:
    begun, go = threading.Event(), threading.Event()
    calls = []

    def write(entries):
        calls.append(len(entries))
        if len(calls) == 1:
            begun.set()
            assert go.wait(10)
            return [None]
        if len(calls) == 2:
            raise RetrainctlError("disk full")
        return [None for _ in entries]

    commit = GroupCommit(write)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(commit.before, entry(0))
        assert begun.wait(10)
        others = [pool.submit(commit.before, entry(n)) for n in (1, 2, 3)]
        while len(commit._queue) < 3:
            assert not first.done()
        go.set()
        assert first.result(10) is None
        for one in others:
            with pytest.raises(RetrainctlError, match="disk full"):
                one.result(10)
    assert commit.before(entry(4)) is None
    assert calls == [1, 3, 1]


def test_many_writers_are_all_written_once() -> None:
    seen: list[str] = []

    def write(entries):
        seen.extend(one.change.address.name for one in entries)
        return [one.change.address.name for one in entries]

    commit = GroupCommit(write)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: commit.before(entry(n)), range(500)))
    assert answers == [f"svc-{n}" for n in range(500)]
    assert sorted(seen) == sorted(answers)


class Slow:
    """A write whose first call waits until it may go on."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, items):
        self.batches.append(list(items))
        if len(self.batches) == 1:
            self.begun.set()
            assert self.go.wait(10)
        return items


def test_what_is_posted_during_a_write_is_written_next_and_told_then() -> None:
    slow, told = Slow(), []
    group = Group(slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(group.add, "first")
        assert slow.begun.wait(10)
        group.post("left", told.append)
        group.post("and left", told.append)
        assert not told
        slow.go.set()
        assert first.result(10) == "first"
    # Nobody waited for the others: the one who wrote went on.
    assert slow.batches == [["first"], ["left", "and left"]]
    assert told == [None, None]


def test_what_is_posted_when_nobody_writes_is_written_on_return() -> None:
    written, told = [], []
    group = Group(lambda items: written.extend(items) or items)
    group.post("one", told.append)
    assert (written, told) == (["one"], [None])


def test_what_is_posted_stands_before_what_the_same_thread_adds_after_it() -> None:
    slow = Slow()
    group = Group(slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(group.add, "first")
        assert slow.begun.wait(10)
        group.post("before")
        second = pool.submit(group.add, "after")
        while len(group._queue) < 2:
            assert not first.done()
        slow.go.set()
        assert second.result(10) == "after"
    assert slow.batches == [["first"], ["before", "after"]]


def test_a_failure_is_told_to_those_who_posted_and_the_next_write_is_free() -> None:
    def write(items):
        if "bad" in items:
            raise RetrainctlError("disk full")
        return items

    told = []
    group = Group(write)
    group.post("bad", told.append)
    assert str(told[0]) == "disk full"
    assert group.add("good") == "good"


def test_an_ear_that_fails_keeps_nobody_from_going_on() -> None:
    def deaf(_: BaseException | None) -> None:
        raise BrokenPipeError

    slow, told = Slow(), []
    group = Group(slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(group.post, "first", deaf)
        assert slow.begun.wait(10)
        group.post("second", told.append)
        slow.go.set()
        first.result(10)
    assert told == [None]
    assert group.add("third") == "third"


def test_an_interrupted_write_leaves_nobody_waiting() -> None:
    calls = []

    def write(items):
        calls.append(items)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return items

    group = Group(write)
    with pytest.raises(KeyboardInterrupt):
        group.add("first")
    assert group.add("second") == "second"


def test_many_who_add_and_post_are_written_once_and_each_in_his_order() -> None:
    written: list[tuple[int, int]] = []
    told: list[tuple[int, int]] = []

    def write(items):
        written.extend(items)
        return items

    group = Group(write)

    def work(worker: int) -> None:
        for turn in range(0, 300, 3):
            for number in (turn, turn + 1):
                group.post((worker, number), lambda _, key=(worker, number): told.append(key))
            assert group.add((worker, turn + 2)) == (worker, turn + 2)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(written) == 2400
    assert sorted(told) == [(worker, number) for worker in range(8) for number in range(300) if number % 3 != 2]
    for worker in range(8):
        assert [number for who, number in written if who == worker] == list(range(300))
