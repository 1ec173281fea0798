"""Reading definitions: what is mended, what is refused, and where."""

from __future__ import annotations

import json

import pytest

from retrainctl.definition.document import proper, read, read_plan
from retrainctl.definition.file import load, load_bytes
from retrainctl.errors import InvalidInput

SMALL = {"location": "South Central US", "properties": {"packageType": "Graph", "title": "Größe"}}


def refused(data: bytes | str, **options) -> list[tuple[str, str, str]]:
    """Code, place and message of every finding."""
    with pytest.raises(InvalidInput) as caught:
        read(data, file="x.json", **options)
    assert all(finding.hint for finding in caught.value.diagnostics), "every finding has a next step"
    return [(finding.code, str(finding.span), finding.message) for finding in caught.value.diagnostics]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_every_encoding_that_windows_tools_write_is_read(encoding):
    assert read(json.dumps(SMALL, ensure_ascii=False).encode(encoding)) == SMALL


def test_fixed_members_have_any_capitalisation_and_map_keys_keep_theirs():
    text = """{"LOCATION": "x", "Tags": {"Team": "A"}, "Properties": {"packageType": "Graph",
        "Assets": {"Asset1": {"Name": "n", "LocationInfo": {"Uri": "u", "Credentials": ""}}},
        "Input": {"Properties": {"Input1": {"Properties": {"Type": {"Type": "String", "X-MS-IsNullable": true}}}}},
        "Package": {"Nodes": {"Node1": {"AssetId": "Asset1", "Parameters": {"Value": {"Value": 1}}}},
                    "Edges": [{"SourceNodeId": "Node1"}]},
        "Unknown": {"Assets": 1}}}"""

    assert read(text) == {
        "location": "x",
        "tags": {"Team": "A"},
        "properties": {
            "packageType": "Graph",
            "assets": {"Asset1": {"name": "n", "locationInfo": {"uri": "u", "credentials": ""}}},
            "input": {"properties": {"Input1": {"properties": {"Type": {"type": "String", "x-ms-isnullable": True}}}}},
            "package": {
                "nodes": {"Node1": {"assetId": "Asset1", "parameters": {"Value": {"value": 1}}}},
                "edges": [{"sourceNodeId": "Node1"}],
            },
            "Unknown": {"Assets": 1},
        },
    }


def test_texts_for_booleans_and_numbers_are_understood_and_the_other_way_round():
    text = """{"tags": {"cost": 7}, "properties": {"packageType": "Graph",
        "readOnly": "False", "exposeSampleData": " TRUE",
        "realtimeConfiguration": {"maxConcurrentCalls": "30"}, "title": 5, "description": true}}"""

    assert read(text)["properties"] == {
        "packageType": "Graph",
        "readOnly": False,
        "exposeSampleData": True,
        "realtimeConfiguration": {"maxConcurrentCalls": 30},
        "title": "5",
        "description": "true",
    }
    assert read(text)["tags"] == {"cost": "7"}


def test_parameters_are_read_in_either_form():
    text = '{"properties": {"packageType": "Graph", "parameters": {"a": "1", "b": {"Value": 2}, "c": true}}}'

    assert read(text)["properties"]["parameters"] == {"a": "1", "b": {"value": 2}, "c": True}


def test_a_stub_without_package_type_and_tags_is_a_web_service():
    stub = {"id": "/x", "properties": {"provisioningState": "Failed", "storageAccount": {}, "readOnly": False}}

    assert read(json.dumps(stub)) == stub


def test_whole_numbers_of_any_length_and_nulls_stay_as_they_are():
    text = '{"properties": {"packageType": "Graph", "x": 123456789012345678901234567890, "title": null}}'

    assert read(text)["properties"] == {"packageType": "Graph", "x": 123456789012345678901234567890, "title": None}


