"""What exists becomes manifests: grouped, folded, nothing foreign read as an expression."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from retrainctl.errors import RetrainctlError
from retrainctl.manifest.load import load
from retrainctl.operations.adopting import manifest_files, project_files, write_files
from retrainctl.operations.classic_estate import from_workspace
from retrainctl.operations.folding import Found, fold, literal
from retrainctl.operations.listing import from_lists

SERVICE = "0123456789abcdef0123456789abcdef"


def endpoint(name: str, **more: Any) -> Found:
    return Found(kind="Endpoint", name=name, spec={"webService": "S", **more}, slots={"m": None}, group="S")


def test_endpoints_of_a_pattern_become_one_manifest_with_a_table() -> None:
    found = [endpoint(f"loc{at:03}", description=f"place {at:03}", throttleLevel="Low") for at in range(1, 1001)]
    found += [endpoint("other", description="x", throttleLevel="Low")]
    (folded,), single = fold(found)
    assert [entry.name for entry in single] == ["other"]
    document = folded.document("t.csv")
    assert document["metadata"] == {"name": "loc{{ item.id }}"}
    assert document["spec"]["description"] == "place {{ item.id }}"
    rows = list(csv.DictReader(io.StringIO(folded.csv)))
    assert [row["id"] for row in rows[:2]] == ["001", "002"]
    assert len(rows) == 1000


def test_what_differs_otherwise_is_a_column_and_what_is_no_text_keeps_them_apart() -> None:
    found = [
        endpoint(f"a{at}", description=text, maxConcurrentCalls=calls)
        for at, (text, calls) in enumerate([("x, y", 4), ('q"', 4), ("{{ vars.z }}", 4), ("w", 9), ("v", 9)])
    ]
    (folded,), single = fold(found)
    assert len(single) == 2
    assert folded.spec["description"] == "{{ item.description }}"
    assert [row["description"] for row in csv.DictReader(io.StringIO(folded.csv))] == ["x, y", 'q"', "{{ vars.z }}"]


def test_a_foreign_text_with_braces_stays_what_it_is(tmp_path: Path) -> None:
    text = "{{ vars.secret }} and }} {{"
    assert literal("plain") == "plain"
    found = [Found(kind="WebService", name="s", spec={"description": text}, slots={"{{ x }} [trained model]": None})]
    files = project_files("p", {"local": {"emulator": {}}}, found)
    write_files(tmp_path, files)
    loaded = load(tmp_path / "retrainctl.yaml", "local", {}, {})
    assert loaded.diagnostics == ()
    assert loaded.desired[0].fields["description"] == text


def test_a_name_in_two_groups_gets_its_group_and_both_are_declared(tmp_path: Path) -> None:
    found = [Found(kind="WebService", name="s", spec={"resourceGroup": group}, group=group) for group in ("a", "b")]
    write_files(
        tmp_path, project_files("p", {"prod": {"arm": {"subscription": SUBSCRIPTION, "resourceGroup": "g"}}}, found)
    )
    loaded = load(tmp_path / "retrainctl.yaml", "prod", {}, {})
    assert loaded.diagnostics == ()
    assert [(one.address.name, one.place["name"], one.place["resourceGroup"]) for one in loaded.desired] == [
        ("s", "s", "a"),
        ("s-b", "s", "b"),
    ]


SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"


def test_no_secret_of_a_signed_address_reaches_a_file() -> None:
    uri = "https://acct.blob.core.windows.net/c/m.ilearner?sv=2020&sig=SECRETSECRET"
    files = manifest_files([Found(kind="WebService", name="s", slots={"m [trained model]": uri})])
    assert "SECRET" not in json.dumps(dict(files.texts))
    assert "m.ilearner" in json.dumps(dict(files.texts))


def test_a_workspace_is_adopted_without_default_endpoints_and_same_names_go_by_id() -> None:
    other = "f" * 32
    services = [{"Id": SERVICE, "Name": "S"}, {"Id": other, "Name": "S"}]
    added = {"Name": "e1", "ThrottleLevel": "High", "MaxConcurrentCalls": 20, "Resources": [{"Name": "m"}]}
    found = from_workspace(services, {SERVICE: [{"Name": "default"}, added]})
    assert [(one.kind, one.spec) for one in found] == [
        ("ClassicWebService", {"id": SERVICE}),
        ("Endpoint", {"webService": SERVICE, "throttleLevel": "High", "maxConcurrentCalls": 20}),
        ("ClassicWebService", {"id": other}),
    ]


def item(name: str, group: str, state: str = "Succeeded", **more: Any) -> dict[str, Any]:
    where = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.MachineLearning"
    properties = {"provisioningState": state, **({"packageType": "Graph"} if state == "Succeeded" else {}), **more}
    return {"id": f"{where}/webServices/{name}", "name": name, "location": "x", "properties": properties}


def test_a_list_answer_gives_identity_and_listed_fields_and_reports_stubs(tmp_path: Path) -> None:
    page = tmp_path / "page.json"
    page.write_text(json.dumps({"value": [item("a", "g", title="T"), item("b", "h"), item("c", "g", "Failed")]}))
    listed = from_lists([page, page])
    assert [(one.name, dict(one.spec)) for one in listed.found] == [
        ("a", {"title": "T"}),
        ("b", {"resourceGroup": "h"}),
    ]
    assert len(listed.left_out) == 1
    assert "WebService/c in g" in listed.left_out[0]
    assert yaml.safe_load(manifest_files(listed.found).texts["manifests/h.yaml"])["metadata"]["name"] == "b"


@pytest.mark.parametrize("text", ["{", "{}", '{"value": 3}', '"x"'])
def test_a_file_without_a_list_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "f.json"
    file.write_text(text)
    with pytest.raises(RetrainctlError) as caught:
        from_lists([file])
    assert caught.value.code == "RC018"


def test_endpoints_of_one_name_under_two_services_are_all_declared(tmp_path: Path) -> None:
    found = [
        Found(kind="Endpoint", name=f"loc{at}", spec={"webService": service}, group=service)
        for service in ("A", "B")
        for at in range(1, 4)
    ]
    found += [Found(kind="Endpoint", name="loc", spec={"webService": "A"}, group="A")]
    write_files(tmp_path, project_files("p", {"local": {"emulator": {}}}, found))
    loaded = load(tmp_path / "retrainctl.yaml", "local", {}, {})
    assert loaded.diagnostics == ()
    declared = {(one.place["webService"], one.place["name"]) for one in loaded.desired}
    assert declared == {(one.spec["webService"], one.name) for one in found}


def test_a_table_and_a_single_resource_of_one_name_get_files_of_their_own(tmp_path: Path) -> None:
    found = [Found(kind="Endpoint", name=name, spec={"webService": "A"}, group="") for name in ("x1", "x2", "x3", "x")]
    write_files(tmp_path, project_files("p", {"local": {"emulator": {}}}, found))
    loaded = load(tmp_path / "retrainctl.yaml", "local", {}, {})
    assert sorted(one.address.name for one in loaded.desired) == ["x", "x1", "x2", "x3"]
