"""What must hold for every definition, whatever form it came in."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrainctl.definition.document import read
from retrainctl.definition.edit import revise
from retrainctl.definition.export import export, exported, without_secrets
from retrainctl.definition.normalise import fingerprint, normalise
from retrainctl.definition.parameters import PREVIEW, STABLE
from retrainctl.definition.slots import replace_slot, slots
from retrainctl.errors import InvalidInput
from retrainctl.model.values import MISSING
from tests.support.definitions import ACCOUNT, definitions, keys, pascal, served, texts

EXAMPLES = 1000 if os.environ.get("RETRAINCTL_FULL") else 100
thorough = settings(max_examples=EXAMPLES, deadline=None)
NEW = f"{ACCOUNT}/models/new.ilearner"
FILE = json.dumps(
    {
        "properties": {
            "packageType": "Graph",
            "title": "Größe 日本 \U0001f600",
            "assets": {"a": {"name": "x [trained model]", "type": "Resource", "locationInfo": {"uri": NEW}}},
            "package": {"nodes": {"n": {"assetId": "a", "parameters": {"p": "1"}}}, "edges": []},
            "exampleRequest": {"inputs": {"input1": [[1, -2.5e-9, None, True, "\\"]]}},
        },
        "location": "South Central US",
    },
    ensure_ascii=False,
    indent=1,
).encode()


def as_json(tree) -> str:
    return json.dumps(tree, ensure_ascii=False)


def as_sorted(tree) -> str:
    return json.dumps(tree, sort_keys=True, ensure_ascii=False)


def print_of(document) -> str:
    return fingerprint(normalise(document)[0])


@thorough
@given(definitions())
def test_reading_changes_nothing_but_the_spelling_of_fixed_members(document):
    assert as_json(read(as_json(document))) == as_json(document)
    assert as_json(read(as_json(pascal(document)))) == as_json(document)


@thorough
@given(definitions(), st.sampled_from([PREVIEW, STABLE]), st.sampled_from(["\n", "\r\n"]))
def test_every_form_of_a_definition_has_one_fingerprint(document, api_version, newline):
    file = export(document, api_version=api_version, newline=newline)

    assert print_of(read(file)) == print_of(document), "an export"
    assert print_of(served(document)) == print_of(document), "what the server answers"
    assert print_of(without_secrets(document)) == print_of(document), "a snapshot"
    assert export(read(file), api_version=api_version, newline=newline) == file, "an export of an export"


@thorough
@given(definitions())
def test_an_export_keeps_every_member_that_may_be_written(document):
    again = read(export(document))

    assert as_sorted(again) == as_sorted(exported(document))
    assert again["properties"].keys() >= document["properties"].keys() - {
        "createdOn",
        "modifiedOn",
        "provisioningState",
        "swaggerLocation",
    }


@thorough
@given(st.data())
def test_replacing_a_slot_changes_one_text_of_the_whole_document(data):
    document = data.draw(definitions())
    known = slots(document)
    slot = known[data.draw(st.sampled_from(sorted(known)))]
    before = as_json(document)

    changed = replace_slot(document, slot.name, NEW)

    assert as_json(document) == before, "the document that was given is untouched"
    assert changed["properties"]["assets"][slot.asset]["locationInfo"]["uri"] == NEW
    back = next(other.name for other in slots(changed).values() if other.asset == slot.asset)
    assert as_json(replace_slot(changed, back, slot.uri)) == before
    assert print_of(changed) != print_of(document)


@thorough
@given(st.data())
def test_a_planned_change_comes_back_as_wished_and_moves_nothing_else(data):
    """Fields of one document written into another: what differs is changed, unknown members survive."""
    live, wished = data.draw(definitions()), data.draw(definitions())
    fields, target = normalise(live)[0], normalise(wished)[0]
    group = data.draw(st.sampled_from(["title", "description", "input", "output", "diagnostics", "exampleRequest"]))

    result = revise(live, [((group,), target.get(group, MISSING))])

    after = normalise(result)[0]
    assert after.get(group) == target.get(group)
    assert {n: v for n, v in after.items() if n != group} == {n: v for n, v in fields.items() if n != group}
    assert all(result["properties"][name] is item for name, item in live["properties"].items() if name != group)


@thorough
@given(definitions(), keys, texts)
def test_a_parameter_is_set_in_either_form(live, name, text):
    result = revise(live, [(("parameters", name), {"value": text})])

    assert normalise(result)[0]["parameters"][name]["value"] == text


@thorough
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60)))
def test_any_bytes_are_a_definition_or_a_finding(data):
    with pytest.raises(InvalidInput) as caught:
        read(data, file="x.json")

    assert all(f.code.startswith("RC20") and f.span is not None for f in caught.value.diagnostics)


def test_a_definition_that_is_cut_off_anywhere_is_refused_with_a_place():
    for end in range(len(FILE)):
        with pytest.raises(InvalidInput) as caught:
            read(FILE[:end], file="cut.json")

        finding = caught.value.diagnostics[0]
        assert finding.code in ("RC202", "RC203"), f"{end}: {finding}"
        assert finding.span is not None and finding.span.file == "cut.json" and finding.hint


@settings(max_examples=EXAMPLES * 10, deadline=None)
@given(st.integers(0, len(FILE) - 1), st.integers(0, 255))
def test_a_broken_byte_is_read_or_found_but_never_a_crash(at, byte):
    broken = FILE[:at] + bytes([byte]) + FILE[at + 1 :]
    try:
        document = read(broken, file="x.json")
    except InvalidInput as error:
        assert all(finding.span is not None for finding in error.diagnostics)
    else:
        normalise(document)
        export(document)
