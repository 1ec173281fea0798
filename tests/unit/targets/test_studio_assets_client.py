"""Datasets, saved models, transforms and custom modules over the Studio API (classic-api.md sections 6, 6.1, 6.4)."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ServiceResponseError

from retrainctl.cli.dataset import Format
from retrainctl.errors import RetrainctlError, UsageError
from retrainctl.model.values import Secret
from retrainctl.operations.studio_assets import data_of, family_to_replace, output_called, upload_dataset
from retrainctl.ports import Conflict, Progress, Rejected, StopWaiting, Unavailable
from retrainctl.targets.azure.credentials import KeyAuth
from retrainctl.targets.studio import assets, modules
from retrainctl.targets.studio.client import STUDIO_HEADER, StudioClient
from retrainctl.targets.studio.uploads import BLOCK, FORMATS, DatasetWish, Parcel, format_of
from tests.support.wire import Call, FakeWaiter, Reply, Wire, wire

STUDIO = "https://studioapi.azureml.net/api"
WS = "a" * 32
FAMILY = "f" * 32
ID = f"{WS}.{FAMILY}.v1-default-7"
NAME = 'Räder "2026" \\ {x}'


class Told:
    """Keeps what an observer hears."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[Progress] = []

    def progress(self, progress: Progress) -> None:
        self.steps.append(progress)

    def note(self, message: str) -> None:
        self.notes.append(message)


def _studio(script: Any) -> tuple[Wire, StudioClient]:
    made = wire(script, hosts=(STUDIO,))
    key = KeyAuth(secret=Secret("workspace-token"), header=STUDIO_HEADER, prefix="")
    return made, StudioClient(pipeline=made.pipeline, studio=STUDIO, workspace=WS, auth=lambda: key)


def _parcel(data: bytes, *, size: int | None = None) -> Parcel:
    return Parcel(
        stream=io.BytesIO(data), size=len(data) if size is None else size, kind="GenericCSV", file_name="dir/x.csv"
    )


def _wish(family: str = "") -> DatasetWish:
    return DatasetWish(name=NAME, kind="GenericCSV", description="Zwölf", family=family, file_name="dir/x.csv")


class Service:
    """A workspace that takes blocks and registers them; `states` are what polls see, the last one for ever."""

    def __init__(self, *states: str, answer: Reply | Exception | None = None) -> None:
        self.states = list(states or ("Complete",))
        self.blocks: list[str] = []
        self.answer = answer or Reply(body=ID)
        self.lose: set[int] = set()
        self.listed: list[dict[str, Any]] = []

    def __call__(self, call: Call) -> Reply | Exception:
        if "/resourceuploads/" in call.url:
            return Reply(body={"Id": "u1", "DataTypeId": "GenericCSV", "Committed": False})
        if "/blobuploads/" in call.url:
            number = int(call.url.partition("blockId=")[2].partition("&")[0])
            if number in self.lose:
                self.lose.remove(number)
                return ServiceResponseError("the connection broke")
            self.blocks.append(call.body)
            return Reply(body={"Id": "u1", "Committed": True})
        if call.method == "POST":
            return self.answer
        if call.path.endswith("/datasources"):
            return Reply(body=self.listed)
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return Reply(body={"Id": ID, "Name": NAME, "SchemaStatus": state})


