"""Which calls are sent again, and not a moment before they may."""

from __future__ import annotations

import contextlib
import itertools
from datetime import UTC, datetime

import pytest
from azure.core.exceptions import ServiceRequestError, ServiceResponseError

from retrainctl.ports import Conflict, Rejected, StopWaiting, Throttled, Unavailable
from retrainctl.targets.azure.bucket import Rate
from retrainctl.targets.azure.retry import RetryRules, delay, retry_after
from tests.support.wire import ARM, FakeClock, FakeWaiter, Reply, arm_error, wire

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOT_SENT = ServiceRequestError("no connection")
LOST = ServiceResponseError("the connection broke")


def outcome(method: str, trouble, **more) -> int:
    """How many calls are made for a call that meets `trouble` once and then would succeed."""
    line = wire([trouble, Reply(200, {})])
    with contextlib.suppress(Unavailable, Throttled, Rejected, Conflict):
        line.call(method, **more)
    return len(line.calls)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "trouble", [NOT_SENT, LOST, Reply(429), Reply(408), Reply(500), Reply(502), Reply(503), Reply(504)], ids=str
)
def test_a_read_is_sent_again_after_any_passing_trouble(method: str, trouble) -> None:
    assert outcome(method, trouble) == 2


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("trouble", "calls"),
    [
        (NOT_SENT, 2),
        (Reply(429), 2),
        (Reply(503, headers={"Retry-After": "1"}), 2),
        (Reply(503, arm_error("ServiceUnavailable", "x", ("TooManyConcurrentRequests", "x"))), 2),
        (LOST, 1),
        (Reply(503), 1),
        (Reply(500), 1),
        (Reply(502), 1),
        (Reply(504), 1),
        (Reply(408), 1),
        (Reply(409, headers={"Retry-After": "1"}), 1),
    ],
    ids=str,
)
def test_a_write_is_sent_again_only_when_nothing_was_done(method: str, trouble, calls: int) -> None:
    assert outcome(method, trouble) == calls


@pytest.mark.parametrize("trouble", [NOT_SENT, LOST, Reply(429), Reply(503)], ids=str)
def test_a_post_is_sent_again_only_when_it_is_marked_as_harmless(trouble) -> None:
    assert outcome("POST", trouble) == 1
    assert outcome("POST", trouble, harmless=True) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 412, 301])
def test_a_final_answer_is_never_asked_for_again(status: int) -> None:
    line = wire([Reply(status, headers={"Retry-After": "1"})])
    with pytest.raises(Exception, match=str(status)):
        line.call("GET")
    assert len(line.calls) == 1


def test_a_read_gives_up_after_six_attempts_and_three_without_a_connection() -> None:
    line = wire(lambda call: Reply(503))
    with pytest.raises(Unavailable):
        line.call()
    assert len(line.calls) == 6
    line = wire(lambda call: NOT_SENT)
    with pytest.raises(Unavailable) as caught:
        line.call()
    assert len(line.calls) == 3
    assert not caught.value.sent


def test_the_back_off_grows_with_jitter_between_half_and_whole_and_is_bounded() -> None:
    rules = RetryRules(first=0.5, cap=20)
    assert [delay(rules, n, None, 0.0) for n in (1, 2, 3, 4)] == [0.25, 0.5, 1.0, 2.0]
    assert [delay(rules, n, None, 1.0) for n in (1, 2, 10)] == [0.5, 1.0, 20.0]


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "Fri, 20 Nov 2026 12:00:09 GMT"}, 9),
        ({"retry-after-ms": "200"}, 0.2),
        ({"x-ms-retry-after-ms": "300"}, 0.3),
    ],
)
def test_no_attempt_comes_earlier_than_the_service_allows(headers, seconds: float, chance: float) -> None:
    line = wire([Reply(429, headers=headers), Reply(200, {})], chance=lambda: chance)
    line.call("PATCH")
    gap = line.calls[1].at - line.calls[0].at
    assert seconds <= gap <= seconds * 1.1 + 1e-9


