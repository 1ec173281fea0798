"""The rules of arm-webservices.md section 5, one by one."""

from __future__ import annotations

import copy

import pytest

from retrainctl.definition.normalise import fingerprint, normalise
from retrainctl.definition.parameters import ENCRYPTED
from retrainctl.definition.parts import PARTS, Parts
from retrainctl.definition.rules import RULES, Reason
from retrainctl.definition.tidy import tidy

SIGNED = "https://acct.blob.core.windows.net/m/1.ilearner?sv=2020&se=2030&sig=CANARYsignature%3D"


def service(**properties) -> dict:
    return {"location": "South Central US", "properties": {"packageType": "Graph", **properties}}


def reasons(document) -> set[tuple[str, str]]:
    return {(".".join(note.path), note.reason) for note in normalise(document)[1]}


def test_server_values_and_identity_are_no_fields():
    document = {
        "id": "/s",
        "name": "n",
        "type": "t",
        "etag": "e",
        **service(createdOn="1", modifiedOn="2", provisioningState="Succeeded", swaggerLocation="u", title="t"),
    }

    fields, notes = normalise(document)

    assert fields == {"location": "South Central US", "packageType": "Graph", "title": "t"}
    assert {note.reason for note in notes} == {Reason.READ_ONLY}
    assert len(notes) == 8


def test_secrets_are_no_fields():
    document = service(
        keys={"primary": "CANARY1", "secondary": "CANARY2"},
        storageAccount={"name": "acct", "key": "CANARY3"},
        assets={"a": {"name": "m", "type": "Resource", "locationInfo": {"uri": SIGNED, "credentials": "CANARY4"}}},
        payloadsLocation={"uri": SIGNED, "credentials": "CANARY5"},
        parameters={"url": SIGNED, "conn": {"value": "AccountKey=CANARYkey==;x=1", "certificateThumbprint": ""}},
        exampleRequest={"globalParameters": {"URI": SIGNED, "n": 1}},
        package={"nodes": {"n": {"assetId": "a", "parameters": {"u": {"value": SIGNED}}}}},
    )

    fields, notes = normalise(document)

    assert "CANARY" not in repr(fields)
    assert fields["storageAccount"] == {"name": "acct"}
    assert fields["assets"]["a"]["locationInfo"] == {"uri": "https://acct.blob.core.windows.net/m/1.ilearner"}
    assert fields["parameters"]["url"]["value"].endswith("&sig=(sensitive)")
    assert {(".".join(note.path), note.reason) for note in notes} >= {
        ("keys", "write_only"),
        ("storageAccount.key", "write_only"),
        ("assets.a.locationInfo.credentials", "secret"),
        ("assets.a.locationInfo.uri", "sas_query"),
        ("parameters.url", "secret"),
        ("parameters.conn", "secret"),
        ("package.nodes.n.parameters.u", "secret"),
        ("exampleRequest.globalParameters.URI", "secret"),
    }


def test_a_new_signature_is_no_change_but_another_blob_is():
    def at(uri):
        item = {"name": "m", "type": "Resource", "locationInfo": {"uri": uri}}
        return fingerprint(normalise(service(assets={"a": item}))[0])

    assert at(SIGNED) == at(SIGNED.replace("CANARY", "other")) == at(SIGNED.partition("?")[0])
    assert at(SIGNED) != at(SIGNED.replace("1.ilearner", "2.ilearner"))


def test_texts_of_2016_become_objects_of_2017():
    old = service(parameters={"a": "1"}, package={"nodes": {"n": {"parameters": {"b": "2"}}}})
    new = service(
        parameters={"a": {"value": "1", "certificateThumbprint": ""}},
        package={"nodes": {"n": {"parameters": {"b": {"value": "2", "certificateThumbprint": ""}}}}},
    )

    assert normalise(old)[0] == normalise(new)[0]
    assert normalise(old)[0]["parameters"] == {"a": {"value": "1"}}
    assert ("parameters.*", "parameter_form") in reasons(old)