def test_a_file_goes_in_blocks_and_becomes_a_dataset() -> None:
    service = Service("Pending", "Pending", "Complete")
    made, studio = _studio(service)
    data = b"x" * BLOCK + b"y" * BLOCK + b"z"
    waiter, told = FakeWaiter(made.clock), Told()
    found = upload_dataset(studio, _parcel(data), _wish(), waiter, told)
    assert found["SchemaStatus"] == "Complete"
    assert [len(block) for block in service.blocks] == [BLOCK, BLOCK, 1]
    assert "".join(service.blocks).encode() == data
    begin, *blocks, register, first_poll, _, _ = made.calls
    assert begin.url == f"{STUDIO}/resourceuploads/workspaces/{WS}/?userStorage=true&dataTypeId=GenericCSV"
    assert (begin.method, begin.body) == ("POST", None)
    assert [call.url for call in blocks] == [
        f"{STUDIO}/blobuploads/workspaces/{WS}/?numberOfBlocks=3&blockId={n}&uploadId=u1&dataTypeId=GenericCSV"
        for n in range(3)
    ]
    assert all(call.headers[STUDIO_HEADER] == "workspace-token" for call in made.calls)
    assert register.url == f"{STUDIO}/workspaces/{WS}/datasources"
    assert register.body == {
        "DataSource": {
            "Name": NAME,
            "DataTypeId": "GenericCSV",
            "Description": "Zwölf",
            "FamilyId": "",
            "Owner": "retrainctl",
            "SourceOrigin": "FromResourceUpload",
        },
        "UploadId": "u1",
        "UploadedFromFileName": "x.csv",
        "ClientPoll": True,
    }
    assert first_poll.path.endswith(f"datasources/{ID}")
    assert [pause for pause in waiter.pauses if pause] == [1.0, 1.5], "it pauses between polls"
    assert [(step.done, step.total) for step in told.steps] == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_file_of_any_size_takes_one_block_of_memory() -> None:
    class Endless(io.RawIOBase):
        left = 40 * BLOCK
        largest = 0

        def read(self, size: int = -1) -> bytes:
            assert size >= 0, "the whole file would come into memory"
            self.largest = max(self.largest, size)
            taken = min(size, self.left)
            self.left -= taken
            return b"x" * taken

    stream = Endless()
    made, studio = _studio(
        lambda call: Reply(body={"Id": "u1"}) if "upload" in call.url else Service()(call),
    )
    held: list[int] = []
    pipeline_call = made.transport.send

    def counting(request: Any, **more: Any) -> Any:
        answer = pipeline_call(request, **more)
        held.append(len(made.calls[-1].body or ""))
        made.calls.clear()
        return answer

    made.transport.send = counting  # type: ignore[method-assign]
    parcel = Parcel(stream=stream, size=40 * BLOCK, kind="GenericCSV", file_name="x.csv")  # type: ignore[arg-type]
    upload_dataset(studio, parcel, _wish(), FakeWaiter(made.clock), Told())
    assert stream.largest == BLOCK
    assert held.count(BLOCK) == 40


@pytest.mark.parametrize("state", ["Failed", "Error", "Canceled", "cancelled"])
def test_a_schema_that_fails_is_an_end_and_an_error(state: str) -> None:
    made, studio = _studio(Service("Pending", state))
    with pytest.raises(Rejected, match=state) as caught:
        upload_dataset(studio, _parcel(b"x"), _wish(), FakeWaiter(made.clock), Told())
    assert caught.value.code == "RC958"
    assert ID in caught.value.message, "it says under which id the dataset stands"


@pytest.mark.parametrize("state", ["Complete", "NotSupported", "notsupported"])
def test_every_good_end_is_one(state: str) -> None:
    made, studio = _studio(Service(state))
    assert upload_dataset(studio, _parcel(b"x"), _wish(), FakeWaiter(made.clock), Told())["SchemaStatus"] == state


def test_a_schema_that_never_comes_is_not_waited_for_for_ever() -> None:
    made, studio = _studio(Service("Pending"))
    with pytest.raises(Rejected, match="still Pending") as caught:
        upload_dataset(studio, _parcel(b"x"), _wish(), FakeWaiter(made.clock), Told())
    assert caught.value.code == "RC959"
    assert 3600 <= made.clock.passed < 3700


def test_a_block_is_sent_again_after_a_lost_answer_and_the_dataset_is_not() -> None:
    service = Service()
    service.lose = {1}
    made, studio = _studio(service)
    upload_dataset(studio, _parcel(b"x" * BLOCK + b"y"), _wish(), FakeWaiter(made.clock), Told())
    assert [len(block) for block in service.blocks] == [BLOCK, 1]

    service = Service(answer=ServiceResponseError("the connection broke"))
    made, studio = _studio(service)
    with pytest.raises(Unavailable, match="may have been carried out"):
        upload_dataset(studio, _parcel(b"x"), _wish(), FakeWaiter(made.clock), Told())
    assert sum(call.path.endswith("/datasources") and call.method == "POST" for call in made.calls) == 1


