"""Registering models: packaged, uploaded under their hash, tagged, and never written twice."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from retrainctl.apply.uploads import FileChanged, Uploads, content_sha256
from retrainctl.model.address import Address
from retrainctl.model.change import Action, ModelChange, ResourceChange
from retrainctl.model.versions import ModelVersion
from retrainctl.ports import Conflict, NotFound, Rejected
from retrainctl.targets.azureml.registry import SHA256_TAG, SOURCE_TAG, AzuremlRegistry
from tests.support.blobs import MemoryBlobs
from tests.support.ilearner_writer import ModelFile
from tests.support.memory import Silent

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
IDENTITY = f"{WORKSPACE}/models/churn/versions/2"
PLACE = "https://acct.blob.core.windows.net/azureml-blobstore/retrainctl/churn"
DATA = ModelFile().bytes()
SHA256 = hashlib.sha256(DATA).hexdigest()


@dataclass
class FakeWorkspace:
    """A workspace that finds the flavours of whatever has an MLmodel, as the service does."""

    store: MemoryBlobs
    held: dict[str, Any] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)
    blind: bool = False

    def __post_init__(self) -> None:
        said = {"accountName": "acct", "containerName": "azureml-blobstore", "endpoint": "core.windows.net"}
        self.held[f"{WORKSPACE}/datastores/workspaceblobstore"] = {"properties": {**said, "protocol": "https"}}

    def get(self, path: str) -> Any:
        return self.held.get(path)

    def put(self, path: str, body: Any) -> Any:
        self.puts.append(path)
        properties = dict(body["properties"])
        root = properties["modelUri"].partition("/paths/")[2]
        there = f"https://acct.blob.core.windows.net/azureml-blobstore/{root}MLmodel" in self.store.bytes
        properties["flavors"] = {"onnx": {"data": {}}} if there and not self.blind else {}
        self.held[path] = {"id": path, "properties": properties}
        return self.held[path]


@pytest.fixture
def store() -> MemoryBlobs:
    return MemoryBlobs()


@pytest.fixture
def workspace(store: MemoryBlobs) -> FakeWorkspace:
    return FakeWorkspace(store)


@pytest.fixture
def registry(workspace: FakeWorkspace, store: MemoryBlobs) -> AzuremlRegistry:
    return AzuremlRegistry(workspace=workspace, store=store)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/churn.ilearner").write_bytes(DATA)
    return tmp_path


def version(file: str = "models/churn.ilearner", sha256: str | None = SHA256) -> ModelVersion:
    return ModelVersion(model="churn", version=2, uri=IDENTITY, file=file, sha256=sha256)


def test_a_studio_model_is_converted_uploaded_and_registered(
    registry: AzuremlRegistry, workspace: FakeWorkspace, store: MemoryBlobs, root: Path
) -> None:
    said = registry.bring(version(), IDENTITY, root / "models/churn.ilearner")
    assert said == "registered models/churn.ilearner as azureml:churn:2 (5 of 5 files uploaded)"
    names = {"MLmodel", "model.onnx", "conda.yaml", "python_env.yaml", "requirements.txt"}
    assert set(store.bytes) == {f"{PLACE}/{SHA256}/{name}" for name in names}
    properties = workspace.held[IDENTITY]["properties"]
    assert properties["modelType"] == "mlflow_model"
    assert properties["modelUri"] == (
        "azureml://subscriptions/s/resourceGroups/g/workspaces/w/datastores/workspaceblobstore/paths/"
        f"retrainctl/churn/{SHA256}/"
    )
    assert properties["tags"] == {SHA256_TAG: SHA256, SOURCE_TAG: "churn.ilearner"}


def test_a_version_that_is_there_is_not_written_again(
    registry: AzuremlRegistry, workspace: FakeWorkspace, root: Path
) -> None:
    registry.bring(version(), IDENTITY, root / "models/churn.ilearner")
    assert registry.bring(version(), IDENTITY, root / "models/churn.ilearner") is None
    assert workspace.puts == [IDENTITY]


def test_another_model_under_the_version_is_refused(
    registry: AzuremlRegistry, workspace: FakeWorkspace, root: Path
) -> None:
    workspace.held[IDENTITY] = {"properties": {"tags": {SHA256_TAG: "0" * 64}}}
    with pytest.raises(Conflict, match="azureml:churn:2 is registered already, from other bytes") as refused:
        registry.bring(version(), IDENTITY, root / "models/churn.ilearner")
    assert refused.value.code == "RC668" and workspace.puts == []


def test_a_registration_that_broke_off_goes_on_where_it_was(
    registry: AzuremlRegistry, workspace: FakeWorkspace, store: MemoryBlobs, root: Path
) -> None:
    registry.bring(version(), IDENTITY, root / "models/churn.ilearner")
    del workspace.held[IDENTITY], store.bytes[f"{PLACE}/{SHA256}/MLmodel"]
    said = registry.bring(version(), IDENTITY, root / "models/churn.ilearner")
    assert said == "registered models/churn.ilearner as azureml:churn:2 (1 of 5 files uploaded)"


def test_a_foreign_blob_in_the_place_is_never_overwritten(
    registry: AzuremlRegistry, workspace: FakeWorkspace, store: MemoryBlobs, root: Path
) -> None:
    foreign = f"{PLACE}/{SHA256}/model.onnx"
    store.put(foreign, b"something else")
    with pytest.raises(Conflict) as refused:
        registry.bring(version(), IDENTITY, root / "models/churn.ilearner")
    assert refused.value.code == "RC657" and workspace.puts == []
    assert b"".join(store.read(foreign)) == b"something else"


def test_a_folder_goes_as_it_is(
    registry: AzuremlRegistry, workspace: FakeWorkspace, store: MemoryBlobs, tmp_path: Path
) -> None:
    folder = tmp_path / "saved"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "data/weights.bin").write_bytes(b"1234")
    sha256 = content_sha256(folder)
    registry.bring(version("saved", sha256), IDENTITY, folder)
    assert set(store.bytes) == {f"{PLACE}/{sha256}/{name}" for name in ("MLmodel", "data/weights.bin")}
    assert workspace.held[IDENTITY]["properties"]["modelType"] == "mlflow_model"
    (folder / "data/weights.bin").write_bytes(b"1235")
    assert content_sha256(folder) != sha256


def test_a_file_of_another_kind_is_a_custom_model_and_never_opened(
    registry: AzuremlRegistry, workspace: FakeWorkspace, tmp_path: Path
) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x04cbuiltins\nexit\n")
    sha256 = content_sha256(path)
    registry.bring(version("model.pkl", sha256), IDENTITY, path)
    properties = workspace.held[IDENTITY]["properties"]
    assert properties["modelType"] == "custom_model" and properties["modelUri"].endswith(f"/{sha256}/model.pkl")


def test_a_blob_is_a_source_too(registry: AzuremlRegistry, workspace: FakeWorkspace, store: MemoryBlobs) -> None:
    uri = "https://old.blob.core.windows.net/models/churn.ilearner"
    store.put(uri, DATA)
    registry.bring(version(uri, None), IDENTITY, None)
    assert workspace.held[IDENTITY]["properties"]["tags"] == {SHA256_TAG: SHA256, SOURCE_TAG: "churn.ilearner"}
    del workspace.held[IDENTITY]
    with pytest.raises(Conflict) as refused:
        registry.bring(version(uri, "0" * 64), IDENTITY, None)
    assert refused.value.code == "RC659"


def test_a_job_output_is_registered_where_it_lies(registry: AzuremlRegistry, workspace: FakeWorkspace) -> None:
    source = "azureml://jobs/j1/outputs/model/paths/model.onnx"
    said = registry.bring(version(source, None), IDENTITY, None)
    assert said == f"registered {source} as azureml:churn:2"
    properties = workspace.held[IDENTITY]["properties"]
    assert (properties["modelUri"], properties["modelType"]) == (source, "custom_model")


def test_an_mlflow_model_that_the_service_does_not_see_is_told_before_a_deployment_fails(
    registry: AzuremlRegistry, workspace: FakeWorkspace, root: Path
) -> None:
    workspace.blind = True
    with pytest.raises(Rejected, match="no flavours") as refused:
        registry.bring(version(), IDENTITY, root / "models/churn.ilearner")
    assert refused.value.code == "RC669"


def test_a_model_that_cannot_be_packaged_says_why(registry: AzuremlRegistry, tmp_path: Path) -> None:
    path = tmp_path / "churn.ilearner"
    path.write_bytes(DATA[: len(DATA) // 2])
    with pytest.raises(Rejected, match="churn@2 cannot be packaged: "):
        registry.bring(version("churn.ilearner", content_sha256(path)), IDENTITY, path)


def test_a_workspace_without_its_datastore_is_told(
    registry: AzuremlRegistry, workspace: FakeWorkspace, root: Path
) -> None:
    workspace.held.clear()
    with pytest.raises(NotFound, match="no datastore workspaceblobstore"):
        registry.bring(version(), IDENTITY, root / "models/churn.ilearner")


def change(name: str, after: ModelVersion) -> ResourceChange:
    move = ModelChange(slot="model", before=None, after=after, from_uri=None, to_uri=after.uri)
    return ResourceChange(
        address=Address("OnlineDeployment", name), target="azureml", identity=name, action=Action.UPDATE, models=(move,)
    )


def test_an_apply_registers_once_whoever_needs_it(
    registry: AzuremlRegistry, workspace: FakeWorkspace, store: MemoryBlobs, root: Path
) -> None:
    work = Uploads(store=store, root=root, observer=Silent(), registries={"azureml": registry})
    sent: list[bool] = []
    threads = [
        threading.Thread(target=lambda n=n: sent.append(work.bring(change(f"d{n}", version())))) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sent) == [False, False, False, True] and workspace.puts == [IDENTITY]
    assert work.said == ["registered models/churn.ilearner as azureml:churn:2 (5 of 5 files uploaded)"]


def test_a_file_that_changed_since_the_plan_is_not_registered(
    registry: AzuremlRegistry, workspace: FakeWorkspace, store: MemoryBlobs, root: Path
) -> None:
    work = Uploads(store=store, root=root, observer=Silent(), registries={"azureml": registry})
    (root / "models/churn.ilearner").write_bytes(DATA + b"\0")
    with pytest.raises(FileChanged):
        work.bring(change("d", version()))
    (root / "models/churn.ilearner").unlink()
    with pytest.raises(FileChanged, match="cannot be read any more"):
        work.bring(change("d", version()))
    assert workspace.puts == [] and store.bytes == {}
