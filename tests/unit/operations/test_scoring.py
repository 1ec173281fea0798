"""Scoring requests from files, answers as tables, and the checks of a rollout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from retrainctl.apply.outcome import Fate, Result
from retrainctl.errors import RetrainctlError
from retrainctl.model.address import Address
from retrainctl.model.change import Action, ModelChange, ResourceChange
from retrainctl.model.retraining import ServiceRef
from retrainctl.model.versions import ModelVersion
from retrainctl.operations.scoring import judge_scores, make_check, request_from, service_of, tables_of
from retrainctl.ports import ServicePorts, StopWaiting, Unavailable
from tests.support.memory import Silent
from tests.support.project_files import loaded, manifest

PORTS = ServicePorts(inputs={"input1": ("a", "b")})
TABLE = {"ColumnNames": ["a", "b"], "Values": [[1, "x"], [2, "y"]]}


def ports() -> ServicePorts:
    return PORTS


def file(tmp_path: Path, name: str, content: Any) -> Path:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "content", "values"),
    [
        ("rows.json", [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], TABLE["Values"]),
        ("rows.json", {"a": 1, "b": "x"}, [[1, "x"]]),
        ("rows.json", [[1, "x"], [2, "y"]], TABLE["Values"]),
        ("rows.json", TABLE, TABLE["Values"]),
        ("rows.csv", "a,b\n1,x\n2,y\n", [["1", "x"], ["2", "y"]]),
        ("rows.csv", "a;b\n1;x\n", [["1", "x"]]),
        ("rows.json", [{"a": 1}, {"b": "y"}], [[1, None], [None, "y"]]),
    ],
)
def test_rows_in_every_form_become_a_request(tmp_path: Path, name: str, content: Any, values: Any) -> None:
    request = request_from(file(tmp_path, name, content), ports)
    assert request["Inputs"]["input1"]["Values"] == values
    assert request["Inputs"]["input1"]["ColumnNames"] == ["a", "b"]


def test_a_whole_request_is_sent_as_it_is(tmp_path: Path) -> None:
    whole = {"Inputs": {"other": TABLE}, "GlobalParameters": {"p": 1}}

    def nobody() -> ServicePorts:
        raise AssertionError("the service was asked")

    assert request_from(file(tmp_path, "r.json", whole), nobody) == whole
    lower = {"inputs": {"other": TABLE}}
    assert request_from(file(tmp_path, "r.json", lower), nobody) == {"Inputs": {"other": TABLE}, "GlobalParameters": {}}


def test_several_ports_must_be_told_apart(tmp_path: Path) -> None:
    several = ServicePorts(inputs={"one": ("a",), "two": ("a",)})
    rows = file(tmp_path, "rows.csv", "a\n1\n")
    with pytest.raises(RetrainctlError, match="one, two") as caught:
        request_from(rows, lambda: several)
    assert caught.value.code == "RC643"
    assert list(request_from(rows, lambda: several, "two")["Inputs"]) == ["two"]


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "[]", "a,b\n"])
def test_what_holds_no_rows_is_said(tmp_path: Path, content: str) -> None:
    with pytest.raises(RetrainctlError) as caught:
        request_from(file(tmp_path, "x.json" if content[:1] in "[{" and content else "x.csv", content), ports)
    assert caught.value.code in ("RC641", "RC661")
    with pytest.raises(RetrainctlError):
        request_from(tmp_path / "missing.csv", ports)


def test_answers_in_every_form_are_tables() -> None:
    forms = [
        {"type": "table", "value": {"ColumnNames": ["y"], "ColumnTypes": ["Numeric"], "Values": [["1"]]}},
        {"type": "DataTable", "value": {"ColumnNames": ["y"], "Values": [["1"]]}},
        [{"y": "1"}],
    ]
    for form in forms:
        (table,) = tables_of({"Results": {"output1": form}})
        assert (table.columns, table.rows) == (("y",), (("1",),))
    assert tables_of({}) == []


def test_addresses_of_services(tmp_path: Path) -> None:
    project = loaded(
        tmp_path,
        {
            "manifests/a.yaml": manifest("WebService", "census", "{name: Census.2016}")
            + "---\n"
            + manifest("Endpoint", "e1", "{webService: Bikes, name: rental1}")
            + "---\n"
            + manifest("ClassicWebService", "bikes", "{name: Bikes}")
        },
    )
    assert service_of("WebService/census", project) == ServiceRef(target="arm", name="Census.2016", group="local")
    assert service_of("census", project).name == "Census.2016"
    assert service_of("WebService/other", project) == ServiceRef(target="arm", name="other")
    assert service_of("Endpoint/e1", project) == ServiceRef(target="classic", name="Bikes", endpoint="rental1")
    assert service_of("ClassicWebService/bikes", project) == ServiceRef(target="classic", name="Bikes")
    for text in ("Endpoint/e2", "CommitmentPlan/x", "Endpoint/"):
        with pytest.raises(RetrainctlError) as caught:
            service_of(text, project)
        assert caught.value.code == "RC640"


# Rollout checks

SCORES = {"Results": {"output1": [{"Scored Labels": "10.5", "x": "a"}, {"Scored Labels": "999", "x": ""}]}}


@pytest.mark.parametrize(
    ("check", "complaint"),
    [
        ({"path": "Scored Labels", "between": [0, 1000]}, None),
        ({"path": "Scored Labels", "between": [0, 100]}, "1 of 2 values"),
        ({"path": "x", "between": [0, 100]}, "2 of 2 values"),
        ({"path": "scored labels", "between": [0, 1000]}, "no column"),
        ({"path": "x"}, "1 of 2 values"),
        ({"path": "Scored Labels"}, None),
        ({}, None),
        ({"between": [0, 1000]}, "2 of 4"),
    ],
)
def test_what_a_check_says(check: dict[str, Any], complaint: str | None) -> None:
    found = judge_scores(tables_of(SCORES), check)
    assert bool(found) == (complaint is not None)
    assert all(complaint in text for text in found if complaint)


@pytest.mark.parametrize("value", ["NaN", "", None, True, "INF", "1e400"])
def test_what_is_no_number_does_not_pass(value: Any) -> None:
    answer = {"Results": {"o": [{"y": value}]}}
    assert judge_scores(tables_of(answer), {"path": "y", "between": [-1e308, 1e308]})


def test_no_rows_do_not_pass() -> None:
    assert judge_scores(tables_of({"Results": {"o": {"value": {"ColumnNames": ["y"], "Values": []}}}}), {})


class Scorers:
    """A directory whose services answer by name."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.opened: list[ServiceRef] = []

    def open(self, service: ServiceRef) -> Any:
        self.opened.append(service)
        answer = self.answers[service.endpoint or service.name]

        class One:
            def ports(self) -> ServicePorts:
                return PORTS

            def score(self, request: Any, pause: Any = None) -> Any:
                if isinstance(answer, Exception):
                    raise answer
                return answer

        return One()