def test_a_stop_between_blocks_says_that_nothing_was_made() -> None:
    service = Service()
    made, studio = _studio(service)
    told = Told()
    waiter = FakeWaiter(made.clock, stop_after=2, error=StopWaiting())
    with pytest.raises(StopWaiting):
        upload_dataset(studio, _parcel(b"x" * 3 * BLOCK), _wish(), waiter, told)
    assert "after 2 of 3 blocks" in told.notes[0]
    assert not any(call.path.endswith("/datasources") for call in made.calls)


def test_a_stop_while_waiting_says_that_the_dataset_is_there() -> None:
    made, studio = _studio(Service("Pending"))
    told = Told()
    with pytest.raises(StopWaiting):
        upload_dataset(studio, _parcel(b"x"), _wish(), FakeWaiter(made.clock, stop_after=3, error=StopWaiting()), told)
    assert ID in told.notes[0] and "Do not upload it again" in told.notes[0]


@pytest.mark.parametrize(("data", "size"), [(b"x" * 9, 10), (b"x" * 11, 10), (b"x" * BLOCK, BLOCK + 1)])
def test_a_file_that_changes_meanwhile_makes_no_dataset(data: bytes, size: int) -> None:
    made, studio = _studio(Service())
    with pytest.raises(RetrainctlError, match="changed while it was read") as caught:
        upload_dataset(studio, _parcel(data, size=size), _wish(), FakeWaiter(made.clock), Told())
    assert caught.value.code == "RC964"
    assert not any(call.path.endswith("/datasources") for call in made.calls)


def test_a_taken_name_says_overwrite() -> None:
    conflict = Reply(
        status=409,
        body={"error": {"code": "Conflict", "message": "m", "details": [{"code": "X", "message": "in use"}]}},
    )
    made, studio = _studio(Service(answer=conflict))
    with pytest.raises(Conflict, match="in use") as caught:
        upload_dataset(studio, _parcel(b"x"), _wish(), FakeWaiter(made.clock), Told())
    assert caught.value.code == "RC955"
    assert "--overwrite" in str(caught.value.hint)
    assert (caught.value.status, caught.value.request_id) == (409, "rid-3")


@pytest.mark.parametrize(
    "answer",
    [Reply(body=ID), Reply(body=ID.encode()), Reply(body={"Id": ID}), Reply(), Reply(body=b"<html>")],
    ids=["string", "bare", "document", "empty", "page"],
)
def test_the_id_is_found_in_every_form_of_the_answer(answer: Reply) -> None:
    service = Service(answer=answer)
    service.listed = [_asset(NAME)]
    made, studio = _studio(service)
    assert upload_dataset(studio, _parcel(b"x"), _wish(), FakeWaiter(made.clock), Told())["Id"] == ID


def test_a_made_dataset_whose_id_nobody_tells_is_not_made_twice() -> None:
    made, studio = _studio(Service(answer=Reply()))
    with pytest.raises(RetrainctlError, match="was made, but") as caught:
        upload_dataset(studio, _parcel(b"x"), _wish(), FakeWaiter(made.clock), Told())
    assert caught.value.code == "RC960"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv", "GenericCSV"),
        ("A.NH.CSV", "GenericCSVNoHeader"),
        ("a.tsv", "GenericTSV"),
        ("a.nh.tsv", "GenericTSVNoHeader"),
        ("a.arff", "ARFF"),
        ("a.b.zip", "Zip"),
        ("a.RData", "RData"),
        ("a.txt", "PlainText"),
    ],
)
def test_the_ending_tells_the_format(name: str, kind: str) -> None:
    assert format_of(name) == kind


