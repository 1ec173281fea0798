"""Experiments by the Studio API: saved, run, packed, and what their nodes put out (classic-api.md sections 6, 9)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from retrainctl.errors import RetrainctlError
from retrainctl.model.values import Secret
from retrainctl.ports import Conflict, Progress, StopWaiting, TargetError, Unavailable
from retrainctl.targets.azure.credentials import KeyAuth
from retrainctl.targets.studio import nodes, packages, running, saving
from retrainctl.targets.studio.cleaning import cleaned
from retrainctl.targets.studio.client import STUDIO_HEADER, StudioClient
from retrainctl.targets.studio.endpoints import signed_address
from retrainctl.targets.studio.experiments import list_experiments, read_experiment
from tests.support.wire import FakeWaiter, Reply, Wire, wire

STUDIO = "https://studioapi.azureml.net/api"
ONE = f"ws.f-id.{'1' * 32}"
TWO = f"ws.f-id.{'2' * 32}"
NAME = 'Räder "2016" \\ 東京'
ETAG = "W/\"datetime'2016-05-25T20%3A22%3A48.9673538Z'\""


def studio_over(script: Any, workspace: str = "ws") -> tuple[Wire, StudioClient]:
    made = wire(script, hosts=(STUDIO,))
    key = KeyAuth(secret=Secret("workspace-token"), header=STUDIO_HEADER, prefix="")
    return made, StudioClient(pipeline=made.pipeline, studio=STUDIO, workspace=workspace, auth=lambda: key)


def experiment(state: str = "Finished", **more: Any) -> dict[str, Any]:
    return {
        "ExperimentId": ONE,
        "ParentExperimentId": "",
        "Description": NAME,
        "Summary": "rents",
        "Graph": {"ModuleNodes": [{"Id": "n1", "Comment": "Train"}], "EdgesInternal": []},
        "WebService": {"Inputs": []},
        "DisableNodesUpdate": False,
        "Category": "user",
        "Etag": ETAG,
        "Status": {"StatusCode": state, "StatusDetail": None},
        "NodeStatuses": [],
        **more,
    }


class Heard:
    """An observer that keeps what it hears."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int | None]] = []

    def progress(self, progress: Progress) -> None:
        self.steps.append((progress.done, progress.total))

    def note(self, message: str) -> None:
        raise AssertionError(message)


def test_samples_are_left_out_and_names_count_letter_by_letter() -> None:
    listed = [experiment(), {**experiment(), "ExperimentId": TWO, "Category": "sample"}]
    _, studio = studio_over([Reply(body=listed)])
    assert [one["ExperimentId"] for one in list_experiments(studio)] == [ONE]
    made, studio = studio_over([Reply(body=listed), Reply(body=experiment())])
    assert read_experiment(studio, NAME)["ExperimentId"] == ONE
    assert made.calls[1].url == f"{STUDIO}/workspaces/ws/experiments/{ONE}"
    _, studio = studio_over([Reply(body=listed)])
    with pytest.raises(RetrainctlError, match="has no experiment") as caught:
        read_experiment(studio, NAME.lower())
    assert caught.value.code == "RC940"
    _, studio = studio_over([Reply(body=[experiment(), experiment(ExperimentId=TWO)])])
    with pytest.raises(RetrainctlError, match="2 experiments") as caught:
        read_experiment(studio, NAME)
    assert caught.value.code == "RC941" and TWO in (caught.value.hint or "")


def test_a_run_saves_a_draft_first_and_sends_each_etag_back() -> None:
    made, studio = studio_over(
        [
            Reply(body=ONE),
            Reply(body=experiment("InDraft", Etag='W/"2"')),
            Reply(body=ONE),
            Reply(body=experiment("InDraft")),
            Reply(body=experiment("Running")),
            Reply(body=experiment("Finished", NodeStatuses=[{"NodeId": "n1", "Status": {"StatusCode": "Finished"}}])),
        ]
    )
    waiter, heard = FakeWaiter(made.clock), Heard()
    ended = running.run(studio, experiment(), waiter, heard, limit=60.0)
    assert heard.steps == [(0, 1), (0, 1), (1, 1)], "nodes that have finished, of all"
    assert ended["Status"]["StatusCode"] == "Finished"
    draft, _, start, *polls = made.calls
    assert [(call.method, call.headers["If-Match"]) for call in (draft, start)] == [("POST", ETAG), ("POST", 'W/"2"')]
    assert draft.body == {
        "Description": NAME,
        "Summary": "rents",
        "IsDraft": True,
        "ParentExperimentId": "",
        "DisableNodeUpdate": False,
        "Category": "user",
        "ExperimentGraph": experiment()["Graph"],
        "WebService": {"Inputs": []},
    }
    assert start.body == {**draft.body, "IsDraft": False}
    assert draft.url == start.url == f"{STUDIO}/workspaces/ws/experiments/{ONE}"
    assert draft.headers[STUDIO_HEADER] == "workspace-token"
    assert len(polls) == 3 and len(waiter.pauses) == 2, "it pauses between polls"


