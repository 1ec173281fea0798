"""Experiments into files and back, and into another workspace: what comes along, and what must not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from retrainctl.errors import RetrainctlError
from retrainctl.model.values import Secret
from retrainctl.operations import experiments
from retrainctl.targets.azure.credentials import KeyAuth
from retrainctl.targets.studio.client import STUDIO_HEADER, StudioClient
from tests.support.wire import Call, FakeWaiter, Reply, Wire, wire

STUDIO = "https://studioapi.azureml.net/api"
SIGNED = "https://acct.blob.core.windows.net/c/d.csv?sv=1&sig=SECRET1"
ONE = f"ws.f-id.{'1' * 32}"
TWO = f"ws.f-id.{'2' * 32}"


def _experiment(value: str = SIGNED, **more: Any) -> dict[str, Any]:
    node = {"Id": "n1", "ModuleParameters": [{"Name": "URL", "Value": value}, {"Name": "Key", "Value": "zäh"}]}
    return {
        "ExperimentId": ONE,
        "Description": 'A "b" \\ ü',
        "Graph": {"ModuleNodes": [node], "SerializedClientData": "<DataV1/>"},
        "WebService": None,
        "Etag": 'W/"live"',
        "NodeStatuses": [{"OutputEndpoints": [{"Location": "c/x", "AccessCredential": "?sig=SECRET2"}]}],
        **more,
    }


def _studio(script: Any) -> tuple[Wire, StudioClient]:
    made = wire(script, hosts=(STUDIO,))
    key = KeyAuth(secret=Secret("workspace-token"), header=STUDIO_HEADER, prefix="")
    return made, StudioClient(pipeline=made.pipeline, studio=STUDIO, workspace="ws", auth=lambda: key)


def _file(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "e.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_an_export_has_no_secret_and_says_where_one_was() -> None:
    text, hidden = experiments.exported(_experiment())
    assert "SECRET" not in text and "zäh" in text
    assert hidden == ["ModuleNodes[n1].ModuleParameters[URL].Value"]
    assert json.loads(text)["Graph"]["SerializedClientData"] == "<DataV1/>"
    assert experiments.exported(_experiment("plain"))[1] == []


def test_an_import_over_the_same_experiment_keeps_its_secrets(tmp_path: Path) -> None:
    text, _ = experiments.exported(_experiment(Etag='W/"old"', ParentExperimentId="p"))
    given = experiments.from_file(_file(tmp_path, text))
    _, studio = _studio([Reply(body=_experiment(ParentExperimentId="q"))])
    wanted = experiments.over(studio, given)
    assert wanted["Graph"] == _experiment()["Graph"]
    assert (wanted["Etag"], wanted["ParentExperimentId"]) == ('W/"live"', "q"), "it is the live one that is saved"


@pytest.mark.parametrize("live", ["plain", "https://acct.blob.core.windows.net/other?sv=1&sig=SECRET1"])
def test_a_secret_that_is_not_known_stops_an_import(tmp_path: Path, live: str) -> None:
    text, _ = experiments.exported(_experiment())
    given = experiments.from_file(_file(tmp_path, text))
    _, studio = _studio([Reply(body=_experiment(live))])
    for attempt in (lambda: experiments.over(studio, given), lambda: experiments.complete(given["Graph"])):
        with pytest.raises(RetrainctlError, match=r"ModuleParameters\[URL\]\.Value") as caught:
            attempt()
        assert caught.value.code == "RC949"


def test_two_secrets_of_one_text_are_not_mixed_up() -> None:
    def graph(*values: str, names: str = "abc") -> dict[str, Any]:
        return {"ModuleParameters": [{"Name": n, "Value": value} for n, value in zip(names, values, strict=False)]}

    hidden, other = SIGNED.replace("SECRET1", "(sensitive)"), SIGNED.replace("SECRET1", "SECRET3")
    live = graph(SIGNED, other)
    assert experiments.complete(graph(hidden, hidden), live) == live, "each in its own place"
    for elsewhere in (graph(hidden, names="c"), graph(hidden, hidden, names="aa")):
        with pytest.raises(RetrainctlError):
            experiments.complete(elsewhere, live)
    assert experiments.complete(graph(hidden, names="c"), graph(SIGNED, SIGNED)) == graph(SIGNED, names="c")


def test_passwords_and_keys_are_known_by_their_names() -> None:
    secret = [{"Name": "Account key", "Value": "abc=="}, {"Name": "Password", "Value": "hunter2"}]
    plain = [{"Name": "Password", "Value": None}, {"Name": "Key columns", "Value": "id"}]
    live = _experiment(Graph={"ModuleNodes": [{"Id": "n1", "ModuleParameters": secret}, {"Id": "n2", "P": plain}]})
    text, hidden = experiments.exported(live)
    assert "abc==" not in text and "hunter2" not in text and '"id"' in text
    assert hidden == [f"ModuleNodes[n1].ModuleParameters[{name}].Value" for name in ("Account key", "Password")]
    _, studio = _studio([Reply(body=live)])
    assert experiments.over(studio, json.loads(text))["Graph"] == live["Graph"]


def test_there_is_nothing_to_write_over_in_another_workspace() -> None:
    _, studio = _studio([Reply(status=404)])
    with pytest.raises(RetrainctlError, match="to write over") as caught:
        experiments.over(studio, _experiment())
    assert caught.value.code == "RC949"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON"),
        (b"\xff\xfe{\x00", "not JSON"),
        ("[]", "no member Graph"),
        ('{"properties": {}}', "no member Graph"),
        ('{"Graph": {}}', "no member Description"),
    ],
)
def test_other_files_are_named_as_what_they_are(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(RetrainctlError, match=told) as caught:
        experiments.from_file(_file(tmp_path, text))
    assert caught.value.code == "RC949"


def test_a_file_of_the_cmdlet_is_read(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbf" + json.dumps(_experiment()).encode()
    assert experiments.from_file(_file(tmp_path, text))["Description"] == 'A "b" \\ ü'
    with pytest.raises(RetrainctlError, match="cannot read") as caught:
        experiments.from_file(tmp_path / "gone.json")
    assert caught.value.code == "RC005"


class _Workspaces:
    """Answers for packing here and unpacking there; `arriving` turns up once the package is unpacked."""

    def __init__(self, arriving: list[dict[str, Any]]) -> None:
        self.arriving = arriving
        self.listed = [_experiment()]
        self.saved: Any = None

    def __call__(self, call: Call) -> Reply:
        if call.path.endswith("/packages"):
            if call.method == "PUT":
                self.listed += self.arriving
            return Reply(body={"ActivityId": "a", "Status": "Complete", "Location": SIGNED})
        if call.method == "POST":
            self.saved = call
            return Reply(body=call.path.rpartition("/")[2])
        return Reply(body=self.listed if call.path.endswith("/experiments") else self.arriving[0])


@pytest.mark.parametrize("name", [None, 'Neu "x"'])
def test_a_copy_into_another_workspace_gets_its_name_there(name: str | None) -> None:
    answers = _Workspaces([_experiment(ExperimentId=TWO, Etag='W/"new"')])
    made, studio = _studio(answers)
    identifier = experiments.copy_over(studio, _experiment(), studio, "South Central US", name, FakeWaiter(made.clock))
    assert identifier == TWO
    if name is None:
        assert answers.saved is None
    else:
        assert answers.saved.path.endswith(TWO)
        assert (answers.saved.body["Description"], answers.saved.headers["If-Match"]) == (name, 'W/"new"')


@pytest.mark.parametrize("count", [0, 2])
def test_a_copy_that_cannot_be_told_apart_is_not_renamed(count: int) -> None:
    answers = _Workspaces([_experiment(ExperimentId=f"{TWO}{number}") for number in range(count)])
    made, studio = _studio(answers)
    with pytest.raises(RetrainctlError, match=f"{count} new ones") as caught:
        experiments.copy_over(studio, _experiment(), studio, "x", "Neu", FakeWaiter(made.clock))
    assert caught.value.code == "RC942" and answers.saved is None


def test_what_an_experiment_uses_of_other_workspaces_is_known() -> None:
    own, other, microsoft = "a" * 32, "b" * 32, "506153734175476c4f62416c57734963"

    def asset(workspace: str) -> str:
        return f"{workspace}.{'c' * 32}.v1-default-1"

    ports = [{"Name": "x", "DataSourceId": asset(other)}, {"Name": "y", "TrainedModelId": asset(own)}]
    graph = {"ModuleNodes": [{"Id": "n", "ModuleId": asset(microsoft), "InputPortsInternal": ports}]}
    assert experiments.foreign_assets({"Graph": graph}, own.upper()) == [other]
    assert experiments.foreign_assets({"Graph": graph}, other) == [own]