@pytest.mark.parametrize("name", ["a.csv.gz", "csv", "a", "a.parquet"])
def test_an_ending_that_tells_nothing_asks_for_the_format(name: str) -> None:
    with pytest.raises(UsageError, match="does not tell its format") as caught:
        format_of(name)
    assert "GenericCSV" in str(caught.value.hint)


def _asset(name: str, *, family: str = FAMILY, batch: int = 7, latest: bool = True, **more: Any) -> dict[str, Any]:
    return {
        "Id": f"{WS}.{family}.v1-default-{batch}",
        "FamilyId": family,
        "Name": name,
        "Batch": batch,
        "IsLatest": latest,
        "DataTypeId": "ILearnerDotNet",
        **more,
    }


LISTED = [
    _asset("Census", family="1" * 32, batch=3),
    _asset("census ", family="2" * 32, batch=4),
    _asset("Old", family="3" * 32, batch=5, latest=False),
    _asset("Old", family="3" * 32, batch=9),
]


@pytest.mark.parametrize(
    ("reference", "batch"),
    [
        ("Census", 3),
        ("census ", 4),
        ("OLD", 9),
        (" old ", 9),
        ("3" * 32, 9),
        (f"{WS}.{'3' * 32}.v1-default-5", 5),
        (f"{WS}.{'3' * 32}.V1-DEFAULT-5".upper(), 5),
    ],
)
def test_an_asset_is_found_by_id_family_or_name_whatever_their_case(reference: str, batch: int) -> None:
    assert assets.called(LISTED, reference, assets.MODEL)["Batch"] == batch


def test_what_is_not_one_asset_is_said() -> None:
    with pytest.raises(RetrainctlError, match="2 trained models are called") as caught:
        assets.called(LISTED, "CENSUS", assets.MODEL)
    assert caught.value.code == "RC941"
    assert "1" * 32 in str(caught.value.hint) and "2" * 32 in str(caught.value.hint)
    with pytest.raises(RetrainctlError, match='no trained model "Oldd"') as caught:
        assets.called(LISTED, "Oldd", assets.MODEL)
    assert caught.value.code == "RC956"
    assert 'Did you mean "Old"' in str(caught.value.hint)


def test_overwriting_takes_the_family_of_the_name_and_not_overwriting_refuses() -> None:
    assert family_to_replace(LISTED, " oLD", assets.DATASET, overwrite=True) == "3" * 32
    assert family_to_replace(LISTED, "New", assets.DATASET, overwrite=True) == ""
    assert family_to_replace(LISTED, "New", assets.DATASET, overwrite=False) == ""
    with pytest.raises(Conflict, match='dataset "Old" is there already') as caught:
        family_to_replace(LISTED, "old", assets.DATASET, overwrite=False)
    assert (caught.value.code, caught.value.sent) == ("RC955", False)


def _graph(*ports: dict[str, Any]) -> dict[str, Any]:
    nodes = [{"Id": f"n{i}", "InputPortsInternal": [port]} for i, port in enumerate(ports)]
    return {"ExperimentId": "e", "Graph": {"ModuleNodes": [*nodes, {"Id": "last", "InputPortsInternal": None}]}}


def test_what_an_experiment_uses_is_told_in_the_order_of_its_graph() -> None:
    old = f"{WS}.{'3' * 32}.v1-default-2"
    sample = f"506153734175476c4f62416c57734963.{'9' * 32}.v1-default-1"
    new = str(LISTED[0]["Id"])
    experiment = _graph(
        {"TrainedModelId": old},
        {"TrainedModelId": None, "DataSourceId": sample},
        {"TrainedModelId": new.upper()},
        {"TrainedModelId": sample},
        {"TrainedModelId": old},
    )
    found = assets.used_by(experiment, LISTED, assets.MODEL)
    assert [(one["Id"], one["Name"], one["IsLatest"]) for one in found] == [
        (old, "Old", False),
        (new, "Census", True),
        (sample, None, None),
    ]
    assert "Batch" not in found[0], "what only the newest version is known to have is not told of an older one"
    assert [one["Id"] for one in assets.used_by(experiment, [], assets.DATASET)] == [sample]
    assert assets.used_by(experiment, LISTED, assets.TRANSFORM) == []
    assert assets.used_by({"Graph": None}, LISTED, assets.MODEL) == []


