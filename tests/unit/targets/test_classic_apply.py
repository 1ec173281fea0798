"""Planning and applying endpoints: nothing reliable can be read back, so what is remembered must be right."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from azure.core.exceptions import ServiceResponseError

from retrainctl.apply.outcome import Fate, Verified
from retrainctl.apply.reverse import reverse
from retrainctl.model.address import Address
from retrainctl.model.change import Action
from retrainctl.model.environment import Guards
from retrainctl.model.resource import Desired
from retrainctl.plan.decode import decode
from retrainctl.plan.encode import encode
from tests.support.classic_cases import NAME, REDEPLOYED, SERVICE, SLOT, WORKSPACE, Workspace, resource, version, wish
from tests.support.classic_engine import Engine
from tests.support.wire import Call, Reply

FIRST = Address("Endpoint", "rentalloc001")
ZWEI = "Zweites Modell (ü) [trained model]"


def wanted(count: int = 3, number: int = 1, **more: Any) -> list[Desired]:
    return [
        wish(f"rentalloc{n:03}", slots={SLOT: version(number, f"bike-{n:03}")}, Description=f'"{n}"', **more)
        for n in range(1, count + 1)
    ]


def test_plan_after_apply_is_empty_also_in_another_process() -> None:
    engine = Engine()
    results = engine.run(wanted(ThrottleLevel="High", MaxConcurrentCalls=30))
    assert {(r.fate, r.verified) for r in results} == {(Fate.APPLIED, Verified.NOT_READABLE)}
    engine.renew()
    plan, findings = engine.plan(wanted(ThrottleLevel="High", MaxConcurrentCalls=30))
    assert not findings
    assert (plan.changes, plan.no_op) == ((), 3)
    assert engine.here.serves("rentalloc002") == version(1, "bike-002").uri


def test_one_changed_version_is_one_change_with_its_place() -> None:
    engine = Engine()
    engine.run(wanted())
    edited = wanted()
    edited[1] = wanted(number=2)[1]
    plan, _ = engine.plan(edited)
    (change,) = plan.changes
    assert str(change.address) == "Endpoint/rentalloc002"
    assert str(change.origin) == "locations.csv:2:5"
    (move,) = change.models
    assert (move.knowledge, move.from_uri) == ("applied", version(1, "bike-002").uri)
    assert move.before is not None
    assert move.before.label == "bike-002@1"


def test_an_update_of_a_model_costs_three_calls_an_endpoint() -> None:
    engine = Engine()
    engine.run(wanted(20))
    plan, _ = engine.plan(wanted(20, number=2))
    before = len(engine.line.calls)
    engine.apply(plan)
    assert len(engine.line.calls) - before == 3 * 20


def test_a_failing_endpoint_stops_only_itself_and_a_second_run_does_the_rest() -> None:
    engine = Engine()
    engine.here.refuse["rentalloc002"] = Reply(400, {"error": {"code": "BadArgument", "message": "no"}})
    results = engine.run(wanted())
    assert [r.fate for r in results] == [Fate.APPLIED, Fate.FAILED, Fate.APPLIED]
    assert "no" in results[1].why
    engine.here.refuse.clear()
    plan, _ = engine.plan(wanted())
    assert [str(change.address) for change in plan.changes] == ["Endpoint/rentalloc002"]
    assert [r.fate for r in engine.apply(plan)] == [Fate.APPLIED]
    assert not engine.plan(wanted())[0].changes


class Broken:
    """A workspace whose PATCH calls do not come through."""

    def __init__(self, here: Workspace, reply: Any) -> None:
        self.here, self.reply, self.on = here, reply, True

    def __call__(self, call: Call) -> Any:
        if self.on and call.method == "PATCH":
            return self.reply
        return self.here(call)


def test_an_endpoint_that_was_made_but_not_patched_is_ours_and_only_patched_next_time() -> None:
    here = Workspace()
    engine = Engine(here=(broken := Broken(here, Reply(400, {"error": {"code": "X", "message": "no"}}))))
    (result,) = engine.run(wanted(1))
    assert result.fate is Fate.FAILED
    assert engine.applied[FIRST].created
    assert engine.applied[FIRST].slots == {}
    broken.on = False
    plan, _ = engine.plan(wanted(1))
    (change,) = plan.changes
    assert (change.action, [s.id for s in change.steps]) == (Action.UPDATE, ["patch"])
    engine.apply(plan)
    assert engine.applied[FIRST].created, "it may still be pruned"
    assert here.serves("rentalloc001") == version(1, "bike-001").uri


def test_after_a_lost_answer_the_slot_is_unknown_and_even_the_former_model_is_written_again() -> None:
    here = Workspace()
    broken = Broken(here, ServiceResponseError("lost"))
    broken.on = False
    engine = Engine(here=broken)
    engine.run(wanted(1))
    broken.on = True
    (result,) = engine.run(wanted(1, number=2))
    assert result.fate is Fate.UNKNOWN
    broken.on = False
    plan, _ = engine.plan(wanted(1, number=1))
    (change,) = plan.changes
    assert change.models[0].knowledge == "unknown", "version 2 may be live: version 1 must be sent"


def test_a_refresh_that_was_not_followed_by_its_model_is_not_forgotten() -> None:
    here = Workspace()
    broken = Broken(here, Reply(400, {"error": {"code": "X", "message": "no"}}))
    broken.on = False
    engine = Engine(here=broken)
    engine.run(wanted(1, refreshAll="done"))
    here.endpoints[SERVICE]["default"]["ExperimentLocation"] = REDEPLOYED
    broken.on = True
    engine.renew()
    (result,) = engine.run(wanted(1, refreshAll="done"))
    assert result.fate is Fate.FAILED
    assert here.serves("rentalloc001") is None, "the experiment's own model is live now"
    broken.on = False
    engine.run(wanted(1, refreshAll="done"))
    assert here.serves("rentalloc001") == version(1, "bike-001").uri


def test_a_refresh_with_overwriting_forgets_what_we_had_put_there() -> None:
    engine = Engine()
    engine.run(wanted(1))
    engine.here.endpoints[SERVICE]["default"]["ExperimentLocation"] = REDEPLOYED
    engine.renew()
    engine.run([replace(one, slots={}) for one in wanted(1, refreshAll="done")])
    assert engine.applied[FIRST].slots == {}, "the experiment's own model is served now"
    (change,) = engine.plan(wanted(1))[0].changes
    assert [(move.after.label, move.knowledge) for move in change.models] == [("bike-001@1", "unknown")]


@pytest.mark.parametrize(("field", "kept"), [("refreshGraph", True), ("refreshAll", True)])
def test_a_refresh_takes_the_new_graph_and_ends_with_the_declared_model(field: str, kept: bool) -> None:
    engine = Engine()
    engine.run(wanted(2, **{field: "done"}))
    engine.here.endpoints[SERVICE]["default"]["ExperimentLocation"] = REDEPLOYED
    engine.renew()
    plan, _ = engine.plan(wanted(2, **{field: "done"}))
    assert {change.action for change in plan.changes} == {Action.UPDATE}
    assert not plan.drift
    results = engine.apply(plan)
    assert {r.fate for r in results} == {Fate.APPLIED}
    assert not any("somebody else" in r.why for r in results)
    assert engine.here.endpoints[SERVICE]["rentalloc001"]["ExperimentLocation"] == REDEPLOYED
    assert (engine.here.serves("rentalloc001") == version(1, "bike-001").uri) is kept
    engine.renew()
    assert not engine.plan(wanted(2, **{field: "done"}))[0].changes


def test_an_endpoint_that_somebody_made_anew_is_unknown() -> None:
    engine = Engine()
    engine.run(wanted(2))
    engine.here.endpoints[SERVICE].pop("rentalloc001")
    engine.here.models.pop((SERVICE, "rentalloc001", SLOT))
    engine.here.add("rentalloc001", Description='"1"', ThrottleLevel="Low", ApiLocation="https://x/services/anew")
    plan, _ = engine.plan(wanted(2))
    (change,) = plan.changes
    assert change.address == FIRST
    assert change.models[0].knowledge == "unknown"
    assert "former-model-unknown" in {risk.code for risk in change.risks}


def test_two_slots_are_moved_apart_and_together() -> None:
    here = Workspace()
    default = here.endpoints[SERVICE]["default"]
    default["Resources"].append(resource(ZWEI, "https://bikerentals.blob.core.windows.net/models/z.ilearner"))
    engine = Engine(here=here)

    def two(one: int, other: int) -> list[Desired]:
        return [wish(slots={SLOT: version(one), ZWEI: version(other, "zwei")})]

    engine.run(two(1, 1))
    plan, _ = engine.plan(two(1, 2))
    assert [move.slot for move in plan.changes[0].models] == [ZWEI]
    engine.apply(plan)
    assert here.serves("rentalloc001", ZWEI) == version(2, "zwei").uri
    assert here.serves("rentalloc001") == version(1).uri
    assert len(engine.run(two(2, 3))) == 1
    assert not engine.plan(two(2, 3))[0].changes


def test_names_with_blanks_brackets_quotes_and_other_letters() -> None:
    here = Workspace()
    slot, service = "Größe \"ü\" 'x' [自転車] [trained model]", 'Büro / "Räder" [1]'
    here.services[0]["Name"] = service
    here.endpoints[SERVICE]["default"]["Resources"] = [resource(slot, "https://a.blob.core.windows.net/c/m.ilearner")]
    engine = Engine(here=here)
    uri = "https://bikerentals.blob.core.windows.net/models/R%C3%A4der%20%5B1%5D/m'x.ilearner"
    desired = [wish(web_service=service, slots={slot: version(uri=uri)}, Description="\"quoted\" 'text' \\ ü\n{{x}}")]
    (result,) = engine.run(desired)
    assert result.fate is Fate.APPLIED
    assert here.serves("rentalloc001", slot) == uri
    assert here.endpoints[SERVICE]["rentalloc001"]["Description"] == "\"quoted\" 'text' \\ ü\n{{x}}"
    assert not engine.plan(desired)[0].changes


def test_default_is_refused_whatever_is_asked_and_nothing_is_sent() -> None:
    engine = Engine()
    for more in ({"Description": "x"}, {"slots": {SLOT: version()}}, {"refreshAll": "done"}):
        plan, findings = engine.plan([wish("default", **more)])
        assert [finding.code for finding in findings] == ["RC363"]
        assert plan.changes == ()
    assert {call.method for call in engine.line.calls} == {"GET"}


def test_pruning_deletes_what_we_made_and_nobody_declares() -> None:
    engine = Engine()
    engine.run(wanted(2))
    engine.here.add("foreign")
    left = wanted(1)
    reading = engine.classic.read(left)
    orphan = Address("Endpoint", "rentalloc002")
    observed = engine.classic.reread(orphan, engine.applied[orphan].identity)
    assert observed is not None
    from retrainctl.plan.build import Inputs, build

    plan, _ = build(
        Inputs(
            environment="test", targets={}, desired=left, models={}, applied=engine.applied, prune=True,
            readings={"classic": replace(reading, observed={**reading.observed, orphan: observed})},
            planners={"classic": engine.classic.planner}, secret_hash=lambda ref, address: None,
        )
    )  # fmt: skip
    assert [(str(c.address), c.action) for c in plan.changes] == [("Endpoint/rentalloc002", Action.DELETE)]
    (result,) = engine.apply(plan)
    assert (result.fate, result.verified) == (Fate.APPLIED, Verified.YES)
    assert sorted(engine.here.endpoints[SERVICE]) == ["default", "foreign", "rentalloc001"]


def test_a_rollback_goes_by_what_was_known_not_by_what_the_service_shows() -> None:
    engine = Engine()
    engine.run(wanted(1))
    plan, _ = engine.plan(wanted(1, number=2))
    engine.apply(plan)
    live = engine.classic.reread(FIRST, plan.changes[0].identity)
    back = reverse(plan.changes[0], live, prune=False)
    assert back.change is not None
    assert [(m.from_uri, m.to_uri) for m in back.change.models] == [
        (version(2, "bike-001").uri, version(1, "bike-001").uri)
    ]
    first, _ = Engine(here=(here := Workspace())).plan(wanted(1))
    here.add("rentalloc001")
    unknown, _ = Engine(here=here).plan(wanted(1))
    assert reverse(unknown.changes[0], live, prune=False).refused is not None
    assert first.changes[0].action is Action.CREATE


def test_a_rollback_does_not_undo_a_refresh_and_says_so() -> None:
    engine = Engine()
    engine.run(wanted(1, refreshGraph="done"))
    engine.here.endpoints[SERVICE]["default"]["ExperimentLocation"] = REDEPLOYED
    engine.renew()
    plan, _ = engine.plan(wanted(1, number=2, refreshGraph="done"))
    engine.apply(plan)
    back = reverse(plan.changes[0], engine.classic.reread(FIRST, plan.changes[0].identity), prune=False)
    assert back.stays == ("refreshGraph",)
    assert back.change is not None
    assert [entry.path for entry in back.change.fields] == []
    assert [step.id for step in engine.classic.planner.steps(back.change, None)] == ["patch"]


def test_a_refresh_with_overwriting_is_forbidden_where_it_is_protected() -> None:
    engine = Engine(guards=Guards(protect=("Endpoint/rentalloc001",)))
    engine.run(wanted(1, refreshAll="done"))
    assert engine.plan(wanted(1, number=2, refreshAll="done"))[0].applyable, "a model may go live"
    engine.here.endpoints[SERVICE]["default"]["ExperimentLocation"] = REDEPLOYED
    engine.renew()
    plan, _ = engine.plan(wanted(1, refreshAll="done"))
    assert [block.guard for block in plan.blocked] == ["protect"]
    assert engine.plan(wanted(1, refreshGraph="done"))[0].applyable


def test_an_adopted_service_is_never_made_and_never_changed() -> None:
    engine = Engine()
    place = {"webService": NAME, "workspace": WORKSPACE}
    adopted = Desired(address=Address("ClassicWebService", "scoring"), place=place)
    plan, findings = engine.plan([adopted])
    assert (plan.changes, findings, plan.no_op) == ((), (), 1)
    missing = replace(adopted, place={**place, "webService": "Nothing"})
    assert [finding.code for finding in engine.plan([missing])[1]] == ["RC361"]
    wrong = replace(adopted, place={**place, "webService": SERVICE}, fields={"Name": "Other"})
    assert [finding.code for finding in engine.plan([wrong])[1]] == ["RC375"]


def test_a_saved_plan_is_the_same_plan_and_holds_no_secret() -> None:
    engine = Engine()
    engine.here.add("rentalloc001")
    plan, _ = engine.plan(wanted(2))
    document = encode(plan)
    assert "CANARY" not in json.dumps(document)
    assert "sig=" not in json.dumps(document)
    engine.apply(decode(document))
    assert engine.here.serves("rentalloc002") == version(1, "bike-002").uri
    assert encode(decode(document)) == document
