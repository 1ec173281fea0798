"""`definition:` declares the whole exported service; slots and further fields stand above it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from retrainctl.diagnostics import Severity, Span
from retrainctl.model.values import SecretRef
from tests.support.project_files import codes, loaded, manifest

SLOT = "Census [trained model]"
OLD, NEW = (f"https://acct.blob.core.windows.net/models/census/{version}.ilearner" for version in (6, 7))
MODEL = manifest("Model", "census", f'{{versions: [{{version: 7, uri: "{NEW}"}}]}}')


def exported(**properties: Any) -> str:
    return json.dumps(
        {
            "name": "census",
            "location": "West Europe",
            "tags": {"owner": "me"},
            "properties": {
                "packageType": "Graph",
                "title": "Exported",
                "assets": {
                    "asset1": {"name": SLOT, "type": "Resource", "locationInfo": {"uri": OLD, "credentials": ""}},
                    "asset2": {"name": "Score", "type": "Module", "locationInfo": {"uri": "aml://module/x"}},
                },
                "parameters": {"rate": {"value": 1}, "password": {"value": {"env": "PASSWORD"}}},
                "package": {
                    "nodes": {"n": {"assetId": "asset2", "parameters": {"k": {"value": {"file": "k.txt"}}}}},
                    "edges": [],
                },
                **properties,
            },
        }
    )


def declared(spec: str) -> dict[str, str]:
    return {
        "manifests/a.yaml": MODEL + "---\n" + manifest("WebService", "census", spec),
        "definitions/census.json": exported(),
    }


def test_the_definition_is_declared_and_the_manifest_has_the_last_word(tmp_path: Path) -> None:
    spec = f'{{definition: ../definitions/census.json, title: Mine, models: {{"{SLOT}": census@7}}}}'
    result = loaded(tmp_path, declared(spec))
    assert result.diagnostics == ()
    (service,) = result.desired
    assert service.fields["title"] == "Mine"
    assert service.fields["location"] == "West Europe"
    assert service.fields["tags"] == {"owner": "me"}
    assets: Any = service.fields["assets"]
    assert assets["asset1"]["locationInfo"]["uri"] == NEW
    assert assets["asset2"]["locationInfo"]["uri"] == "aml://module/x"
    assert service.slots[SLOT].label == "census@7"
    parameters: Any = service.fields["parameters"]
    assert parameters["password"]["value"] == SecretRef("env", "PASSWORD")
    nodes: Any = service.fields["package"]
    assert nodes["nodes"]["n"]["parameters"]["k"]["value"] == SecretRef("file", "k.txt")
    assert service.span(("title",)) == Span("manifests/a.yaml", 9, 48)
    assert service.span(("assets", "asset1")) == Span("manifests/a.yaml", 9, 8)
    assert "definitions/census.json" in dict(result.sources)


def test_without_slots_the_definition_stands_as_it_is(tmp_path: Path) -> None:
    (service,) = loaded(tmp_path, declared("{definition: ../definitions/census.json}")).desired
    assets: Any = service.fields["assets"]
    assert assets["asset1"]["locationInfo"]["uri"] == OLD
    assert service.slots == {}


def test_a_slot_that_the_definition_does_not_have_names_those_that_it_has(tmp_path: Path) -> None:
    spec = '{definition: ../definitions/census.json, models: {"Cencus [trained model]": census@7}}'
    result = loaded(tmp_path, declared(spec))
    (finding,) = result.diagnostics
    assert finding.code == "RC210"
    assert finding.span == Span("manifests/a.yaml", 9, 57)
    assert SLOT in (finding.hint or "")
    assert result.desired == ()


def test_a_definition_that_many_services_name_is_read_once_and_not_changed(tmp_path: Path) -> None:
    text = manifest(
        "WebService",
        '"census{{ item }}"',
        f'{{definition: ../definitions/census.json, models: {{"{SLOT}": "census@{{{{ item }}}}"}}}}',
        "forEach: {range: [7, 8]}",
    )
    versions = ", ".join(f'{{version: {n}, uri: "https://a.blob.core.windows.net/c/{n}.ilearner"}}' for n in (7, 8))
    model = manifest("Model", "census", f"{{versions: [{versions}]}}")
    files = {"manifests/a.yaml": model + "---\n" + text, "definitions/census.json": exported()}
    first, second = loaded(tmp_path, files).desired
    uris = [one.fields["assets"]["asset1"]["locationInfo"]["uri"] for one in (first, second)]  # type: ignore[index,call-overload]
    assert uris == [f"https://a.blob.core.windows.net/c/{n}.ilearner" for n in (7, 8)]
    assert first.fields["package"] is second.fields["package"]


def test_a_secret_in_an_export_is_a_warning_and_does_not_reach_the_state(tmp_path: Path) -> None:
    files = declared("{definition: ../definitions/census.json}")
    files["definitions/census.json"] = exported().replace(OLD, OLD + "?sv=2020&sig=abcdefghijklmnop%3D")
    result = loaded(tmp_path, files)
    (finding,) = result.diagnostics
    assert (finding.code, finding.severity) == ("RC120", Severity.WARNING)
    assert "abcdefgh" not in repr(result.diagnostics)
    assert "abcdefgh" not in repr(result.desired[0].fields)


def test_the_recorded_export_loads(tmp_path: Path, shared: Path) -> None:
    text = (shared / "arm/exports/CreditRisk.before-retraining.json").read_text(encoding="utf-8-sig")
    files = {
        "manifests/a.yaml": manifest("WebService", "credit", "{definition: credit.json}"),
        "manifests/credit.json": text,
    }
    result = loaded(tmp_path, files)
    assert codes(result) == []
    assert {"package", "assets", "input", "output"} <= set(result.desired[0].fields)