@pytest.mark.parametrize(
    ("kind", "path", "member", "data_type"),
    [
        (assets.DATASET, "datasources", "DataSource", "Dataset"),
        (assets.MODEL, "trainedmodels", "TrainedModel", "iLearnerDotNet"),
        (assets.TRANSFORM, "transformmodules", "Transform", "iTransformDotNet"),
    ],
)
@pytest.mark.parametrize("family", ["", FAMILY])
def test_promoting_sends_what_the_service_expects(
    kind: assets.AssetKind, path: str, member: str, data_type: str, family: str
) -> None:
    made, studio = _studio([Reply(body=ID)])
    output = assets.Output(experiment="e1", node="n1", port="Trained model")
    request = assets.promote_request(studio, kind, output, name=NAME, description="d", family=family)
    assert assets.make(studio, kind, request, NAME, FakeWaiter(made.clock)) == ID
    (call,) = made.calls
    assert (call.method, call.url) == ("POST", f"{STUDIO}/workspaces/{WS}/{path}")
    assert call.body == {
        "ExperimentId": "e1",
        "ModuleNodeId": "n1",
        "OutputName": "Trained model",
        member: {
            "Name": NAME,
            "DataTypeId": data_type,
            "Description": "d",
            "SourceOrigin": "FromOutputPromotion",
            "FamilyId": family or None,
        },
    }


EXPERIMENT: dict[str, Any] = {
    "ExperimentId": "e1",
    "Graph": {
        "ModuleNodes": [
            {"Id": "N-1", "Comment": "Train", "OutputPortsInternal": [{"Name": "Trained model"}]},
            {
                "Id": "N-2",
                "Comment": "Split",
                "OutputPortsInternal": [{"Name": "Results dataset1"}, {"Name": "Results dataset2"}],
            },
        ]
    },
}


@pytest.mark.parametrize(
    ("node", "port", "found"),
    [
        ("N-1", "Trained model", ("N-1", "Trained model")),
        ("n-1", "TRAINED MODEL", ("N-1", "Trained model")),
        ("train", None, ("N-1", "Trained model")),
        ("Split", "results DATASET2", ("N-2", "Results dataset2")),
    ],
)
def test_nodes_and_ports_are_found_without_regard_to_case(node: str, port: str | None, found: tuple[str, str]) -> None:
    output = output_called(EXPERIMENT, node, port)
    assert (output.experiment, output.node, output.port) == ("e1", *found)


@pytest.mark.parametrize(
    ("node", "port", "code", "hint"),
    [
        ("Split", None, "RC946", '"Results dataset1", "Results dataset2"'),
        ("Train", "Scored", "RC946", '"Trained model"'),
        ("Trian", None, "RC945", "Train"),
    ],
)
def test_what_is_no_output_is_said_with_what_there_is(node: str, port: str | None, code: str, hint: str) -> None:
    with pytest.raises(RetrainctlError) as caught:
        output_called(EXPERIMENT, node, port)
    assert caught.value.code == code
    assert hint in str(caught.value.hint)


def test_a_dataset_is_read_by_an_id_that_no_list_shows() -> None:
    made, studio = _studio([Reply(body={"Id": ID})])
    assert assets.read_dataset(studio, ID)["Id"] == ID
    assert [call.path for call in made.calls] == [f"api/workspaces/{WS}/datasources/{ID}"]
    _, studio = _studio([Reply(status=404, body={"error": {"code": "NotFound", "message": "m"}})])
    with pytest.raises(RetrainctlError, match="no dataset") as caught:
        assets.read_dataset(studio, ID)
    assert caught.value.code == "RC956"


def test_removing_names_the_family() -> None:
    made, studio = _studio([Reply(body=b"")])
    assets.remove(studio, _asset("x", FamilyId=None), FakeWaiter(made.clock))
    assert [(call.method, call.path) for call in made.calls] == [
        ("DELETE", f"api/workspaces/{WS}/datasources/family/{FAMILY}")
    ]


