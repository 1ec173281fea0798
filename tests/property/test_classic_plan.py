"""Whatever is live and whatever is declared: an apply ends as declared, the next plan is empty, the rest stays."""

from __future__ import annotations

import copy
import json
import os
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from retrainctl.apply.outcome import Fate
from retrainctl.definition.endpoint import proper
from retrainctl.model.resource import Desired
from retrainctl.plan.decode import decode
from retrainctl.plan.encode import encode
from tests.support.classic_cases import REDEPLOYED, SERVICE, Workspace, resource, service, version, wish
from tests.support.classic_engine import Engine

EXAMPLES = 1000 if os.environ.get("RETRAINCTL_FULL") else 100
SLOTS = ("Bike Rental [trained model]", "Zwei \"ü\" 'x' [1] [trained model]")
NAMES = ("a", "b-1", "rentalloc001")
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "Description": TEXTS,
        "ThrottleLevel": st.sampled_from(["Low", "High"]),
        "MaxConcurrentCalls": st.integers(1, 200),
        "DiagnosticsTraceLevel": st.sampled_from(["None", "Error", "All"]),
    },
)
REFRESHES = st.sampled_from([{}, {"refreshGraph": "done"}, {"refreshAll": "done"}])


@st.composite
def workspaces(draw: st.DrawFn) -> Workspace:
    """A service whose endpoints may be there already, and a service that is none of ours."""
    here = Workspace(
        services=[service(), service(Id="0f" * 16, Name=draw(st.sampled_from(["Other", "Bike Rental Scoring 2"])))],
        absent=draw(st.sampled_from([204, 404])),
        written=draw(st.sampled_from([200, 201, 202, 204])),
        shows=draw(st.sampled_from(["new", "old", "none"])),
    )
    own = [resource(slot, "https://a.blob.core.windows.net/c/own.ilearner") for slot in SLOTS]
    for name in ("default", "foreign", *draw(st.lists(st.sampled_from(NAMES), unique=True))):
        here.add(name, Resources=copy.deepcopy(own), **draw(FIELDS))
    for listed in here.endpoints.values():
        for one in listed.values():
            if one["ThrottleLevel"] == "Low":
                one["MaxConcurrentCalls"] = 4
    return here


@st.composite
def wishes(draw: st.DrawFn) -> list[Desired]:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))

    def settings() -> dict[str, Any]:
        """As a manifest can say it: a number of calls only at High."""
        fields = draw(FIELDS)
        return fields if fields.get("ThrottleLevel") == "High" else {**fields, "MaxConcurrentCalls": None}

    return [
        wish(
            name,
            slots={
                slot: version(draw(st.integers(1, 3)), f"m{number}")
                for number, slot in enumerate(draw(st.lists(st.sampled_from(SLOTS), unique=True)))
            },
            **{name: value for name, value in settings().items() if value is not None},
            **draw(REFRESHES),
        )
        for name in names
    ]


def others(here: Workspace, declared: set[str]) -> str:
    """All that is not declared, as text."""
    left = {
        (identifier, name): one
        for identifier, listed in here.endpoints.items()
        for name, one in listed.items()
        if not (identifier == SERVICE and name in declared)
    }
    return repr(sorted(left.items()))


@examples(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(workspaces(), wishes(), wishes(), st.booleans())
def test_every_wish_comes_true_and_nothing_else_happens(
    here: Workspace, first: list[Desired], second: list[Desired], redeployed: bool
) -> None:
    engine = Engine(here=here, parallel=1)
    for wanted in (first, second):
        declared = {desired.place["name"] for desired in wanted}
        before = others(here, declared)
        plan, findings = engine.plan(wanted)
        assert not findings
        document = encode(plan)
        assert "CANARY" not in json.dumps(document)
        assert encode(decode(document)) == document
        results = engine.apply(decode(document))
        assert {result.fate for result in results} <= {Fate.APPLIED}, [result.why for result in results]
        check(here, wanted)
        assert others(here, declared) == before
        engine.renew()
        again, _ = engine.plan(wanted)
        assert not again.changes, again.changes
        if redeployed:
            here.endpoints[SERVICE]["default"]["ExperimentLocation"] = REDEPLOYED
            engine.renew()


def check(here: Workspace, wanted: list[Desired]) -> None:
    for desired in wanted:
        name = desired.place["name"]
        live = proper(here.endpoints[SERVICE][name])
        for slot, one in desired.slots.items():
            assert here.serves(name, slot) == one.uri
        for field, value in desired.fields.items():
            if field.startswith("refresh"):
                current: Any = here.endpoints[SERVICE]["default"]["ExperimentLocation"]
                assert live["ExperimentLocation"] == current
            elif field != "MaxConcurrentCalls" or live["ThrottleLevel"] == "High":
                assert live[field] == value
