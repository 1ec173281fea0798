"""The published schema says what reading does."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings

from retrainctl import schemas
from tests.support.definition_schema import FILE, text
from tests.support.definitions import definitions


def test_the_published_schema_is_the_table_that_reading_uses():
    assert FILE.read_text(encoding="utf-8") == text(), "run: python -m tests.support.definition_schema"


@settings(max_examples=25, deadline=None)
@given(definitions())
def test_generated_definitions_satisfy_it(document):
    assert schemas.checker("definition").is_valid(document), list(schemas.checker("definition").violations(document))


def test_real_definitions_satisfy_it_and_other_json_does_not(shared: Path):
    check = schemas.checker("definition")
    for file in (shared / "arm/exports").glob("*.json"):
        assert check.is_valid(json.loads(file.read_bytes()))
    assert check.is_valid({"properties": {"provisioningState": "Failed", "storageAccount": {}}})
    for wrong in (
        [],
        {},
        {"properties": []},
        {"properties": {"packageType": "Code"}},
        {"properties": {"assets": []}},
        {"properties": {"readOnly": "maybe"}},
        {"properties": {"package": {"edges": [{"sourceNodeId": {}}]}}},
    ):
        assert not check.is_valid(wrong), wrong
