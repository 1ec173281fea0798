"""Exports as Newtonsoft.Json writes them."""

from __future__ import annotations

import json

import pytest

from retrainctl.definition.document import read
from retrainctl.definition.export import export, number, read_only, without_secrets
from retrainctl.definition.moment import read_moment, utc
from retrainctl.definition.parameters import PREVIEW, STABLE
from retrainctl.model.values import SecretRef

SIGNED = "https://a.blob.core.windows.net/m/1.ilearner?sv=1&sig=CANARYsignature"


def service(**properties) -> dict:
    return {"properties": {"packageType": "Graph", **properties}, "location": "x"}


def lines(document, **options) -> list[str]:
    return [line.strip().rstrip(",") for line in export(document, **options).decode().split("\n")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (8.0, "8.0"),
        (-2.5, "-2.5"),
        (0.1, "0.1"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e15, "1E+15"),
        (123456789012345.0, "123456789012345.0"),
        (1e20, "1E+20"),
        (0.0001, "0.0001"),
        (0.00001, "1E-05"),
        (5e-324, "4.94065645841247E-324"),
        (1.7976931348623157e308, "1.7976931348623157E+308"),
        (2 / 3, "0.66666666666666663"),
    ],
)
def test_floating_point_numbers_look_as_dotnet_writes_them(value, text):
    assert number(value) == text
    assert float(text) == value


def test_numbers_in_examples_keep_their_kind_and_every_digit():
    document = service(exampleRequest={"inputs": {"i": [[1, 1.0, 1e-7, 2**70, -(2**70), None, True, "1"]]}})

    assert lines(document)[6:-6] == [
        "[",
        "1",
        "1.0",
        "1E-07",
        str(2**70),
        str(-(2**70)),
        "null",
        "true",
        '"1"',
        "]",
    ]


def test_texts_are_escaped_as_newtonsoft_does():
    document = service(title="a\"b\\c/d\b\f\n\r\t\x01\x1f\x7f Größe 日本 \U0001f600 \u0085\u2028\u2029 <&'>")

    assert lines(document)[3] == (
        '"title": "a\\"b\\\\c/d\\b\\f\\n\\r\\t\\u0001\\u001f\x7f Größe 日本 \U0001f600 \\u0085\\u2028\\u2029 <&\'>"'
    )


def test_a_line_break_on_windows_is_only_between_members():
    data = export(service(title="a\nb"), newline="\r\n")

    assert b"\r\n" in data
    assert data.replace(b"\r\n", b"\n") == export(service(title="a\nb"))
    assert not data.endswith(b"\n") and not data.startswith(b"\xef\xbb\xbf")


def test_members_come_in_the_order_of_the_cmdlets_and_unknown_ones_behind():
    document = {
        "futureTop": 1,
        "tags": {"b": "1", "a": "2"},
        "location": "x",
        "properties": {
            "future": {"z": 1, "a": None},
            "assets": {"b": {"locationInfo": {"credentials": "", "uri": "u"}, "name": "n", "type": "Module"}, "a": {}},
            "title": "t",
            "input": {"properties": {}, "type": "object", "description": "", "title": ""},
            "package": {"graphParameters": {}, "edges": [], "nodes": {}},
            "packageType": "Graph",
        },
    }

    tree = json.loads(export(document))

    assert list(tree) == ["properties", "location", "tags", "futureTop"]
    assert list(tree["properties"]) == ["packageType", "package", "title", "input", "assets", "future"]
    assert list(tree["properties"]["package"]) == ["nodes", "edges", "graphParameters"]
    assert list(tree["properties"]["assets"]) == ["b", "a"], "keys of maps stay in their order"
    assert list(tree["properties"]["assets"]["b"]) == ["name", "type", "locationInfo"]
    assert tree["properties"]["future"] == {"z": 1, "a": None}
    assert list(tree["tags"]) == ["b", "a"]


def test_custom_modules_are_ordered_all_the_way_down():
    inner = {"parameterType": "Int", "name": "seed"}
    mode = {"parameters": [inner], "interfaceString": "i"}
    asset = {"type": "Module", "name": "m", "parameters": [{"modeValuesInfo": {"fast": mode}, "name": "mode"}]}

    tree = json.loads(export(service(assets={"a": asset})))

    outer = tree["properties"]["assets"]["a"]["parameters"][0]
    assert list(outer) == ["name", "modeValuesInfo"]
    assert list(outer["modeValuesInfo"]["fast"]) == ["interfaceString", "parameters"]
    assert list(outer["modeValuesInfo"]["fast"]["parameters"][0]) == ["name", "parameterType"]


