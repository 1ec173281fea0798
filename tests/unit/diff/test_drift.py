"""Live against the ledger alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from retrainctl.diff.delta import Drift
from retrainctl.diff.drift import caught_up, drift_of
from retrainctl.model.address import Address
from retrainctl.model.exemption import Exemption
from retrainctl.model.kind import KINDS
from retrainctl.model.resource import Applied, AppliedSlot, Observed, SlotState
from retrainctl.model.values import MISSING
from retrainctl.plan.allowance import allowed
from tests.support.build import BLOBS, SLOT, seen, service, version, wrote

SPEC = KINDS["WebService"]
URI = f"{BLOBS}/census/1.ilearner"


def found(applied, observed):
    return [(".".join(entry.path), entry.applied, entry.live) for entry in drift_of(applied, observed, SPEC)]


def test_what_still_stands_is_no_drift() -> None:
    ours = wrote(uri=URI, title="t", tags={"a": "b"}, realtimeConfiguration={"maxConcurrentCalls": 20})
    live = seen(uri=URI, title="t", tags={"a": "b"}, realtimeConfiguration={"maxConcurrentCalls": 20}, other=1)
    assert found(ours, live) == []


def test_a_moved_model_and_a_changed_field_are() -> None:
    other = f"{BLOBS}/other.ilearner"
    live = seen(uri=other, title="theirs", tags={"a": "b", "x": "y"})
    assert found(wrote(uri=URI, title="ours", tags={"a": "b"}), live) == [
        ("title", "ours", "theirs"),
        (f"models.{SLOT}", URI, other),
    ]


def test_only_the_query_or_the_case_of_the_host_is_no_drift() -> None:
    assert found(wrote(uri=URI), seen(uri=URI.replace("acct", "ACCT") + "?sv=1")) == []


def test_secrets_and_what_a_read_hides_are_not_judged() -> None:
    ours = wrote(storageAccount={"name": "a", "key": {"$hash": "1f"}}, commitmentPlan={"id": "/p"})
    assert found(ours, seen(storageAccount={"name": "a"})) == []


def test_a_slot_that_we_moved_later_is_no_drift_of_the_field_that_holds_it() -> None:
    def assets(uri: str) -> dict[str, object]:
        return {"a1": {"name": SLOT, "type": "Resource", "locationInfo": {"uri": uri}}}

    new = f"{BLOBS}/census/2.ilearner"
    ours = wrote(uri=new, assets=assets(URI))
    assert found(ours, seen(uri=new, assets=assets(new))) == []
    assert len(found(ours, seen(uri=new, assets=assets(f"{BLOBS}/theirs.ilearner")))) == 1


def test_a_location_in_another_form_is_no_drift() -> None:
    assert found(wrote(location="South Central US"), seen(location="southcentralus")) == []


def test_a_resource_that_is_gone_is_drift_as_a_whole() -> None:
    gone = drift_of(replace(wrote(), identity="/services/census"), None, SPEC)
    assert gone == (Drift(path=(), applied="/services/census", live=MISSING),)


def test_a_slot_that_cannot_be_read_is_judged_by_what_it_is_in() -> None:
    spec = KINDS["Endpoint"]
    assert not spec.slots_readable
    address = Address("Endpoint", "one")
    ours = Applied(address=address, slots={"s": AppliedSlot(uri=URI)}, revision="2026-01-01")
    live = Observed(
        address=address, identity="/e/one", fields={}, slots={"s": SlotState(uri=None)}, fingerprint="f",
        revision="2026-01-01",
    )  # fmt: skip
    assert drift_of(ours, live, spec) == ()
    (made_anew,) = drift_of(ours, replace(live, revision="2026-02-02"), spec)
    assert made_anew.path == ("models", "s")


def test_what_others_made_as_we_want_it_by_now_is_learned() -> None:
    two = version(2)
    ours = wrote(uri=URI, title="old", tags={"a": "b", "c": "d"})
    live = seen(uri=two.uri, title="new", tags={"a": "x", "c": "theirs"})
    wanted = service(slot_version=two, title="new", tags={"a": "x"})
    learned = caught_up(ours, wanted, live, SPEC)
    assert learned is not None
    assert learned.slots[SLOT].version == 2
    assert learned.fields == {"title": "new", "tags": {"a": "x", "c": "d"}}
    assert [entry.path for entry in drift_of(learned, live, SPEC)] == [("tags", "c")], "nobody wants that"
    assert caught_up(learned, wanted, live, SPEC) is None


NOW = datetime(2026, 11, 20, tzinfo=UTC)
ADDRESS = Address("WebService", "census")


def exemption(path: str, address: str = "WebService/*", *, hours: int = 1) -> Exemption:
    return Exemption(address=address, path=path, owner="ops", reason="r", expires=NOW + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("path", "one", "is_allowed"),
    [
        (("tags", "team"), exemption("tags.team"), True),
        (("tags", "team"), exemption("tags.*"), True),
        (("tags", "team"), exemption("tags"), True),
        (("tags", "team"), exemption("*"), True),
        (("tags", "team"), exemption("tag"), False),
        (("title",), exemption("tags.*"), False),
        (("models", SLOT), exemption(f"models.{SLOT}"), True),
        (("models", SLOT, "sha256"), exemption("models.*"), True),
        (("tags", "team"), exemption("tags.team", "WebService/other"), False),
        (("tags", "team"), exemption("tags.team", hours=0), False),
        ((), exemption("*"), True),
    ],
)
def test_allowed_drift_names_who_allows_it(path, one: Exemption, is_allowed: bool) -> None:
    ((_, entry),) = allowed([(ADDRESS, Drift(path=path, applied="a", live="b"))], [one], NOW)
    assert (entry.allowed is one) is is_allowed
