"""Planned changes put back into the document that the service wrote."""

from __future__ import annotations

import pytest

from retrainctl.definition.edit import revise
from retrainctl.definition.normalise import normalise
from retrainctl.definition.parameters import ENCRYPTED
from retrainctl.errors import InvalidInput
from retrainctl.model.values import MISSING, SecretRef

CIPHER = {"value": "cipher", "certificateThumbprint": "AA"}
SIGNED = "https://a.blob.core.windows.net/d.csv?sv=1&sig=CANARYsignature"


def service(**properties) -> dict:
    return {"location": "x", "tags": {}, "properties": {"packageType": "Graph", **properties}, "future": [1]}


def test_one_field_changes_and_the_rest_is_shared():
    document = service(title="a", package={"nodes": {}}, unknown={"x": 1})

    result = revise(document, [(("title",), "b"), (("tags", "team"), "t")])

    assert result == {**service(title="b", package={"nodes": {}}, unknown={"x": 1}), "tags": {"team": "t"}}
    assert result["properties"]["package"] is document["properties"]["package"]
    assert document["properties"]["title"] == "a"


def test_a_member_is_taken_out_and_a_missing_group_is_made():
    result = revise(
        service(diagnostics={"level": "All", "expiry": "e"}),
        [
            (("diagnostics", "expiry"), MISSING),
            (("realtimeConfiguration", "maxConcurrentCalls"), 30),
            (("x",), MISSING),
        ],
    )

    assert result["properties"]["diagnostics"] == {"level": "All"}
    assert result["properties"]["realtimeConfiguration"] == {"maxConcurrentCalls": 30}


def test_what_comparing_leaves_out_stays_in_what_is_written():
    asset = {"name": "m", "type": "Resource", "locationInfo": {"uri": SIGNED, "credentials": "c"}, "future": 1}

    result = revise(service(assets={"a": asset}), [(("assets", "a", "name"), "n")])

    assert result["properties"]["assets"]["a"] == {**asset, "name": "n"}


def test_parameters_change_in_whatever_form_they_are():
    document = service(
        parameters={
            "old": "1",
            "new": {"value": "1", "certificateThumbprint": ""},
            "deep": {"value": {"a": 1, "b": 2}},
        },
        package={"nodes": {"n": {"assetId": "a", "parameters": {"p": "1", "q": "2"}}}},
    )

    result = revise(
        document,
        [
            (("parameters", "old", "value"), "2"),
            (("parameters", "new", "value"), "2"),
            (("parameters", "deep", "value", "a"), 3),
            (("parameters", "added"), {"value": "x"}),
            (("package", "nodes", "n", "parameters", "p"), MISSING),
        ],
    )

    assert result["properties"]["parameters"] == {
        "old": {"value": "2", "certificateThumbprint": ""},
        "new": {"value": "2", "certificateThumbprint": ""},
        "deep": {"value": {"a": 3, "b": 2}, "certificateThumbprint": ""},
        "added": {"value": "x", "certificateThumbprint": ""},
    }
    assert result["properties"]["package"]["nodes"]["n"] == {"assetId": "a", "parameters": {"q": "2"}}


def test_ciphertext_is_kept_set_aside_and_brought_back():
    document = service(parameters={"k": CIPHER})

    assert revise(document, [(("title",), "t")])["properties"]["parameters"] == {"k": CIPHER}
    clear = revise(document, [(("parameters", "k", "$encrypted"), MISSING), (("parameters", "k", "value"), "clear")])
    assert clear["properties"]["parameters"]["k"] == {"value": "clear", "certificateThumbprint": ""}
    whole = revise(document, [(("parameters",), {"k": ENCRYPTED, "n": {"value": SecretRef("env", "X")}})])
    assert whole["properties"]["parameters"] == {
        "k": CIPHER,
        "n": {"value": SecretRef("env", "X"), "certificateThumbprint": ""},
    }


def test_ciphertext_of_a_new_service_comes_from_its_definition():
    source = service(
        package={"nodes": {"n": {"parameters": {"k": CIPHER, "u": SIGNED}}}},
        exampleRequest={"inputs": {}, "globalParameters": {"u": SIGNED}},
    )
    fields = normalise(source)[0]
    changes = [((name,), value) for name, value in fields.items()]

    made = revise({"properties": {}}, changes, source=source)

    assert made["properties"]["package"]["nodes"]["n"]["parameters"] == {"k": CIPHER, "u": SIGNED}
    assert made["properties"]["exampleRequest"]["globalParameters"] == {"u": SIGNED}
    with pytest.raises(InvalidInput) as caught:
        revise({"properties": {}}, changes)
    assert caught.value.diagnostics[0].code == "RC213"
    assert "CANARY" not in caught.value.diagnostics[0].message


def test_columns_are_put_in_the_wished_order_and_the_witness_is_not_written():
    def table(*names):
        return {"type": "object", "properties": {name: {"type": "String", "format": ""} for name in names}}

    def with_columns(*names):
        return service(input={"type": "object", "properties": {"i": table(*names)}})

    live, wished = with_columns("a", "b", "c"), with_columns("c", "d", "a")
    target = normalise(wished)[0]["input"]["properties"]["i"]
    at = ("input", "properties", "i")

    result = revise(
        live,
        [
            ((*at, "columnOrder"), target["columnOrder"]),
            ((*at, "properties", "b"), MISSING),
            ((*at, "properties", "d"), target["properties"]["d"]),
        ],
    )
    columns = result["properties"]["input"]["properties"]["i"]
    assert list(columns["properties"]) == ["c", "d", "a"]
    assert columns["properties"]["a"] == {"type": "String", "format": ""}, "as the service wrote it"
    assert "columnOrder" not in columns
    assert normalise(result)[0] == normalise(wished)[0]

    whole = revise({"properties": {}}, [(("input",), normalise(wished)[0]["input"])])
    assert list(whole["properties"]["input"]["properties"]["i"]["properties"]) == ["c", "d", "a"]
    assert "columnOrder" not in whole["properties"]["input"]["properties"]["i"]


def test_two_changes_of_one_place_are_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="two changes"):
        revise(service(), [(("diagnostics",), {}), (("diagnostics", "level"), "All")])