def test_nulls_and_read_only_members_are_left_out_and_kept_beside():
    document = {
        "id": "/i",
        "name": "n",
        "type": "t",
        **service(createdOn="1", modifiedOn="2", provisioningState="Succeeded", swaggerLocation="s", title=None),
    }

    assert json.loads(export(document)) == service()
    assert json.loads(export(document, api_version=PREVIEW)) == {**service(), "name": "n"}
    assert read_only(document) == {
        "id": "/i",
        "name": "n",
        "type": "t",
        "properties": {"createdOn": "1", "modifiedOn": "2", "provisioningState": "Succeeded", "swaggerLocation": "s"},
    }


def test_secrets_are_written_only_when_asked_for():
    document = service(
        keys={"primary": "CANARY1"},
        storageAccount={"name": "a", "key": "CANARY2"},
        assets={"m": {"name": "m", "type": "Resource", "locationInfo": {"uri": SIGNED, "credentials": "CANARY3"}}},
        payloadsLocation={"uri": SIGNED, "credentials": ""},
        parameters={"u": SIGNED},
        package={"nodes": {"n": {"parameters": {"u": {"value": SIGNED, "certificateThumbprint": ""}}}}},
        exampleRequest={"globalParameters": {"u": SIGNED}},
    )

    clean = export(document)
    assert b"CANARY" not in clean
    assert read(clean)["properties"]["assets"]["m"]["locationInfo"] == {
        "uri": "https://a.blob.core.windows.net/m/1.ilearner"
    }
    assert export(document, secrets=True).count(b"CANARY") == 8
    assert without_secrets(service(title="t")) == service(title="t")


def test_parameters_are_written_in_the_form_of_the_version():
    document = service(
        parameters={
            "text": "1",
            "object": {"value": "2", "certificateThumbprint": ""},
            "flag": {"value": True},
            "number": {"value": 2.5},
            "nothing": {"value": None},
            "list": {"value": [1, "a"]},
            "cipher": {"value": "c", "certificateThumbprint": "AA"},
        }
    )

    assert json.loads(export(document, api_version=PREVIEW))["properties"]["parameters"] == {
        "text": "1",
        "object": "2",
        "flag": "True",
        "number": "2.5",
        "nothing": "",
        "list": '[1,"a"]',
        "cipher": {"value": "c", "certificateThumbprint": "AA"},
    }
    written = json.loads(export(document, api_version=STABLE))["properties"]["parameters"]
    assert written["text"] == {"value": "1", "certificateThumbprint": ""}
    assert written["cipher"] == {"value": "c", "certificateThumbprint": "AA"}


def test_references_to_secrets_are_not_taken_for_values():
    from retrainctl.definition.parameters import written

    for mark in (SecretRef("env", "X"), {"$sensitive": "ab"}):
        assert written({"value": mark}, PREVIEW) == mark


def test_the_older_version_does_not_know_payloads_in_blobs():
    assert b"payloadsInBlobStorage" not in export(service(payloadsInBlobStorage=False), api_version=PREVIEW)
    assert b"payloadsInBlobStorage" in export(service(payloadsInBlobStorage=True), api_version=PREVIEW)
    assert b"payloadsInBlobStorage" in export(service(payloadsInBlobStorage=False))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2017-03-22T02:31:18.2772851Z", "2017-03-22T02:31:18.2772851Z"),
        ("2017-03-22T02:31:18.500", "2017-03-22T02:31:18.5Z"),
        ("2017-03-22T02:31:18.123456789+02:00", "2017-03-22T00:31:18.1234567Z"),
        ("2017-03-22T02:31:18-0530", "2017-03-22T08:01:18Z"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("tomorrow", "tomorrow"),
    ],
)
def test_moments_are_written_in_utc(text, form):
    assert utc(text) == form
    document = service(diagnostics={"level": "All", "expiry": text})
    assert json.loads(export(document))["properties"]["diagnostics"]["expiry"] == form


def test_moments_are_read_to_the_microsecond():
    moment = read_moment("2017-03-22T02:31:18.2772851+01:00")
    assert moment is not None and moment.isoformat() == "2017-03-22T01:31:18.277285+00:00"
    assert [read_moment(odd) for odd in (None, 7, "x", "2017-13-22T02:31:18Z")] == [None] * 4
