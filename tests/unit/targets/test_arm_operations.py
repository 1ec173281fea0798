"""Asynchronous operations: followed to their end, on our host only, and never taken for done by their first answer."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ServiceResponseError

from retrainctl.ports import NotFound, Outcome, Rejected, StopWaiting, Unavailable
from retrainctl.targets.arm.operations import Patience
from tests.support.arm_cases import STARTED, STATUS, STATUS_PATH, client, document, ended, running
from tests.support.wire import ARM, FakeWaiter, Reply, arm_error, wire

FOREIGN = f"https://ussouthcentral.webservicesrp.azureml.net{STATUS_PATH}?api-version=2.0"
DONE, FAILED, UNKNOWN = Outcome.DONE, Outcome.FAILED, Outcome.UNKNOWN


def follow(*polls, start: Reply | None = None, method: str = "PATCH", **more):
    """One write and what is polled after it."""
    start = start or Reply(200, {"properties": {"provisioningState": "Provisioning"}}, STARTED)
    line = wire([start, *polls])
    waiter = FakeWaiter(line.clock, **more)
    arm = client(line)
    if method == "DELETE":
        answer = arm.delete_service("rg", "census")
    else:
        answer = arm.patch_service("rg", "census", {"properties": {}})
    return arm.finish(answer, "rg", "census", waiter), line, waiter


def test_it_is_polled_until_it_ends_and_told_to_the_waiter_before_the_first_wait() -> None:
    performed, line, waiter = follow(running(), running(), ended())
    assert (performed.outcome, performed.operation, performed.request_id) == (DONE, f"{ARM}{STATUS_PATH}", "rid-1")
    assert waiter.told == [(f"{ARM}{STATUS_PATH}", "rid-1")]
    assert [call.url for call in line.calls[1:]] == [STATUS] * 3


@pytest.mark.parametrize("key", ["status", "provisioningState"])
@pytest.mark.parametrize(
    ("word", "outcome"),
    [("Succeeded", DONE), ("succeeded", DONE), ("FAILED", FAILED), ("Failed", FAILED), ("Canceled", FAILED)],
)
def test_both_keys_and_any_capitals_tell_the_end(key: str, word: str, outcome: Outcome) -> None:
    assert follow(Reply(200, {key: "Updating"}), Reply(200, {key: word}))[0].outcome is outcome


def test_percent_complete_is_no_sign_of_the_end() -> None:
    performed, line, _ = follow(Reply(200, {"status": "Provisioning", "percentComplete": 1.0}), ended())
    assert performed.outcome is DONE
    assert len(line.calls) == 3


@pytest.mark.parametrize("envelope", ["error", "errorInfo"])
def test_a_success_with_a_failed_operation_is_a_failure_with_the_reason_and_the_first_calls_id(envelope: str) -> None:
    fault = arm_error("BadRequest", "Update failed.", ("ModelPackageInvalid", "The blob is no model."))["error"]
    performed, _, _ = follow(running(), ended("Failed", **{envelope: fault}))
    error = performed.error
    assert performed.outcome is FAILED
    assert isinstance(error, Rejected)
    assert (error.code, error.service_code, error.request_id) == ("RC325", "ModelPackageInvalid", "rid-1")
    assert "The blob is no model." in error.message


def test_a_canceled_operation_has_a_code_of_its_own() -> None:
    performed, _, _ = follow(ended("Canceled"))
    assert performed.error is not None
    assert performed.error.code == "RC324"


def test_the_first_polls_are_quick_and_later_ones_five_seconds_apart() -> None:
    _, _, waiter = follow(*[running()] * 15, ended())
    assert waiter.pauses[0] == 0.2
    assert waiter.pauses == sorted(waiter.pauses)
    assert waiter.pauses[-1] == 5.0
    assert sum(waiter.pauses[:3]) < 1.0


def test_retry_after_is_obeyed_where_it_is_sent() -> None:
    slow = Reply(200, {"status": "Provisioning"}, {"Retry-After": "7"})
    soon = Reply(200, {"status": "Provisioning"}, {"Retry-After": "0"})
    start = Reply(200, {}, {**STARTED, "Retry-After": "3"})
    _, _, waiter = follow(slow, soon, ended(), start=start)
    assert waiter.pauses == [3.0, 7.0, 0.2]


def test_an_operation_on_a_foreign_host_is_asked_about_on_ours() -> None:
    performed, line, waiter = follow(
        ended(), start=Reply(202, None, {"Azure-AsyncOperation": FOREIGN}), method="DELETE"
    )
    assert performed.outcome is DONE
    assert line.calls[1].url == STATUS
    assert waiter.told == [(f"{ARM}{STATUS_PATH}", "rid-1")]
    assert not [call for call in line.calls if "webservicesrp" in call.url]


def test_when_our_host_does_not_know_it_a_deletion_ends_with_the_resource_gone() -> None:
    gone = Reply(404, arm_error("NotFound", "x", ("WebServiceNotFound", "x")))
    forbidden = Reply(403, arm_error("Forbidden", "x", ("RequestUnauthorized", "Unauthorized")))
    start = Reply(202, None, {"Azure-AsyncOperation": FOREIGN})
    performed, line, _ = follow(forbidden, Reply(200, document()), gone, start=start, method="DELETE")
    assert performed.outcome is DONE
    assert [call.path.rsplit("/", 1)[-1] for call in line.calls] == ["census", "0f0f", "census", "census"]


@pytest.mark.parametrize(("state", "outcome"), [("Succeeded", DONE), ("Failed", FAILED)])
def test_without_an_operation_the_resources_own_state_decides(state: str, outcome: Outcome) -> None:
    busy = Reply(200, document(provisioningState="Provisioning"))
    performed, _, waiter = follow(busy, Reply(200, document(provisioningState=state)), start=Reply(200, {}))
    assert performed.outcome is outcome
    assert waiter.told == [(None, "rid-1")]


@pytest.mark.parametrize(
    "named", ["https://evil.example/take/my/token", "not a url", "https://evil.example/subscriptions/s/x?sig=1"]
)
def test_an_address_that_is_no_operation_is_never_called(named: str) -> None:
    start = Reply(200, {}, {"Azure-AsyncOperation": named})
    performed, line, _ = follow(Reply(200, document()), start=start)
    assert performed.outcome is DONE
    assert not [call for call in line.calls if "evil" in call.url]


def test_a_written_resource_that_vanishes_has_failed() -> None:
    gone = Reply(404, arm_error("NotFound", "x", ("WebServiceNotFound", "x")))
    performed, _, _ = follow(gone, start=Reply(200, {}))
    assert performed.outcome is FAILED
    assert isinstance(performed.error, NotFound)


def test_polls_that_meet_trouble_are_borne_and_in_the_end_the_outcome_is_unknown() -> None:
    performed, _, _ = follow(ServiceResponseError("x"), running(), ended())
    assert performed.outcome is DONE
    line = wire(lambda call: Reply(200, {}, STARTED) if call.method == "PATCH" else Reply(503))
    arm = client(line)
    performed = arm.finish(arm.patch_service("rg", "census", {}), "rg", "census", FakeWaiter(line.clock))
    assert performed.outcome is UNKNOWN
    assert isinstance(performed.error, Unavailable)
    assert performed.error.request_id == "rid-1"


def test_an_operation_without_end_is_unknown_after_the_patience_is_over() -> None:
    line = wire(lambda call: Reply(200, {}, STARTED) if call.method == "PATCH" else running())
    arm = client(line, Patience(total=60))
    performed = arm.finish(arm.patch_service("rg", "census", {}), "rg", "census", FakeWaiter(line.clock))
    assert performed.outcome is UNKNOWN
    assert performed.error is not None
    assert performed.error.code == "RC323"
    assert 60 <= line.clock.passed < 70


def test_the_end_of_the_run_is_heard_and_the_operation_is_known_by_then() -> None:
    line = wire([Reply(200, {}, STARTED), running()])
    waiter = FakeWaiter(line.clock, stop_after=1, error=StopWaiting())
    arm = client(line)
    with pytest.raises(StopWaiting):
        arm.finish(arm.patch_service("rg", "census", {}), "rg", "census", waiter)
    assert waiter.told == [(f"{ARM}{STATUS_PATH}", "rid-1")]


@pytest.mark.parametrize("operation", [f"{ARM}{STATUS_PATH}", f"http://127.0.0.1:1{STATUS_PATH}", STATUS_PATH])
def test_an_operation_of_an_earlier_run_is_settled_on_our_host(operation: str) -> None:
    line = wire([running(), ended()])
    performed = client(line).operations.settle(operation, FakeWaiter(line.clock))
    assert performed.outcome is DONE
    assert [call.url for call in line.calls] == [STATUS, STATUS]


def test_an_operation_that_nobody_knows_any_more_stays_unknown() -> None:
    line = wire([Reply(404, arm_error("NotFound", "no such operation"))])
    performed = client(line).operations.settle(f"{ARM}{STATUS_PATH}", FakeWaiter(line.clock))
    assert performed.outcome is UNKNOWN
    assert isinstance(performed.error, NotFound)


def test_an_address_that_is_no_operation_is_not_asked_about() -> None:
    line = wire([])
    performed = client(line).operations.settle("https://evil.example/x?sig=CANARY", FakeWaiter(line.clock))
    assert performed.outcome is UNKNOWN
    assert performed.error is not None
    assert performed.error.code == "RC322"
    assert "CANARY" not in f"{performed}{performed.error}"
