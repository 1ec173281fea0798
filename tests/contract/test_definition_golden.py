"""Golden checks 1 to 5 of arm-webservices.md section 15, as far as definitions alone can show them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retrainctl.definition.document import proper, read
from retrainctl.definition.edit import revise
from retrainctl.definition.export import export
from retrainctl.definition.normalise import fingerprint, normalise
from retrainctl.definition.observe import observe
from retrainctl.definition.parameters import PREVIEW, STABLE
from retrainctl.diff.compare import compare
from retrainctl.model.address import Address
from retrainctl.model.change import Action
from retrainctl.model.kind.webservice import SPEC
from retrainctl.model.resource import Desired
from tests.support.arm_recordings import Exchange, load

ADDRESS = Address("WebService", "x")
SCENARIOS = [
    "TestCreateGetRemoveWebService",
    "TestCreateWebServiceFromFile",
    "TestListWebServices",
    "TestUpdateWebService",
]
FOLDERS = {STABLE: "", PREVIEW: PREVIEW}
both = pytest.mark.parametrize("version", [STABLE, PREVIEW])


def exchanges(shared: Path, version: str, scenario: str) -> list[Exchange]:
    return load(shared / "arm" / "recordings" / FOLDERS[version] / f"{scenario}.json")


def raw_bodies(shared: Path, version: str, scenario: str) -> list[tuple[str, bytes]]:
    """Methods and bodies, byte for byte, of what the cmdlets sent for web services."""
    file = shared / "arm" / "recordings" / FOLDERS[version] / f"{scenario}.json"
    entries = json.loads(file.read_text(encoding="utf-8-sig"))["Entries"]
    return [
        (entry["RequestMethod"], entry["RequestBody"].encode())
        for entry in entries
        if "/webServices/" in entry["RequestUri"] and entry["RequestBody"]
    ]


def is_service(exchange: Exchange) -> bool:
    return "/webServices/" in exchange.path and not exchange.path.endswith("listKeys")


def creations(shared: Path, version: str) -> list[tuple[dict, dict]]:
    """Body of the PUT and body of the first GET after it, of every recorded creation."""
    pairs = []
    for scenario in SCENARIOS:
        traffic = [e for e in exchanges(shared, version, scenario) if is_service(e)]
        for put in (e for e in traffic if e.method == "PUT"):
            after = [e for e in traffic if e.method == "GET" and e.path == put.path and e.at >= put.at]
            pairs.append((put.request, after[0].response))
    return pairs


def differences(one, other, path=()):
    if isinstance(one, dict) and isinstance(other, dict):
        for name in {**one, **other}:
            yield from differences(one.get(name), other.get(name), (*path, name))
    elif one != other:
        yield ".".join(path)


def test_check_1_the_import_of_the_test_data_exports_as_the_recorded_body(shared: Path):
    document = read((shared / "arm/testdata/GraphWebServiceDefinition_Prod.json").read_bytes())
    ((_, sent),) = raw_bodies(shared, STABLE, "TestCreateWebServiceFromFile")
    filled = json.loads(sent)

    properties = {
        **document["properties"],
        "storageAccount": filled["properties"]["storageAccount"],
        "commitmentPlan": filled["properties"]["commitmentPlan"],
    }
    written = export(
        {**document, "location": filled["location"], "properties": properties}, newline="\r\n", secrets=True
    )

    assert written == sent


@both
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_recorded_body_is_exported_byte_for_byte(shared: Path, version: str, scenario: str):
    bodies = raw_bodies(shared, version, scenario)

    assert bodies
    for method, body in bodies:
        assert export(read(body), api_version=version, newline="\r\n", secrets=True) == body, method


@both
def test_check_2_an_update_changes_exactly_what_was_sent(shared: Path, version: str):
    traffic = [e for e in exchanges(shared, version, "TestUpdateWebService") if is_service(e)]
    first, second, third = (proper(e.response) for e in traffic if e.method == "GET")
    emptied = {"properties.parameters"} if version == STABLE else set()

    assert set(differences(first, second)) == {"properties.description", "properties.modifiedOn"} | emptied
    concurrency = {"properties.realtimeConfiguration"} if version == PREVIEW else set()
    nested = {"properties.realtimeConfiguration.maxConcurrentCalls"} if version == STABLE else set()
    assert set(differences(second, third)) == {"properties.modifiedOn"} | concurrency | nested

    one, two, three = (normalise(document)[0] for document in (first, second, third))
    assert set(differences(one, two)) == {"description"}
    assert set(differences(two, three)) in (
        {"realtimeConfiguration"},
        {"realtimeConfiguration.maxConcurrentCalls"},
    )


@both
def test_check_2_planned_changes_lead_to_the_recorded_results(shared: Path, version: str):
    traffic = [e for e in exchanges(shared, version, "TestUpdateWebService") if is_service(e)]
    first, second, third = (proper(e.response) for e in traffic if e.method == "GET")
    text = normalise(second)[0]["description"]

    described = revise(first, [(("description",), text)])
    scaled = revise(described, [(("realtimeConfiguration", "maxConcurrentCalls"), 30)])

    assert fingerprint(normalise(described)[0]) == fingerprint(normalise(second)[0])
    assert fingerprint(normalise(scaled)[0]) == fingerprint(normalise(third)[0])


@both
def test_check_3_what_was_created_is_what_get_shows(shared: Path, version: str):
    pairs = creations(shared, version)

    assert len(pairs) == 6
    for sent, shown in pairs:
        assert len(list(differences(sent, shown))) >= 8, "without the rules there are many differences"
        wanted, live = normalise(proper(sent))[0], observe(ADDRESS, "id", proper(shown))
        assert fingerprint(wanted) == live.fingerprint
        delta = compare(
            Desired(address=ADDRESS, place={}, fields=wanted),
            live,
            None,
            SPEC,
            secret_hash=lambda reference, address: None,
            version_of=lambda *_: None,
        )
        assert delta.action is Action.NO_OP, delta.fields


def test_check_4_every_service_of_a_real_subscription_is_understood(shared: Path):
    traffic = exchanges(shared, STABLE, "TestListWebServices")
    pages = [
        e for e in traffic if e.method == "GET" and "/resourceGroups/" not in e.path and e.path.endswith("webServices")
    ]
    items = [item for page in pages for item in page.response["value"]]
    now = datetime(2017, 4, 26, 17, 12, tzinfo=UTC)

    assert [len(page.response["value"]) for page in pages] == [1042, 93]
    seen = [observe(ADDRESS, item["id"], read(json.dumps(item)), now=now) for item in items]

    failed = [s for s in seen if s.broken and "creation failed" in s.broken]
    stuck = [s for s in seen if s.broken and "Provisioning since 2016-05-25" in s.broken]
    assert (len(failed), len(stuck), sum(s.broken is None for s in seen)) == (40, 1, 1094)
    assert all(not s.slots and "packageType" not in s.fields for s in (*failed, *stuck))
    assert sum("tags" not in item for item in items) == 27
    assert all("tags" not in s.fields for s in seen if not s.document.get("tags"))
    workspaces = {str(s.fields.get("machineLearningWorkspace", {}).get("id", "")).startswith("/") for s in seen}
    assert workspaces == {True, False}
    assert len({s.identity for s in seen}) == 1135
    assert all(s.revision for s in seen)


@both
def test_check_5_both_versions_of_the_test_data_are_read(shared: Path, version: str):
    name = {STABLE: "Prod", PREVIEW: "Dogfood"}[version]
    document = read((shared / f"arm/testdata/GraphWebServiceDefinition_{name}.json").read_bytes())
    inner = document["properties"]

    assert inner["readOnly"] is False
    assert set(inner["package"]) == {"nodes", "edges", "graphParameters"}
    if version == PREVIEW:
        assert inner["exposeSampleData"] is True
        assert inner["package"]["graphParameters"]["Category"]["links"] == [
            {"nodeId": "node2", "parameterKey": "Category"}
        ]
        assert "trigonometric Function" in inner["parameters"], "map keys keep their case"
    else:
        assert inner["assets"]["asset1"]["locationInfo"]["uri"].startswith("aml://module/")
        assert "State-gov" in inner["input"]["properties"]["input1"]["properties"]


@pytest.mark.parametrize("file", ["getWebService", "putWebService", "patchWebService"])
def test_the_published_examples_are_read(shared: Path, file: str):
    example = json.loads((shared / f"arm/examples/2017-01-01/{file}.json").read_text(encoding="utf-8-sig"))
    bodies = [
        example["responses"][status]["body"]
        for status in example["responses"]
        if "body" in example["responses"][status]
    ]
    bodies += [item for item in example["parameters"].values() if isinstance(item, dict)]

    for body in bodies:
        document = read(json.dumps(body))
        assert normalise(document)[0]["packageType"] == "Graph"
        assert fingerprint(normalise(read(export(document)))[0]) == fingerprint(normalise(document)[0])
