"""An endpoint's document as the engine sees it: no secret, no difference of form, a mark for what its slots rest on."""

from __future__ import annotations

import json

from retrainctl.definition.endpoint import fingerprint, normalise, observe, proper, slots, uri_of
from retrainctl.model.address import Address
from retrainctl.model.resource import Knowledge, Observed
from tests.support.classic_cases import REDEPLOYED, SLOT, endpoint, identity, resource

HERE = Address("Endpoint", "rentalloc001")


def seen(default: dict | None = None, **more: object) -> Observed:
    document = proper(endpoint("rentalloc001", **more))
    return observe(HERE, identity(), document, default=proper(default or endpoint("default")))


def test_no_key_and_no_token_is_left() -> None:
    raw = endpoint("x", ExperimentLocation="https://h/e?sig=CANARYquery", HelpLocation="https://h/p?sig=CANARYquery")
    assert "CANARY" in json.dumps(raw)
    clean = proper(raw)
    assert "CANARY" not in json.dumps(clean)
    assert clean["ExperimentLocation"] == "https://h/e"
    assert raw["PrimaryKey"], "the answer itself is not changed"


def test_members_that_nobody_knows_stay() -> None:
    odd = {"Name": "s", "Kind": "TrainedModel", "New": [1], "Location": {"BaseLocation": "b", "X": 1}}
    clean = proper(endpoint("x", Future={"a": 1}, Resources=[odd, None, {}]))
    assert clean["Future"] == {"a": 1}
    assert clean["Resources"] == [odd, None, {}]


def test_slots_are_there_and_what_they_serve_is_not_told_by_a_read() -> None:
    observed = seen(
        Resources=[
            resource(SLOT, "https://a.blob.core.windows.net/c/m.ilearner"),
            resource("Zwölf [x]", "https://a.net/b"),
        ]
    )
    assert set(observed.slots) == {SLOT, "Zwölf [x]"}
    assert {(state.uri, state.knowledge) for state in observed.slots.values()} == {(None, Knowledge.UNKNOWN)}


def test_what_the_service_shows_is_joined_with_one_slash() -> None:
    for base in ("https://a.net", "https://a.net/"):
        for relative in ("c/m.ilearner", "/c/m.ilearner"):
            assert uri_of({"BaseLocation": base, "RelativeLocation": relative}) == "https://a.net/c/m.ilearner"
    assert uri_of({"BaseLocation": "https://a.net/"}) is None
    assert uri_of({}) is None
    assert slots({"Resources": [{}, {"Name": "s"}]}) == {"s": None}
    assert slots({"Resources": {}}) == {}


def test_at_low_the_number_of_calls_is_the_services_own() -> None:
    fields, notes = normalise(endpoint("x", ThrottleLevel="Low", MaxConcurrentCalls=7))
    assert "MaxConcurrentCalls" not in fields
    assert [note.reason for note in notes] == ["server_value"]
    assert normalise(endpoint("x", ThrottleLevel="High", MaxConcurrentCalls=7))[0]["MaxConcurrentCalls"] == 7


def test_the_fingerprint_holds_what_a_plan_rests_on() -> None:
    one = seen()
    same = seen(
        PrimaryKey="other",
        Version="2020-01-01T00:00:00Z",
        MaxConcurrentCalls=99,
        Resources=[resource(SLOT, "https://elsewhere.blob.core.windows.net/c/other.ilearner")],
    )
    assert same.fingerprint == one.fingerprint
    for other in (
        seen(Description="other"),
        seen(ThrottleLevel="Low"),
        seen(DiagnosticsTraceLevel="All"),
        seen(ExperimentLocation=REDEPLOYED),
        seen(Resources=[resource("Other [trained model]", "https://a.net/b")]),
    ):
        assert other.fingerprint != one.fingerprint
    assert fingerprint({}, None, ["ab", "c"]) != fingerprint({}, None, ["a", "bc"])


def test_the_revision_changes_with_the_endpoint_and_with_its_deployment_only() -> None:
    one = seen()
    assert one.revision is not None
    assert seen(Description="other", Version="2020-01-01T00:00:00Z").revision == one.revision
    assert seen(ExperimentLocation=REDEPLOYED).revision != one.revision
    assert seen(ApiLocation="https://h.services.azureml.net/workspaces/w/services/anew").revision != one.revision
    assert seen(ExperimentLocation=None).revision is None


def test_a_refresh_is_due_while_default_runs_another_deployment() -> None:
    assert seen().fields["refreshAll"] == "done"
    moved = endpoint("default", ExperimentLocation=REDEPLOYED)
    assert seen(default=moved).fields["refreshGraph"] == "due"
    assert seen(default=moved, ExperimentLocation=None).fields["refreshGraph"] == "done", "it cannot be told"