def result(name: str, fate: Fate = Fate.APPLIED, *, moved: bool = True) -> Result:
    version = ModelVersion(model="m", version=2, uri="https://a.b/2.ilearner")
    move = ModelChange(slot="s", before=None, after=version, from_uri=None, to_uri=version.uri)
    change = ResourceChange(
        address=Address("Endpoint", name),
        target="classic",
        identity=f"/workspaces/w/webservices/{'5' * 32}/endpoints/{name}",
        action=Action.UPDATE,
        models=(move,) if moved else (),
    )
    return Result(change=change, fate=fate)


def checked(tmp_path: Path, scorers: Scorers, results: list[Result], **more: Any) -> list[str]:
    file(tmp_path, "sample.json", {"Inputs": {"input1": TABLE}})
    check = make_check(
        [{"score": "sample.json", "path": "y", "between": [0, 10]}],
        tmp_path,
        scorers,  # type: ignore[arg-type]
        Silent(),
        pause=more.get("pause", lambda seconds: None),
        settle=more.get("settle", {}),
    )
    assert check is not None
    return list(check(results))


def test_every_service_whose_model_moved_is_scored(tmp_path: Path) -> None:
    scorers = Scorers(
        {"a": {"Results": {"o": [{"y": 5}]}}, "b": {"Results": {"o": [{"y": 50}]}}, "c": Unavailable("down")}
    )
    found = checked(
        tmp_path,
        scorers,
        [result("a"), result("b"), result("c"), result("d", Fate.FAILED), result("e", moved=False)],
    )
    assert len(found) == 2
    assert found[0].startswith("Endpoint/b: ")
    assert "not in 0 to 10" in found[0]
    assert "down" in found[1]
    assert {one.endpoint for one in scorers.opened} == {"a", "b", "c"}
    assert {one.name for one in scorers.opened} == {"5" * 32}


def test_an_update_is_given_its_time_once(tmp_path: Path) -> None:
    waits: list[float] = []
    scorers = Scorers({name: {"Results": {"o": [{"y": 5}]}} for name in "ab"})
    assert checked(tmp_path, scorers, [result("a"), result("b")], pause=waits.append, settle={"classic": 30}) == []
    assert waits == [30]


def test_a_run_that_shall_end_is_not_held_up(tmp_path: Path) -> None:
    def stop(seconds: float) -> None:
        raise StopWaiting

    assert checked(tmp_path, Scorers({}), [result("a")], pause=stop, settle={"classic": 30}) == []


def test_no_checks_no_check(tmp_path: Path) -> None:
    assert make_check([], tmp_path, Scorers({}), Silent(), pause=print, settle={}) is None  # type: ignore[arg-type]