def _running_until(*states: dict[str, Any]) -> list[Reply]:
    return [Reply(body=ONE), Reply(body=experiment("InDraft")), Reply(body=ONE), *(Reply(body=one) for one in states)]


@pytest.mark.parametrize("state", ["Failed", "Cancelled", "Canceled", "FAILED"])
def test_every_end_of_a_run_is_an_end_and_says_why(state: str) -> None:
    failed = experiment(
        state,
        NodeStatuses=[
            {"NodeId": "n0", "Status": {"StatusCode": "Finished"}},
            {"NodeId": "n1", "Status": {"StatusCode": "Failed", "StatusDetail": "Error 0003:\n no label column"}},
        ],
    )
    made, studio = studio_over(_running_until(experiment("Running"), failed))
    with pytest.raises(RetrainctlError, match=r'node "Train": Error 0003: no label column') as caught:
        running.run(studio, experiment(), FakeWaiter(made.clock), Heard(), limit=60.0)
    assert caught.value.code == "RC943" and state in str(caught.value)


def test_a_failure_without_a_node_gives_the_experiments_own_reason() -> None:
    own = experiment("Failed", Status={"StatusCode": "Failed", "StatusDetail": "quota; https://a/b?sv=1&sig=SECRETSIG"})
    made, studio = studio_over(_running_until(own))
    with pytest.raises(RetrainctlError, match="quota") as caught:
        running.run(studio, experiment(), FakeWaiter(made.clock), Heard(), limit=60.0)
    assert "SECRETSIG" not in str(caught.value)
    none = running.reasons(experiment("Failed", NodeStatuses=[{"NodeId": "n1", "Status": "Failed"}]))
    assert none == ['node "Train": the service gives no reason']


def test_a_run_is_not_waited_for_without_end() -> None:
    def script(call: Any) -> Reply:
        return Reply(body=ONE) if call.method == "POST" else Reply(body=experiment("Running"))

    made, studio = studio_over(script)
    with pytest.raises(TargetError, match="still Running") as caught:
        running.run(studio, experiment(), FakeWaiter(made.clock), Heard(), limit=600.0)
    assert caught.value.code == "RC944" and ONE in (caught.value.hint or "")
    polls = sum(call.method == "GET" for call in made.calls)
    assert polls < 100, "it pauses longer and longer"


@pytest.mark.parametrize(
    ("status", "told"),
    [(401, "Authorization Tokens"), (403, "Authorization Tokens"), (404, "`location`"), (412, "in the meantime")],
)
def test_hints_speak_of_the_workspace_and_not_of_subscriptions(status: int, told: str) -> None:
    made, studio = studio_over([Reply(status=status, body={"error": {"code": "X", "message": "no"}})])
    with pytest.raises(TargetError) as caught:
        saving.save(studio, experiment(), FakeWaiter(made.clock))
    assert told in (caught.value.hint or "")


def test_what_runs_is_not_started_again() -> None:
    assert running.must_rest(experiment()) == experiment()
    with pytest.raises(RetrainctlError, match="is Running already") as caught:
        running.must_rest(experiment("Running"))
    assert caught.value.code == "RC944"


def test_a_run_can_be_left_alone() -> None:
    made, studio = studio_over(_running_until(experiment("Running")))
    assert (
        running.run(studio, experiment(), FakeWaiter(made.clock), Heard(), limit=None)["Status"]["StatusCode"]
        == "Running"
    )


def test_waiting_for_a_run_can_be_interrupted() -> None:
    made, studio = studio_over(_running_until(experiment("Running"), experiment("Running")))
    with pytest.raises(StopWaiting):
        running.run(
            studio,
            experiment(),
            FakeWaiter(made.clock, stop_after=1, error=StopWaiting("stop")),
            Heard(),
            limit=9999.0,
        )


def test_what_somebody_else_saved_in_the_meantime_is_not_written_over() -> None:
    made, studio = studio_over([Reply(status=412, body={"error": {"code": "Conflict", "message": "changed"}})])
    with pytest.raises(Conflict):
        running.run(studio, experiment(), FakeWaiter(made.clock), Heard(), limit=60.0)
    assert len(made.calls) == 1, "nothing runs"