def test_of_an_encrypted_value_only_its_presence_is_compared():
    def encrypted(value, thumbprint):
        return service(parameters={"k": {"value": value, "certificateThumbprint": thumbprint}})

    one, other = encrypted("cipher1", "AA"), encrypted("cipher3", "CC")

    assert normalise(one)[0] == normalise(other)[0]
    assert normalise(one)[0]["parameters"]["k"] == ENCRYPTED
    assert fingerprint(normalise(one)[0]) == fingerprint(normalise(other)[0])
    assert fingerprint(normalise(one)[0]) != fingerprint(normalise(encrypted("clear", ""))[0])
    assert ("parameters.k", "encrypted_value") in reasons(one)


@pytest.mark.parametrize(
    ("with_it", "without_it"),
    [
        (service(parameters={}), service()),
        (service(tags={}), service(tags={})),
        (service(payloadsInBlobStorage=False), service()),
        (service(exampleRequest={"inputs": {}, "globalParameters": None}), service(exampleRequest={"inputs": {}})),
        (service(exampleRequest={"inputs": {}, "globalParameters": {}}), service(exampleRequest={"inputs": {}})),
        (service(package={"nodes": {}, "graphParameters": {}}), service(package={"nodes": {}})),
        (
            service(package={"nodes": {"n": {"assetId": "a", "parameters": {}}}}),
            service(package={"nodes": {"n": {"assetId": "a"}}}),
        ),
        (
            service(assets={"a": {"name": "x", "locationInfo": {"uri": "u", "credentials": ""}}}),
            service(assets={"a": {"name": "x", "locationInfo": {"uri": "u"}}}),
        ),
        (service(storageAccount={}), service()),
        (service(storageAccount={"key": "k"}), service()),
        (service(description=None), service()),
        (service(diagnostics={"level": "All", "expiry": "2030-01-01T00:00:00.500Z"}),
         service(diagnostics={"level": "All", "expiry": "2030-01-01T01:00:00.5+01:00"})),
        ({**service(), "tags": {}}, service()),
    ],
)  # fmt: skip
def test_these_are_the_same_service(with_it, without_it):
    assert normalise(with_it)[0] == normalise(without_it)[0]


@pytest.mark.parametrize(
    ("shown", "unsaid"),
    [
        (service(readOnly=False), service()),
        (service(exposeSampleData=False), service()),
        (service(realtimeConfiguration={"maxConcurrentCalls": 20}), service()),
        (service(commitmentPlan={"id": "/p"}), service()),
        ({**service(), "location": "southcentralus"}, service()),
    ],
)
def test_these_have_one_fingerprint_and_still_show_their_value(shown, unsaid):
    assert fingerprint(normalise(shown)[0]) == fingerprint(normalise(unsaid)[0])
    assert normalise(shown)[0] != normalise(unsaid)[0]


@pytest.mark.parametrize(
    "other",
    [
        service(readOnly=True),
        service(exposeSampleData=True),
        service(realtimeConfiguration={"maxConcurrentCalls": 21}),
        service(diagnostics={"level": "None"}),
        service(title=""),
        {**service(), "location": "East US 2"},
        {**service(), "tags": {"a": "b"}},
        {**service(), "unknown": 1},
        service(unknown=False),
        service(assets={}),
    ],
)
def test_these_are_other_services(other):
    assert fingerprint(normalise(other)[0]) != fingerprint(normalise(service())[0])


