"""Policies over planned changes: who is denied, who is excepted, and that a broken guard lets nothing pass."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from retrainctl.operations.policies import judge_of
from retrainctl.plan.encode import encode
from retrainctl.plan.plan import PolicyOutcome
from retrainctl.schemas import checker
from tests.support.build import line, plan_of, service, version
from tests.support.memory import MemoryTarget, Thing
from tests.support.project_files import loaded, manifest

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ONE, TWO = version(1), version(2)


def planned(tmp_path: Path, *specs: str, count: int = 3, wanted=ONE, live=TWO):
    """A plan of services that go from `live` to `wanted` under these policies (`rule-1`, `rule-2` ...)."""
    text = "---\n".join(manifest("Policy", f"rule-{n}", spec) for n, spec in enumerate(specs, 1))
    project = loaded(tmp_path, {"manifests/p.yaml": text})
    assert project.diagnostics == ()
    names = [f"svc-{n}" for n in range(1, count + 1)]
    desired = [service(name, wanted) for name in names]
    slot = next(iter(desired[0].slots))
    target = MemoryTarget({entry.address: Thing({}, {slot: live.uri}) for entry in desired})
    plan, findings = plan_of(desired, target, models=line(ONE, TWO), policies=judge_of(project.policies, NOW))
    assert findings == ()
    assert checker("plan").is_valid(encode(plan))
    return plan


BACK = "\"'version-goes-back' in risks|map(attribute='code')\""


def told(plan):
    return [(str(r.address), r.rule, r.outcome) for r in plan.policy]


def test_without_policies_there_is_no_judge() -> None:
    assert judge_of((), NOW) is None


def test_a_hard_rule_denies_and_an_advisory_one_warns(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        f"{{level: hard, when: {BACK}, message: older}}",
        f"{{level: advisory, when: {BACK}, message: older}}",
        count=1,
    )
    assert told(plan) == [
        ("WebService/svc-1", "rule-1", PolicyOutcome.DENIED),
        ("WebService/svc-1", "rule-2", PolicyOutcome.WARNED),
    ]
    assert not plan.applyable
    assert encode(plan)["summary"]["denied"] == 1


def test_what_does_not_match_says_nothing(tmp_path: Path) -> None:
    plan = planned(tmp_path, f"{{level: hard, when: {BACK}, message: older}}", wanted=TWO, live=ONE)
    assert plan.policy == ()
    assert plan.applyable


EXCEPTIONS = (
    "[{address: WebService/svc-1, owner: ann, reason: trial, expires: 2026-11-20},"
    " {address: WebService/svc-2, owner: bob, reason: past, expires: 2026-11-19},"
    " {address: 'WebService/*-3', owner: eve, reason: short, expires: '2026-11-20T12:00:00Z'},"
    " {address: 'WebService/*-3', owner: dan, reason: long, expires: '2026-11-20T12:00:01Z'}]"
)


def test_exceptions_count_until_they_end_and_are_counted(tmp_path: Path) -> None:
    plan = planned(tmp_path, f"{{level: hard, when: {BACK}, message: older, exceptions: {EXCEPTIONS}}}")
    assert [outcome for _, _, outcome in told(plan)] == ["excepted", "denied", "excepted"]
    messages = [result.message for result in plan.policy]
    assert "by ann: trial" in messages[0]
    assert "the exception by bob ended 2026-11-20T00:00Z" in messages[1]
    assert "by dan: long" in messages[2]
    assert (encode(plan)["summary"]["denied"], encode(plan)["summary"]["excepted"]) == (1, 2)
    assert not plan.applyable


def test_a_rule_that_cannot_be_evaluated_lets_nothing_pass(tmp_path: Path) -> None:
    plan = planned(tmp_path, "{level: hard, when: change.after.title == 'x', message: t}", count=1)
    assert told(plan)[0][2] is PolicyOutcome.DENIED
    assert "cannot be evaluated" in plan.policy[0].message
    assert "`title`" in plan.policy[0].message


def test_same_inputs_same_digest_and_an_ended_exception_changes_it(tmp_path: Path) -> None:
    spec = f"{{level: hard, when: {BACK}, message: older, exceptions: {EXCEPTIONS}}}"
    one, two = planned(tmp_path, spec), planned(tmp_path, spec)
    assert encode(one)["digest"] == encode(two)["digest"]
    later = planned(tmp_path, spec.replace("2026-11-20}", "2026-11-18}"))
    assert encode(later)["digest"] != encode(one)["digest"]
