"""The published schemas: valid, versioned, usable by editors, found by the package."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from retrainctl import schemas

MANIFESTS = ("project", "model", "webservice", "commitmentplan")


def editor(name: str) -> Draft202012Validator:
    """The published form, as an editor reads it: files that lie beside each other."""
    files = {known: schemas.document(known) for known in schemas.names()}
    registry: Registry[Any] = Registry().with_resources(
        [(known["$id"], DRAFT202012.create_resource(known)) for known in files.values()]
    )
    return Draft202012Validator(files[name], registry=registry)


@pytest.mark.parametrize("name", [*MANIFESTS, "defs"])
def test_a_schema_is_a_schema_with_a_versioned_id(name: str) -> None:
    document = schemas.document(name)
    Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"].endswith(f"/v1/{name}.schema.json")


EXAMPLE: dict[str, Any] = {
    "apiVersion": "retrainctl/v1",
    "kind": "WebService",
    "metadata": {"name": "w{{ item.id }}"},
    "forEach": {"csv": "rows.csv", "first": "{{ vars.n }}"},
    "spec": {
        "name": "n {{ item.id }}",
        "models": {"Census [trained model]": "census@{{ item.version }}"},
        "realtimeConfiguration": {"maxConcurrentCalls": "{{ item.calls|int }}"},
        "diagnostics": {"level": "{{ vars.level }}"},
        "commitmentPlan": "{{ vars.plan }}",
    },
}


def test_editors_take_expressions_where_finished_values_are_constrained() -> None:
    assert editor("webservice").is_valid(EXAMPLE)
    assert not schemas.checker("webservice").is_valid(EXAMPLE)


def test_editors_see_a_misspelled_field() -> None:
    assert not editor("webservice").is_valid({**EXAMPLE, "spec": {"modles": {}}})


def test_both_validators_agree_and_the_slow_one_explains() -> None:
    checker = schemas.checker("model")
    good = {
        "apiVersion": "retrainctl/v1",
        "kind": "Model",
        "metadata": {"name": "census"},
        "spec": {"versions": [{"version": 1, "uri": "https://a.blob.core.windows.net/c/m.ilearner"}]},
    }
    assert checker.is_valid(good)
    assert list(checker.violations(good)) == []
    bad = {**good, "spec": {"versions": [{"version": "1", "uri": "x"}]}}
    assert not checker.is_valid(bad)
    (violation,) = checker.violations(bad)
    assert (violation.path, violation.keyword) == (("spec", "versions"), "anyOf")
    as_list, as_csv = violation.branches
    assert {inner.path for inner in as_list} == {("spec", "versions", 0, "version"), ("spec", "versions", 0, "uri")}
    assert [inner.keyword for inner in as_csv] == ["type"]


def test_a_definition_of_a_schema_can_be_checked_alone() -> None:
    checker = schemas.checker("defs#forEach")
    assert checker.is_valid({"range": [1, 2]})
    assert not checker.is_valid({"range": [1, "{{ vars.n }}"]})


def test_an_unknown_schema_is_not_found() -> None:
    with pytest.raises(FileNotFoundError):
        schemas.checker("nothing")