def test_the_order_of_columns_and_edges_counts_and_no_other():
    a, b = {"type": "String", "format": ""}, {"type": "Integer", "x-ms-isnullable": True}

    def with_columns(*names):
        columns = {name: {"a": a, "b": b}[name] for name in names}
        return normalise(service(input={"type": "object", "properties": {"input1": {"properties": columns}}}))[0]

    edges = [{"sourceNodeId": "1", "targetNodeId": "2"}, {"sourceNodeId": "2", "targetNodeId": "3"}]

    assert with_columns("a", "b")["input"]["properties"]["input1"]["columnOrder"] == ["a", "b"]
    assert with_columns("a", "b") != with_columns("b", "a"), "plain equality sees the order of columns"
    assert fingerprint(with_columns("a", "b")) != fingerprint(with_columns("b", "a"))
    assert normalise(service(package={"edges": edges})) != normalise(service(package={"edges": edges[::-1]}))
    reordered = {"properties": {"title": "t", "packageType": "Graph"}, "location": "South Central US"}
    assert fingerprint(normalise(reordered)[0]) == fingerprint(normalise(service(title="t"))[0])


def test_columns_that_look_alike_to_python_are_told_apart():
    def column(value):
        tables = {"i": {"properties": {"c": {"type": "String", "future": value}}}}
        return normalise(service(input={"properties": tables}))[0]["input"]["properties"]["i"]["properties"]["c"]

    assert [column(value)["future"] for value in (1, True, 1.0)] == [1, True, 1.0]
    assert type(column(True)["future"]) is bool


def test_a_null_cell_of_an_example_stays_and_a_null_member_goes_with_a_note():
    document = service(exampleRequest={"inputs": {"i": [[1, None]]}, "globalParameters": None}, description=None)

    assert normalise(document)[0]["exampleRequest"] == {"inputs": {"i": [[1, None]]}}
    assert reasons(document) >= {("exampleRequest.globalParameters", "null_dropped"), ("description", "null_dropped")}


def test_the_document_is_not_changed():
    document = service(parameters={"a": "1"}, title=None, assets={"a": {"locationInfo": {"uri": SIGNED}}})
    before = copy.deepcopy(document)

    normalise(document)

    assert document == before


def test_what_a_server_may_answer_is_never_a_crash():
    for odd in ({}, {"properties": []}, {"properties": None}, service(assets=[], package="x", input={"properties": 1})):
        fingerprint(normalise(odd)[0])


def test_every_rule_of_the_table_is_used():
    """A rule whose path names a member that the shape does not know would never apply."""
    flat = {**dict.fromkeys(("id", "name", "type", "etag", "systemData"), "x"), "location": "A B"}
    for rule in RULES:
        if rule.compared_only:
            continue
        value = {"drop": 1}.get(rule.effect.name.lower(), rule.value)
        tree = SIGNED if rule.effect.name in ("CUT_QUERY", "LIFT", "MASK") else value
        tree = "2030-01-01T00:00:00.50Z" if rule.effect.name == "UTC" else tree
        tree = "x" if rule.effect.name == "DROP" else tree
        for name in reversed(rule.path):
            tree = {("k" if name == "*" else name): tree}
        _, notes = normalise({**flat, "properties": tree})
        assert any(len(note.path) == len(rule.path) for note in notes), rule


def test_equal_parts_of_many_services_are_kept_once():
    def fresh():
        return service(input={"properties": {"i": {"properties": {f"c{n}": {"type": "String"} for n in range(9)}}}})

    one, other = (tidy(fresh())[0] for _ in range(2))

    assert one["properties"]["input"] is other["properties"]["input"]
    assert normalise(one)[0]["input"] is normalise(other)[0]["input"]
    assert fingerprint(normalise(one)[0]) == fingerprint(normalise(fresh())[0]), "shared or not, the same digest"
    assert PARTS.of(fresh()["properties"]["input"]) is None


def test_the_memory_of_parts_has_an_end():
    parts = Parts(limit=100)
    for number in range(50):
        document, new = parts.share(service(input={"title": f"t{number}"}))
        parts.keep(new)
        assert parts.of(document["properties"]["input"]) is not None

    assert len(parts._by_json) < 5
    assert parts.of(None) is None
