"""Generated endpoints and traffic maps: whatever is declared, the plan after its apply is empty."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.azureml_engine import Estate

NAMES = ("one", "two", "three")
_WORDS = st.text("abcxyz", min_size=1, max_size=5)
_TAGS = st.dictionaries(_WORDS, _WORDS, max_size=2)


@st.composite
def shares(draw: st.DrawFn, names: tuple[str, ...]) -> dict[str, int]:
    """Traffic that adds up to 0 or 100; zeros are left in."""
    if not draw(st.booleans()):
        return draw(st.sampled_from([{}, dict.fromkeys(names, 0)]))
    cuts = sorted(draw(st.lists(st.integers(0, 100), min_size=len(names) - 1, max_size=len(names) - 1)))
    edges = [0, *cuts, 100]
    return {name: edges[at + 1] - edges[at] for at, name in enumerate(names)}


@st.composite
def deployment(draw: st.DrawFn, endpoint: str, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "endpoint_name": endpoint,
        "name": name,
        "model": f"azureml:churn:{draw(st.integers(1, 3))}",
        "instance_type": draw(st.sampled_from(["Standard_DS3_v2", "STANDARD_ds3_v2", "Standard_F4s_v2"])),
        "instance_count": draw(st.integers(1, 4)),
    }
    if draw(st.booleans()):
        spec["tags"] = draw(_TAGS)
    if draw(st.booleans()):
        spec["environment_variables"] = draw(_TAGS)
    if draw(st.booleans()):
        spec["request_settings"] = {"request_timeout_ms": draw(st.sampled_from([500, 1000, 90000, 3600000]))}
    if draw(st.booleans()):
        spec["liveness_probe"] = {"period": draw(st.integers(1, 200)), "failure_threshold": draw(st.integers(1, 9))}
    return _manifest("OnlineDeployment", f"{endpoint}.{name}", spec)


@st.composite
def blue_green(draw: st.DrawFn, endpoint: str) -> dict[str, Any]:
    made: dict[str, Any] = draw(deployment(endpoint, "x"))
    made["spec"].pop("name")
    percents = sorted(draw(st.sets(st.integers(1, 99), max_size=3)))
    strategy: dict[str, Any] = {"traffic": [{"percent": percent} for percent in percents]}
    if draw(st.booleans()):
        strategy["mirror"] = {"percent": draw(st.integers(1, 50))}
    made["spec"]["strategy"] = {"blueGreen": strategy}
    return made


@st.composite
def estate_of(draw: st.DrawFn) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = []
    for endpoint in draw(st.sampled_from([("shop",), ("shop", "store")])):
        spec: dict[str, Any] = {"auth_mode": draw(st.sampled_from(["key", "aml_token", "aad_token"]))}
        if draw(st.booleans()):
            spec["tags"] = draw(_TAGS)
        if draw(st.booleans()):
            documents.append(draw(blue_green(endpoint)))
        else:
            names = NAMES[: draw(st.integers(1, 3))]
            documents += [draw(deployment(endpoint, name)) for name in names]
            if draw(st.booleans()):
                spec["traffic"] = draw(shares(names))
                idle = [name for name in names if not spec["traffic"].get(name)]
                if idle and any(spec["traffic"].values()) and draw(st.booleans()):
                    spec["mirror_traffic"] = {idle[0]: draw(st.integers(1, 50))}
        documents.append(_manifest("OnlineEndpoint", endpoint, spec))
    return documents


def _manifest(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "retrainctl/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(first=estate_of(), data=st.data())
def test_the_plan_after_an_apply_is_empty(first: list[dict[str, Any]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        estate = Estate(Path(folder))
        estate.write(yaml.safe_dump_all(first))
        estate.apply()
        assert estate.plan().changes == ()
        # Another wish for what is there: every deployment of an endpoint without declared traffic is drawn anew.
        for document in first:
            if document["kind"] == "OnlineDeployment":
                spec = document["spec"]
                spec["model"] = f"azureml:churn:{data.draw(st.integers(1, 3))}"
                spec["instance_type"] = data.draw(st.sampled_from(["Standard_DS3_v2", "Standard_F4s_v2"]))
                spec["instance_count"] = data.draw(st.integers(1, 4))
        estate.write(yaml.safe_dump_all(first))
        estate.apply()
        assert estate.plan().changes == ()
        assert estate.here.problems == []