def test_a_lost_answer_never_runs_it_twice() -> None:
    made, studio = studio_over([Reply(body=ONE), Reply(body=experiment()), Reply(status=500)])
    with pytest.raises(Unavailable):
        running.run(studio, experiment(), FakeWaiter(made.clock), Heard(), limit=60.0)
    assert len(made.calls) == 3


@pytest.mark.parametrize("answer", [TWO, {"ExperimentId": TWO}, TWO.encode()])
def test_a_copy_is_a_draft_without_a_parent(answer: Any) -> None:
    made, studio = studio_over([Reply(body=answer)])
    original = experiment(ParentExperimentId="ws.f-id.parent")
    assert saving.create(studio, original, NAME + "'", FakeWaiter(made.clock)) == TWO
    (call,) = made.calls
    assert (call.method, call.url) == ("POST", f"{STUDIO}/workspaces/ws/experiments/")
    assert call.body["Description"] == NAME + "'"
    assert (call.body["IsDraft"], call.body["ParentExperimentId"]) == (True, ""), "its ancestors are not the copy's"
    assert "If-Match" not in call.headers


def test_an_answer_without_an_id_is_looked_up_by_name_or_said() -> None:
    made, studio = studio_over([Reply(), Reply(body=[experiment(), experiment(ExperimentId=TWO, Description="New")])])
    assert saving.create(studio, experiment(), "New", FakeWaiter(made.clock)) == TWO
    made, studio = studio_over([Reply(), Reply(body=[experiment()])])
    with pytest.raises(RetrainctlError, match="does not tell its id") as caught:
        saving.create(studio, experiment(), "New", FakeWaiter(made.clock))
    assert caught.value.code == "RC942"


def test_removing_names_what_goes_with_it() -> None:
    first = experiment(ExperimentId="a", ParentExperimentId="c")
    second = experiment(ExperimentId="b", ParentExperimentId="a")
    third = experiment(ExperimentId="c", ParentExperimentId="b")
    assert [one["ExperimentId"] for one in saving.ancestors(second, [first, second, third])] == ["a", "c"]
    assert saving.ancestors(experiment(ParentExperimentId="gone"), [first]) == []
    made, studio = studio_over([Reply()])
    saving.remove(studio, experiment(), FakeWaiter(made.clock))
    assert made.calls[0].method == "DELETE"
    assert made.calls[0].url == f"{STUDIO}/workspaces/ws/experiments/{ONE}?deleteAncestors=true"


PACKAGE = "https://acct.blob.core.windows.net/packages/one.zip?sv=2014&sig=a%2Bb%3D"


def test_packing_waits_for_the_package() -> None:
    made, studio = studio_over(
        [
            Reply(body={"ActivityId": "act", "Status": "Pending"}),
            Reply(body={"ActivityId": "act", "Status": "Pending"}),
            Reply(body={"ActivityId": "act", "Status": "Complete", "Location": PACKAGE}),
        ]
    )
    waiter = FakeWaiter(made.clock)
    assert packages.pack(studio, experiment(), waiter)["Location"] == PACKAGE
    post, *polls = made.calls
    assert (post.method, post.url) == (
        "POST",
        f"{STUDIO}/workspaces/ws/packages?api-version=2.0&experimentid={ONE}/&clearCredentials=true&includeAuthorId=false",
    )
    assert {poll.url for poll in polls} == {f"{STUDIO}/workspaces/ws/packages?packageActivityId=act"}
    assert len(waiter.pauses) == 2


def test_unpacking_sends_the_signature_whole_and_the_region_without_blanks() -> None:
    made, studio = studio_over([Reply(body={"ActivityId": "act", "Status": "Complete"})])
    packages.unpack(studio, PACKAGE, "South Central US", FakeWaiter(made.clock))
    (put,) = made.calls
    query = {name: value[0] for name, value in parse_qs(urlsplit(put.url).query).items()}
    assert (put.method, query) == (
        "PUT",
        {"api-version": "2.0", "packageUri": PACKAGE, "region": "SouthCentralUS"},
    )


@pytest.mark.parametrize("state", ["Failed", "Canceled", "Error"])
def test_a_failed_package_is_an_error(state: str) -> None:
    made, studio = studio_over(
        [Reply(body={"ActivityId": "act", "Status": "Pending"}), Reply(body={"ActivityId": "act", "Status": state})]
    )
    with pytest.raises(RetrainctlError, match=state) as caught:
        packages.unpack(studio, PACKAGE, "x", FakeWaiter(made.clock))
    assert caught.value.code == "RC948" and "sig=" not in str(caught.value)


