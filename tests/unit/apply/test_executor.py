"""Applying: one result for every change, nothing sent without a record, conflicts instead of lost updates."""

from __future__ import annotations

import threading

from retrainctl.apply.executor import Tools, run_wave
from retrainctl.apply.outcome import Fate, Receipt, Verified
from retrainctl.apply.stopping import Stop
from retrainctl.errors import RetrainctlError
from retrainctl.model.address import Address
from retrainctl.ports import Rejected
from tests.support.build import line, plan_of, service, version
from tests.support.memory import FakeClock, MemoryBooks, MemoryTarget, Silent, Thing

ONE, TWO = version(1), version(2)
SLOT = "Census [trained model]"


def tools(target, books=None, parallel=4, stop=None):
    clock = FakeClock()
    return Tools(
        writers={"arm": target},
        books=books or MemoryBooks(),
        clock=clock,
        observer=Silent(),
        stop=stop or Stop(clock),
        secret_hash=lambda ref, address: f"hash of {ref}",
        parallel=parallel,
    )


def estate(count=5):
    names = [f"svc-{n}" for n in range(count)]
    target = MemoryTarget({Address("WebService", n): Thing({"title": "t"}, {SLOT: ONE.uri}) for n in names})
    desired = [service(n, TWO) for n in names]
    plan, _ = plan_of(desired, target, models=line(ONE, TWO))
    return desired, target, plan


def receipt(results):
    return Receipt(run="r", environment="test", digest="d", started="", ended="", results=tuple(results))


def test_all_applied_and_verified_and_the_next_plan_is_empty():
    desired, target, plan = estate()
    books = MemoryBooks()
    results = run_wave(plan.changes, tools(target, books)).results
    assert {(r.fate, r.verified) for r in results} == {(Fate.APPLIED, Verified.YES)}
    assert receipt(results).outcome == "applied"
    again, _ = plan_of(desired, target, models=line(ONE, TWO), applied=books.applied)
    assert not again.changes
    for change in plan.changes:
        lines = [entry[0] for entry in books.lines if entry[1] == str(change.address)]
        assert lines == ["intent", "sent", "result"]


def test_a_moved_resource_is_a_conflict_that_says_what_moved():
    _, target, plan = estate(2)
    target.things[Address("WebService", "svc-0")].slots[SLOT] = "https://a.b/foreign.ilearner"
    first, second = run_wave(plan.changes, tools(target)).results
    assert (first.fate, second.fate) == (Fate.CONFLICTED, Fate.APPLIED)
    assert first.mismatches[0].path == ("models", SLOT)
    assert target.things[Address("WebService", "svc-0")].slots[SLOT] == "https://a.b/foreign.ilearner"
    assert receipt([first, second]).outcome == "partial"


def test_what_is_as_wanted_already_is_skipped_without_a_write():
    _, target, plan = estate(1)
    target.things[Address("WebService", "svc-0")].slots[SLOT] = TWO.uri
    (result,) = run_wave(plan.changes, tools(target)).results
    assert (result.fate, target.writes) == (Fate.SKIPPED, [])


def test_a_refusal_stops_only_itself():
    _, target, plan = estate(3)
    target.fail[Address("WebService", "svc-1")] = Rejected("no", request_id="42")
    fates = [r.fate for r in run_wave(plan.changes, tools(target)).results]
    assert fates == [Fate.APPLIED, Fate.FAILED, Fate.APPLIED]


def test_a_lost_answer_is_settled_by_the_read_back():
    _, target, plan = estate(2)
    target.lose_answer = {Address("WebService", "svc-0"), Address("WebService", "svc-1")}
    target.ignore_write = {Address("WebService", "svc-1")}
    first, second = run_wave(plan.changes, tools(target)).results
    assert (first.fate, first.verified) == (Fate.APPLIED, Verified.YES)
    assert second.fate is Fate.UNKNOWN


def test_a_write_that_did_not_take_effect_fails_verification():
    _, target, plan = estate(1)
    target.ignore_write = {Address("WebService", "svc-0")}
    (result,) = run_wave(plan.changes, tools(target)).results
    assert (result.fate, result.verified) == (Fate.APPLIED, Verified.NO)
    assert receipt([result]).unverified


