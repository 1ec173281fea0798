"""Plans: order, guards, digests, round trips."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from retrainctl.model.address import Address
from retrainctl.model.change import Action, FieldChange, ResourceChange
from retrainctl.model.environment import Guards
from retrainctl.model.values import SecretRef
from retrainctl.plan import planfile
from retrainctl.plan.build import Selection
from retrainctl.plan.decode import decode
from retrainctl.plan.encode import canonical, digest, encode
from retrainctl.plan.errors import PlanError, PlanFileInvalid
from retrainctl.plan.order import waves
from tests.support.build import line, plan_of, service, version
from tests.support.memory import MemoryTarget, Thing

ONE, TWO = version(1, metrics={"AUC": 0.9}), version(2, metrics={"AUC": 0.8})


def services(count: int, wanted=TWO, live=ONE):
    names = [f"svc-{n:03}" for n in range(count)]
    target = MemoryTarget({Address("WebService", n): Thing({}, {"Census [trained model]": live.uri}) for n in names})
    return [service(n, wanted) for n in names], target


def test_no_differences_make_an_empty_plan():
    desired, target = services(3, wanted=ONE)
    plan, findings = plan_of(desired, target, models=line(ONE, TWO))
    assert not findings
    assert (plan.changes, plan.no_op, plan.applyable) == ((), 3, True)


def test_a_move_has_versions_metrics_and_a_risk():
    desired, target = services(1)
    plan, _ = plan_of(desired, target, models=line(ONE, TWO))
    (change,) = plan.changes
    assert change.models[0].before == ONE
    assert [risk.code for risk in change.risks] == ["metric-worse"]


def test_going_back_is_dangerous():
    desired, target = services(1, wanted=ONE, live=TWO)
    plan, _ = plan_of(desired, target, models=line(ONE, TWO))
    assert plan.changes[0].risks[0].code == "version-goes-back"


def test_same_inputs_same_bytes_and_volatile_parts_stay_out_of_the_digest():
    desired, target = services(5)
    first, _ = plan_of(desired, target, models=line(ONE, TWO))
    second, _ = plan_of(list(reversed(desired)), target, models=line(ONE, TWO))
    assert canonical(encode(first)) == canonical(encode(second))
    later = replace(first, created_at="2027-01-01T00:00:00Z", retrainctl_version="9")
    assert encode(later)["digest"] == encode(first)["digest"]
    other, _ = plan_of(desired[:4], target, models=line(ONE, TWO))
    assert encode(other)["digest"] != encode(first)["digest"]


def test_round_trip_through_a_file(tmp_path):
    desired = [
        service("new", ONE, title="x", storageAccount={"name": "a", "key": SecretRef("env", "KEY")}),
        service("svc-000", TWO, tags={"a": "b"}, title="y"),
    ]
    _, target = services(1)
    plan, _ = plan_of(desired, target, models=line(ONE, TWO))
    document = encode(plan)
    path = tmp_path / "p.json"
    planfile.write(path, document)
    again = decode(planfile.read(path, strict=True))
    assert encode(again) == document
    assert again.changes[0].wanted()["storageAccount"] == {"name": "a", "key": SecretRef("env", "KEY")}
    assert json.loads(path.read_text())["resource_changes"][0]["change"]["after_sensitive"] == {
        "storageAccount": {"key": True}
    }


def test_any_flipped_byte_is_refused(tmp_path):
    desired, target = services(1)
    plan, _ = plan_of(desired, target, models=line(ONE, TWO))
    path = tmp_path / "p.json"
    planfile.write(path, encode(plan))
    data = path.read_bytes()
    for position in range(0, len(data), 7):
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        with pytest.raises(PlanFileInvalid):
            planfile.read(path, strict=True)


def test_a_selection_makes_the_plan_incomplete():
    desired, target = services(3)
    plan, _ = plan_of(desired, target, models=line(ONE, TWO), selection=Selection(exclude=("WebService/svc-001",)))
    assert [c.address.name for c in plan.changes] == ["svc-000", "svc-002"]
    assert not plan.complete


@pytest.mark.parametrize(
    ("limits", "allowed", "blocked"),
    [
        ({"updates": "30%"}, {}, True),
        ({"updates": "100%"}, {}, False),
        ({"updates": 19}, {}, True),
        ({"updates": 19}, {"updates": 20}, False),
        ({"updates": 19}, {"updates": 21}, True),
        ({"updates": 20}, {}, False),
    ],
)
def test_limits(limits, allowed, blocked):
    desired, target = services(20)
    plan, _ = plan_of(desired, target, models=line(ONE, TWO), guards=Guards(limits=limits), allowed=allowed)
    assert bool(plan.blocked) is blocked
    assert plan.applyable is not blocked
    if blocked:
        assert plan.blocked[0].override == "--allow updates=20"


def test_percent_counts_from_ten_resources_on():
    desired, target = services(9)
    plan, _ = plan_of(desired, target, models=line(ONE, TWO), guards=Guards(limits={"updates": "10%"}))
    assert plan.applyable


def test_freeze_forbids_every_write():
    desired, target = services(2)
    plan, _ = plan_of(desired, target, models=line(ONE, TWO), guards=Guards(freeze=("WebService/*-001",)))
    assert [str(b.address) for b in plan.blocked] == ["WebService/svc-001"]


def test_prune_deletes_only_what_we_created():
    from tests.support.build import wrote

    _, target = services(2)
    applied = {Address("WebService", n): wrote(n, created=n == "svc-000") for n in ("svc-000", "svc-001")}
    reading = target.read([service("svc-000"), service("svc-001")])
    target.read = lambda wanted: reading
    plan, _ = plan_of([], target, applied=applied, prune=True)
    assert [(c.address.name, c.action) for c in plan.changes] == [("svc-000", Action.DELETE)]
    plan, _ = plan_of([], target, applied=applied)
    assert not plan.changes


def test_an_immutable_field_is_refused_with_its_place():
    target = MemoryTarget({Address("WebService", "census"): Thing({"location": "West Europe"})})
    plan, findings = plan_of([service(location="Japan East")], target)
    assert [f.code for f in findings] == ["RC407"]
    assert not plan.changes


def test_what_is_deleted_is_left_first():
    """Deleting a commitment plan before its services are billed elsewhere would leave them without one."""
    old, new = "/subscriptions/s/commitmentPlans/old", "/subscriptions/s/commitmentPlans/new"
    deleted = Address("CommitmentPlan", "a-old")
    moved = Address("WebService", "b")
    entry = FieldChange(path=("commitmentPlan", "id"), before=old.upper(), after=new)
    changes = [
        ResourceChange(address=deleted, target="arm", identity=old, action=Action.DELETE),
        ResourceChange(address=moved, target="arm", identity="/b", action=Action.UPDATE, fields=(entry,)),
    ]
    assert [[change.address for change in wave] for wave in waves(changes)] == [[moved], [deleted]]
    whole = replace(entry, path=("commitmentPlan",), before={"id": old})
    assert len(waves([changes[0], replace(changes[1], fields=(whole,))])) == 2
    assert len(waves([changes[0], replace(changes[1], fields=())])) == 1


def test_waves_follow_after_and_deletions_go_first():
    desired, target = services(3)
    a, b, c = (d.address for d in desired)
    desired = [replace(desired[0], after=(b,)), replace(desired[1], after=(c,)), desired[2]]
    plan, _ = plan_of(desired, target, models=line(ONE, TWO))
    assert [[str(x.address) for x in wave] for wave in waves(plan.changes)] == [[str(c)], [str(b)], [str(a)]]


def test_a_circle_is_named():
    desired, target = services(2)
    a, b = (d.address for d in desired)
    circle = [replace(desired[0], after=(b,)), replace(desired[1], after=(a,))]
    with pytest.raises(PlanError, match="wait for each other"):
        plan_of(circle, target, models=line(ONE, TWO))


def test_no_query_reaches_the_file():
    signed = version(2, uri="https://a.b/c/2.ilearner?sv=1&sig=CANARYCANARY")
    desired, target = services(1, wanted=signed)
    plan, _ = plan_of([replace(desired[0], fields={"title": "https://a.b/x?sig=CANARYCANARY"})], target)
    assert b"CANARY" not in canonical(encode(plan))
    assert digest(encode(plan)) == encode(plan)["digest"]
