"""The real service before and after its retraining: slots, exact exports, one changed reference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrainctl.definition.document import read
from retrainctl.definition.export import export, in_form
from retrainctl.definition.normalise import fingerprint, normalise
from retrainctl.definition.parameters import PREVIEW, STABLE
from retrainctl.definition.slots import is_training, replace_slot, slots

SLOT = "Credit Risk PL PoC [trained model]"
OLD = "https://plmlpoc1storage.blob.core.windows.net/azuremlassetscontainer/ee3b5aebecfb42d3a6b058e0d68f20cd.ilearner"
NEW = "https://plmlpoc1storage.blob.core.windows.net/azuremlassetscontainer/a91fb021df4246e1b3f69ead6eab3444.ilearner"


@pytest.fixture
def before(shared: Path) -> bytes:
    return (shared / "arm/exports/CreditRisk.before-retraining.json").read_bytes()


@pytest.fixture
def after(shared: Path) -> bytes:
    return (shared / "arm/exports/CreditRisk.after-retraining.json").read_bytes()


def as_get(document: dict) -> dict:
    """The same service as a server of 2017-01-01 shows it."""
    properties = in_form(document["properties"], STABLE)
    shown = {
        "payloadsInBlobStorage": False,
        "provisioningState": "Succeeded",
        "createdOn": "2017-03-01T08:00:00.1Z",
        "modifiedOn": "2017-03-01T08:00:09.1234567Z",
        "swaggerLocation": "https://ussouthcentral.services.azureml.net/subscriptions/0/services/0/swagger.json",
    }
    for member in ("assets", "input", "output", "package", "exampleRequest"):
        shown[member] = properties[member]
    identity = f"/subscriptions/0/resourceGroups/rg/providers/Microsoft.MachineLearning/webServices/{document['name']}"
    return {
        "id": identity,
        "name": document["name"],
        "type": "Microsoft.MachineLearning/webServices",
        "location": document["location"],
        "tags": {},
        "properties": {**shown, **properties},
    }


def test_an_export_that_was_read_is_written_with_the_same_bytes(before: bytes, after: bytes):
    for data in (before, after):
        assert export(read(data), api_version=PREVIEW) == data
        assert export(read(data), api_version=PREVIEW, newline="\r\n") == data.replace(b"\n", b"\r\n")


def test_a_get_of_the_newer_form_is_exported_as_the_older_cmdlets_did(before: bytes):
    live = as_get(read(before))

    assert export(live, api_version=PREVIEW) == before


def test_the_newer_form_has_objects_and_no_name(before: bytes):
    written = export(read(before))

    data = json.loads(written)
    assert list(data) == ["properties", "location", "tags"]
    assert data["properties"]["package"]["nodes"]["node2"]["parameters"]["Random Seed"] == {
        "value": "42",
        "certificateThumbprint": "",
    }
    assert export(read(written), api_version=STABLE) == written


def test_every_form_has_one_fingerprint(before: bytes, after: bytes):
    document = read(before)
    prints = {
        fingerprint(normalise(form)[0])
        for form in (document, read(export(document)), as_get(document), read(b"\xef\xbb\xbf" + before))
    }

    assert len(prints) == 1
    assert fingerprint(normalise(read(after))[0]) not in prints


def test_the_slot_is_found_and_the_transform_is_none(before: bytes):
    found = slots(read(before))

    assert {name: slot.uri for name, slot in found.items()} == {SLOT: OLD}
    assert not is_training(read(before))


def test_moving_the_slot_changes_one_line_of_the_file(before: bytes, after: bytes):
    moved = export(replace_slot(read(before), SLOT, NEW), api_version=PREVIEW)

    changed = [(a, b) for a, b in zip(before.split(b"\n"), moved.split(b"\n"), strict=True) if a != b]
    assert [(a.strip(), b.strip()) for a, b in changed] == [(f'"uri": "{OLD}"'.encode(), f'"uri": "{NEW}"'.encode())]
    renamed = json.loads(moved)
    renamed["name"], renamed["properties"]["title"] = "CreditRiskPrediction", json.loads(after)["properties"]["title"]
    assert json.loads(after) == renamed
