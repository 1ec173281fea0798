"""The engine's promises over generated resources, against the in-memory target."""

from __future__ import annotations

import os
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrainctl.apply.executor import Tools, run_wave
from retrainctl.apply.outcome import Fate
from retrainctl.apply.stopping import Stop
from retrainctl.model.address import Address
from retrainctl.plan.decode import decode
from retrainctl.plan.encode import encode
from retrainctl.plan.order import waves
from tests.support.build import line, plan_of, service, version
from tests.support.memory import FakeClock, MemoryBooks, MemoryTarget, Silent, Thing

EXAMPLES = 1000 if os.environ.get("RETRAINCTL_FULL") else 100
SLOT = "Census [trained model]"
VERSIONS = [version(n) for n in range(1, 5)]

names = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
leaves = st.one_of(st.booleans(), st.integers(-5, 5), st.text(max_size=6))
trees = st.recursive(leaves, lambda inner: st.dictionaries(names, inner, max_size=3) | st.lists(inner, max_size=3))
maps = st.dictionaries(names, trees, max_size=4)
fields = st.fixed_dictionaries(
    {},
    optional={
        "title": st.text(max_size=8),
        "tags": st.dictionaries(names, st.text(max_size=4), max_size=3),
        "assets": maps,
        "parameters": maps,
        "diagnostics": st.dictionaries(names, leaves, max_size=2),
        "readOnly": st.booleans(),
        "other": trees,
    },
)
resources = st.dictionaries(
    st.from_regex(r"[a-c][0-9]", fullmatch=True),
    st.tuples(fields, fields, st.sampled_from(VERSIONS), st.one_of(st.none(), st.sampled_from(VERSIONS))),
    max_size=5,
)


def apply_all(plan, target, applied):
    clock = FakeClock()
    books = MemoryBooks(applied=dict(applied))
    tools = Tools(
        writers={"arm": target},
        books=books,
        clock=clock,
        observer=Silent(),
        stop=Stop(clock),
        secret_hash=lambda ref, address: f"hash of {ref}",
        applied=applied,
        parallel=3,
    )
    results = [result for wave in waves(plan.changes) for result in run_wave(wave, tools).results]
    return results, books.applied


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(resources)
def test_plan_after_apply_is_empty(generated):
    """Also when the plan went through its file form, and undeclared members survive."""
    target = MemoryTarget()
    desired = []
    for name, (wanted, live, new, old) in generated.items():
        desired.append(service(name, new, **wanted))
        if old is not None:
            thing = Thing({**live, "theirs": {"kept": [1, 2]}}, {SLOT: old.uri})
            target.things[Address("WebService", name)] = thing
    plan, findings = plan_of(desired, target, models=line(*VERSIONS))
    assert not findings
    plan = decode(encode(plan))
    results, applied = apply_all(plan, target, {})
    assert {result.fate for result in results} <= {Fate.APPLIED}
    again, _ = plan_of(desired, target, models=line(*VERSIONS), applied=applied)
    assert again.changes == ()
    for name, (_, _, _, old) in generated.items():
        if old is not None:
            assert target.things[Address("WebService", name)].fields["theirs"] == {"kept": [1, 2]}


@settings(max_examples=EXAMPLES, deadline=None)
@given(fields, st.sampled_from(VERSIONS))
def test_a_resource_does_not_differ_from_itself(wanted, new):
    target = MemoryTarget({Address("WebService", "x"): Thing(wanted, {SLOT: new.uri})})
    plan, _ = plan_of([service("x", new, **wanted)], target, models=line(*VERSIONS))
    assert plan.changes == ()


@settings(max_examples=EXAMPLES, deadline=None)
@given(resources)
def test_the_file_form_loses_nothing(generated):
    target = MemoryTarget()
    desired = []
    for name, (wanted, live, new, old) in generated.items():
        desired.append(service(name, new, **wanted))
        if old is not None:
            target.things[Address("WebService", name)] = Thing(live, {SLOT: old.uri})
    plan, _ = plan_of(desired, target, models=line(*VERSIONS))
    again = decode(encode(plan))
    assert encode(again) == encode(plan)
    assert [c.wanted() for c in again.changes] == [c.wanted() for c in plan.changes]
    assert replace(again, changes=()) == replace(plan, changes=())
