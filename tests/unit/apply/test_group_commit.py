"""Intents of writes that start together share one append: nobody waits for a write that does not carry his own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from retrainctl.apply.books import Entry, GroupCommit
from retrainctl.errors import RetrainctlError
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
