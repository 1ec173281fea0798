"""`ClassicWebService` and `Endpoint` manifests: decoded with their places, refused with them."""

from __future__ import annotations

from pathlib import Path

from retrainctl.diagnostics import Severity
from retrainctl.manifest.load import Loaded, load
from retrainctl.model.address import Address
from retrainctl.model.environment import EMULATOR_WORKSPACE

HEAD = "apiVersion: retrainctl/v1\nkind: Project\nmetadata: {name: p}\nspec:\n  environments:\n"
LOCAL = "    local: {emulator: {}}\n"
ARM = "    local: {arm: {subscription: s, resourceGroup: rg}}\n"
ID = "5e" * 16


def loaded(folder: Path, *documents: str, environments: str = LOCAL, **files: str) -> Loaded:
    (folder / "manifests").mkdir()
    (folder / "retrainctl.yaml").write_text(HEAD + environments)
    (folder / "manifests" / "all.yaml").write_text("---\n".join(documents))
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return load(folder / "retrainctl.yaml", "local", {}, {})


def document(kind: str, name: str, spec: str, more: str = "") -> str:
    return f"apiVersion: retrainctl/v1\nkind: {kind}\nmetadata: {{name: {name}}}\n{more}spec: {spec}\n"


MODEL = document("Model", "m", "{versions: [{version: 1, uri: 'https://a.blob.core.windows.net/c/m.ilearner'}]}")


def said(result: Loaded) -> list[tuple[str, str]]:
    return [(finding.code, str(finding.span)) for finding in result.diagnostics]


def test_an_endpoint_with_everything(tmp_path: Path) -> None:
    spec = (
        "\n  webService: 'Büro \"Räder\" [1]'\n  name: e-1\n  description: 'say \"ü\"'\n  throttleLevel: High\n"
        "  maxConcurrentCalls: 50\n  diagnostics: {level: All}\n  preventUpdate: true\n"
        "  models: {'Zwei [trained model]': m@1}\n  refresh: all"
    )
    result = loaded(tmp_path, MODEL, document("Endpoint", "one", spec))
    assert said(result) == []
    (endpoint,) = result.desired
    assert endpoint.address == Address("Endpoint", "one")
    assert endpoint.place == {"webService": 'Büro "Räder" [1]', "name": "e-1", "workspace": EMULATOR_WORKSPACE}
    assert endpoint.fields == {
        "Description": 'say "ü"',
        "ThrottleLevel": "High",
        "MaxConcurrentCalls": 50,
        "DiagnosticsTraceLevel": "All",
        "PreventUpdate": True,
        "refreshAll": "done",
    }
    assert endpoint.slots["Zwei [trained model]"].label == "m@1"
    lines = {
        ("Description",): 12,
        ("DiagnosticsTraceLevel",): 15,
        ("refreshAll",): 18,
        ("models", "Zwei [trained model]"): 17,
    }
    for path, line in lines.items():
        span = endpoint.span(path)
        assert span is not None
        assert span.line == line, path


def test_what_is_not_said_is_not_managed(tmp_path: Path) -> None:
    (endpoint,) = loaded(tmp_path, document("Endpoint", "one", "{webService: S, refresh: never}")).desired
    assert (endpoint.fields, endpoint.slots, endpoint.settings) == ({}, {}, {})
    assert endpoint.place["name"] == "one"


def test_a_thousand_from_a_csv_file_know_their_line(tmp_path: Path) -> None:
    rows = "id,version\n" + "".join(f"{n:03},1\n" for n in range(1, 1001))
    spec = '{webService: S, models: {"Slot [trained model]": "m@{{ item.version }}"}}'
    each = "forEach: {csv: ../locations.csv}\n"
    result = loaded(tmp_path, MODEL, document("Endpoint", '"e{{ item.id }}"', spec, each), locations=rows)
    assert len(result.desired) == 1000
    span = result.desired[499].span(("models", "Slot [trained model]"))
    assert str(span) == "locations.csv:501:5"


def test_a_classic_web_service_by_name_by_id_and_by_both(tmp_path: Path) -> None:
    result = loaded(
        tmp_path,
        document("ClassicWebService", "one", "{}"),
        document("ClassicWebService", "two", "{name: Zwei}"),
        document("ClassicWebService", "three", f"{{id: {ID}}}"),
        document("ClassicWebService", "four", f"{{id: {ID.upper()}, name: Vier}}"),
    )
    places = {one.address.name: one.place["webService"] for one in result.desired}
    assert places == {"one": "one", "two": "Zwei", "three": ID, "four": ID.upper()}
    assert [one.fields for one in result.desired] == [{}, {}, {}, {"Name": "Vier"}]