def test_nothing_is_sent_when_the_ledger_cannot_be_written():
    _, target, plan = estate(3)
    end = run_wave(plan.changes, tools(target, MemoryBooks(broken=RetrainctlError("disk full"))))
    assert {r.fate for r in end.results} == {Fate.NOT_ATTEMPTED}
    assert end.fatal is not None
    assert end.fatal.message == "disk full"
    assert target.writes == []


class LateBooks(MemoryBooks):
    """Keeps results back until they are asked for, as a slow disk does; `trouble`: what becomes of them."""

    trouble: Exception | None = None

    def after(self, address, step, outcome, *, applied, removed, detail, then=None):
        self.kept = [*getattr(self, "kept", []), then]

    def arrive(self):
        kept, self.kept = self.kept, []
        for then in kept:
            then(self.trouble)


def test_a_result_is_told_when_it_is_on_record_and_not_before():
    _, target, plan = estate(2)
    books = LateBooks()
    seen = []

    class Following(MemoryTarget):
        def reread(self, address, identity):
            # The second change begins while the result of the first is still on its way.
            seen.append([told.item for told in around.observer.heard])
            return super().reread(address, identity)

    around = tools(Following(target.things), books, parallel=1)
    wave = run_wave(plan.changes, around)
    assert not any(told for told in seen)
    assert {result.fate for result in wave.results} == {Fate.IN_FLIGHT}
    books.arrive()
    assert [told.outcome for told in around.observer.heard] == ["applied", "applied"]


def test_what_was_written_and_could_not_be_recorded_is_left_open_and_ends_the_run():
    class Full(MemoryBooks):
        def after(self, address, step, outcome, *, applied, removed, detail, then=None):
            then(RetrainctlError("the disk is full"))

    _, target, plan = estate(3)
    wave = run_wave(plan.changes, tools(target, Full(), parallel=1))
    assert wave.fatal is not None
    assert wave.fatal.message == "the disk is full"
    assert [result.fate for result in wave.results] == [Fate.IN_FLIGHT, Fate.NOT_ATTEMPTED, Fate.NOT_ATTEMPTED]
    assert "the disk is full" in wave.results[0].why
    assert receipt(wave.results).outcome == "partial"
    assert len(target.writes) == 1


def test_a_ledger_that_fails_after_the_service_took_the_request_does_not_call_it_unsent():
    class Gone(MemoryBooks):
        def sent(self, address, step, operation, request_id):
            raise RetrainctlError("the lease is lost")

    _, target, plan = estate(2)
    first, second = run_wave(plan.changes, tools(target, Gone(), parallel=1)).results
    assert (first.fate, second.fate) == (Fate.IN_FLIGHT, Fate.NOT_ATTEMPTED)
    assert first.wrote
    assert "the lease is lost" in first.why


def test_a_stop_before_the_start_attempts_nothing():
    _, target, plan = estate(3)
    work = tools(target)
    work.stop.ask(2)
    results = run_wave(plan.changes, work).results
    assert {r.fate for r in results} == {Fate.NOT_ATTEMPTED}
    assert target.writes == []


def test_a_second_signal_leaves_the_write_in_flight_with_its_operation():
    _, target, plan = estate(1)
    work = tools(target)
    sent = threading.Event()

    def hang(change, step, observed, waiter):
        waiter.sent("https://m/op/1", "req")
        sent.set()
        waiter.pause(3600)
        raise AssertionError("not reached")

    target.perform = hang
    results = []
    runner = threading.Thread(target=lambda: results.extend(run_wave(plan.changes, work).results))
    runner.start()
    assert sent.wait(5)
    work.stop.ask(2)
    work.stop.ask(2)
    runner.join(5)
    (result,) = results
    assert (result.fate, result.operation) == (Fate.IN_FLIGHT, "https://m/op/1")


def test_counts_always_add_up():
    _, target, plan = estate(6)
    target.fail[Address("WebService", "svc-1")] = Rejected("no")
    target.things.pop(Address("WebService", "svc-2"))
    counts = receipt(run_wave(plan.changes, tools(target)).results).counts
    assert counts["planned"] == sum(counts[fate.value] for fate in Fate) == 6
