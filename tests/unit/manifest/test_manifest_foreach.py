"""`forEach`: one resource per item, each traceable to where its values came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrainctl.diagnostics import Span
from retrainctl.manifest.load import Loaded
from tests.support.project_files import codes, loaded, manifest

MODELS = """\
apiVersion: retrainctl/v1
kind: Model
metadata: {name: "bike-rental-{{ item.id }}"}
forEach: {csv: locations.csv, first: "{{ vars.locations }}"}
spec: {versions: {csv: versions.csv}}
---
apiVersion: retrainctl/v1
kind: WebService
metadata:
  name: "rentalloc{{ item.id }}"
forEach: {csv: locations.csv, first: "{{ vars.locations }}"}
spec:
  title: Bike rental
  description: "Location {{ item.name }}"
  realtimeConfiguration: {maxConcurrentCalls: "{{ item.calls|int }}"}
  models: {"Bike Rental [trained model]": "bike-rental-{{ item.id }}@{{ item.version }}"}
"""
LOCATIONS = "id,name,version,calls\n001,Köln,1,20\n002,Bonn,2,30\n003,Ulm,1,40\n"
VERSIONS = "model,version,uri,sha256,metrics.Root Mean Squared Error,run\n" + "".join(
    f"bike-rental-00{place},{version},https://acct.blob.core.windows.net/hai/{place}-{version}.ilearner,,5{version}.5,r\n"
    for place in (1, 2, 3)
    for version in (1, 2)
)


def services(result: Loaded) -> list[str]:
    return [one.address.name for one in result.desired]


def bikes(tmp_path: Path, first: str = "2", rows: str = LOCATIONS) -> Loaded:
    files = {"manifests/bikes.yaml": MODELS, "manifests/locations.csv": rows, "manifests/versions.csv": VERSIONS}
    return loaded(tmp_path, files, overrides={"locations": first})


def test_many_models_from_two_files(tmp_path: Path) -> None:
    result = bikes(tmp_path, "3")
    assert result.diagnostics == ()
    assert services(result) == ["rentalloc001", "rentalloc002", "rentalloc003"]
    second = result.desired[1]
    assert second.fields == {
        "title": "Bike rental",
        "description": "Location Bonn",
        "realtimeConfiguration": {"maxConcurrentCalls": 30},
    }
    (version,) = second.slots.values()
    assert (version.label, version.uri) == (
        "bike-rental-002@2",
        "https://acct.blob.core.windows.net/hai/2-2.ilearner",
    )
    assert version.metrics == {"Root Mean Squared Error": 52.5}
    assert version.origin == Span("manifests/versions.csv", 5, 1)


def test_first_takes_only_so_many(tmp_path: Path) -> None:
    assert services(bikes(tmp_path)) == ["rentalloc001", "rentalloc002"]
    assert list(bikes(tmp_path).models) == ["bike-rental-001", "bike-rental-002"]
    assert services(bikes(tmp_path, "0")) == []
    assert services(bikes(tmp_path, "99")) == ["rentalloc001", "rentalloc002", "rentalloc003"]


def test_a_value_from_a_row_is_where_its_cell_is(tmp_path: Path) -> None:
    second = bikes(tmp_path).desired[1]
    assert second.origin == Span("manifests/locations.csv", 3, 1)
    assert second.span(("models", "Bike Rental [trained model]")) == Span("manifests/locations.csv", 3, 1)
    assert second.span(("description",)) == Span("manifests/locations.csv", 3, 5)
    assert second.span(("realtimeConfiguration", "maxConcurrentCalls")) == Span("manifests/locations.csv", 3, 12)
    assert second.span(("title",)) == Span("manifests/bikes.yaml", 13, 3)


def test_one_changed_line_is_one_changed_resource(tmp_path: Path) -> None:
    before = bikes(tmp_path, "3").desired
    after = bikes(tmp_path, "3", LOCATIONS.replace("002,Bonn,2", "002,Bonn,1")).desired
    changed = [
        new for old, new in zip(before, after, strict=True) if (old.fields, old.slots) != (new.fields, new.slots)
    ]
    assert [one.address.name for one in changed] == ["rentalloc002"]
    assert changed[0].span(("models", "Bike Rental [trained model]")).file == "manifests/locations.csv"
    assert changed[0].span(("models", "Bike Rental [trained model]")).line == 3


def test_quoted_cells_and_lines_inside_them(tmp_path: Path) -> None:
    rows = '\ufeffid,name\r\n1,"a, ""b""\r\nc"\r\n\r\n2,plain\r\n'
    text = manifest("WebService", '"w{{ item.id }}"', '{title: "{{ item.name }}"}', "forEach: {csv: rows.csv}")
    first, second = loaded(tmp_path, {"manifests/a.yaml": text, "manifests/rows.csv": rows}).desired
    assert (first.fields["title"], first.origin) == ('a, "b"\r\nc', Span("manifests/rows.csv", 2, 1))
    assert (second.fields["title"], second.origin) == ("plain", Span("manifests/rows.csv", 5, 1))


def test_items_of_a_list(tmp_path: Path) -> None:
    text = """\
apiVersion: retrainctl/v1
kind: WebService
metadata: {name: "w-{{ item.name }}"}
forEach:
  list:
    - {name: a, calls: 20}
    - {name: b, calls: 30}
