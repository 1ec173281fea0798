"""A workspace of the emulator by its Studio API, with an experiment that has run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import httpx

from retrainctl.emulator.frame import Frame
from retrainctl.emulator.rooms import all_rooms
from retrainctl.emulator.studio.outputs import Outputs
from retrainctl.emulator.studio.records import Records
from retrainctl.emulator.studio.storage import Storage
from tests.support.emulator_process import Emulator

WORKSPACE: Final = "00000000000000000000000000000001"
BASE: Final = f"/api/workspaces/{WORKSPACE}"
EXPERIMENT: Final = f"{WORKSPACE}.f-id.{'e' * 32}"
DRAFT: Final = f"{WORKSPACE}.f-id.{'d' * 32}"


def with_outputs(state: Path) -> Path:
    """A new state folder with EXPERIMENT, whose nodes put out a table, a model and a transform, and a DRAFT of it."""
    state.mkdir()
    frame = Frame(state / "state.db", all_rooms())
    outputs = Outputs(frame.store, Storage(frame))
    with frame.store.transaction():
        for identifier, status in ((EXPERIMENT, "Finished"), (DRAFT, "InDraft")):
            document = {"ExperimentId": identifier, "ParentExperimentId": "", "Status": {"StatusCode": status}}
            Records(frame.store).put_experiment({**document, "Description": "ride"}, None)
            outputs.put(identifier, "n1", "Results dataset", b"a\n1\n", kind="GenericCSV", extension=".csv")
            outputs.put(identifier, "n2", "Trained model", b"model 1", kind="ILearnerDotNet", extension=".ilearner")
            outputs.put(identifier, "n3", "Transformation function", b"scale", kind="ITransformDotNet")
    frame.close()
    return state


def ask(emulator: Emulator, method: str, path: str, **more: Any) -> httpx.Response:
    """A call with the workspace's token; a path that does not begin with `/api/` is below the workspace."""
    token = {"x-ms-metaanalytics-authorizationtoken": emulator.ready["token"]}
    address = path if path.startswith("/api/") else BASE + path
    return emulator.bare.request(method, address, headers=token, **more)


def upload(emulator: Emulator, content: bytes, kind: str = "GenericCSV") -> dict[str, Any]:
    """The metadata of a file that was sent in one request, or begun where it is empty."""
    path = f"/api/resourceuploads/workspaces/{WORKSPACE}/?userStorage=true&dataTypeId={kind}"
    response = ask(emulator, "POST", path, content=content)
    assert response.is_success, response.text
    return dict(response.json())


def register(emulator: Emulator, upload_id: str, name: str = "rides", **members: Any) -> httpx.Response:
    """An upload as a dataset, in azuremlps's words."""
    source = {"Name": name, "DataTypeId": "GenericCSV", "Description": "", "FamilyId": "", "Owner": "PowerShell"}
    source |= {"SourceOrigin": "FromResourceUpload", **members}
    body = {"DataSource": source, "UploadId": upload_id, "UploadedFromFileName": "rides.csv", "ClientPoll": True}
    return ask(emulator, "POST", "/datasources", json=body)


def promotion(
    member: str, kind: str, node: str, port: str, name: str, *, family: str | None = None, of: str = EXPERIMENT
) -> dict[str, Any]:
    """The body of a promotion (6.4)."""
    told = {"Name": name, "DataTypeId": kind, "Description": "d", "SourceOrigin": "FromOutputPromotion"}
    return {"ExperimentId": of, "ModuleNodeId": node, "OutputName": port, member: {**told, "FamilyId": family}}


def detail(response: httpx.Response) -> str:
    """The code of an error's first detail."""
    return str(response.json()["error"]["details"][0]["code"])
