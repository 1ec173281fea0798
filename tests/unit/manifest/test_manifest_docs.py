"""The examples of the reference page are a project that loads without findings."""

from __future__ import annotations

import re
from pathlib import Path

from retrainctl.manifest.kinds import handlers
from retrainctl.schemas import document
from tests.support.project_files import loaded

BLOCK = re.compile(r'^```(?:yaml|csv)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)


def test_the_examples_are_a_project(repo: Path, tmp_path: Path) -> None:
    page = (repo / "docs" / "site" / "reference" / "manifests.md").read_text(encoding="utf-8")
    files = {title or f"manifests/untitled{n}.yaml": text for n, (title, text) in enumerate(BLOCK.findall(page))}
    assert len(files) >= 7
    for environment in ("local", "prod"):
        result = loaded(tmp_path, files, environment)
        assert result.diagnostics == ()
        kinds = {one.address.kind for one in result.desired}
        assert kinds == {
            *("WebService", "CommitmentPlan", "ClassicWebService", "Endpoint"),
            *("OnlineEndpoint", "OnlineDeployment", "BatchEndpoint", "BatchDeployment", "BatchDefault"),
        }
        assert len(result.retrainings) == 2
    assert set(result.models) == {"bike-rental-001", "bike-rental-002", "census", "empty"}


def test_the_page_and_the_editors_schema_know_every_kind(repo: Path) -> None:
    page = (repo / "docs" / "site" / "reference" / "manifests.md").read_text(encoding="utf-8")
    kinds = {"Project", *handlers()}
    assert {kind for kind in kinds if f"\n## {kind}\n" in page} == kinds
    assert set(document("manifest")["properties"]["kind"]["enum"]) == kinds
    named = {
        entry["if"]["properties"]["kind"]["const"]: entry["then"]["$ref"] for entry in document("manifest")["allOf"]
    }
    assert named == {"Project": "project.schema.json"} | {
        kind: f"{handler.schema}.schema.json" for kind, handler in handlers().items()
    }
