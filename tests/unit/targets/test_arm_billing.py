"""Who pays for a service: read from the plans, changed by moving an association, never sent twice."""

from __future__ import annotations

from typing import Any

import pytest

from retrainctl.diff.compare import compare
from retrainctl.model.kind import KINDS
from retrainctl.model.resource import Applied, Desired
from retrainctl.ports import Outcome, Reading
from tests.support.arm_cases import (
    PLANNER,
    PROVIDER,
    SERVICE,
    SERVICE_ID,
    change,
    desired,
    document,
    field,
    move,
    seen,
    target,
)
from tests.support.wire import Call, FakeWaiter, Reply, arm_error

S1, S2, S3 = (f"{PROVIDER}/commitmentPlans/s{number}" for number in (1, 2, 3))
GONE = Reply(404, arm_error("ResourceNotFound", "no such thing"))


class Plans:
    """A subscription with one service and its plans; `paying` is the plan that has the association `a 1`."""

    def __init__(self, paying: str | None = S1, *, readable: bool = True) -> None:
        self.paying, self.readable = paying, readable
        self.moves: list[dict[str, Any]] = []

    def association(self, name: str = "a 1") -> dict[str, Any]:
        # Real traffic mixes the case of the members of an id.
        service = SERVICE_ID.replace("webServices", "webservices")
        return {"name": name, "properties": {"associatedResourceId": service, "commitmentPlanId": self.paying}}

    def __call__(self, call: Call) -> Reply:
        path = f"/{call.path}"
        if "commitmentPlans" not in path:
            return Reply(200, document())
        if not self.readable:
            return Reply(403, arm_error("AuthorizationFailed", "no role"))
        if path.endswith("/commitmentPlans"):
            return Reply(200, {"value": [{"id": plan} for plan in (S1, S2, S3)]})
        plan, _, rest = path.partition("/commitmentAssociations")
        ours = self.paying == plan
        if rest.endswith("/move"):
            assert ours
            self.moves.append(call.body)
            self.paying = self.moves[-1]["destinationPlanId"]
            return Reply(200, self.association())
        if rest:
            return Reply(200, self.association()) if ours and rest == "/a%201" else GONE
        return Reply(200, {"value": [self.association()] if ours else []})


def declared(plan: str) -> Desired:
    return desired(commitmentPlan={"id": plan})


def planned(reading: Reading, wanted: Desired, applied: Applied | None = None):
    return compare(
        wanted,
        reading.observed[SERVICE],
        applied,
        KINDS["WebService"],
        secret_hash=lambda reference, address: None,
        version_of=lambda *_: None,
    )


def moving(before: str | None = S1, after: str = S2):
    return change(field("commitmentPlan.id", after, before))


def test_the_plans_tell_who_pays_whatever_the_ledger_says() -> None:
    arm, line = target(Plans(S1))
    delta = planned(
        arm.read([declared(S2)]), declared(S2), Applied(address=SERVICE, fields={"commitmentPlan": {"id": S2}})
    )
    (entry,) = delta.fields
    assert (entry.path, entry.before, entry.after, entry.cause) == (("commitmentPlan", "id"), S1, S2, "drift")
    assert len(line.calls) == 1 + 1 + 3, "the service, the plans, and what each pays for"
    assert planned(arm.read([declared(S1.upper())]), declared(S1.upper())).fields == ()


def test_nobody_is_asked_where_nothing_is_declared() -> None:
    arm, line = target(Plans(S1))
    assert "commitmentPlan" not in arm.read([desired()]).observed[SERVICE].fields
    assert len(line.calls) == 1


@pytest.mark.parametrize("script", [Plans(S1, readable=False), Plans(None)])
def test_where_the_plans_do_not_tell_the_ledger_does(script: Plans) -> None:
    arm, _ = target(script)
    reading = arm.read([declared(S2)])
    assert planned(reading, declared(S2)).fields == ()
    assert planned(reading, declared(S2), Applied(address=SERVICE, fields={"commitmentPlan": {"id": S2}})).fields == ()
    (entry,) = planned(reading, declared(S2), Applied(address=SERVICE, fields={"commitmentPlan": {"id": S1}})).fields
    assert entry.before == {"id": S1}
    (step,) = PLANNER.steps(change(entry), reading.observed[SERVICE])
    assert step.requests[0].path.startswith(f"{S1}/commitmentAssociations/{{association}}/move?")


def test_the_request_is_exact_and_stands_beside_the_update() -> None:
    arm, _ = target(Plans(S1))
    live = arm.read([declared(S2)]).observed[SERVICE]
    update, step = PLANNER.steps(change(move(2), field("commitmentPlan.id", S2, S1)), live)
    assert "commitmentPlan" not in str(update.requests[0].body)
    (request,) = step.requests
    assert (step.id, request.method, request.body) == ("move-association", "POST", {"destinationPlanId": S2})
    assert request.path == f"{S1}/commitmentAssociations/a%201/move?api-version=2016-05-01-preview"
    judged = PLANNER.judge(moving(), declared(S2), live, {"commitmentPlans": [S1.casefold()]})
    assert judged.findings == ()
    assert [risk.code for risk in judged.risks] == ["payer-changes", "plan-not-found"]
    assert "s2 in place of s1" in judged.risks[0].message


@pytest.mark.parametrize("known", [True, False], ids=["planned live", "planned offline"])
def test_the_association_moves_once_and_the_read_back_shows_it(known: bool) -> None:
    script = Plans(S1)
    arm, line = target(script)
    live = arm.read([declared(S2)]).observed[SERVICE] if known else seen()
    (step,) = PLANNER.steps(moving(), live)
    before = len(line.calls)
    assert arm.perform(moving(), step, live, FakeWaiter(line.clock)).outcome is Outcome.DONE
    assert script.moves == [{"destinationPlanId": S2}]
    assert len(line.calls) - before == 2, "one call finds it, one moves it"
    again = arm.reread(SERVICE, SERVICE_ID)
    assert again is not None
    assert again.fields["commitmentPlan"] == {"id": S2, "association": "a 1"}
    assert arm.perform(moving(), step, live, FakeWaiter(line.clock)).outcome is Outcome.DONE
    assert len(script.moves) == 1


@pytest.mark.parametrize(("paying", "who"), [(S3, "s3"), (None, "no commitment plan")])
def test_a_move_that_somebody_else_made_first_is_a_conflict(paying: str | None, who: str) -> None:
    script = Plans(paying)
    arm, line = target(script)
    (step,) = PLANNER.steps(moving(), seen())
    performed = arm.perform(moving(), step, seen(), FakeWaiter(line.clock))
    assert performed.outcome is Outcome.FAILED
    assert performed.error is not None
    assert (performed.error.code, performed.error.address) == ("RC335", SERVICE)
    assert who in str(performed.error)
    assert script.moves == []


def test_a_payer_that_nobody_knows_is_looked_for_everywhere() -> None:
    script = Plans(S3)
    arm, line = target(script)
    taking_back = change(field("commitmentPlan.id", S1))
    (step,) = PLANNER.steps(taking_back, seen())
    assert "/commitmentPlans/{plan}/commitmentAssociations/{association}/move?" in step.requests[0].path
    assert arm.perform(taking_back, step, seen(), FakeWaiter(line.clock)).outcome is Outcome.DONE
    assert script.paying == S1
