"""Three-way comparison: what differs, and why."""

from __future__ import annotations

import pytest

from retrainctl.diff.compare import compare, same_blob
from retrainctl.model.change import Action, Cause
from retrainctl.model.kind import KINDS
from retrainctl.model.resource import Knowledge
from retrainctl.model.values import MISSING, SecretRef
from tests.support.build import BLOBS, SLOT, seen, service, version, wrote

SPEC = KINDS["WebService"]


def diff(desired, observed, applied=None, hashes=lambda ref, address: "h1", versions=None):
    return compare(
        desired, observed, applied, SPEC, secret_hash=hashes, version_of=lambda uri, _: (versions or {}).get(uri)
    )


def test_equal_is_no_change():
    delta = diff(service(title="a", slot_version=version(1)), seen(uri=version(1).uri, title="a", extra=1))
    assert delta.action is Action.NO_OP
    assert not delta.fields
    assert not delta.models


def test_only_declared_fields_are_ours():
    assert diff(service(title="a"), seen(title="a", description="theirs")).action is Action.NO_OP


@pytest.mark.parametrize(
    ("applied", "cause"),
    [(None, Cause.INTENT), ("old", Cause.INTENT), ("new", Cause.DRIFT), ("third", Cause.BOTH)],
)
def test_cause_of_a_field_change(applied, cause):
    before = None if applied is None else wrote(title=applied)
    delta = diff(service(title="new"), seen(title="old"), before)
    (change,) = delta.fields
    assert (change.before, change.after, change.cause) == ("old", "new", cause)
    assert bool(delta.drift) is (cause is not Cause.INTENT)


def test_nested_members_are_compared_one_by_one_and_others_left_alone():
    delta = diff(
        service(diagnostics={"level": "Error"}), seen(diagnostics={"level": "None", "expiry": "2030-01-01T00:00:00Z"})
    )
    assert [(c.path, c.before, c.after) for c in delta.fields] == [(("diagnostics", "level"), "None", "Error")]


def test_location_form_is_no_difference():
    assert diff(service(location="southcentralus"), seen(location="South Central US")).action is Action.NO_OP


def test_server_default_equals_absent():
    assert diff(service(realtimeConfiguration={"maxConcurrentCalls": 20}), seen()).action is Action.NO_OP
    assert diff(service(realtimeConfiguration={"maxConcurrentCalls": 30}), seen()).action is Action.UPDATE


def test_tags_of_others_survive_and_our_former_tag_goes():
    delta = diff(
        service(tags={"team": "growth"}),
        seen(tags={"team": "growth", "ours": "old", "policy": "x"}),
        wrote(tags={"team": "growth", "ours": "old"}),
    )
    assert [(c.path, c.after) for c in delta.fields] == [(("tags", "ours"), MISSING)]


def test_a_closed_map_loses_members_that_are_not_declared():
    delta = diff(service(assets={"a": {"name": "x"}}), seen(assets={"a": {"name": "x"}, "b": {"name": "y"}}))
    assert [(c.path, c.after) for c in delta.fields] == [(("assets", "b"), MISSING)]


def test_true_is_not_one():
    assert diff(service(readOnly=True), seen(readOnly=1)).action is Action.UPDATE


def test_a_secret_is_judged_from_the_ledger():
    desired = service(storageAccount={"name": "acct", "key": SecretRef("env", "KEY")})
    live = seen(storageAccount={"name": "acct"})
    unknown = diff(desired, live)
    assert unknown.action is Action.NO_OP
    assert [s.reason for s in unknown.suppressed] == ["not_readable"]
    same = diff(desired, live, wrote(storageAccount={"key": {"$hash": "h1"}}))
    assert same.action is Action.NO_OP
    rotated = diff(desired, live, wrote(storageAccount={"key": {"$hash": "h0"}}))
    (change,) = rotated.fields
    assert (change.secret, change.knowledge, change.after) == (True, Knowledge.APPLIED, SecretRef("env", "KEY"))
    absent = diff(desired, live, wrote(storageAccount={"key": {"$hash": "h0"}}), hashes=lambda ref, address: None)
    assert [s.reason for s in absent.suppressed] == ["secret_unavailable"]


def test_a_creation_has_every_declared_field():
    delta = diff(service(title="a", tags={"x": "y"}, slot_version=version(1)), None)
    assert delta.action is Action.CREATE
    assert [(c.path, c.before, c.after) for c in delta.fields] == [
        (("tags",), MISSING, {"x": "y"}),
        (("title",), MISSING, "a"),
    ]
    assert delta.models[0].to_uri == version(1).uri


def test_a_model_move_names_both_versions():
    one, two = version(1), version(2)
    delta = diff(service(slot_version=two), seen(uri=one.uri), versions={one.uri: one, two.uri: two})
    (move,) = delta.models
    assert (move.slot, move.before, move.after, move.from_uri, move.to_uri) == (SLOT, one, two, one.uri, two.uri)
    assert move.span is not None
    assert move.span.line == 7


def test_drift_of_a_slot():
    delta = diff(service(slot_version=version(1)), seen(uri=f"{BLOBS}/other.ilearner"), wrote(uri=version(1).uri))
    assert delta.models[0].cause is Cause.DRIFT
    assert delta.drift[0].live == f"{BLOBS}/other.ilearner"


def test_same_uri_with_other_bytes_is_a_move():
    from retrainctl.model.resource import AppliedSlot

    applied = wrote()
    applied = type(applied)(address=applied.address, slots={SLOT: AppliedSlot(uri=version(1).uri, sha256="aa")})
    live = seen(uri=version(1).uri)
    assert diff(service(slot_version=version(1, sha256="bb")), live, applied).models
    assert not diff(service(slot_version=version(1, sha256="aa")), live, applied).models


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.b/c.ilearner", "https://a.b/c.ilearner?sig=x", True),
        ("http://A.B/c.ilearner", "https://a.b/c.ilearner", True),
        ("https://a.b/C.ilearner", "https://a.b/c.ilearner", False),
        (None, None, True),
        (None, "https://a.b/c", False),
    ],
)
def test_same_blob(one, other, same):
    assert same_blob(one, other) is same