spec: {realtimeConfiguration: {maxConcurrentCalls: "{{ item.calls }}"}}
"""
    first, second = loaded(tmp_path, {"manifests/a.yaml": text}).desired
    assert [one.address.name for one in (first, second)] == ["w-a", "w-b"]
    assert second.fields == {"realtimeConfiguration": {"maxConcurrentCalls": 30}}
    assert second.origin == Span("manifests/a.yaml", 7, 7)
    assert second.span(("realtimeConfiguration", "maxConcurrentCalls")) == Span("manifests/a.yaml", 7, 7)


def test_items_of_a_list_from_a_variable(tmp_path: Path) -> None:
    project = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {name: test}
spec: {vars: {regions: [eu, us]}, environments: {local: {emulator: {}}}}
"""
    text = manifest("WebService", '"w-{{ item }}"', "{}", 'forEach: {list: "{{ vars.regions }}"}')
    result = loaded(tmp_path, {"retrainctl.yaml": project, "manifests/a.yaml": text})
    assert services(result) == ["w-eu", "w-us"]


@pytest.mark.parametrize(
    ("each", "names"),
    [
        ("{range: [1, 3]}", ["w-1", "w-2", "w-3"]),
        ("{range: [3, 1]}", []),
        ("{range: [5, 5]}", ["w-5"]),
        ("{range: [1, 1000000], first: 2}", ["w-1", "w-2"]),
        ('{range: [1, "{{ vars.locations }}"]}', ["w-1", "w-2"]),
        ("{list: [x, y, z], first: 2}", ["w-x", "w-y"]),
    ],
)
def test_ranges_and_lists(tmp_path: Path, each: str, names: list[str]) -> None:
    text = manifest("WebService", '"w-{{ item }}"', "{}", f"forEach: {each}")
    result = loaded(tmp_path, {"manifests/a.yaml": text})
    assert result.diagnostics == ()
    assert services(result) == names


def test_a_range_without_end_is_refused(tmp_path: Path) -> None:
    text = manifest("WebService", '"w-{{ item }}"', "{}", "forEach: {range: [1, 100000000000]}")
    assert codes(loaded(tmp_path, {"manifests/a.yaml": text})) == ["RC103"]


def test_slot_names_may_hold_expressions(tmp_path: Path) -> None:
    text = manifest(
        "WebService",
        '"w{{ item }}"',
        '{models: {"Model {{ item }} [trained model]": "m@{{ item }}"}}',
        "forEach: {range: [1, 2]}",
    )
    uri = "https://a.blob.core.windows.net/c/m"
    models = manifest("Model", "m", f'{{versions: [{{version: 1, uri: "{uri}1"}}, {{version: 2, uri: "{uri}2"}}]}}')
    result = loaded(tmp_path, {"manifests/a.yaml": text + "---\n" + models})
    assert result.diagnostics == ()
    assert [list(one.slots) for one in result.desired] == [["Model 1 [trained model]"], ["Model 2 [trained model]"]]
    assert result.desired[1].span(("models", "Model 2 [trained model]")) == Span("manifests/a.yaml", 5, 17)


def test_two_keys_that_become_one_are_an_error(tmp_path: Path) -> None:
    text = manifest("WebService", "a", '{tags: {"{{ environment }}": x, local: y}}')
    assert codes(loaded(tmp_path, {"manifests/a.yaml": text})) == ["RC104"]


def test_values_cannot_make_structure(tmp_path: Path) -> None:
    rows = 'id,title\n1,"x}, tags: {a: b"\n2,"{{ vars.locations }}"\n'
    text = manifest("WebService", '"w{{ item.id }}"', '{title: "{{ item.title }}"}', "forEach: {csv: rows.csv}")
    result = loaded(tmp_path, {"manifests/a.yaml": text, "manifests/rows.csv": rows})
    assert [one.fields for one in result.desired] == [{"title": "x}, tags: {a: b"}, {"title": "{{ vars.locations }}"}]


def test_versions_inside_a_foreach_come_from_the_row(tmp_path: Path) -> None:
    rows = "id,blob\n1,a\n2,b\n"
    uri = "https://a.blob.core.windows.net/c/{{ item.blob }}.ilearner"
    text = manifest(
        "Model",
        '"m{{ item.id }}"',
        f'{{versions: [{{version: "{{{{ item.id|int }}}}", uri: "{uri}"}}]}}',
        "forEach: {csv: rows.csv}",
    )
    result = loaded(tmp_path, {"manifests/a.yaml": text, "manifests/rows.csv": rows})
    assert result.diagnostics == ()
    (version,) = result.models["m2"].versions
    assert (version.version, version.uri) == (2, "https://a.blob.core.windows.net/c/b.ilearner")
    assert version.origin == Span("manifests/rows.csv", 3, 1)


@pytest.mark.parametrize(("key", "code"), [("{{ vars.locations }}", "RC104"), ("{{ environment }}", "RC113")])
def test_a_key_of_the_foreach_that_is_an_expression(tmp_path: Path, key: str, code: str) -> None:
    more = f'forEach: {{csv: rows.csv, "{key}": 1}}'
    result = loaded(tmp_path, {"manifests/a.yaml": manifest("Model", "m", "{versions: []}", more)})
    assert codes(result) == [code]