def test_an_endpoint_may_name_a_manifest(tmp_path: Path) -> None:
    result = loaded(
        tmp_path,
        document("Endpoint", "one", "{webService: ClassicWebService/scoring}"),
        document("ClassicWebService", "scoring", f"{{id: {ID}}}"),
    )
    assert next(one for one in result.desired if one.address.kind == "Endpoint").place["webService"] == ID


def test_one_that_is_not_there_is_said_with_the_nearest(tmp_path: Path) -> None:
    result = loaded(
        tmp_path,
        document("Endpoint", "one", "{webService: ClassicWebService/scorin}"),
        document("ClassicWebService", "scoring", "{}"),
    )
    (finding,) = result.diagnostics
    assert finding.code == "RC132"
    assert 'Did you mean "scoring"?' in (finding.hint or "")
    assert finding.span is not None
    assert finding.span.line == 4


def test_a_number_of_calls_needs_high_beside_it(tmp_path: Path) -> None:
    result = loaded(tmp_path, document("Endpoint", "one", "{webService: S, maxConcurrentCalls: 20}"))
    assert said(result) == [("RC370", "manifests/all.yaml:4:23")]
    assert result.desired == ()


def test_at_low_it_is_left_out_with_one_warning_for_all(tmp_path: Path) -> None:
    spec = "{webService: S, throttleLevel: Low, maxConcurrentCalls: 20}"
    result = loaded(tmp_path, document("Endpoint", '"e{{ item }}"', spec, "forEach: {range: [1, 50]}\n"))
    assert [(f.code, f.severity) for f in result.diagnostics] == [("RC370", Severity.WARNING)]
    assert {tuple(one.fields) for one in result.desired} == {("ThrottleLevel",)}


def test_wrong_values_are_found_where_they_stand(tmp_path: Path) -> None:
    spec = (
        "\n  throttleLevel: high\n  maxConcurrentCalls: 500\n  diagnostics: {}\n  refresh: sometimes\n"
        "  models: {S: m@0}\n  endpoint: x"
    )
    result = loaded(tmp_path, document("Endpoint", "one", spec))
    assert len(result.diagnostics) == 7
    assert {f.span.line for f in result.diagnostics if f.span} == {4, 5, 6, 7, 8, 9, 10}
    bad_id = loaded_again(tmp_path, document("ClassicWebService", "one", "{id: xyz}"))
    assert "32 hexadecimal" in bad_id.diagnostics[0].message


def loaded_again(folder: Path, text: str) -> Loaded:
    (folder / "manifests" / "all.yaml").write_text(text)
    return load(folder / "retrainctl.yaml", "local", {}, {})


def test_one_endpoint_declared_twice_is_refused(tmp_path: Path) -> None:
    result = loaded(
        tmp_path,
        document("Endpoint", "one", "{webService: S, name: e}"),
        document("Endpoint", "two", "{webService: S, name: e}"),
    )
    assert [finding.code for finding in result.diagnostics] == ["RC131"]


def test_without_classic_settings_it_is_said_once(tmp_path: Path) -> None:
    spec = "{webService: S}"
    each = "forEach: {range: [1, 9]}\n"
    result = loaded(
        tmp_path,
        document("Endpoint", '"e{{ item }}"', spec, each),
        document("ClassicWebService", "s", "{}"),
        environments=ARM,
    )
    assert [finding.code for finding in result.diagnostics] == ["RC017"]
    assert "classic" in result.diagnostics[0].message


def test_an_environment_names_its_classic_workspace(tmp_path: Path) -> None:
    settings = (
        "    local:\n      classic: {workspace: d2f6, location: West Europe, token: {env: T}, tier: Free,\n"
        "        hosts: {management: 'https://m.example'}, fieldUpdates: refuse}\n"
        "      storage: {acct: {sas: {env: SAS}}, other: {key: {file: k.txt}}}\n"
    )
    environment = loaded(tmp_path, environments=settings).environment
    classic = environment.classic
    assert classic is not None
    assert (classic.tier, classic.field_updates, dict(classic.hosts)) == (
        "Free", "refuse", {"management": "https://m.example"},
    )  # fmt: skip
    assert str(environment.storage["acct"].sas) == "env:SAS"
    assert environment.storage["acct"].key is None
    assert str(environment.storage["other"].key) == "file:k.txt"