def test_a_date_is_measured_against_the_answers_own_clock() -> None:
    wrong = {"retry-after": "Wed, 26 Apr 2017 17:05:40 GMT", "date": "Wed, 26 Apr 2017 17:05:30 GMT"}
    assert retry_after(wrong, NOW) == 10
    assert retry_after({"retry-after": "Fri, 20 Nov 2026 11:00:00 GMT"}, NOW) == 0


@pytest.mark.parametrize("text", ["", "soon", "-3", "nan", "inf", "Fri, 99 Nov 2026"])
def test_nonsense_in_retry_after_is_no_wish(text: str) -> None:
    assert retry_after({"retry-after": text}, NOW) is None


def test_a_storm_of_429_with_retry_after_is_sat_out_and_every_wish_is_kept() -> None:
    answers = [Reply(429, headers={"Retry-After": "2"}) for _ in range(12)]
    line = wire([*answers, Reply(200, {})])
    line.call("PATCH")
    gaps = [later.at - earlier.at for earlier, later in zip(line.calls, line.calls[1:], strict=False)]
    assert len(gaps) == 12
    assert all(gap >= 2 for gap in gaps)


def test_a_storm_of_429_without_retry_after_backs_off_and_ends_within_the_budget() -> None:
    line = wire(lambda call: Reply(429, arm_error("TooManyRequests", "slow down")), chance=lambda: 0.9)
    with pytest.raises(Throttled) as caught:
        line.call("PATCH")
    assert caught.value.status == 429
    assert caught.value.service_code == "TooManyRequests"
    assert line.clock.passed <= RetryRules().budget
    gaps = [b.at - a.at for a, b in zip(line.calls, line.calls[1:], strict=False)]
    assert gaps == pytest.approx(sorted(gaps))
    assert gaps[0] < 1
    assert gaps[-1] <= RetryRules().cap


def test_a_wish_beyond_the_budget_ends_at_once_and_is_named() -> None:
    line = wire([Reply(429, headers={"Retry-After": "3600"})])
    with pytest.raises(Throttled) as caught:
        line.call("PATCH")
    assert line.clock.sleeps == []
    assert "3600 s" in (caught.value.hint or "")


def test_a_503_that_declines_ends_as_throttled_for_nothing_was_done() -> None:
    line = wire(lambda call: Reply(503, headers={"Retry-After": "60"}))
    with pytest.raises(Throttled):
        line.call("PATCH")


def test_one_429_holds_the_whole_host_but_no_other() -> None:
    line = wire([Reply(429, headers={"Retry-After": "30"}), Reply(200), Reply(200)], rules=RetryRules(budget=1))
    with pytest.raises(Throttled):
        line.call("PATCH")
    line.call("GET", "https://acct.blob.core.windows.net/models/x")
    assert line.clock.passed == 0
    line.call("GET")
    assert line.calls[-1].at >= 30


def test_a_run_that_is_told_to_end_is_heard_while_waiting_to_try_again() -> None:
    line = wire(lambda call: Reply(429, headers={"Retry-After": "5"}))
    waiter = FakeWaiter(line.clock, stop_after=1, error=StopWaiting())
    with pytest.raises(StopWaiting):
        line.call("PATCH", pause=waiter.pause)
    assert waiter.pauses[0] >= 5


def test_the_rate_holds_for_all_calls_together() -> None:
    line = wire(lambda call: Reply(200, {}), rate=Rate(per_second=10, burst=5))
    for _ in range(25):
        line.call("GET", f"{ARM}/x")
    starts = [call.at for call in line.calls]
    assert starts[4] == 0
    assert starts[24] == pytest.approx(2.0)
    assert all(later - earlier <= 0.1 + 1e-9 for earlier, later in itertools.pairwise(starts))


def test_the_clock_of_these_tests_moves_only_by_sleeping() -> None:
    clock = FakeClock()
    clock.sleep(1.5)
    assert (clock.monotonic(), clock.now().second) == (1.5, 1)