def test_recorded_trained_models_are_read(shared: Path) -> None:
    recorded = json.loads((shared / "classic/studio/trainedmodels.list.json").read_text(encoding="utf-8"))
    made, studio = _studio([Reply(body=recorded)])
    found = assets.list_assets(studio, assets.MODEL)
    assert made.calls[0].path == f"api/workspaces/{WS}/trainedmodels"
    assert len(assets.newest(found)) == len(recorded)
    for one in recorded:
        assert assets.called(found, str(one["Id"]), assets.MODEL) == one
        assert assets.family_of({"Id": one["Id"]}) == one["FamilyId"]


def _build(*polls: Any, activity: Reply | None = None) -> tuple[Wire, Callable[[], str]]:
    posts = [Reply(body={"Id": "u1", "Committed": False}), Reply(body={"Id": "u1", "Committed": True})]
    answers = [*posts, activity or Reply(body="act-1")]
    waiting = list(polls)

    def script(call: Call) -> Reply:
        if call.method == "POST":
            return answers.pop(0)
        return Reply(body=waiting.pop(0) if len(waiting) > 1 else waiting[0])

    made, studio = _studio(script)
    parcel = Parcel(stream=io.BytesIO(b"PK-not-looked-at"), size=16, kind="Zip", file_name="m.zip")
    return made, lambda: modules.create(studio, parcel, FakeWaiter(made.clock), lambda _: None)


def test_a_module_is_made_of_an_upload_and_waited_for() -> None:
    made, create = _build(["Pending", None], ["Pending", None], ["Finished", "m-id"])
    assert create() == "m-id"
    begin, block, build, *polls = made.calls
    assert begin.url.endswith("?userStorage=true&dataTypeId=Zip")
    assert "numberOfBlocks=1&blockId=0&uploadId=u1&dataTypeId=Zip" in block.url
    assert (build.path, build.body) == (f"api/workspaces/{WS}/modules/custom", {"Id": "u1", "Committed": True})
    assert {poll.url for poll in polls} == {f"{STUDIO}/workspaces/{WS}/modules/custom?activityGroupId=act-1"}
    assert len(made.clock.sleeps) >= 2


@pytest.mark.parametrize(
    ("poll", "told"),
    [
        (["Failed", "Error 0103: no definition"], "Error 0103: no definition"),
        (["Cancelled", None], "Cancelled"),
        (["Weird"], "Weird"),
        ({"Status": "Failed"}, "Status"),
        ([], "[]"),
        (None, "None"),
    ],
)
def test_every_other_word_is_the_end_of_a_build(poll: Any, told: str) -> None:
    _, create = _build(["pending", None], poll)
    with pytest.raises(Rejected) as caught:
        create()
    assert caught.value.code == "RC963"
    assert told in caught.value.message


def test_a_build_that_never_ends_is_not_waited_for_for_ever() -> None:
    made, create = _build(["Pending", None])
    with pytest.raises(Rejected, match="still Pending after an hour"):
        create()
    assert 3600 <= made.clock.passed < 3700


def test_the_command_knows_every_format() -> None:
    assert {one.value for one in Format} == set(FORMATS)


@pytest.mark.parametrize("place", [None, {}, {"BaseUri": None, "Location": None}])
def test_a_dataset_without_data_is_not_downloaded(place: Any) -> None:
    made, studio = _studio([])
    with pytest.raises(RetrainctlError, match="has no data") as caught:
        data_of(studio, {"Name": "Empty", "DownloadLocation": place}, blobs=None)  # type: ignore[arg-type]
    assert caught.value.code == "RC965" and made.calls == []


def test_own_modules_are_told_by_their_release_state() -> None:
    listed = [{"Name": "Mine", "ReleaseState": "Custom"}, {"Name": "Train Model", "ReleaseState": "Release"}]
    _, studio = _studio(lambda _: Reply(body=listed))
    assert [one["Name"] for one in modules.list_modules(studio, custom=True)] == ["Mine"]
    assert len(modules.list_modules(studio)) == 2