def test_packing_ends_after_an_hour_and_needs_a_place() -> None:
    made, studio = studio_over(lambda _: Reply(body={"ActivityId": "act", "Status": "Pending"}))
    with pytest.raises(TargetError, match="after an hour"):
        packages.pack(studio, experiment(), FakeWaiter(made.clock))
    made, studio = studio_over([Reply(body={"ActivityId": "act", "Status": "Complete", "Location": None})])
    with pytest.raises(RetrainctlError, match="where the package is"):
        packages.pack(studio, experiment(), FakeWaiter(made.clock))


GIVEN = {"BaseUri": "https://acct.blob.core.windows.net/", "Location": "c/model.ilearner", "AccessCredential": "?sig=x"}
TRAINED = experiment(
    Graph={
        "ModuleNodes": [
            {
                "Id": "n1",
                "Comment": "Train",
                "OutputPortsInternal": [{"Name": "Trained model"}, {"Name": "Scores"}],
            },
            {"Id": "n2", "Comment": "Same"},
            {"Id": "n3", "Comment": "Same"},
        ]
    },
    NodeStatuses=[
        {
            "NodeId": "n1",
            "Status": {"StatusCode": "Finished"},
            "OutputEndpoints": [{**GIVEN, "Name": "Trained model"}, {"Name": "Scores", "Location": None}],
            "MetadataOutputEndpoints": {
                "Trained model": [{"Key": "Other", "Value": {}}, {"Key": "visualization", "Value": GIVEN}]
            },
        }
    ],
)


def test_nodes_have_their_states_and_are_found_by_id_or_comment() -> None:
    assert [one["Status"] for one in nodes.nodes_of(TRAINED)] == [{"StatusCode": "Finished"}, None, None]
    assert (
        nodes.node_called(TRAINED, "n1") == nodes.node_called(TRAINED, "Train") == nodes.node_called(TRAINED, "tRAIN")
    )
    assert [one["Id"] for one in nodes.with_comment(TRAINED, "Same")] == ["n2", "n3"]
    with pytest.raises(RetrainctlError, match="2 nodes have the comment") as caught:
        nodes.node_called(TRAINED, "Same")
    assert caught.value.code == "RC941" and "n2, n3" in (caught.value.hint or "")
    for search in (nodes.node_called, nodes.with_comment):
        with pytest.raises(RetrainctlError, match='no node "Trian"') as caught:
            search(TRAINED, "Trian")
        assert caught.value.code == "RC945" and "Train" in (caught.value.hint or "")


@pytest.mark.parametrize("port", ["Trained model", "trained MODEL"])
def test_ports_are_found_in_any_case(port: str) -> None:
    train = nodes.node_called(TRAINED, "Train")
    assert nodes.output_of(train, port)["Location"] == "c/model.ilearner"
    assert nodes.visualization_of(TRAINED, train, port) == GIVEN


@pytest.mark.parametrize(("port", "code"), [("Scores", "RC947"), ("scores", "RC947"), ("Score", "RC946")])
def test_a_port_without_an_output_is_not_a_missing_port(port: str, code: str) -> None:
    train = nodes.node_called(TRAINED, "Train")
    for failing in (lambda: nodes.output_of(train, port), lambda: nodes.visualization_of(TRAINED, train, port)):
        with pytest.raises(RetrainctlError) as caught:
            failing()
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        (GIVEN, "https://acct.blob.core.windows.net/c/model.ilearner?sig=x"),
        (
            {"BaseUri": "https://acct.blob.core.windows.net", "Location": "/c/m", "AccessCredential": "sig=x"},
            "https://acct.blob.core.windows.net/c/m?sig=x",
        ),
        (
            {"BaseUri": "https://studioapi.azureml.net/acct/", "Location": "c/m", "AccessCredential": "?sig=x"},
            "https://acct.blob.core.windows.net/c/m?sig=x",
        ),
        ({"BaseUri": None, "Location": None}, ""),
    ],
)
def test_an_endpoint_is_one_address(endpoint: dict[str, Any], address: str) -> None:
    _, studio = studio_over([])
    assert signed_address(endpoint, studio) == address


def test_nothing_that_opens_something_is_shown() -> None:
    graph = {"ModuleNodes": [{"ModuleParameters": [{"Name": "URL", "Value": "https://a.b/c.csv?sv=1&sig=SECRET&x=1"}]}]}
    shown = cleaned({**TRAINED, "Graph": graph})
    assert "AccessCredential" not in str(shown) and "SECRET" not in str(shown) and "?sig=x" not in str(shown)
    value = shown["Graph"]["ModuleNodes"][0]["ModuleParameters"][0]["Value"]  # type: ignore[index,call-overload]
    assert value == "https://a.b/c.csv?sv=1&sig=(sensitive)&x=1"
    assert shown["NodeStatuses"][0]["OutputEndpoints"][0]["Location"] == "c/model.ilearner"  # type: ignore[index,call-overload]
