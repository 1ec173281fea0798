"""The how-to on policies names other tools that judge a plan: where they are installed, they say what the page says."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from retrainctl.plan.encode import encode
from tests.docs.doc_pages import REPO, blocks
from tests.support.build import SLOT, line, plan_of, service, version
from tests.support.memory import MemoryTarget, Thing

PAGE = REPO / "docs/site/how-to/policies.md"


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """Two moves, one of them to a model that is not good enough, as our own encoder writes them."""
    poor, fine = version(2, metrics={"AUC": 0.912}), version(9, "other", metrics={"AUC": 0.95})
    desired = [service("census", poor), service("good", fine)]
    target = MemoryTarget({entry.address: Thing({}, {SLOT: version(1).uri or ""}) for entry in desired})
    made, findings = plan_of(desired, target, models={**line(version(1), poor), **line(fine)})
    assert not findings
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(encode(made)))
    return path


def installed(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program.upper()} IS NOT HERE: its example in docs/site/how-to/policies.md is not tested")
    return found


def test_the_jq_example(plan: Path) -> None:
    jq = installed("jq")
    (command,) = [text.strip() for text in PAGE.read_text().splitlines() if text.startswith("    jq ")]
    done = subprocess.run(
        ["bash", "-ec", command.replace("jq", jq, 1)], cwd=plan.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["WebService/census census@2"]


def test_the_rego_example(plan: Path) -> None:
    conftest = installed("conftest")
    (rego,) = [block for block in blocks(PAGE) if block.language == "rego"]
    policy = plan.parent / "policy"
    policy.mkdir()
    (policy / "models.rego").write_text(rego.text)
    done = subprocess.run(
        [conftest, "test", str(plan), "--policy", str(policy), "--output", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    (result,) = json.loads(done.stdout)
    assert [failure["msg"] for failure in result["failures"]] == ["WebService/census: census@2 has an AUC below 0.92"]


def test_the_rego_example_with_another_reader_of_rego(plan: Path) -> None:
    try:
        import regopy  # type: ignore[import-not-found]
    except ImportError:
        pytest.skip("REGOPY IS NOT HERE: without it and conftest the Rego in how-to/policies.md is not evaluated")
    (rego,) = [block for block in blocks(PAGE) if block.language == "rego"]
    reader = regopy.Interpreter()
    reader.add_module("models", rego.text)
    reader.set_input(json.loads(plan.read_text()))
    said = json.loads(str(reader.query("data.main.deny")))
    assert said["expressions"] == [["WebService/census: census@2 has an AUC below 0.92"]]


def test_the_rego_example_looks_only_at_what_plans_have(repo: Path) -> None:
    """Without conftest at hand: each path that the rules name is one of the published schema."""
    (rego,) = [block for block in blocks(PAGE) if block.language == "rego"]
    schema = json.loads((repo / "schemas/plan.schema.json").read_text())
    defs = schema["$defs"]
    assert "input.resource_changes" in rego.text and "resource_changes" in schema["properties"]
    change, move = defs["resourceChange"]["properties"], defs["modelChange"]["properties"]
    assert {"model_changes", "risks", "address"} <= change.keys()
    assert {"to", "to_metrics"} <= move.keys()
    assert {"severity", "message"} <= change["risks"]["items"]["properties"].keys()
    for name in ("change.model_changes", "change.risks", "change.address", "move.to_metrics.AUC", "risk.severity"):
        assert name in rego.text