@pytest.mark.parametrize(
    ("text", "code", "place", "says"),
    [
        ("", "RC202", "x.json:1:1", "empty"),
        ('{"properties": {\n  "title": "a', "RC202", "x.json:2:12", "ends in the middle"),
        ('{"properties": {\n "packageType": "Graph",\n}}', "RC201", "x.json:3:1", "not JSON"),
        ('{\n "a": NaN}', "RC201", "x.json:2:7", "NaN"),
        ('{\n\n  "a": "\\ud800"}', "RC203", "x.json:3:9", "half a character"),
        ("properties: {}", "RC201", "x.json:1:1", "not JSON"),
        ("[" * 100_000, "RC201", "x.json:1:1", "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "RC201", "x.json:1:1", "too many digits"),
        ('{"a": 1e999}', "RC201", "x.json:1:1", "number is too large"),
        ("[]", "RC205", "x.json:1:1", "list"),
        ("7", "RC205", "x.json:1:1", "single value"),
        ("{}", "RC205", "x.json:1:1", "no `properties`"),
        ('{"value": []}', "RC205", "x.json:1:1", "list call"),
        ('{"apiVersion": "retrainctl/v1", "kind": "Model"}', "RC205", "x.json:1:1", "manifest"),
        ('{"packageType": "Graph", "assets": {}}', "RC205", "x.json:1:1", "under `properties`"),
        ('{"sku": {"name": "S1"}, "properties": {}}', "RC205", "x.json:1:1", "commitment plan"),
        ('{"type": "A/b", "properties": {"title": ""}}', "RC205", "x.json:1:1", "type A/b"),
        ('{"properties": {"foo": 1}}', "RC205", "x.json:1:1", "nothing of a web service"),
    ],
)
def test_what_is_no_definition_is_refused_with_its_place(text, code, place, says):
    ((got, where, message),) = refused(text)

    assert (got, where) == (code, place)
    assert says in message


def test_bytes_that_are_no_text_are_refused():
    assert refused(b'{"properties": {\n "title": "Gr\xf6\xdfe"}}')[0][:2] == ("RC203", "x.json:2:14")
    assert refused(b"\xff\xfe{\x00x")[0][0] == "RC203"


def test_a_file_beyond_the_limit_is_not_parsed():
    assert refused(" " * 101, limit=100)[0][0] == "RC204"


def test_every_wrong_member_is_reported_at_its_line():
    text = """{
  "properties": {
    "packageType": "Graph",
    "readOnly": "maybe",
    "Assets": [],
    "realtimeConfiguration": {
      "maxConcurrentCalls": 3.5
    },
    "package": {"edges": [{"sourceNodeId": "a"}, 7]},
    "parameters": {"p": [1]}
  },
  "tags": {"a": {}}
}"""

    assert refused(text) == [
        ("RC206", "x.json:4:17", "`properties.readOnly` must be true or false, not a text"),
        ("RC206", "x.json:5:15", "`properties.assets` must be an object, not a list"),
        (
            "RC206",
            "x.json:7:29",
            "`properties.realtimeConfiguration.maxConcurrentCalls` must be a whole number, not a number",
        ),
        ("RC206", "x.json:9:50", "`properties.package.edges.1` must be an object, not a number"),
        ("RC206", "x.json:10:25", "`properties.parameters.p` must be a text or an object with `value`, not a list"),
        ("RC206", "x.json:12:17", "`tags.a` must be a text, not an object"),
    ]


def test_the_discriminator_must_be_spelled_exactly_and_be_graph():
    assert refused('{"properties": {"PackageType": "Graph"}}')[0][:2] == ("RC207", "x.json:1:32")
    assert "Code" in refused('{"properties": {"packageType": "Code"}}')[0][2]


def test_one_member_in_two_spellings_is_refused():
    text = '{"properties": {"packageType": "Graph",\n "assets": {}, "Assets": {}}}'

    assert refused(text) == [("RC208", "x.json:2:26", "`assets` is given twice, in different capitalisation")]


def test_an_answer_of_the_service_is_never_refused():
    odd = {"properties": {"packageType": "Graph", "Title": "t", "assets": ["?"], "readOnly": "x"}, "new": 1}

    assert proper(odd) == {
        "properties": {"packageType": "Graph", "title": "t", "assets": ["?"], "readOnly": "x"},
        "new": 1,
    }


def test_what_is_proper_is_shared_not_copied():
    assert proper(SMALL) is SMALL


def test_a_commitment_plan_is_read_with_its_capacity_as_a_number():
    plan = read_plan('{"Location": "southcentralus", "Sku": {"Name": "S1", "Tier": "Standard", "Capacity": "2"}}')

    assert plan == {"location": "southcentralus", "sku": {"name": "S1", "tier": "Standard", "capacity": 2}}
    with pytest.raises(InvalidInput, match="no `sku`"):
        read_plan(json.dumps(SMALL))
    with pytest.raises(InvalidInput, match="whole number"):
        read_plan('{"sku": {"capacity": "many"}}')


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    for path, says in ((tmp_path / "none.json", "does not exist"), (tmp_path, "folder"), (tmp_path / "a\0b", "cannot")):
        with pytest.raises(InvalidInput) as caught:
            load(path, shown="shown.json")

        (finding,) = caught.value.diagnostics
        assert (finding.code, str(finding.span)) == ("RC200", "shown.json:1:1")
        assert says in finding.message


def test_a_file_without_permission_says_so(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    path.write_text("{}")

    def denied(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", denied)
    with pytest.raises(InvalidInput, match="may not be read"):
        load(path)


def test_no_more_of_a_huge_file_is_read_than_shows_that_it_is_huge(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(b" " * 5000)

    assert len(load_bytes(path, limit=100)) == 101
    with pytest.raises(InvalidInput, match="too large"):
        read(load_bytes(path, limit=100), limit=100)
