"""Writing: one call per step, exactly as planned, nothing twice, and an honest word on how it ended."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from azure.core.exceptions import ServiceResponseError

from retrainctl.model.change import Action
from retrainctl.model.values import Secret
from retrainctl.ports import Outcome, Performed, Rejected, SecretUnavailable
from tests.support.classic_cases import (
    KEY,
    SERVICE,
    SLOT,
    Workspace,
    change,
    changed,
    identity,
    move,
    resource,
    target,
    tokens,
    version,
)
from tests.support.wire import FakeWaiter, Reply


def perform(here: Any, planned, step: str | None = None, **more: Any) -> tuple[Performed, Any]:
    classic, line = target(here, **more)
    steps = classic.planner.steps(planned, None)
    chosen = next(s for s in steps if step in (None, s.id))
    return classic.perform(planned, chosen, None, FakeWaiter(line.clock)), line


def error(code: str, message: str, *details: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "details": [{"code": c, "message": message} for c in details]}}


def test_a_model_is_patched_in_with_a_fresh_token_that_nobody_sees(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    here = Workspace()
    here.add("rentalloc001")
    planned = change(move(version(2)))
    done, line = perform(here, planned)
    assert done.outcome is Outcome.DONE
    (call,) = line.calls
    assert (call.method, call.path) == ("PATCH", identity().strip("/"))
    (sent,) = call.body["Resources"]
    assert sent["Name"] == SLOT
    assert sent["Location"]["BaseLocation"] == "https://bikerentals.blob.core.windows.net/"
    assert sent["Location"]["RelativeLocation"] == "models/bike-001-2.ilearner"
    token = sent["Location"]["SasBlobToken"]
    assert token.startswith("?sv=")
    assert "sp=r&" in token
    signature = token.split("sig=")[1]
    assert signature not in caplog.text + repr(done)
    assert here.serves("rentalloc001") == version(2).uri


def test_two_slots_go_out_in_one_call() -> None:
    here = Workspace()
    other = "Größe [trained model]"
    here.add("rentalloc001", Resources=[resource(SLOT, "https://a.net/b"), resource(other, "https://a.net/c")])
    planned = change(move(version(2)), move(version(3, "bike-002"), slot=other))
    done, line = perform(here, planned)
    assert done.outcome is Outcome.DONE
    assert len(line.calls) == 1
    assert here.serves("rentalloc001", other) == version(3, "bike-002").uri
    assert json.dumps(line.calls[0].body, ensure_ascii=False).count(other) == 1


def test_a_new_endpoint_is_made_as_azuremlps_makes_it() -> None:
    here = Workspace()
    fields = (changed("Description", 'a "b" ü'), changed("ThrottleLevel", "High"), changed("MaxConcurrentCalls", 20))
    done, line = perform(here, change(*fields, move(), action=Action.CREATE), "create")
    assert done.outcome is Outcome.DONE
    assert line.calls[0].method == "PUT"
    assert line.calls[0].body == {
        "WebServiceId": SERVICE,
        "EndpointName": "rentalloc001",
        "Description": 'a "b" ü',
        "ThrottleLevel": "High",
        "MaxConcurrentCalls": 20,
        "PreventUpdate": False,
    }
    assert line.calls[0].headers["Content-Type"].startswith("application/json")


def test_at_low_no_number_of_calls_is_sent() -> None:
    done, line = perform(Workspace(), change(changed("MaxConcurrentCalls", 7), action=Action.CREATE), "create")
    assert done.outcome is Outcome.DONE
    assert line.calls[0].body["ThrottleLevel"] == "Low"
    assert line.calls[0].body["MaxConcurrentCalls"] is None


def test_settings_go_out_by_themselves_and_as_far_as_they_change() -> None:
    here = Workspace()
    here.add("rentalloc001")
    planned = change(changed("Description", "new", "old"), changed("DiagnosticsTraceLevel", "All", "None"), move())
    done, line = perform(here, planned, "update")
    assert done.outcome is Outcome.DONE
    assert line.calls[0].body == {"Description": "new", "DiagnosticsTraceLevel": "All"}


@pytest.mark.parametrize(("field", "sent"), [("refreshGraph", "False"), ("refreshAll", "True")])
def test_a_refresh_sends_the_text_that_azuremlps_sends(field: str, sent: str) -> None:
    here = Workspace()
    here.add("rentalloc001")
    done, line = perform(here, change(changed(field, "done", "due")), "refresh")
    assert done.outcome is Outcome.DONE
    assert (line.calls[0].method, line.calls[0].path) == ("POST", f"{identity()}/refresh".strip("/"))
    assert line.calls[0].body == {"OverwriteResources": sent}


def test_a_refresh_that_finds_nothing_to_do_is_done() -> None:
    done, _ = perform(lambda call: Reply(304), change(changed("refreshGraph", "done", "due")))
    assert done.outcome is Outcome.DONE


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize("action", [Action.CREATE, Action.UPDATE, Action.DELETE])
def test_any_2xx_is_a_success_whatever_its_body(status: int, action: Action) -> None:
    planned = change(*([move()] if action is Action.UPDATE else []), action=action)
    done, _ = perform(lambda call: Reply(status, b"" if status == 204 else b"not json"), planned)
    assert done.outcome is Outcome.DONE


def test_deleting_what_is_gone_is_done() -> None:
    done, _ = perform(Workspace(), change(action=Action.DELETE))
    assert done.outcome is Outcome.DONE


def test_a_lost_answer_to_a_patch_is_sent_again_because_its_values_are_absolute() -> None:
    here = Workspace()
    here.add("rentalloc001")
    lost = [ServiceResponseError("lost")]

    def shaky(call):
        reply = here(call)
        return lost.pop() if lost else reply

    done, line = perform(shaky, change(move()))
    assert done.outcome is Outcome.DONE
    assert [call.method for call in line.calls] == ["PATCH", "PATCH"]
    assert line.calls[0].body == line.calls[1].body


def test_a_lost_answer_to_a_creation_or_a_refresh_is_unknown() -> None:
    for planned in (change(action=Action.CREATE), change(changed("refreshAll", "done", "due"))):
        done, line = perform(lambda call: ServiceResponseError("lost"), planned)
        assert done.outcome is Outcome.UNKNOWN
        assert len(line.calls) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 409])
@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Sorry, but this feature is not supported or available in this context. This Web Service has no updatable "
         "resources.", "RC364"),
        ("The default endpoint cannot be updated.", "RC363"),
        ("URL for retraining model invalid.", "RC380"),
        ("The resource 'x' does not exist on this endpoint.", "RC365"),
    ],
)  # fmt: skip
def test_a_refused_model_is_told_by_the_catalogue(status: int, message: str, code: str) -> None:
    """The status of these refusals was never recorded (T1, T2, T6, T8)."""
    done, _ = perform(lambda call: Reply(status, error("BadArgument", message)), change(move()))
    assert done.outcome is Outcome.FAILED
    assert done.error is not None
    assert done.error.code == code
    assert message.split(".")[0] in done.error.message
    assert "(T" in (done.error.hint or "")
    assert done.error.request_id == "rid-1"
    assert str(done.error.address) == "Endpoint/rentalloc001"


def test_a_signature_in_the_services_words_is_hidden() -> None:
    words = "URL for retraining model invalid: https://a.blob.core.windows.net/c/m?sv=1&sig=SECRETSIGNATURE&se=2"
    done, _ = perform(lambda call: Reply(400, error("BadArgument", words)), change(move()))
    assert done.error is not None
    assert "SECRETSIGNATURE" not in done.error.message


def test_a_model_of_another_shape_is_told() -> None:
    refused = error("Conflict", "The model does not fit.", "ModelOutputMetadataMismatch")
    done, _ = perform(lambda call: Reply(409, refused), change(move()))
    assert done.error is not None
    assert done.error.code == "RC381"


def test_an_expired_token_is_an_error_before_the_call() -> None:
    classic, line = target(Workspace(), given=lambda account: Secret("?sv=1&se=2026-11-20T11:59:00Z&sp=r&sig=x"))
    planned = change(move())
    done = classic.perform(planned, classic.planner.steps(planned, None)[0], None, FakeWaiter(line.clock))
    assert done.outcome is Outcome.FAILED
    assert done.error is not None
    assert done.error.code == "RC372"
    assert not done.error.sent
    assert line.calls == []


def test_a_key_that_is_not_there_stops_before_the_call() -> None:
    def missing(account: str) -> Secret:
        raise SecretUnavailable(f"no key of {account}")

    classic, line = target(Workspace(), signer=missing)
    planned = change(move())
    with pytest.raises(SecretUnavailable):
        classic.perform(planned, classic.planner.steps(planned, None)[0], None, FakeWaiter(line.clock))
    assert line.calls == []


def test_a_version_that_is_only_a_file_is_not_sent() -> None:
    planned = change(move(version(2, uri=None, file="m.ilearner")))
    done, line = perform(Workspace(), planned)
    assert done.outcome is Outcome.FAILED
    assert isinstance(done.error, Rejected)
    assert done.error.code == "RC326"
    assert line.calls == []


def test_what_is_sent_is_what_was_planned_but_for_the_token() -> None:
    here = Workspace()
    here.add("rentalloc001")
    classic, line = target(here)
    planned = change(changed("Description", "x", "y"), changed("refreshAll", "done", "due"), move())
    for step in classic.planner.steps(planned, None):
        classic.perform(planned, step, None, FakeWaiter(line.clock))
    shown = [(r.method, r.path, r.body) for s in classic.planner.steps(planned, None) for r in s.requests]
    sent = [(call.method, "/" + call.path, call.body) for call in line.calls]
    sent[-1][2]["Resources"][0]["Location"]["SasBlobToken"] = shown[-1][2]["Resources"][0]["Location"]["SasBlobToken"]
    assert sent == shown
    assert [method for method, _, _ in sent] == ["POST", "PATCH", "PATCH"]


def test_a_workspace_has_no_operations_to_ask_about() -> None:
    classic, line = target(Workspace())
    assert classic.settle("https://x/operations/1", FakeWaiter(line.clock)).outcome is Outcome.FAILED


def test_tokens_of_a_thousand_blobs_are_all_different_and_need_one_key() -> None:
    asked = []
    _, line = target(Workspace())

    def signer(account: str) -> Secret:
        asked.append(account)
        return Secret(KEY)

    made = tokens(line, signer=signer)
    uris = [f"https://bikerentals.blob.core.windows.net/models/{n}.ilearner" for n in range(1000)]
    assert len({made.token(uri) for uri in uris}) == 1000
    assert asked == ["bikerentals"]
