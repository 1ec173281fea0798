"""Who gets the lease, who has to wait, and who is told that it is gone."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from retrainctl.errors import RetrainctlError
from retrainctl.ledger import lease as leases
from retrainctl.ledger.errors import LeaseHeld, LeaseLost, LedgerUnavailable
from retrainctl.ledger.holder import is_alive, run_url, this_process
from retrainctl.ledger.local import LocalLedgerStore
from retrainctl.ports import LeaseGrant, LeaseOwner, LeaseState
from tests.support.ledgers import ANN, BOB, ManualClock, RealClock, begin, endpoint, open_ledger, take, write

ELSEWHERE = LeaseOwner(user="cid", host="other", pid=1, process_start="1", machine="another machine")


@pytest.fixture
def store(tmp_path: Path) -> LocalLedgerStore:
    return LocalLedgerStore(tmp_path / "ledger")


def held_by(store: LocalLedgerStore, owner: LeaseOwner, ttl: float = 30.0) -> LeaseGrant:
    return store.acquire(owner, since=datetime.now(UTC), ttl=ttl)


def test_a_silent_holder_on_another_machine_is_waited_for_one_ttl(store: LocalLedgerStore) -> None:
    held_by(store, ELSEWHERE)
    clock, told = ManualClock(), []
    start = clock.ticks
    with leases.acquire(store, this_process(ANN), clock, waiting=told.append) as lease:
        assert lease.fence == 2
    assert 30 <= clock.ticks - start <= 32
    assert [held.owner for held in told] == [ELSEWHERE]


def test_a_holder_that_shows_a_sign_of_life_keeps_its_lease(store: LocalLedgerStore) -> None:
    grant = held_by(store, ELSEWHERE)
    clock = ManualClock()

    def pause(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.ticks >= 1010:
            store.renew(grant)

    with pytest.raises(LeaseHeld):
        leases.acquire(store, this_process(ANN), clock, pause=pause)
    assert clock.ticks <= 1012, "a living holder is noticed at its next sign of life, not after a whole TTL"
    store.check(grant)


@pytest.mark.parametrize("wrong", [timedelta(days=400), timedelta(days=-400)])
def test_a_wrong_wall_clock_takes_no_lease_from_anybody(store: LocalLedgerStore, wrong: timedelta) -> None:
    grant = held_by(store, ELSEWHERE)
    clock = ManualClock(wall=datetime.now(UTC) + wrong)

    def pause(seconds: float) -> None:
        clock.sleep(seconds)
        store.renew(grant)

    with pytest.raises(LeaseHeld):
        leases.acquire(store, this_process(ANN), clock, pause=pause)
    store.check(grant)


def test_waiting_can_be_ended(store: LocalLedgerStore) -> None:
    held_by(store, ELSEWHERE)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leases.acquire(store, this_process(ANN), RealClock(), pause=interrupt)
    assert store.lease().fence == 1


def test_a_lease_that_was_being_written_when_its_owner_died_lapses_too(store: LocalLedgerStore, tmp_path: Path) -> None:
    held_by(store, ELSEWHERE)
    (tmp_path / "ledger/lease/00000002.json").write_bytes(b"")
    assert store.lease() == replace(store.lease(), fence=2, held=True, owner=None)
    with leases.acquire(store, this_process(ANN), ManualClock()) as lease:
        assert lease.fence == 3


def test_a_process_is_told_from_a_later_one_with_the_same_number() -> None:
    me = this_process(ANN)
    assert is_alive(me) is True
    assert is_alive(replace(me, process_start="1")) is False
    assert is_alive(replace(me, machine="another")) is None
    assert is_alive(replace(me, machine="")) is None
    assert is_alive(replace(me, pid=2**22 + 1)) is False
    assert is_alive(LeaseOwner(user="root", host="h", pid=1, machine=me.machine)) is True


def test_the_heartbeat_keeps_the_lease_alive_and_ends_with_it(store: LocalLedgerStore) -> None:
    with leases.acquire(store, this_process(ANN), RealClock(), ttl=0.06) as lease:
        first = store.lease().beat
        while store.lease().beat == first:
            time.sleep(0.005)
        lease.check()
    assert not store.lease().held
    assert "retrainctl-lease" not in [thread.name for thread in threading.enumerate()]
    lease.release()


class _Moody(LocalLedgerStore):
    """Fails to renew when told to."""

    error: RetrainctlError | None = None

    def renew(self, grant: LeaseGrant) -> None:
        if self.error is not None:
            raise self.error
        super().renew(grant)


def test_after_a_silence_of_a_whole_ttl_the_store_is_asked_before_the_next_write(tmp_path: Path) -> None:
    store, clock = _Moody(tmp_path / "ledger"), ManualClock()
    with leases.acquire(store, this_process(ANN), clock) as lease:
        store.error = LedgerUnavailable("the network is down")
        clock.ticks += 29
        lease.check()
        clock.ticks += 2
        with pytest.raises(LedgerUnavailable):
            lease.check()
        store.error = LeaseLost("the service says so")
        with pytest.raises(LeaseLost):
            lease.check()
        store.error = None
        with pytest.raises(LeaseLost, match="the service says so"):
            lease.check()


def test_an_unreachable_store_does_not_hide_what_ended_the_run(tmp_path: Path) -> None:
    class Gone(LocalLedgerStore):
        def release(self, grant: LeaseGrant) -> None:
            raise LedgerUnavailable("the network is down")

    with pytest.raises(ZeroDivisionError), leases.acquire(Gone(tmp_path), this_process(ANN), RealClock()):
        1 / 0  # noqa: B018
    with pytest.raises(LedgerUnavailable), leases.acquire(Gone(tmp_path / "2"), this_process(ANN), RealClock()):
        pass


def test_a_lease_given_back_late_does_not_end_the_next_one(store: LocalLedgerStore) -> None:
    late = held_by(store, ELSEWHERE)
    leases.steal(store, this_process(BOB), RealClock())._over.set()
    store.release(late)
    assert (store.lease().fence, store.lease().held) == (2, True)


def test_a_theft_frees_the_lease_and_says_whose_it_was(store: LocalLedgerStore) -> None:
    ledger = open_ledger(store)
    assert ledger.steal(this_process(BOB)) == LeaseState(fence=0, held=False)
    grant = held_by(store, ELSEWHERE)
    assert ledger.steal(this_process(BOB)).owner == ELSEWHERE
    assert not ledger.lease().held
    with pytest.raises(LeaseLost):
        store.check(grant)


def test_two_threads_of_racing_runs_never_both_write(store: LocalLedgerStore, tmp_path: Path) -> None:
    """Thieves and holders take turns as fast as they can; every acknowledged write is in one unbroken chain."""
    acknowledged: list[str] = []

    def apply(worker: int) -> None:
        for number in range(15):
            ledger = open_ledger(LocalLedgerStore(tmp_path / "ledger"))
            address = endpoint(100 * worker + number)
            try:
                if number % 3 == 0:
                    ledger.steal(this_process(ANN))
                with take(ledger) as lease:
                    run = begin(ledger, lease)
                    write(run, address)
                    acknowledged.append(address.name)
                    run.finish({})
            except (LeaseHeld, LeaseLost):
                continue

    threads = [threading.Thread(target=apply, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger = open_ledger(LocalLedgerStore(tmp_path / "ledger"))
    ledger.verify()
    assert set(acknowledged) <= {address.name for address in ledger.applied()}
    assert acknowledged


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, None),
        (
            {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "42"},
            "https://github.com/o/r/actions/runs/42",
        ),
        (
            {"SYSTEM_COLLECTIONURI": "https://dev.azure.com/o/", "SYSTEM_TEAMPROJECT": "a b", "BUILD_BUILDID": "7"},
            "https://dev.azure.com/o/a%20b/_build/results?buildId=7",
        ),
        ({"CI_JOB_URL": "https://gitlab.example/j/1"}, "https://gitlab.example/j/1"),
        ({"BUILD_URL": "https://jenkins.example/b/1"}, "https://jenkins.example/b/1"),
        ({"GITHUB_SERVER_URL": "https://github.com"}, None),
    ],
)
def test_the_ci_run_is_found_in_the_environment(environ: dict[str, str], url: str | None) -> None:
    assert run_url(environ) == url


def test_the_process_that_asks_is_this_one() -> None:
    me = this_process(ANN)
    assert (me.pid, me.user, me.run_url) == (os.getpid(), "ann", "https://ci.example/run/1")
    assert "ann@build7" in str(me)
