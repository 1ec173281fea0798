"""Faults: each does what it says, hits what it is told to hit, and repeats itself."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from retrainctl.emulator.knobs import BadKnob, Knobs
from tests.support.emulator_process import SERVICES, V17, Emulator, definition, get_service, make_plan, make_service

TITLE = {"properties": {"packageType": "Graph", "title": "new"}}


def patched(emulator: Emulator) -> httpx.Response:
    return emulator.http.patch(f"{SERVICES}/census", params=V17, json=TITLE)


def counted(emulator: Emulator, method: str) -> dict[str, int]:
    counts: dict[str, int] = emulator.control("GET", "counters")["paths"][f"{method} {SERVICES}/census"]
    return counts


def test_throttling_with_and_without_a_wait(emulator: Emulator) -> None:
    emulator.faults(throttle="first:2", throttle_retry_after=3)
    responses = [emulator.http.get(SERVICES, params=V17) for _ in range(3)]
    assert [one.status_code for one in responses] == [429, 429, 200]
    assert responses[0].headers["Retry-After"] == "3"
    emulator.faults(throttle="first:1", throttle_retry_after=0)
    assert "Retry-After" not in emulator.http.get(SERVICES, params=V17).headers


def test_server_errors_hit_the_named_calls_only(emulator: Emulator) -> None:
    make_service(emulator)
    emulator.faults(error="always,PATCH|PUT,/webServices/cen", error_status=502)
    assert patched(emulator).status_code == 502
    assert emulator.http.get(f"{SERVICES}/census", params=V17).status_code == 200
    assert emulator.http.delete(f"{SERVICES}/other", params=V17).status_code == 202
    assert get_service(emulator)["properties"]["title"] == "census"


def test_a_dropped_request_took_no_effect(emulator: Emulator) -> None:
    make_service(emulator)
    emulator.faults(drop_before="first:1,PATCH")
    with pytest.raises(httpx.TransportError):
        patched(emulator)
    assert get_service(emulator)["properties"]["title"] == "census"
    assert emulator.finished(patched(emulator))["status"] == "Succeeded"


def test_a_lost_answer_took_effect_and_is_counted(emulator: Emulator) -> None:
    make_service(emulator)
    emulator.control("DELETE", "counters")
    emulator.faults(drop_after="first:1,PATCH")
    with pytest.raises(httpx.TransportError):
        patched(emulator)
    assert get_service(emulator)["properties"]["title"] == "new"
    assert counted(emulator, "PATCH") == {"requests": 1, "writes": 1}
    (write,) = emulator.control("GET", "writes")["writes"]
    assert (write["method"], write["effect"], write["answered"]) == ("PATCH", "done", False)


@pytest.mark.parametrize(
    ("fault", "status", "state"),
    [("op_fail", "Failed", "Failed"), ("op_cancel", "Canceled", "Failed"), ("op_stale", "Succeeded", "Succeeded")],
)
def test_operations_that_end_with_the_old_content(emulator: Emulator, fault: str, status: str, state: str) -> None:
    make_service(emulator)
    emulator.control("DELETE", "counters")
    emulator.faults(**{fault: "always,PATCH"})
    response = patched(emulator)
    assert response.status_code == 200
    ended = emulator.finished(response)
    assert ended["status"] == status
    assert ("errorInfo" in ended) == (status != "Succeeded")
    after = get_service(emulator)["properties"]
    assert (after["title"], after["provisioningState"]) == ("census", state)
    assert counted(emulator, "PATCH") == {"requests": 1, "writes": 0}


def test_a_hanging_operation_ends_when_told(emulator: Emulator) -> None:
    make_service(emulator)
    emulator.faults(op_hang="first:1,PATCH")
    response = patched(emulator)
    for _ in range(4):
        assert emulator.http.get(response.headers["Azure-AsyncOperation"]).json()["status"] == "Provisioning"
    assert get_service(emulator)["properties"]["provisioningState"] == "Provisioning"
    assert emulator.control("POST", "operations", {"outcome": "succeed"}) == {"finished": 1}
    assert get_service(emulator)["properties"]["title"] == "new"


def test_a_failed_creation_leaves_a_stub_that_can_be_created_again(emulator: Emulator) -> None:
    make_plan(emulator)
    emulator.faults(op_fail="first:1,PUT")
    emulator.finished(emulator.http.put(f"{SERVICES}/census", params=V17, json=definition()))
    stub = get_service(emulator)["properties"]
    assert (stub["provisioningState"], stub["storageAccount"]) == ("Failed", {})
    assert {"packageType", "title"}.isdisjoint(stub)
    assert make_service(emulator)["properties"]["provisioningState"] == "Succeeded"


def test_a_write_that_names_a_missing_blob_fails_when_blobs_are_required(emulator: Emulator) -> None:
    make_plan(emulator)
    emulator.faults(blobs_required="on", failed_operation="both")
    ended = emulator.finished(emulator.http.put(f"{SERVICES}/census", params=V17, json=definition()))
    assert ended["status"] == "Failed"
    assert ended["error"] == ended["errorInfo"]
    assert ended["error"]["details"][0]["code"] == "BlobNotFound"


def test_sign_in_is_spared(emulator: Emulator) -> None:
    emulator.faults(error="always", drop_after="always")
    form = {"grant_type": "client_credentials", "client_id": "app"}
    assert emulator.bare.post("/t/oauth2/v2.0/token", data=form).status_code == 200


def test_latency_delays_answers(emulator: Emulator) -> None:
    emulator.faults(latency="40ms..60ms")
    before = time.monotonic()
    emulator.http.get(SERVICES, params=V17)
    assert time.monotonic() - before >= 0.04


def test_retry_after_is_sent_while_an_operation_runs_only_if_asked(emulator: Emulator) -> None:
    make_service(emulator)
    emulator.faults(retry_after=1)
    response = patched(emulator)
    assert response.headers["Retry-After"] == "1"
    poll = emulator.http.get(response.headers["Azure-AsyncOperation"])
    assert (poll.json()["status"], poll.headers["Retry-After"]) == ("Provisioning", "1")
    done = emulator.http.get(response.headers["Azure-AsyncOperation"])
    assert (done.json()["status"], "Retry-After" in done.headers) == ("Succeeded", False)


def test_realistic_operations_last_as_long_as_recorded(emulator: Emulator) -> None:
    make_service(emulator)
    emulator.control("PUT", "clock", {"now": "2026-11-20T10:00:00Z"})
    emulator.faults(realistic="on")
    response = patched(emulator)
    states = []
    for _ in range(3):
        emulator.control("PUT", "clock", {"advance": 6})
        states.append(emulator.http.get(response.headers["Azure-AsyncOperation"]).json())
    assert [state["status"] for state in states] == ["Provisioning", "Succeeded", "Succeeded"]
    assert states[1]["endTime"] < "2026-11-20T10:00:11"


def test_unknown_names_and_values_change_nothing(emulator: Emulator) -> None:
    emulator.faults(throttle="at:900")
    headers = {"x-emulator-token": emulator.ready["control"]}
    for wish in ({"latency": "1s", "thottle": "always"}, {"latency": "1s", "patch-maps": "sideways"}):
        response = emulator.bare.put("/_emulator/faults", json=wish, headers=headers)
        assert response.status_code == 400
        assert response.json()["error"]["code"] == "RC806"
    assert emulator.control("GET", "status")["faults"] == {"op-seconds": "0", "throttle": "at:900"}


def test_the_same_seed_hits_the_same_requests_in_any_order() -> None:
    calls = [("GET", f"/services/{number}") for number in range(200)]

    def hits(seed: int, order: list[tuple[str, str]]) -> set[tuple[str, str]]:
        knobs = Knobs()
        knobs.set("seed", seed)
        knobs.set("error", "0.2")
        return {call for call in order if knobs.fires("error", *call)}

    assert hits(1, calls) == hits(1, calls[::-1])
    assert 15 < len(hits(1, calls)) < 70
    assert hits(1, calls) != hits(2, calls)


@pytest.mark.parametrize("value", ["sometimes", "first:x", "first:0", "1.5", "every:-1", "always,PUT,["])
def test_a_trigger_that_means_nothing_is_refused(value: Any) -> None:
    with pytest.raises(BadKnob, match="error"):
        Knobs().set("error", value)
